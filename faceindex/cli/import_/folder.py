"""`faceindex import folder`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from faceindex.cli.app import App, absolute, pass_app
from faceindex.cli.import_.bring import bring, options
from faceindex.store import settings
from faceindex.store.paths import shown

if TYPE_CHECKING:
    from faceindex.pipeline.importing import Prefer
    from faceindex.pipeline.sources import Missed, Tagged


@click.command(epilog="Example: faceindex import folder known_people --dry-run")
@click.argument("folder", type=click.Path(file_okay=False))
@options
@pass_app
def folder(app: App, folder: str, dry_run: bool, prefer: Prefer) -> None:
    """Take the names from FOLDER, which holds a picture or a folder of pictures for each person.

    Anna.jpg, and each picture in Anna and below, names the one face on it Anna. Photos are known by their content: the
    pictures must be in the index, here or as copies elsewhere.
    """

    def read(db: sqlite3.Connection) -> Iterator[Tagged | Missed]:
        from faceindex.pipeline.sources import folder as source  # noqa: PLC0415  (loads the image libraries)

        return source.read(db, absolute(folder), settings.get(db, "backend") or "dlib")

    bring(app, "folder", shown(absolute(folder)), read, dry_run=dry_run, prefer=prefer)
