"""`faceindex export gthumb`."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import BinaryIO

import click

from faceindex.cli.app import App, absolute, pass_app
from faceindex.cli.options import switch
from faceindex.cli.places import check_file
from faceindex.errors import FaceindexError
from faceindex.report import counted
from faceindex.store import extension
from faceindex.store.paths import shown

HEAD = 100  # bytes of an SQLite file that say what it is


@click.command(epilog="Example: faceindex export gthumb ~/.faces.db")
@click.argument("file", type=click.Path())
@switch("--force", help="Write over a file that is no such database.")
@pass_app
def gthumb(app: App, file: str, force: bool) -> None:
    """Write what the faces extension of gThumb reads into FILE, a database of its own.

    The extension also works on the index itself, which is always up to date; FILE answers at once however large the
    library is, and is as of now. Nothing but names, boxes and paths is in it.
    """
    path = absolute(file)
    unfinished = Path(f"{path}.unfinished")
    with app.open() as db:
        check_file(db, path, _is_ours, "database for gThumb", force=force)
        try:
            with contextlib.suppress(FileNotFoundError):
                unfinished.unlink()
            os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))  # private, as the index is
            count = extension.write(db, unfinished)
            os.replace(unfinished, path)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise
            raise FaceindexError(
                f"cannot write {shown(path)}: {error.strerror or error}; name another place"
            ) from error
        finally:
            with contextlib.suppress(OSError):
                unfinished.unlink()
    app.say(f"{shown(file)}: {counted(count, 'face')}")


def _is_ours(stream: BinaryIO) -> bool:
    return extension.is_ours(stream.read(HEAD))
