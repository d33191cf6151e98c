"""A face that the detector missed, from the box that a human drew."""

from __future__ import annotations

import hashlib
import math
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceindex import backends
from faceindex.backends.faces import MARGIN
from faceindex.db import transaction
from faceindex.errors import FaceindexError, UnreadablePicture, UsageProblem
from faceindex.image import open_picture
from faceindex.models import Box
from faceindex.store import faces, journal, photos
from faceindex.store.kept import kept
from faceindex.store.paths import shown

if TYPE_CHECKING:
    from faceindex.models import Encoding

SAME_FACE = 0.5  # IoU of a box with that of a face above which that face is meant
SMALLEST = 20  # pixels
NO_FACE = "no face can be told in that box; draw it around a face"


@dataclass(frozen=True, slots=True)
class Added:
    """What became of it."""

    face_id: int
    known: bool  # there was a face already, and it was only named
    changed: bool = True  # False: it even had that name


def add_face(
    db: sqlite3.Connection, paths: Sequence[str], photo_id: int, backend: str, sides: list[float], name: str
) -> Added:
    """Add a face to a photo and name it, in one entry; a face that is there already is only named.

    `sides` are left, top, right and bottom, in pixels of the upright picture where one is above 1. What it shows is
    encoded from the first of these paths that still holds the photo; raises FaceindexError where none does.
    """
    where = faces.place(db, photo_id, backend)
    box = boxed(sides, where.width, where.height)
    known = max(photos.faces(db, photo_id, backend), key=lambda face: face.box.iou(box), default=None)
    if known is not None and known.box.iou(box) > SAME_FACE:
        with journal.entry(db, "face label", f"face {known.face_id} named {name}") as journal_id:
            faces.label(db, journal_id, [known.face_id], name)
        return Added(known.face_id, known=True, changed=kept(db, journal_id))
    path, data = held(paths, photos.digest(db, photo_id).hex())
    if isinstance(data, str):
        raise FaceindexError(data)
    (encoding,) = encoded(path, data, backend, [box])
    if encoding is None:
        raise FaceindexError(NO_FACE)
    with transaction(db), journal.entry(db, "face add", f"a face of {name} added to {shown(path)}") as journal_id:
        face_id = faces.add(db, where, backend, box, encoding)
        faces.label(db, journal_id, [face_id], name)
    return Added(face_id, known=False)


def boxed(sides: list[float], width: int, height: int) -> Box:
    """The box of these sides; raises UsageProblem where it is none, or too small to show a face."""
    scale = (width, height, width, height) if max(sides) > 1 else (1, 1, 1, 1)
    box = Box(*(side / whole for side, whole in zip(sides, scale, strict=True)))
    if not (0 <= box.left < box.right <= 1 and 0 <= box.top < box.bottom <= 1):
        raise UsageProblem("a box is left,top,right,bottom, within the picture")
    if min(box.width * width, box.height * height) < SMALLEST:
        raise UsageProblem(f"that box is smaller than {SMALLEST} pixels; no face can be told in it")
    return box


def read(path: str) -> bytes:
    """A photo's bytes."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        what = "it may be on a disk that is away" if isinstance(error, FileNotFoundError) else "check its permissions"
        raise FaceindexError(f"cannot read {shown(path)}: {error.strerror}; {what}") from error


def held(paths: Sequence[str], digest: str) -> tuple[str, bytes | str]:
    """The first copy that holds what the index says, and its bytes; or why there is none."""
    why = "no copy of its photo is there now, so it cannot be drawn"
    for path in paths:
        try:
            data = read(path)
        except FaceindexError as error:
            why = str(error)
            continue
        if hashlib.sha256(data).hexdigest() == digest:
            return path, data
        why = f"{shown(path)} holds another picture by now; run 'faceindex scan' and try again"
    return "", why


def encoded(path: str, data: bytes, backend: str, boxes: Sequence[Box]) -> list[Encoding | None]:
    """The encoding of what a photo shows in each box, as sharp as the photo is; None where no face can be told."""
    encoder = backends.load(backend)
    try:
        crops = open_picture(data).crops(boxes, MARGIN)
    except UnreadablePicture as error:
        raise FaceindexError(f"{shown(path)} {error}") from error
    # One by one: a face is encoded the same whoever else is on the photo.
    found = [np.asarray(encoder.encode([pixels], [[inside]])[0][0], np.float32) for pixels, inside in crops]
    return [each if all(map(math.isfinite, each)) else None for each in found]
