"""Which photo of the index a path means."""

from __future__ import annotations

import hashlib
import os
import sqlite3

from faceindex.errors import FaceindexError, UsageProblem
from faceindex.store import files, photos, problems
from faceindex.store.paths import shown

CHUNK = 2**20


def photo_at(db: sqlite3.Connection, path: str) -> int:
    """Id of the photo at a path, or of the same picture elsewhere; raises UsageProblem where it is not known."""
    digest = files.digest_at(db, path) or _digest(path)
    found = photos.photo_id(db, digest) if digest else None
    if found is None and (why := problems.of_path(db, path)) is not None:
        raise UsageProblem(f"{shown(path)} could not be examined ({why.rstrip('.')}); see 'faceindex problem list'")
    if found is None:
        raise UsageProblem(f"{shown(path)} is not in the index; run 'faceindex scan' or see 'faceindex problem list'")
    return found


def _digest(path: str) -> bytes | None:
    if not os.path.isfile(path):
        return None
    sha = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while chunk := file.read(CHUNK):
                sha.update(chunk)
    except OSError as error:
        raise FaceindexError(f"cannot read {shown(path)}: {error.strerror}; check its permissions") from error
    return sha.digest()
