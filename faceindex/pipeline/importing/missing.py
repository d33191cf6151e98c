"""Tags where no face was found: the box is encoded, so that it becomes a face of its own.

What it shows may still be a face that the index has, in a box that hardly overlaps: then the encodings are alike, and
that face is meant.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from faceindex.labelfile import Spot, Word, Work, spots
from faceindex.models import Box
from faceindex.pipeline import bringing
from faceindex.pipeline.importing.plan import Plan, Said
from faceindex.store import encodings, tagging
from faceindex.store.tagging import There

SAME_FACE = 0.35  # plain distance of two encodings of one face on one photo, boxed differently
AROUND = 1.5  # so many times its size around a box, such a face has its centre

Drawings = dict[Spot, NDArray[np.float32] | str]


def drawn(db: sqlite3.Connection, backend: str, plans: Sequence[Plan], step: Callable[[int, int], None]) -> Drawings:
    """What each box shows that is to be drawn, or why that is not known. Mends plans where it is a known face."""
    found: Drawings = {}
    said = {each.spot: each for made in plans for each in made.said if each.face is None and each.spot is not None}
    words = [Word(spot, each.tag.name, "tag", drawn=True, hint=each.path) for spot, each in said.items()]
    for done, (spot, drawing) in enumerate(bringing.drawings(db, backend, Work({}, words, [])), 1):
        vector = said[spot].tag.vector
        if isinstance(drawing, str) and vector and backend == "dlib":
            drawing = np.frombuffer(vector, "<f4").astype(np.float32)
        found[spot] = drawing
        step(done, len(said))
    for made in plans:
        made.said = list(_reconciled(db, backend, made, found))
    return found


def _reconciled(db: sqlite3.Connection, backend: str, made: Plan, drawings: Drawings) -> Iterator[Said]:
    taken = {each.face.face_id for each in made.said if each.face is not None}
    for each in made.said:
        drawing = drawings.get(each.spot) if each.spot is not None else None
        if drawing is None or isinstance(drawing, str) or each.tag.box is None:
            yield each
            continue
        photo = tagging.photo(db, each.photo_id, backend)
        faces = [] if photo is None else photo.faces
        meant = _meant(db, each.tag.box, drawing, [face for face in faces if face.face_id not in taken])
        if meant is None or photo is None:
            yield each
            continue
        taken.add(meant.face_id)
        places = spots(photo.digest, [face.box for face in faces])
        yield replace(each, face=meant, spot=places[faces.index(meant)])


def _meant(db: sqlite3.Connection, box: Box, drawing: NDArray[np.float32], faces: Sequence[There]) -> There | None:
    near = [face for face in faces if not face.forgotten and _is_around(box, face.box)]
    away = [float(np.linalg.norm(encodings.vector(db, face.face_id) - drawing)) for face in near]
    return near[int(np.argmin(away))] if near and min(away) < SAME_FACE else None


def _is_around(box: Box, face: Box) -> bool:
    """Whether a face lies near enough to a box to be what somebody meant by it."""
    across = abs((box.left + box.right) - (face.left + face.right)) / 2
    down = abs((box.top + box.bottom) - (face.top + face.bottom)) / 2
    return across <= AROUND * max(box.width, face.width) and down <= AROUND * max(box.height, face.height)
