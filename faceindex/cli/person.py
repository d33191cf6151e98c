"""`faceindex person`: who is known."""

from __future__ import annotations

import click

from faceindex.cli.app import App, pass_app
from faceindex.cli.groups import Group
from faceindex.cli.options import Form, listing
from faceindex.cli.output import Row, show
from faceindex.store import journal, listings, people

PEOPLE = ("person", "photos", "clusters", "born", "first_seen", "last_seen")


@click.group(cls=Group, epilog="Example: faceindex person list")
def person() -> None:
    """Who is known; rename somebody."""


@person.command("list", epilog="Example: faceindex person list --csv")
@listing
@pass_app
def list_(app: App, form: Form) -> None:
    """Everybody with a name, those on most photos first."""
    with app.open() as db:
        rows = listings.rows(db, listings.PEOPLE)
    show(app, rows, form, PEOPLE, _for_people, "nobody has a name yet; try 'faceindex cluster list'")


def _for_people(row: Row) -> Row:
    days = {name: (row[name] or "")[:10] for name in ("first_seen", "last_seen")}
    return {**{name: row[name] for name in ("photos", "clusters")}, **days, "person": row["person"]}


@person.command(epilog='Example: faceindex person rename Ana "Anna"')
@click.argument("old")
@click.argument("new")
@pass_app
def rename(app: App, old: str, new: str) -> None:
    """Give a person another name."""
    new = people.clean_name(new)
    with app.open() as db, journal.entry(db, "person rename", f"{old} renamed to {new}"):
        people.rename(db, old, new)
    app.say(f"{old} is now {new}")
