"""`faceindex person`: who is known."""

from __future__ import annotations

import click

from faceindex.cli.app import App, pass_app
from faceindex.cli.output import Form, listing, show
from faceindex.store import journal, listings, people


@click.group()
def person() -> None:
    """Who is known; rename somebody."""


@person.command("list", epilog="Example: faceindex person list --csv")
@listing
@pass_app
def list_(app: App, form: Form) -> None:
    """Everybody with a name, those on most photos first."""
    with app.open() as db:
        show(listings.rows(db, listings.PEOPLE), form, "nobody has a name yet; try 'faceindex cluster list'")


@person.command(epilog='Example: faceindex person rename Ana "Anna"')
@click.argument("old")
@click.argument("new")
@pass_app
def rename(app: App, old: str, new: str) -> None:
    """Give a person another name."""
    with app.open() as db, journal.entry(db, "person rename", f"{old} renamed to {new}"):
        people.rename(db, old, new)
    app.say(f"{old} is now {new}")
