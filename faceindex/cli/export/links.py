"""`faceindex export links`: a folder for each person, for any viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from faceindex.cli import outcome
from faceindex.cli.app import App, absolute, pass_app
from faceindex.cli.options import switch
from faceindex.cli.places import outside_library
from faceindex.report import counted
from faceindex.store import settings
from faceindex.store.paths import shown

if TYPE_CHECKING:
    from faceindex.pipeline.exporting.links import Done, Outcome

WORDS: dict[Done, str] = {"made": "made", "same": "up to date", "removed": "removed", "unread": "not to be read now"}


@click.command(epilog="Example: faceindex export links ~/People --by-year")
@click.argument("dir", type=click.Path())
@switch("--hard", help="Hard links: for viewers that follow no others, on the disk of the photos.")
@switch("--matches", help="Names that the machine found, too; without, only what humans said.")
@switch("--by-year", help="A folder for each year below a person's.")
@pass_app
def links(app: App, dir: str, hard: bool, matches: bool, by_year: bool) -> None:
    """A folder in DIR for each person, with links to the photos they are on.

    Run it again and DIR is brought up to date: links of ours that are wrong by now are removed, what else is in it
    is left alone. Photos are neither copied nor touched.
    """
    from faceindex.pipeline.exporting.links import link_all  # noqa: PLC0415  (quick help)

    with app.open() as db:
        outside_library(db, absolute(dir), "a scan would find everything twice; name a folder elsewhere")
        backend = settings.get(db, "backend") or "dlib"
        out = link_all(db, backend, absolute(dir), hard=hard, matches=matches, by_year=by_year)
    _report(app, dir, out)


def _report(app: App, dir: str, out: Outcome) -> None:
    parts = [f"{out.counts[done]:,} {word}" for done, word in WORDS.items() if out.counts[done]]
    total = out.counts["made"] + out.counts["same"]
    app.say(f"{shown(dir)}: {counted(total, 'link')}" + (f" ({', '.join(parts)})" if parts else ""))
    outcome.list_(app, "left as they are", list(out.notes), "all else was done")
