"""`faceindex import xmp`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from faceindex.cli.app import App, absolute, pass_app
from faceindex.cli.import_.bring import bring, folder_in, options
from faceindex.cli.options import switch
from faceindex.store.paths import shown

if TYPE_CHECKING:
    from faceindex.pipeline.importing import Prefer
    from faceindex.pipeline.sources import Missed, Tagged


@click.command(epilog="Example: faceindex import xmp --dry-run")
@click.argument("folder", required=False, type=click.Path(file_okay=False))
@switch("--sidecars", help="Read only the .xmp files beside photos, not the photos themselves: much faster.")
@options
@pass_app
def xmp(app: App, folder: str | None, sidecars: bool, dry_run: bool, prefer: Prefer) -> None:
    """Take the names that Lightroom, digiKam, Windows and others wrote as XMP, into photos or beside them.

    Of all roots, or of FOLDER and what lies below it. Regions for faces are read, and people given as keywords.
    """

    def read(db: sqlite3.Connection) -> Iterator[Tagged | Missed]:
        from faceindex.pipeline.sources import xmp as source  # noqa: PLC0415  (loads the image libraries)

        return source.read(db, folder_in(db, folder), embedded=not sidecars)

    told = shown(absolute(folder)) if folder else "XMP"
    bring(app, "xmp", told, read, dry_run=dry_run, prefer=prefer, complete=not sidecars, folder=folder)
