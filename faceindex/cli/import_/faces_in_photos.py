"""`faceindex import faces-in-photos`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from faceindex.cli.app import App, absolute, pass_app
from faceindex.cli.import_.bring import bring, options
from faceindex.store.paths import shown

if TYPE_CHECKING:
    from faceindex.pipeline.importing import Prefer
    from faceindex.pipeline.sources import Missed, Tagged


@click.command("faces-in-photos", epilog="Example: faceindex import faces-in-photos ~/faces.db --dry-run")
@click.argument("file", type=click.Path())
@options
@pass_app
def faces_in_photos(app: App, file: str, dry_run: bool, prefer: Prefer) -> None:
    """Take the names from FILE, the index of faces_in_photos, faces.db.

    Faces that a human tagged are named; those that it put into a labelled group by itself are asked about by
    'faceindex review'. Photos are known by their content, wherever they are now. Nothing in FILE is run.
    """

    def read(db: sqlite3.Connection) -> Iterator[Tagged | Missed]:
        from faceindex.pipeline.sources import faces_in_photos as source  # noqa: PLC0415  (loads the image libraries)

        return source.read(db, absolute(file))

    bring(app, "faces_in_photos", shown(absolute(file)), read, dry_run=dry_run, prefer=prefer)
