"""`faceindex person`: who is known."""

from __future__ import annotations

import click

from faceindex.cli.app import App, pass_app
from faceindex.cli.groups import Group
from faceindex.cli.options import Form, listing
from faceindex.cli.output import Row, show
from faceindex.report import counted
from faceindex.store import acts, journal, listings, people

PEOPLE = ("person", "photos", "clusters", "born", "first_seen", "last_seen")


@click.group(cls=Group, epilog="Example: faceindex person list")
def person() -> None:
    """Who is known; rename, merge and split people."""


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
    with app.open() as db:
        app.say(acts.rename_person(db, old, new).told)


@person.command(epilog='Example: faceindex person merge Anna "Anna Lee"')
@click.argument("into", metavar="INTO")
@click.argument("others", metavar="OTHER...", nargs=-1, required=True)
@pass_app
def merge(app: App, into: str, others: tuple[str, ...]) -> None:
    """Make one person, INTO, of several. Their clusters keep an average each."""
    with app.open() as db:
        app.say(acts.merge_people(db, into, others).told)


@person.command(epilog="Example: faceindex person split Anna 17 23 Annabel")
@click.argument("name")
@click.argument("clusters", metavar="CLUSTER...", type=int, nargs=-1, required=True)
@click.argument("new", metavar="NEWNAME")
@pass_app
def split(app: App, name: str, clusters: tuple[int, ...], new: str) -> None:
    """Have some clusters of a person be another person, NEWNAME."""
    new = people.clean_name(new)
    numbers = ", ".join(map(str, clusters))
    several = len(clusters) > 1
    told = f"{'clusters' if several else 'cluster'} {numbers} of {name} named {new}"
    with app.open() as db, journal.entry(db, "person split", told) as journal_id:
        people.split_person(db, journal_id, name, clusters, new)
    app.say(f"clusters {numbers} are {new}" if several else f"cluster {numbers} is {new}")


@person.command(epilog="Example: faceindex person born Anna 2014-05-30")
@click.argument("name")
@click.argument("day", metavar="DATE")
@pass_app
def born(app: App, name: str, day: str) -> None:
    """Say when a person was born.

    DATE is a year, a month such as 2014-05, a day such as 2014-05-30, or unknown.
    """
    with app.open() as db:
        app.say(acts.set_born(db, name, day).told)
        before = people.matched_unborn(db, name)
    if before:
        app.say(f"{counted(before, 'face')} that scans named so {'are' if before > 1 else 'is'} on a photo from before "
                "that; 'faceindex rematch --apply' takes the name away there")  # fmt: skip
