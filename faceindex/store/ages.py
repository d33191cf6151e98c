"""How old people are in their clusters and on photos, as far as births and photos are dated."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceindex.growing import Span, out_of_reach, years


def spans(db: sqlite3.Connection, backend: str) -> list[Span]:
    """Of every cluster whose person's birth is known: the stages of life that its dated photos cover."""
    rows = db.execute(
        """SELECT cluster_id, person_id, born, min(taken_at), max(taken_at)
           FROM person CROSS JOIN cluster USING (person_id) CROSS JOIN face USING (cluster_id)
           JOIN photo USING (photo_id)
           WHERE born IS NOT NULL AND cluster.backend = ? AND taken_at IS NOT NULL
           GROUP BY cluster_id ORDER BY cluster_id""",
        (backend,),
    )
    return [Span.of(*row) for row in rows]


def taken(db: sqlite3.Connection, photo_ids: Iterable[int]) -> NDArray[np.float64]:
    """When each of these photos (N,) was taken, in years; NaN where that is not known."""
    wanted = [int(photo) for photo in photo_ids]
    rows = db.execute(
        """SELECT photo_id, taken_at FROM photo
           WHERE taken_at IS NOT NULL AND photo_id IN (SELECT value FROM json_each(?))""",
        (json.dumps(sorted(set(wanted))),),
    )
    dated = {photo: years(date) for photo, date in rows}
    return np.array([dated.get(photo, np.nan) for photo in wanted], np.float64)


def unborn(db: sqlite3.Connection, photo_ids: Iterable[int]) -> list[tuple[int, int]]:
    """(photo_id, person_id) of photos from before a person was born."""
    rows = db.execute(
        """SELECT photo_id, person_id FROM photo
           JOIN person ON substr(photo.taken_at, 1, length(person.born)) < person.born
           WHERE photo_id IN (SELECT value FROM json_each(?)) ORDER BY 1, 2""",
        (json.dumps(sorted({int(photo) for photo in photo_ids})),),
    )
    return [(row[0], row[1]) for row in rows]


def never(db: sqlite3.Connection, backend: str, face_ids: Iterable[int]) -> NDArray[np.int64]:
    """(K, 2) pairs (face_id, person_id): people who were not born yet on the face's photo, or all of whose clusters
    are too far from it in age."""
    rows = db.execute(
        "SELECT face_id, photo_id FROM face WHERE face_id IN (SELECT value FROM json_each(?)) ORDER BY face_id",
        (json.dumps([int(face) for face in face_ids]),),
    ).fetchall()
    photos = [row[1] for row in rows]
    before = set(unborn(db, photos))
    pairs = [(row[0], person) for row in rows for photo, person in before if photo == row[1]]
    known = spans(db, backend)
    clusters = db.execute("SELECT person_id, count(*) FROM cluster JOIN average USING (cluster_id) GROUP BY person_id")
    clusters_of = dict(map(tuple, clusters))
    person_of = {span.cluster_id: span.person_id for span in known}
    far = out_of_reach(taken(db, photos), known)
    counted = Counter((row, person_of[cluster]) for row, cluster in far)
    pairs += [(rows[row][0], person) for (row, person), count in counted.items() if count == clusters_of[person]]
    return np.array(sorted(set(pairs)), np.int64).reshape(-1, 2)


def binding(db: sqlite3.Connection, backend: str, photo_id: int) -> list[dict[str, Any]]:
    """The clusters that say nothing of anybody's age on this photo, in the words of `reasons.constraints`."""
    far = [cluster for _, cluster in out_of_reach(taken(db, [photo_id]), spans(db, backend))]
    rows = db.execute(
        """SELECT 'age' AS kind, cluster_id AS cluster, name AS person, NULL AS face, NULL AS entry
           FROM cluster JOIN person USING (person_id)
           WHERE cluster_id IN (SELECT value FROM json_each(?)) ORDER BY cluster_id""",
        (json.dumps(far),),
    )
    return [dict(row) for row in rows]


def differ(db: sqlite3.Connection, cluster_id: int, other: int) -> bool:
    """Whether a cluster shows the person of the other at another age than the other does."""
    rows = db.execute(
        """SELECT face.cluster_id, person.person_id, born, min(taken_at), max(taken_at)
           FROM cluster AS named JOIN person USING (person_id)
           JOIN face ON face.cluster_id IN (named.cluster_id, :cluster) JOIN photo USING (photo_id)
           WHERE named.cluster_id = :other AND born IS NOT NULL AND taken_at IS NOT NULL
           GROUP BY face.cluster_id""",
        {"cluster": cluster_id, "other": other},
    )
    found = [Span.of(*row) for row in rows]
    return len(found) > 1 and not found[0].overlaps(found[1])
