"""`faceindex scan`: the night."""

from __future__ import annotations

import os
import sys
from typing import Any

import click
import psutil

from faceindex import report
from faceindex.cli.app import App, pass_app
from faceindex.cli.groups import SectionedCommand
from faceindex.cli.output import show_json
from faceindex.cli.progress import bars
from faceindex.cli.scan_options import asked, limit, scan_options
from faceindex.errors import STOPPED_EARLY, WITH_PROBLEMS
from faceindex.pipeline import ScanResult, Stop
from faceindex.pipeline import scan as run_scan
from faceindex.store.paths import shown


@click.command(cls=SectionedCommand, epilog="Example: faceindex scan ~/Pictures --until 06:30 --low-priority")
@click.argument("roots", nargs=-1, metavar="[FOLDER]...", type=click.Path(file_okay=False))
@scan_options
@pass_app
@click.pass_context
def scan(ctx: click.Context, app: App, /, **given: Any) -> None:
    """Walk the folders, find faces, recognise people.

    A FOLDER given for the first time is remembered; without one, all remembered folders are scanned. What is
    already known is not done again, so a scan that was stopped goes on where it was.
    """
    if given["low_priority"]:
        _give_way()
    with bars(app) as (progress, stopping):
        result = run_scan(app.index, asked(given), Stop(limit(given), stopping), progress)
    _report(app, result, given["report"], with_profile=given["profile"])
    ctx.exit(_exit_code(result))


def _give_way() -> None:
    os.nice(19)
    if sys.platform == "linux":
        psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)


def _report(app: App, result: ScanResult, form: str, *, with_profile: bool) -> None:
    for path in result.roots:
        app.tell(f"scanned {shown(path)}")
    with app.open() as db:
        told = report.summary(db, result)
    if form == "json":
        show_json(told)
    elif not app.quiet:
        for line in [*report.text(told), *(report.profile_text(told["profile"]) if with_profile else [])]:
            click.echo(line)


def _exit_code(result: ScanResult) -> int:
    if result.outcome in ("deadline", "stopped"):
        return STOPPED_EARLY
    return WITH_PROBLEMS if result.offline or result.problems else 0
