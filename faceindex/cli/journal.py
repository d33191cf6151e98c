"""`faceindex journal` and `faceindex undo`: what humans changed, and taking it back."""

from __future__ import annotations

import dataclasses

import click

from faceindex.cli.app import App, pass_app
from faceindex.cli.options import Form, listing
from faceindex.cli.output import Row, show
from faceindex.errors import UsageProblem
from faceindex.report import moment
from faceindex.store import journal as entries

ENTRIES = ("journal_id", "at", "command", "summary", "undone_at", "undone_by", "changes")


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
    by = f" by entry {row['undone_by']}" if row["undone_by"] else ""
    undone = f" (taken back {moment(row['undone_at'])}{by})" if row["undone_at"] else ""
    return {"entry": row["journal_id"], "at": moment(row["at"]), "change": row["summary"] + undone}


@click.command(epilog="Example: faceindex undo 17")
@click.argument("numbers", metavar="[ENTRY]...", type=int, nargs=-1)
@click.option("--last", type=click.IntRange(1), metavar="N", help="The last N changes that stand.")
@pass_app
def undo(app: App, numbers: tuple[int, ...], last: int | None) -> None:
    """Take back the last change that a human made, or any ENTRY of 'faceindex journal'.

    However many changes came after it: what they said stays as they said. To take back is an entry too; taken
    back itself, it brings back what it took.
    """
    if numbers and last:
        raise UsageProblem("name entries or --last, not both")
    with app.open() as db:
        done = entries.take_back(db, numbers) if numbers else entries.undo(db, last or 1)
    for entry in done:
        app.say(f"brought back: {entry.brings}" if entry.brings else f"taken back: {entry.summary}")
