"""`faceindex import picasa`."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from faceindex.cli.app import App, absolute, pass_app
from faceindex.cli.import_.bring import bring, folder_in, options
from faceindex.errors import FaceindexError, UsageProblem
from faceindex.store.paths import shown

if TYPE_CHECKING:
    from faceindex.pipeline.importing import Prefer
    from faceindex.pipeline.sources import Missed, Tagged

LARGEST = 64 * 2**20  # bytes of a contacts.xml; what is cut off is no XML


@click.command(epilog="Example: faceindex import picasa --contacts contacts.xml --dry-run")
@click.argument("folder", required=False, type=click.Path(file_okay=False))
@click.option("--contacts", type=click.Path(dir_okay=False),
              help="Picasa's contacts.xml; its names go before those in the folders.")  # fmt: skip
@options
@pass_app
def picasa(app: App, folder: str | None, contacts: str | None, dry_run: bool, prefer: Prefer) -> None:
    """Take the names that Picasa wrote beside the photos, into FOLDER's .picasa.ini, or into those of all roots."""
    known = _contacts(contacts) if contacts else {}

    def read(db: sqlite3.Connection) -> Iterator[Tagged | Missed]:
        from faceindex.pipeline.sources import picasa as source  # noqa: PLC0415  (loads the image libraries)

        return source.read(db, folder_in(db, folder), known)

    bring(
        app,
        "picasa",
        shown(absolute(folder)) if folder else "Picasa",
        read,
        dry_run=dry_run,
        prefer=prefer,
        folder=folder,
    )


def _contacts(path: str) -> dict[str, str]:
    from faceindex.tags import NotTags, contacts  # noqa: PLC0415  (loads the XML library)

    try:
        if os.path.exists(absolute(path)) and not os.path.isfile(absolute(path)):  # a FIFO would wait for ever
            raise UsageProblem(f"{shown(path)} is no file; name Picasa's contacts.xml")
        with open(absolute(path), "rb") as stream:
            return contacts.read(stream.read(LARGEST))
    except OSError as error:
        raise FaceindexError(f"cannot read {shown(path)}: {error.strerror or error}") from error
    except NotTags as error:
        raise FaceindexError(f"{shown(path)} {error}") from error
