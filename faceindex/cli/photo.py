"""`faceindex photo`: who is on a photo."""

from __future__ import annotations

import hashlib
import os
import sqlite3

import click

from faceindex.cli.app import App, absolute, pass_app
from faceindex.cli.output import Form, listing, show
from faceindex.errors import FaceindexError, UsageProblem
from faceindex.store import files, listings, photos
from faceindex.store.paths import shown


@click.group()
def photo() -> None:
    """Who is on a photo, and how sure that is."""


@photo.command("show", epilog="Example: faceindex photo show ~/Pictures/2019/beach.jpg")
@click.argument("path", type=click.Path(dir_okay=False))
@listing
@pass_app
def show_(app: App, path: str, form: Form) -> None:
    """The faces on a photo: names, distances, where they are.

    A file outside the roots is known by its bytes, if the same picture is in the index.
    """
    with app.open() as db:
        show(listings.on_photo(db, _find(db, absolute(path))), form, "no faces were found on it")


def _find(db: sqlite3.Connection, path: str) -> int:
    digest = files.digest_at(db, path)
    if digest is None and os.path.isfile(path):
        try:
            with open(path, "rb") as file:
                digest = hashlib.sha256(file.read()).digest()
        except OSError as error:
            raise FaceindexError(f"cannot read {shown(path)}: {error.strerror}") from error
    found = photos.photo_id(db, digest) if digest else None
    if found is None:
        raise UsageProblem(f"{shown(path)} is not in the index; run 'faceindex scan' or see 'faceindex problem list'")
    return found
