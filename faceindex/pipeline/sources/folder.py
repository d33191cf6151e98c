"""What a folder of known people says: a picture, or a folder of pictures, for each.

Anna.jpg shows Anna, as face_recognition reads it; so does every picture in Anna/ and below, as DeepFace reads it.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
from collections.abc import Iterator

from faceindex.errors import UsageProblem
from faceindex.models import PHOTO_SUFFIXES, Tag
from faceindex.pipeline.sources import Missed, Tagged
from faceindex.store import tagging
from faceindex.store.paths import shown
from faceindex.store.people import clean_name

CHUNK = 2**20  # bytes read at once


def read(db: sqlite3.Connection, top: str, backend: str) -> Iterator[Tagged | Missed]:
    """Whom each picture below top shows; the photo is known by its content, so a copy elsewhere counts."""
    failed: list[OSError] = []
    if not os.path.isdir(top):
        raise UsageProblem(f"there is no folder {shown(top)}; name one with a picture or a folder for each person")
    for path, name in _pictures(top, failed):
        yield _told(db, path, name, os.path.realpath(top), backend)
    for error in failed:
        yield Missed("unreadable", str(error.filename), error.strerror or str(error))


def _pictures(top: str, failed: list[OSError]) -> Iterator[tuple[str, str]]:
    """Path and person of each picture, in the order of their names. Links to folders are not followed."""
    for folder, below, names in os.walk(top, onerror=failed.append):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(names):
            stem, suffix = os.path.splitext(name)
            if suffix.lower() in PHOTO_SUFFIXES and not name.startswith("."):
                inside = os.path.relpath(folder, top)
                yield os.path.join(folder, name), stem if inside == "." else inside.split(os.sep)[0]


def _told(db: sqlite3.Connection, path: str, name: str, top: str, backend: str) -> Tagged | Missed:
    if not os.path.realpath(path).startswith(os.path.join(top, "")):
        return Missed("refused", path, "it is a link that leads out of the folder")
    try:
        person = clean_name(name)
    except UsageProblem as problem:
        return Missed("refused", path, f"{shown(name[:60])!r} is no name: {problem}")
    try:
        digest, modified = _digest(path)
    except OSError as error:
        return Missed("unreadable", path, error.strerror or str(error))
    pictured = tagging.by_digest(db, digest)
    photo = tagging.photo(db, pictured.photo_id, backend) if pictured else None
    if photo is None:
        return Missed("unindexed", path)
    if not photo.faces:
        return Missed("refused", path, "no face was found on it")
    if len(photo.faces) > 1:
        return Missed("refused", path, f"{len(photo.faces)} faces are on it; name the right one, or cut it out")
    return Tagged(photo.photo_id, path, (Tag(person, photo.faces[0].box),), modified)


def _digest(path: str) -> tuple[bytes, float]:
    """SHA-256 of an ordinary file, and when it was changed; raises OSError."""
    sha = hashlib.sha256()
    # A FIFO in place of a picture must not be waited for.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError("it is no ordinary file")
        while chunk := file.read(CHUNK):
            sha.update(chunk)
    return sha.digest(), status.st_mtime
