"""What all imports share: their options, the call, and the report."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from faceindex.cli import outcome
from faceindex.cli.app import App, absolute
from faceindex.cli.options import switch
from faceindex.crawl import root_state
from faceindex.errors import WITH_PROBLEMS, UsageProblem
from faceindex.report import counted
from faceindex.store import roots, settings
from faceindex.store.paths import shown

if TYPE_CHECKING:
    from faceindex.pipeline.importing import Prefer, Report
    from faceindex.pipeline.sources import Missed, Tagged

F = TypeVar("F", bound=Callable[..., Any])
PREFER = ("index", "import")
HEADINGS = {  # what could not be taken: heading and advice
    "unindexed": ("photos not in the index", "scan them, and import again"),
    "absent": ("files that are not there", "they were moved or deleted since they were tagged"),
    "unreadable": ("could not be read", "what else there is was taken"),
    "refused": ("tags not taken", "what else there is was taken"),
    "foreign": ("sidecars without a photo in the index", "scan it, if there is one"),
}


def options(command: F) -> F:
    """Give a command --dry-run and --prefer."""
    command = switch("--dry-run", help="Only say what would change, line by line.")(command)
    return click.option("--prefer", type=click.Choice(PREFER), default="index", show_default=True,
                        help="Whose word counts where they contradict each other.")(command)  # fmt: skip


def bring(
    app: App,
    source: str,
    told: str,
    read: Callable[[sqlite3.Connection], Iterable[Tagged | Missed]],
    *,
    dry_run: bool,
    prefer: Prefer,
    complete: bool = True,
    folder: str | None = None,
) -> None:
    """Have the index say what a source tells, and say what came of it. `folder`: all that is read lies in it.

    Ends with exit code 5 where a root is offline, after all else was done.
    """
    from faceindex.pipeline import importing  # noqa: PLC0415  (loads numpy and the image libraries)

    with app.open() as db:
        offline = away(db, folder)
        backend = settings.get(db, "backend") or "dlib"
        with _bar(app) as step:
            report = importing.run(
                db, backend, source, told, read(db), prefer=prefer, dry_run=dry_run, complete=complete, step=step
            )
    for line in report.said.changes if dry_run else ():
        click.echo(line)
    if not dry_run:
        for line in report.said.changes:
            app.tell(line)
    if offline:  # what lies there is neither moved nor deleted
        report.missed.pop("absent", None)
    _report(app, report, dry_run)
    tell_away(app, offline)


def folder_in(db: sqlite3.Connection, folder: str | None) -> str | None:
    """A folder that lies in the library, as an absolute path; raises UsageProblem where it does not."""
    if folder is None:
        return None
    path = absolute(folder)
    if not os.path.isdir(path):
        raise UsageProblem(f"there is no folder {shown(path)} now; name one that is there, or none for all")
    for root in roots.ids(db):
        if path == root or path.startswith(root.rstrip("/") + "/"):
            return path
    raise UsageProblem(f"{shown(path)} is not in the index; run 'faceindex scan' on it first")


def away(db: sqlite3.Connection, folder: str | None = None) -> list[str]:
    """A line for each root that is to be read and is offline."""
    found = []
    for root in roots.ids(db):
        if folder is None or absolute(folder).startswith(root.rstrip("/")):
            state = root_state(root)
            found += [f"{shown(root)} {state}, so nothing in it was looked at"] if state else []
    return found


def tell_away(app: App, offline: Sequence[str]) -> None:
    """Say which roots are offline; that is exit code 5."""
    for line in offline:
        app.say(f"offline: {line}")
    if offline:
        click.get_current_context().exit(WITH_PROBLEMS)


def _bar(app: App) -> Any:
    from faceindex.cli.progress import steps  # noqa: PLC0415  (loads the pipeline)

    return steps(app, "Drawing")


def _report(app: App, report: Report, dry_run: bool) -> None:
    app.say(f"tags: {report.tags:,} on {counted(report.photos, 'photo')}" + _of(report))
    outcome.report(app, report.said, dry_run, "--prefer import takes that program's word", report.already)
    outcome.list_(app, "boxes turned", report.turned, "look at one of them with 'faceindex photo show'")
    outcome.list_(app, "named otherwise there since the last import", report.renamed, "the later word counts")
    outcome.list_(app, "two names for one face", report.doubled, "the later one counts")
    outcome.list_(app, "tags that mean no face here", report.refused, "what else there is was taken")
    outcome.list_(app, "names that differ in capitals only", report.alike, "'faceindex person merge' makes them one")
    if report.older:
        app.say(
            f"you said otherwise since the last import: {report.older:,} (--prefer import takes that program's word)"
        )
    if report.gone:
        app.say(f"no longer tagged there: {report.gone:,} (names that they gave stay)")
    for heading, (words, advice) in HEADINGS.items():
        outcome.list_(app, words, report.missed.get(heading, ()), advice)  # type: ignore[call-overload]
    if report.said.counts["name"] and not dry_run:
        app.say("'faceindex rematch --apply' recognises them on other photos; so does the next scan on new ones")


def _of(report: Report) -> str:
    parts = [f"{report.unnamed:,} without a name" if report.unnamed else "",
             f"{report.guessed:,} to be asked by 'faceindex review'" if report.guessed else ""]  # fmt: skip
    told = ", ".join(part for part in parts if part)
    return f"; of these {told}" if told else ""
