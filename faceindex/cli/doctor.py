"""`faceindex doctor`: is all well?"""

from __future__ import annotations

import dataclasses

import click

from faceindex import doctor as checks
from faceindex.cli.app import App, pass_app
from faceindex.cli.options import switch
from faceindex.cli.output import show_json
from faceindex.report import counted

MARKS = {"ok": "ok    ", "note": "note  ", "bad": "BAD   "}


@click.command(epilog="Example: faceindex doctor")
@switch("--repair", help="Compute averages afresh that do not agree with their faces.")
@switch("--json", help="For programs: JSON.")
@pass_app
@click.pass_context
def doctor(ctx: click.Context, app: App, /, repair: bool, json: bool) -> None:
    """Check the set-up and the index; each finding is one line that says what to do.

    Exit code 1 if anything is bad.
    """
    if repair:
        app.say(f"{counted(checks.repair(app.index), 'average')} computed afresh")
    findings = list(checks.examine(app.index))
    if json:
        show_json([dataclasses.asdict(found) for found in findings])
    else:
        for found in findings:
            click.echo(f"{MARKS[found.level]}{found.about:9} {found.text}")
    ctx.exit(1 if any(found.level == "bad" for found in findings) else 0)
