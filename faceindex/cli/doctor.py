"""`faceindex doctor`: is all well?"""

from __future__ import annotations

import dataclasses
import json

import click

from faceindex import doctor as checks
from faceindex.cli.app import App, pass_app

MARKS = {"ok": "ok    ", "note": "note  ", "bad": "BAD   "}


@click.command(epilog="Example: faceindex doctor")
@click.option("--repair", is_flag=True, help="Compute averages afresh that do not agree with their faces.")
@click.option("--json", "as_json", is_flag=True, help="For programs: JSON.")
@pass_app
@click.pass_context
def doctor(ctx: click.Context, app: App, /, repair: bool, as_json: bool) -> None:
    """Check the set-up and the index; each finding is one line that says what to do.

    Exit code 1 if anything is bad.
    """
    if repair:
        app.say(f"{checks.repair(app.index)} averages computed afresh")
    findings = list(checks.examine(app.index))
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(f) for f in findings], indent=1))
    else:
        for found in findings:
            click.echo(f"{MARKS[found.level]}{found.about:9} {found.text}")
    ctx.exit(1 if any(found.level == "bad" for found in findings) else 0)
