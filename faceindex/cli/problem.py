"""`faceindex problem`: what could not be handled."""

from __future__ import annotations

import click

from faceindex.cli.app import App, pass_app
from faceindex.cli.groups import Group
from faceindex.cli.options import Form, listing
from faceindex.cli.output import Row, show
from faceindex.store import acts, listings

PROBLEMS = ("problem", "kind", "next", "tries", "path", "message")


@click.group(cls=Group, epilog="Example: faceindex problem list")
def problem() -> None:
    """What could not be handled; try it again."""


@problem.command("list", epilog="Example: faceindex problem list --csv")
@listing
@pass_app
def list_(app: App, form: Form) -> None:
    """What failed, why, and whether it will be tried again."""
    with app.open() as db:
        rows = listings.rows(db, listings.PROBLEMS)
    show(app, rows, form, PROBLEMS, _for_people, "no problems")


def _for_people(row: Row) -> Row:
    return {**{name: row[name] for name in ("problem", "tries", "next")}, "what": f"{row['path']}: {row['message']}"}


@problem.command(epilog="Example: faceindex problem retry 3 4")
@click.argument("problem_ids", metavar="[PROBLEM]...", type=int, nargs=-1)
@pass_app
def retry(app: App, problem_ids: tuple[int, ...]) -> None:
    """Have the next scan try these again, or all."""
    with app.open() as db:
        act = acts.retry_problems(db, list(dict.fromkeys(problem_ids)))
    app.say(act.told)
