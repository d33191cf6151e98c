"""Which face of this index is at each place that a file names."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping

from faceindex.labelfile import Spot, Work, pairs
from faceindex.models import Box
from faceindex.store.handwork.bench import Known, Outcome, told


def locate(
    db: sqlite3.Connection, backend: str, work: Work, hints: Mapping[str, str], out: Outcome
) -> dict[Spot, Known]:
    """The face of this index at each place of the file."""
    wanted: defaultdict[str, set[Spot]] = defaultdict(set)
    for spot in _places(work):
        wanted[spot.photo].add(spot)
    drawn = {word.spot for word in work.words if word.drawn}
    found: dict[Spot, Known] = {}
    for digest, asked in sorted(wanted.items()):
        row = db.execute("SELECT photo_id FROM photo WHERE digest = ?", (bytes.fromhex(digest),)).fetchone()
        if row is None:
            out.no_photo[digest] = hints.get(digest, "")
            continue
        spots = sorted(asked)
        known, boxes = _known(db, row[0], backend)
        chosen = pairs([spot.box for spot in spots], boxes)
        found.update({spots[i]: known[j] for i, j in chosen.items()})
        why = _why_no_face(db, row[0], backend)
        for spot in (spot for i, spot in enumerate(spots) if i not in chosen):
            by_hand = "; a human drew it, draw it again with 'faceindex face add'" if spot in drawn else ""
            out.no_face.append(f"{told(spot, hints)}: {why}{by_hand}")
    return found


def _places(work: Work) -> Iterator[Spot]:
    for word in work.words:
        yield word.spot
        yield from word.not_with
    for pair in work.different:
        yield from pair


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


def _why_no_face(db: sqlite3.Connection, photo_id: int, backend: str) -> str:
    examined = db.execute(
        "SELECT 1 FROM examination WHERE photo_id = ? AND backend = ?", (photo_id, backend)
    ).fetchone()
    return "no face was found there" if examined else f"{backend} has not looked for faces on it yet"
