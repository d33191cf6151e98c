"""`faceindex weights`: how much each of an encoding's numbers counts."""

from __future__ import annotations

import json

import click

from faceindex.cli.app import App, pass_app
from faceindex.cli.output import Form, listing, show
from faceindex.store import encodings, listings, settings


@click.command(epilog="Example: faceindex weights --vector")
@click.option("--vector", is_flag=True, help="The numbers of the version in force, as JSON.")
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True, help="At most so many versions.")
@listing
@pass_app
def weights(app: App, vector: bool, limit: int, form: Form) -> None:
    """Versions of the weights, the one in force first, and from how many encodings they were computed.

    From 0 encodings: the library is still too small, and every number counts alike.
    """
    with app.open() as db:
        if vector:
            latest = encodings.latest_weights(db, settings.get(db, "backend") or "dlib")
            click.echo(json.dumps([round(float(w), 6) for w in latest.vector] if latest else []))
            return
        rows = listings.rows(db, listings.WEIGHTS, limit=limit)
    show(rows, form, "none yet; the first scan that finds a face makes them")
