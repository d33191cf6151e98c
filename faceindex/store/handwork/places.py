"""Which face of this index is at each place that a file names; boxes drawn by hand are drawn where none is.

blanks    where a box is to be drawn: what it shows is to be encoded before the import begins
locate    the faces, those among them that are drawn now
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceindex.errors import UsageProblem
from faceindex.labelfile import SAME_PLACE, Spot, Work, pairs
from faceindex.models import Box
from faceindex.store import faces
from faceindex.store.faces import Place
from faceindex.store.handwork.bench import Known, Outcome, told

# What a box shows, encoded; or a sentence that says why that is not known.
Drawings = Mapping[Spot, NDArray[np.float32] | str]
CHANGED = "its photo was changed in the meantime; import again"


@dataclass(frozen=True, slots=True)
class Blank:
    """A box that a human drew, on a photo of this index, and no face of the index lies there."""

    spot: Spot
    place: Place


def blanks(db: sqlite3.Connection, backend: str, work: Work) -> list[Blank]:
    """Boxes of the file that are to be drawn in this index."""
    drawn = _drawn(work)
    found: list[Blank] = []
    for digest, spots in _by_photo(work):
        photo_id = _photo(db, digest) if drawn.intersection(spots) else None
        if photo_id is not None:
            there = _There.of(db, photo_id, backend, spots)
            found += [Blank(spot, there.place) for spot in there.missing if spot in drawn and there.place is not None
                      and there.lies(spot) is None]  # fmt: skip
    return found


def length(db: sqlite3.Connection, backend: str) -> int:
    """Numbers of an encoding of this backend; of one that has encoded nothing yet, 1."""
    row = db.execute(
        "SELECT length(vector) / 4 FROM face JOIN encoding USING (face_id) WHERE backend = ? LIMIT 1", (backend,)
    ).fetchone()
    return row[0] if row else 1


def locate(
    db: sqlite3.Connection, backend: str, work: Work, hints: Mapping[str, str], out: Outcome, drawings: Drawings
) -> dict[Spot, Known]:
    """The face of this index at each place of the file; of `drawings` those are drawn where there is still none."""
    drawn = _drawn(work)
    found: dict[Spot, Known] = {}
    for digest, spots in _by_photo(work):
        photo_id = _photo(db, digest)
        if photo_id is None:
            out.no_photo[digest] = hints.get(digest, "")
            continue
        there = _There.of(db, photo_id, backend, spots)
        found.update(there.faces)
        for spot in there.missing:
            at, why = told(spot, hints), there.lies(spot)
            if there.place is None:
                out.no_face.append(f"{at}: {backend} has not looked for faces on it yet")
            elif why is not None or spot not in drawn:
                out.no_face.append(f"{at}: {why or 'no face was found there'}")
            elif isinstance(drawing := drawings.get(spot, CHANGED), str):
                out.not_drawn.append(f"{at}: {drawing}")
            else:
                found[spot] = _draw(db, there.place, backend, spot, drawing)
                out.change("box", f"{at}: is drawn")
    return found


def _draw(db: sqlite3.Connection, place: Place, backend: str, spot: Spot, drawing: NDArray[np.float32]) -> Known:
    face_id = faces.add(db, place, backend, spot.box, drawing)
    return Known(face_id, None, None, None, None, alone=False, strangers=False, match=False)


@dataclass(frozen=True, slots=True)
class _There:
    """What this index has on a photo of which the file speaks."""

    place: Place | None  # None: this backend has not looked at it yet
    faces: dict[Spot, Known]
    missing: list[Spot]
    boxes: list[Box]  # of its faces
    forgotten: list[Box]  # of those whose person was forgotten

    @staticmethod
    def of(db: sqlite3.Connection, photo_id: int, backend: str, spots: Sequence[Spot]) -> _There:
        known, boxes = _known(db, photo_id, backend)
        chosen = pairs([spot.box for spot in spots], boxes)
        return _There(
            _place(db, photo_id, backend),
            {spots[i]: known[j] for i, j in chosen.items()},
            [spot for i, spot in enumerate(spots) if i not in chosen],
            boxes,
            _forgotten(db, photo_id),
        )

    def lies(self, spot: Spot) -> str | None:
        """What is in the way of drawing a box: a face that lies there, though it is not the one that is meant."""
        if any(box.iou(spot.box) > SAME_PLACE for box in self.forgotten):
            return "the face there is of somebody who was forgotten"
        if any(box.iou(spot.box) > SAME_PLACE for box in self.boxes):
            return "the face there is another one of the file"
        return None


def _drawn(work: Work) -> set[Spot]:
    return {word.spot for word in work.words if word.drawn}


def _by_photo(work: Work) -> list[tuple[str, list[Spot]]]:
    """The places that the file names, on each photo."""
    wanted: defaultdict[str, set[Spot]] = defaultdict(set)
    for spot in _places(work):
        wanted[spot.photo].add(spot)
    return [(digest, sorted(spots)) for digest, spots in sorted(wanted.items())]


def _places(work: Work) -> Iterator[Spot]:
    for word in work.words:
        yield word.spot
        yield from word.not_with
    for pair in work.different:
        yield from pair


def _photo(db: sqlite3.Connection, digest: str) -> int | None:
    row = db.execute("SELECT photo_id FROM photo WHERE digest = ?", (bytes.fromhex(digest),)).fetchone()
    return row[0] if row else None


def _place(db: sqlite3.Connection, photo_id: int, backend: str) -> Place | None:
    try:
        return faces.place(db, photo_id, backend)
    except UsageProblem:
        return None


def _known(db: sqlite3.Connection, photo_id: int, backend: str) -> tuple[list[Known], list[Box]]:
    rows = db.execute(
        """SELECT face.face_id, face.cluster_id, label.person_id, label.source, cluster.person_id AS owner_id,
                  ignored.face_id IS NOT NULL, coalesce(cluster.ignored, 0), match.face_id IS NOT NULL,
                  "left", top, "right", bottom
           FROM face JOIN encoding USING (face_id) LEFT JOIN label ON label.face_id = face.face_id
           LEFT JOIN cluster ON cluster.cluster_id = face.cluster_id
           LEFT JOIN ignored ON ignored.face_id = face.face_id LEFT JOIN match ON match.face_id = face.face_id
           WHERE photo_id = ? AND face.backend = ? ORDER BY "left", top, face.face_id""",
        (photo_id, backend),
    ).fetchall()
    return [Known(*row[:5], *map(bool, row[5:8])) for row in rows], [Box(*row[8:12]) for row in rows]


def _forgotten(db: sqlite3.Connection, photo_id: int) -> list[Box]:
    """Of faces of every backend."""
    rows = db.execute(
        """SELECT "left", top, "right", bottom FROM face WHERE photo_id = ?
           AND NOT EXISTS (SELECT 1 FROM encoding WHERE encoding.face_id = face.face_id)""",
        (photo_id,),
    )
    return [Box(*row) for row in rows]
