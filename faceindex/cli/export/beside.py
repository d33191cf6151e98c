"""What the exports that write beside photos share: their options, the call, and the report."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from faceindex.cli import outcome
from faceindex.cli.app import App
from faceindex.cli.import_.bring import folder_in
from faceindex.cli.options import switch
from faceindex.errors import WITH_PROBLEMS
from faceindex.store import settings

if TYPE_CHECKING:
    from faceindex.pipeline.exporting.files import Change, Outcome

F = TypeVar("F", bound=Callable[..., Any])
COUNTS: dict[Change, str] = {"new": "new", "changed": "changed", "removed": "removed", "same": "up to date"}


def options(command: F) -> F:
    """Give a command --matches and --dry-run."""
    command = switch("--dry-run", help="Only show how each file would change, as a diff on stdout.")(command)
    return switch("--matches", help="Names that the machine found, too; without, only what humans said.")(command)


def write(
    app: App,
    folder: str | None,
    words: tuple[str, str],
    export: Callable[..., Outcome],
    *,
    dry_run: bool,
    **asked: Any,
) -> None:
    """Bring the files of the library, or of FOLDER, up to date, and say what came of it; `words`: one, several."""
    with app.open() as db:
        top = folder_in(db, folder)
        with _bar(app) as step:
            out = export(db, _backend(db), top=top, show=click.echo if dry_run else None, step=step, **asked)
    _report(app, out, words, dry_run)


def _backend(db: sqlite3.Connection) -> str:
    return settings.get(db, "backend") or "dlib"


def _bar(app: App) -> Any:
    from faceindex.cli.progress import steps  # noqa: PLC0415  (loads the pipeline)

    return steps(app, "Writing")


def _report(app: App, out: Outcome, words: tuple[str, str], dry_run: bool) -> None:
    if any(out.counts.values()) or not (out.left or out.failed):
        app.say(_counted(out, words, "would be: " if dry_run else ""))
    outcome.list_(app, "left as they are", out.left, "what else there is was done")
    outcome.list_(app, "could not be done", out.failed, "put that right and export again")
    if out.failed or out.left:
        click.get_current_context().exit(WITH_PROBLEMS)


def _counted(out: Outcome, words: tuple[str, str], would: str) -> str:
    """3 sidecars new, 2 changed, 120 up to date."""
    parts = [(number, word) for change, word in COUNTS.items() if (number := out.counts[change])]
    if not parts:
        return "nothing to write: nobody is named on these photos"
    (number, word), *rest = parts
    first = f"{number:,} {words[number != 1]} {word}"
    return would + ", ".join([first, *(f"{number:,} {word}" for number, word in rest)])
