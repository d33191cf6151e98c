"""Where commands write: never among the photos, never over what somebody else wrote, never half."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Callable, Iterable
from typing import BinaryIO

from faceindex.errors import FaceindexError, UsageProblem
from faceindex.store import roots
from faceindex.store.paths import shown


def outside_library(db: sqlite3.Connection, path: str, advice: str) -> None:
    """Raise UsageProblem for a place in a folder that is indexed, or once was."""
    for root in roots.ever(db):
        if (os.path.realpath(path) + "/").startswith(os.path.realpath(root).rstrip("/") + "/"):
            raise UsageProblem(f"{shown(path)} lies in the library, among your photos; {advice}")


def check_file(
    db: sqlite3.Connection, path: str, is_ours: Callable[[BinaryIO], bool], ours: str, *, force: bool
) -> None:
    """Refuse a place where something else would be lost, before the work rather than after it."""
    outside_library(db, path, "write the file elsewhere")
    if os.path.isdir(path):
        raise UsageProblem(f"{shown(path)} is a folder; name a file")
    if os.path.lexists(path) and not force and not _is(path, is_ours):
        raise UsageProblem(f"{shown(path)} exists and is no {ours}; name another, or --force to write over it")


def _is(path: str, is_ours: Callable[[BinaryIO], bool]) -> bool:
    try:
        with open(path, "rb") as stream:
            return os.path.isfile(path) and is_ours(stream)
    except OSError:
        return False


def write_file(path: str, chunks: Iterable[bytes]) -> None:
    """Never in place: a full disk leaves the file that was there before."""
    unfinished = f"{path}.unfinished"
    try:
        with open(unfinished, "wb") as stream:
            stream.writelines(chunks)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(unfinished, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.remove(unfinished)
        if error.errno == errno.ENOSPC:
            raise
        raise FaceindexError(f"cannot write {shown(path)}: {error.strerror or error}; name another place") from error
