"""`faceindex journal` and `faceindex undo`: what humans changed, and taking it back."""

from __future__ import annotations

import dataclasses

import click

from faceindex.cli.app import App, pass_app
from faceindex.cli.output import Form, listing, show
from faceindex.store import journal as entries


@click.command(epilog="Example: faceindex journal --limit 5")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@listing
@pass_app
def journal(app: App, limit: int, form: Form) -> None:
    """What humans changed, newest first."""
    with app.open() as db:
        show([dataclasses.asdict(e) for e in entries.entries(db, limit)], form, "nobody has changed anything yet")


@click.command(epilog="Example: faceindex undo 2")
@click.argument("number", type=click.IntRange(1), default=1)
@pass_app
def undo(app: App, number: int) -> None:
    """Take back the last change that a human made, or the last NUMBER."""
    with app.open() as db:
        done = entries.undo(db, number)
    for entry in done:
        app.say(f"taken back: {entry.summary}")
