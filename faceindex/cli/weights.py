"""`faceindex weights`: how much each of an encoding's numbers counts."""

from __future__ import annotations

import click

from faceindex.cli.app import App, pass_app
from faceindex.cli.options import Form, listing, switch
from faceindex.cli.output import Row, show, show_json
from faceindex.report import moment
from faceindex.store import encodings, listings, settings

WEIGHTS = ("weights", "backend", "encodings", "run", "started_at")


@click.command(epilog="Example: faceindex weights --vector")
@switch("--vector", help="The numbers of the version in force, as JSON.")
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True, metavar="N", help="At most so many.")
@listing
@pass_app
def weights(app: App, vector: bool, limit: int, form: Form) -> None:
    """Versions of the weights, the one in force first, and from how many encodings they were computed.

    From 0 encodings: the library is still too small, and every number counts alike.
    """
    with app.open() as db:
        if vector:
            latest = encodings.latest_weights(db, settings.get(db, "backend") or "dlib")
            show_json([round(float(w), 6) for w in latest.vector] if latest else [])
            return
        rows = listings.rows(db, listings.WEIGHTS, limit=limit)
    show(app, rows, form, WEIGHTS, _for_people, "none yet; the first scan that finds a face makes them")


def _for_people(row: Row) -> Row:
    return {**row, "started_at": moment(row["started_at"])}
