"""`faceindex problem`: what could not be handled."""

from __future__ import annotations

import click

from faceindex.cli.app import App, pass_app
from faceindex.cli.output import Form, listing, show
from faceindex.db import transaction
from faceindex.store import listings, problems


@click.group()
def problem() -> None:
    """What could not be handled; try it again."""


@problem.command("list", epilog="Example: faceindex problem list --csv")
@listing
@pass_app
def list_(app: App, form: Form) -> None:
    """Every file or folder that could not be handled, and whether the next scan tries again."""
    with app.open() as db:
        show(listings.rows(db, listings.PROBLEMS), form, "no problems")


@problem.command(epilog="Example: faceindex problem retry 3 4")
@click.argument("problem_ids", metavar="[PROBLEM]...", type=int, nargs=-1)
@pass_app
def retry(app: App, problem_ids: tuple[int, ...]) -> None:
    """Have the next scan try these again, or all."""
    with app.open() as db, transaction(db):
        count = problems.retry(db, list(problem_ids) or None)
    app.say(f"the next scan will try {count} again")
