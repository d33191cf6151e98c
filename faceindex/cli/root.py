"""`faceindex root`: which folders are indexed."""

from __future__ import annotations

import os

import click

from faceindex.cli.app import App, absolute, pass_app
from faceindex.cli.groups import Group
from faceindex.cli.options import Form, listing
from faceindex.cli.output import Row, show
from faceindex.errors import UsageProblem
from faceindex.report import moment
from faceindex.store import journal, roots
from faceindex.store.paths import shown

ROOTS = ("root", "files", "added")


@click.group(cls=Group, epilog="Example: faceindex root list")
def root() -> None:
    """Which folders are indexed; move a library without loss."""


@root.command("list", epilog="Example: faceindex root list")
@listing
@pass_app
def list_(app: App, form: Form) -> None:
    """The folders that a scan looks at."""
    with app.open() as db:
        found = roots.all_roots(db)
    rows = [{"root": shown(r.path), "files": r.files, "added": r.added_at} for r in found]
    show(app, rows, form, ROOTS, _for_people, "no folder is indexed yet; run 'faceindex scan FOLDER'")


def _for_people(row: Row) -> Row:
    return {"files": row["files"], "added": moment(row["added"]), "root": row["root"]}


@root.command(epilog="Example: faceindex root add /mnt/nas/photos")
@click.argument("folder")
@pass_app
def add(app: App, folder: str) -> None:
    """Have the next scans look at FOLDER, too."""
    path = absolute(folder)
    if not os.path.isdir(path):
        raise UsageProblem(f"{shown(path)} is not a folder; name one that is there")
    with app.open(create=True) as db, journal.entry(db, "root add", f"root {shown(path)} added"):
        roots.add(db, path)
    app.say(f"{shown(path)} will be scanned")


@root.command(epilog="Example: faceindex root remove /mnt/old")
@click.argument("folder")
@pass_app
def remove(app: App, folder: str) -> None:
    """Look at FOLDER no more.

    Names given to faces in it are kept, and are back when it is added again. No photo is touched.
    """
    path = absolute(folder)
    with app.open() as db, journal.entry(db, "root remove", f"root {shown(path)} removed"):
        roots.remove(db, roots.find(db, path))
    app.say(f"{shown(path)} will not be scanned any more; what is known of it is kept")


@root.command(epilog="Example: faceindex root move /mnt/old/photos /srv/photos")
@click.argument("old")
@click.argument("new")
@pass_app
def move(app: App, old: str, new: str) -> None:
    """Say that the folder OLD is now at NEW. Moves no file; loses nothing."""
    before, after = absolute(old), absolute(new)
    if not os.path.isdir(after):
        raise UsageProblem(f"{shown(after)} is not a folder; move the library first, then say where it is")
    with app.open() as db, journal.entry(db, "root move", f"root {shown(before)} moved to {shown(after)}"):
        roots.move(db, roots.find(db, before), after)
    app.say(f"{shown(before)} is now {shown(after)}")
