"""What a question shows of its clusters and faces on the page, cheap however large they are."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceindex.distance import distances
from faceindex.store import encodings, questions

AMONG = 200  # faces of a cluster out of which those are chosen that are shown
MOST_NAMED = 3000  # clusters with a name, the largest, that somebody may be near to


@dataclass(frozen=True, slots=True)
class Shown:
    """A face, as a tile."""

    face_id: int
    photo_id: int
    year: str | None
    cluster_id: int | None
    name: str | None  # of its label, else of its cluster


@dataclass(frozen=True, slots=True)
class Group:
    """A cluster, as it is now."""

    cluster_id: int
    person_id: int | None
    name: str | None
    faces: int


def group(db: sqlite3.Connection, cluster_id: int) -> Group | None:
    """A cluster; None where it has no faces, or is to be left alone."""
    row = db.execute(
        """SELECT cluster_id, person_id, name, faces FROM cluster JOIN average USING (cluster_id)
           LEFT JOIN person USING (person_id) WHERE cluster_id = ? AND faces > 0 AND NOT ignored""",
        (cluster_id,),
    ).fetchone()
    return None if row is None else Group(*row)


def face(db: sqlite3.Connection, face_id: int) -> Shown | None:
    """One face."""
    row = db.execute(
        """SELECT face_id, photo_id, substr(taken_at, 1, 4), face.cluster_id, person.name
           FROM face JOIN photo USING (photo_id) LEFT JOIN label USING (face_id)
           LEFT JOIN cluster ON cluster.cluster_id = face.cluster_id
           LEFT JOIN person ON person.person_id = coalesce(label.person_id, cluster.person_id)
           WHERE face_id = ?""",
        (face_id,),
    ).fetchone()
    return None if row is None else Shown(*row)


def faces(db: sqlite3.Connection, cluster_id: int, limit: int) -> list[Shown]:
    """Sharp and large faces of a cluster, the best first; without those that a human called somebody else."""
    rows = db.execute(
        """SELECT face_id, photo_id, substr(taken_at, 1, 4), one.cluster_id, person.name
           FROM (SELECT * FROM face WHERE cluster_id = ? LIMIT ?) AS one
           JOIN photo USING (photo_id) JOIN cluster ON cluster.cluster_id = one.cluster_id
           LEFT JOIN person ON person.person_id = cluster.person_id LEFT JOIN label USING (face_id)
           WHERE coalesce(label.person_id, -1) = coalesce(cluster.person_id, -1) OR label.person_id IS NULL
           ORDER BY counts DESC, min(("right" - "left") * (bottom - top), 0.05) * (1 + coalesce(sharpness, 0)) DESC,
                    face_id LIMIT ?""",
        (cluster_id, AMONG, limit),
    )
    return [Shown(*row) for row in rows]


def likeliest(
    db: sqlite3.Connection, backend: str, cluster_id: int | None, face_id: int | None, limit: int
) -> list[str]:
    """Names of those whom a face, or else a cluster, looks most like, and whom it may be; the nearest first."""
    named = db.execute(
        """SELECT cluster_id, person_id, name FROM (
               SELECT cluster_id, person_id, name FROM person JOIN cluster USING (person_id)
               JOIN average USING (cluster_id) WHERE backend = ? AND faces > 0 ORDER BY faces DESC LIMIT ?
           ) ORDER BY cluster_id""",
        (backend, MOST_NAMED),
    ).fetchall()
    point, weights = _point(db, cluster_id, face_id), encodings.latest_weights(db, backend)
    if point is None or weights is None or not named:
        return []
    pairs = questions.never_of_faces(db, [face_id]) if face_id else questions.never(db, backend, cluster_id or 0)
    never = set(pairs[:, 1].tolist())
    away = distances(point[None], encodings.means(db, [row[0] for row in named]), weights.vector)[0]
    near = [named[row] for row in np.argsort(away, kind="stable")]
    return list(dict.fromkeys(row["name"] for row in near if row["person_id"] not in never))[:limit]


def _point(db: sqlite3.Connection, cluster_id: int | None, face_id: int | None) -> NDArray[np.float32] | None:
    if face_id is not None:
        return encodings.vector(db, face_id) if face(db, face_id) else None
    if cluster_id is None or group(db, cluster_id) is None:
        return None
    found: NDArray[np.float32] = encodings.means(db, [cluster_id])[0]
    return found
