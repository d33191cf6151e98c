"""What the index of faces_in_photos says of photos.

A face that a human tagged is said, one in a labelled group guessed, for the program put it there; one in a group
without a label has no name.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from itertools import groupby

from faceindex.image.turns import SIDEWAYS, box_from_pixels, upright_box
from faceindex.models import Box, Canvas, Tag, TagWord
from faceindex.pipeline.sources import Missed, Tagged
from faceindex.store import tagging
from faceindex.store.foreign import faces_in_photos as stored
from faceindex.store.foreign.faces_in_photos import Row
from faceindex.store.foreign.opening import Foreign
from faceindex.store.tagging import Pictured
from faceindex.tags import NotTags, pickles

NO_BOX = "its box is not in the picture"


def read(db: sqlite3.Connection, path: str) -> Iterator[Tagged | Missed]:
    """What faces.db at path says of each photo. Photos are known by their content, wherever they are now."""
    with stored.open_faces(path) as foreign:
        yield from _found(db, foreign)
        yield from _from_picasa(db, foreign)


def _found(db: sqlite3.Connection, foreign: Foreign) -> Iterator[Tagged | Missed]:
    for digest, faces in groupby(stored.faces(foreign), lambda row: row.digest):
        photo = _photo(db, digest)
        if photo is None:
            yield _missed(digest, stored.path_of(foreign, digest))
            continue
        tags: list[Tag] = []
        for face in faces:
            yield from _take(face, photo, photo.canvas, tags)
        if tags:
            yield Tagged(photo.photo_id, photo.path, tuple(tags), foreign.modified)


def _from_picasa(db: sqlite3.Connection, foreign: Foreign) -> Iterator[Tagged | Missed]:
    for path, faces in groupby(stored.picasa(foreign), lambda row: row.path):
        rows = list(faces)
        photo = _photo(db, rows[0].digest)
        if photo is None:
            yield _missed(rows[0].digest, path)
            continue
        tags: list[Tag] = []
        for face in rows:
            yield from _take(face, photo, _as_stored(photo.canvas), tags)
        turned = tuple(_turned(tag, photo.canvas.orientation) for tag in tags)
        if turned:
            yield Tagged(photo.photo_id, photo.path, turned, foreign.modified)


def _photo(db: sqlite3.Connection, digest: str) -> Pictured | None:
    try:
        return tagging.by_digest(db, bytes.fromhex(digest))
    except ValueError:
        return None


def _missed(digest: str, path: str) -> Missed:
    """A photo that the index does not have."""
    there = os.path.isabs(path) and "\0" not in path and os.path.lexists(path)
    return Missed("unindexed" if there else "absent", path or f"a photo of hash {digest[:12] or 'none'}…")


def _take(face: Row, photo: Pictured, canvas: Canvas, tags: list[Tag]) -> Iterator[Missed]:
    """Add what a row says to tags; what it says wrongly comes back."""
    box = _box(face, canvas)
    if box is None:
        yield Missed("refused", photo.path or face.path, NO_BOX)
        return
    vector = b""
    if face.pickled:
        try:
            vector = pickles.vector(face.pickled)
        except NotTags as error:
            yield Missed("refused", photo.path or face.path, str(error))
    word: TagWord = "said" if face.human or face.label is None else "guessed"
    tags.append(Tag(face.label, box, word, face.group if face.label else "", vector))


def _box(face: Row, canvas: Canvas) -> Box | None:
    if face.rect is None:
        return None
    box = box_from_pixels(*face.rect, canvas.width, canvas.height)
    return box if box.width > 0 and box.height > 0 else None


def _as_stored(canvas: Canvas) -> Canvas:
    sideways = canvas.orientation in SIDEWAYS
    return Canvas(canvas.height, canvas.width) if sideways else Canvas(canvas.width, canvas.height)


def _turned(tag: Tag, orientation: int) -> Tag:
    assert tag.box is not None
    return Tag(tag.name, upright_box(tag.box, orientation), tag.word, tag.group)
