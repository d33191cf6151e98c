"""`faceindex duplicates`: equal files. Nothing is ever deleted."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable

import click

from faceindex.cli.app import App, pass_app
from faceindex.cli.options import Form, listing, switch
from faceindex.cli.output import Row, show
from faceindex.crawl import root_state
from faceindex.report import counted, size
from faceindex.store import files, listings, roots
from faceindex.store.paths import shown

DUPLICATES = ("digest", "copies", "size", "wasted", "path")


@click.command(epilog="Example: faceindex duplicates --print0 | xargs -0 -r ls -l")
@switch("--print0", help="The paths of all copies but the first, NUL after each.")
@listing
@pass_app
def duplicates(app: App, print0: bool, form: Form) -> None:
    """Groups of files with equal bytes, most wasted space first. Hard links and symbolic links waste nothing."""
    with app.open() as db:
        if print0:
            _print0(app, db)
            return
        rows = listings.rows(db, listings.DUPLICATES)
    wasted = {row["digest"]: row["wasted"] for row in rows}
    show(app, rows, form, DUPLICATES, _for_people(), "no two files are equal")
    if wasted and form == "table":
        app.say(f"{counted(len(wasted), 'group')}, {size(sum(wasted.values()))} wasted")


def _print0(app: App, db: sqlite3.Connection) -> None:
    absent = {root_id: path for path, root_id in roots.ids(db).items() if root_state(path)}
    if absent:
        app.say(f"left out, not there now: {', '.join(map(shown, absent.values()))}")
    for path in files.extra_copies(db, absent):
        click.echo(os.fsencode(path) + b"\0", nl=False)


def _for_people() -> Callable[[Row], Row]:
    """Puts the numbers of a group beside its first path only."""
    seen: set[str] = set()

    def put(row: Row) -> Row:
        numbers = {"copies": row["copies"], "each": size(row["size"]), "wasted": size(row["wasted"])}
        first = row["digest"] not in seen
        seen.add(row["digest"])
        return {**(numbers if first else dict.fromkeys(numbers)), "path": row["path"]}

    return put
