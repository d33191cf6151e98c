"""Cohorts, versioned: faces of other people by which distances are judged."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceindex.distance import COHORT, Cohort, drawn
from faceindex.store import averages
from faceindex.store.encodings import Weights

MOST_OF_A_CLUSTER = 50  # faces looked at to find a typical one


@dataclass(frozen=True, slots=True)
class StoredCohort:
    """A version of the cohort; its persons are numbered as those of `encodings.Averages`, its photos by photo_id."""

    cohort_id: int
    clusters: int  # how many the library had when it was drawn
    cohort: Cohort


@dataclass(frozen=True, slots=True)
class _Sample:
    """Faces of the largest clusters; row i of every array is the same face."""

    face_ids: NDArray[np.int64]
    photo_ids: NDArray[np.int64]
    cluster_ids: NDArray[np.int64]
    persons: NDArray[np.int64]
    vectors: NDArray[np.float32]


def latest(db: sqlite3.Connection, backend: str) -> StoredCohort | None:
    """The cohort in force, its faces owned by whoever owns them now."""
    row = db.execute(
        "SELECT cohort_id, clusters, typical, close FROM cohort WHERE backend = ? ORDER BY cohort_id DESC LIMIT 1",
        (backend,),
    ).fetchone()
    if row is None:
        return None
    faces = db.execute(
        """SELECT coalesce(label.person_id, cluster.person_id, -cluster.cluster_id, 0), photo_id, vector
           FROM cohort_face JOIN face USING (face_id) JOIN encoding USING (face_id)
           LEFT JOIN label USING (face_id) LEFT JOIN cluster ON cluster.cluster_id = face.cluster_id
           WHERE cohort_id = ? ORDER BY face_id""",
        (row[0],),
    ).fetchall()
    numbers = np.array([face[:2] for face in faces] or np.zeros((0, 2)), np.int64)
    vectors = averages.stacked([face[2] for face in faces])
    return StoredCohort(row[0], row[1], Cohort(vectors, numbers[:, 0], numbers[:, 1], row[2], row[3]))


def draw(db: sqlite3.Connection, run_id: int, backend: str, clusters: int, weights: Weights) -> StoredCohort | None:
    """A new version, one face from each of the people who are on most photos; None where they are too few."""
    sample = _sample(db, backend)
    if not sample.face_ids.size:
        return None
    cohort = drawn(sample.vectors, sample.persons, sample.photo_ids, weights.vector, sample.persons > 0)
    if cohort is None:
        return None
    number = db.execute(
        """INSERT INTO cohort (backend, clusters, weights_id, typical, close, run_id)
           VALUES (?, ?, ?, ?, ?, ?) RETURNING cohort_id""",
        (backend, clusters, weights.weights_id, cohort.typical, cohort.close, run_id),
    ).fetchone()[0]
    rows = _rows_of(sample, cohort)
    db.executemany(
        "INSERT INTO cohort_face (cohort_id, face_id, cluster_id) VALUES (?, ?, ?)",
        [(number, int(sample.face_ids[row]), int(sample.cluster_ids[row])) for row in rows],
    )
    return latest(db, backend)


def _sample(db: sqlite3.Connection, backend: str) -> _Sample:
    """Some faces of each of the largest clusters, in an order that depends on the pictures alone."""
    rows = db.execute(
        """WITH largest AS MATERIALIZED (
               SELECT cluster_id, person_id FROM cluster JOIN average USING (cluster_id)
               WHERE backend = :backend AND faces > 0
               ORDER BY person_id IS NULL, faces DESC, cluster_id LIMIT :most
           ), ranked AS (
               SELECT face.face_id, face.photo_id, cluster_id, coalesce(person_id, -cluster_id) AS person,
                      row_number() OVER (PARTITION BY cluster_id ORDER BY photo.digest, face.top, face."left") AS place
               FROM largest JOIN face USING (cluster_id) JOIN photo USING (photo_id)
               WHERE face.counts
                 AND NOT EXISTS (SELECT 1 FROM ignored WHERE ignored.face_id = face.face_id)
           )
           SELECT face_id, photo_id, cluster_id, person, vector FROM ranked JOIN encoding USING (face_id)
           WHERE place <= :each ORDER BY cluster_id, place""",
        {"backend": backend, "most": 4 * COHORT, "each": MOST_OF_A_CLUSTER},
    ).fetchall()
    numbers = np.array([row[:4] for row in rows] or np.zeros((0, 4)), np.int64)
    vectors = averages.stacked([row[4] for row in rows])
    return _Sample(numbers[:, 0], numbers[:, 1], numbers[:, 2], numbers[:, 3], vectors)


def _rows_of(sample: _Sample, cohort: Cohort) -> list[int]:
    """Which row of the sample each cohort face is: one of its person, with its encoding."""
    place = {
        (int(person), vector.tobytes()): row
        for row, (person, vector) in enumerate(zip(sample.persons, sample.vectors, strict=True))
    }
    return [place[int(p), v.tobytes()] for p, v in zip(cohort.persons, cohort.faces, strict=True)]
