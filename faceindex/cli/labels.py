"""`faceindex labels`: all human work as one text file, and back."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

import click

from faceindex import labelfile
from faceindex.cli import outcome
from faceindex.cli.app import App, absolute, pass_app
from faceindex.cli.groups import Group
from faceindex.cli.options import switch
from faceindex.cli.places import check_file, write_file
from faceindex.errors import FaceindexError
from faceindex.report import counted
from faceindex.store import people, settings
from faceindex.store.paths import shown

if TYPE_CHECKING:
    from faceindex.labelfile import Work

PREFER = ("index", "file")


@click.group(cls=Group, epilog="Example: faceindex labels export family.jsonl")
def labels() -> None:
    """All human work as one readable file, and back."""


@labels.command("export", epilog="Example: faceindex labels export family.jsonl")
@click.argument("file", type=click.Path())
@switch("--force", help="Write over a file that is no labels file.")
@pass_app
def export_(app: App, file: str, force: bool) -> None:
    """Write all that humans said to FILE, or to the terminal if it is -.

    Names, which faces are one cluster, rejections, ignored faces and clusters, different people, drawn boxes;
    told by the pictures' digests, so it can be read into another index of the same pictures.
    """
    from faceindex.store.handwork.gathering import gather  # noqa: PLC0415  (loads numpy)

    with app.open() as db:
        if file != "-":
            check_file(db, absolute(file), labelfile.is_ours, "labels file", force=force)
        work = gather(db, _backend(db))
    if file == "-":
        sys.stdout.flush()
        sys.stdout.buffer.writelines(line.encode() for line in labelfile.write(work))
        sys.stdout.buffer.flush()
    else:
        write_file(absolute(file), (line.encode() for line in labelfile.write(work)))
    app.say(f"{shown(file)}: {_of(work)}")


@labels.command("import", epilog="Example: faceindex labels import family.jsonl --dry-run")
@click.argument("file", type=click.Path())
@switch("--dry-run", help="Only say what would change, line by line.")
@click.option("--prefer", type=click.Choice(PREFER), default="index", show_default=True,
              help="Whose word counts where they contradict each other.")  # fmt: skip
@pass_app
def import_(app: App, file: str, dry_run: bool, prefer: str) -> None:
    """Have the index say what FILE says, or the standard input if it is -.

    What is so already stays; what the index says otherwise stays too, and is told. Boxes that a human drew are drawn
    again where no face is. A second time changes nothing, but for faces that a scan found since. 'faceindex undo'
    takes it all back.
    """
    with _opened(file) as stream:
        work = labelfile.read(stream, shown(file), people.clean_name)
    from faceindex.pipeline.bringing import bring_in  # noqa: PLC0415  (loads numpy and the image libraries)

    with app.open() as db:
        out = bring_in(db, _backend(db), work, shown(file), prefer_file=prefer == "file", dry_run=dry_run)
    for line in out.changes if dry_run else ():
        click.echo(line)
    if not dry_run:
        for line in out.changes:
            app.tell(line)
    outcome.report(app, out, dry_run)


def _backend(db: sqlite3.Connection) -> str:
    return settings.get(db, "backend") or "dlib"


def _of(work: Work) -> str:
    named = sum(word.name is not None for word in work.words)
    return f"{_people(len(work.people))}, {counted(len(work.words), 'face')}, of these {named:,} with a name"


def _people(number: int) -> str:
    return f"{number:,} {'person' if number == 1 else 'people'}"


# ------------------------------------------------------------------------------------------ files


@contextlib.contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        with open(absolute(file), "rb") as stream:
            yield stream
    except OSError as error:
        raise FaceindexError(f"cannot read {shown(file)}: {error.strerror or error}") from error
