"""The index, opened once for each thread that answers requests; and the small pictures beside it."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from flask import current_app

from faceindex.db import open_index
from faceindex.errors import FaceindexError
from faceindex.store import settings, thumbnails

BUSY_MS = 2000  # a scan writes for moments only; whoever holds the index longer is told of
_open = threading.local()


def db() -> sqlite3.Connection:
    """This thread's connection; a new one where another file took the index's place."""
    path: Path = current_app.config["INDEX"]
    try:
        status = path.stat()
    except OSError as error:
        raise FaceindexError(f"the index {path} is not there now ({error.strerror})") from error
    here = str(path), status.st_dev, status.st_ino
    if getattr(_open, "here", None) != here:
        close()
        _open.db = open_index(path)
        _open.db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        _open.small, _open.pictures = None, None
        _open.here = here
    found: sqlite3.Connection = _open.db
    return found


def small() -> sqlite3.Connection | None:
    """This thread's connection to the small pictures; a new one where their file was deleted meanwhile."""
    db()
    path: Path = current_app.config["INDEX"]
    if getattr(_open, "pictures", None) != _inode(path):
        if _open.small is not None:
            _open.small.close()
        _open.small = thumbnails.connect(path)
        _open.pictures = _inode(path)
    found: sqlite3.Connection | None = _open.small
    return found


def _inode(index: Path) -> tuple[int, int] | None:
    try:
        status = thumbnails.beside(index).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def close() -> None:
    """Let go of what this thread has open."""
    for name in ("db", "small"):
        if (there := getattr(_open, name, None)) is not None:
            there.close()
            setattr(_open, name, None)
    _open.here = None


def backend() -> str:
    """Whose faces are shown."""
    return settings.get(db(), "backend") or "dlib"
