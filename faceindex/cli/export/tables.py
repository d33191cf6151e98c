"""`faceindex export faces`, `people` and `photos`: the views of these names, for programs and spreadsheets."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

import click

from faceindex.cli.app import App, absolute, pass_app
from faceindex.cli.options import switch
from faceindex.cli.places import check_file, write_file
from faceindex.errors import UsageProblem
from faceindex.store import shelf
from faceindex.store.paths import shown

if TYPE_CHECKING:
    from faceindex.pipeline.exporting.tables import TableForm

FORMS = ("csv", "json", "jsonl")


def _command(view: str, text: str) -> click.Command:
    @click.command(view, help=text, epilog=f"Example: faceindex export {view} {view}.csv")
    @click.argument("file", required=False, type=click.Path())
    @click.option("--format", type=click.Choice(FORMS), help="Default: as FILE ends, else csv.")
    @switch("--force", help="Write over a file that is no such table.")
    @pass_app
    def command(app: App, file: str | None, format: TableForm | None, force: bool) -> None:
        _export(app, view, file, format, force)

    return command


def _export(app: App, view: str, file: str | None, wanted: TableForm | None, force: bool) -> None:
    from faceindex.pipeline.exporting.tables import beginning, written  # noqa: PLC0415  (loads the pipeline)

    with app.open() as db:
        columns, rows = shelf.table(db, view)
        if file is None or file == "-":
            sys.stdout.flush()
            sys.stdout.buffer.writelines(written(wanted or "csv", columns, rows))
            sys.stdout.buffer.flush()
            return
        form = wanted or _form(file)
        begins = beginning(form, columns)
        check_file(db, absolute(file), _begins(begins), f"table of {view}", force=force)
        write_file(absolute(file), written(form, columns, rows))
    app.say(f"{shown(file)} is written")


def _form(file: str) -> TableForm:
    from faceindex.pipeline.exporting.tables import SUFFIXES  # noqa: PLC0415  (loads the pipeline)

    suffix = os.path.splitext(file)[1].lower()
    if suffix not in SUFFIXES:
        raise UsageProblem(f"{shown(file)} ends in none of {', '.join(SUFFIXES)}; rename it or say --format")
    return SUFFIXES[suffix]


def _begins(begins: bytes) -> Callable[[BinaryIO], bool]:
    def is_ours(stream: BinaryIO) -> bool:
        there = stream.read(len(begins))
        return there == begins or there == b""  # none yet, or one of no rows

    return is_ours


faces = _command("faces", "Faces: where they are on which photo, who it is and how that is known.")
people = _command("people", "People: on how many photos, when first and last seen.")
photos = _command("photos", "Photos: where, when taken, how large, who is on them.")
