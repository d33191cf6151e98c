"""`faceindex journal` and `faceindex undo`: what humans changed, and taking it back."""

from __future__ import annotations

import dataclasses

import click

from faceindex.cli.app import App, pass_app
from faceindex.cli.options import Form, listing
from faceindex.cli.output import Row, show
from faceindex.report import moment
from faceindex.store import journal as entries

ENTRIES = ("journal_id", "at", "command", "summary", "undone_at", "changes")


@click.command(epilog="Example: faceindex journal --limit 5")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, metavar="N", help="At most so many.")
@listing
@pass_app
def journal(app: App, limit: int, form: Form) -> None:
    """What humans changed, newest first."""
    with app.open() as db:
        rows = [dataclasses.asdict(entry) for entry in entries.entries(db, limit)]
    show(app, rows, form, ENTRIES, _for_people, "nobody has changed anything yet")


def _for_people(row: Row) -> Row:
    undone = f" (taken back {moment(row['undone_at'])})" if row["undone_at"] else ""
    return {"entry": row["journal_id"], "at": moment(row["at"]), "change": row["summary"] + undone}


@click.command(epilog="Example: faceindex undo 2")
@click.argument("number", type=click.IntRange(1), default=1)
@pass_app
def undo(app: App, number: int) -> None:
    """Take back the last change that a human made, or the last NUMBER."""
    with app.open() as db:
        done = entries.undo(db, number)
    for entry in done:
        app.say(f"taken back: {entry.summary}")
