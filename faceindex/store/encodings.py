"""Arrays for matching, and what matching decided."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceindex.matching import mean
from faceindex.store import averages

BLOCK = 10_000
FEW = 1_000  # averages read at once: they are wider, and exact


@dataclass(frozen=True, slots=True)
class Unmatched:
    """Faces that are in no cluster yet; row i of every array is the same face."""

    face_ids: NDArray[np.int64]  # (N,)
    photo_ids: NDArray[np.int64]  # (N,)
    vectors: NDArray[np.float32]  # (N, D)
    counts: NDArray[np.bool_]  # (N,) False: poor, may join a cluster but not found one


@dataclass(frozen=True, slots=True)
class Averages:
    """Every cluster with faces; row i of every array is the same cluster."""

    cluster_ids: NDArray[np.int64]  # (C,)
    persons: NDArray[np.int64]  # (C,) person_id; unnamed clusters have negative numbers of their own
    named: NDArray[np.bool_]  # (C,)
    means: NDArray[np.float32]  # (C, D)


@dataclass(frozen=True, slots=True)
class Weights:
    weights_id: int
    encodings: int  # computed from how many
    vector: NDArray[np.float32]  # (D,), mean 1


@dataclass(frozen=True, slots=True)
class Match:
    """Why a face is where it is."""

    face_id: int
    cluster_id: int
    distance: float
    runner_up_id: int | None
    runner_up_distance: float | None
    founded: bool
    normalised: float | None = None  # the same distances by the cohort
    runner_up_normalised: float | None = None


def unmatched(db: sqlite3.Connection, backend: str, limit: int) -> Unmatched:
    """The next faces without a cluster, in an order that depends on the pictures alone.

    Ids follow the order in which workers finished; digests and boxes do not, so an interrupted and an
    undisturbed first night come to the same clusters.
    """
    rows = db.execute(
        """SELECT face.face_id, face.photo_id, counts, vector
           FROM face JOIN encoding USING (face_id) JOIN photo USING (photo_id)
           WHERE cluster_id IS NULL AND tried = 0 AND backend = ?
             AND NOT EXISTS (SELECT 1 FROM ignored WHERE ignored.face_id = face.face_id)
           ORDER BY photo.digest, face.top, face."left", face.bottom, face."right" LIMIT ?""",
        (backend, limit),
    ).fetchall()
    ids = np.array([row[:3] for row in rows] or np.zeros((0, 3)), np.int64)
    return Unmatched(ids[:, 0], ids[:, 1], averages.stacked([row[3] for row in rows]), ids[:, 2] > 0)


def put_aside(db: sqlite3.Connection, face_ids: Sequence[int], clusters: int) -> None:
    """Remember that these were near none of so many clusters, so that they are not tried again every night."""
    tried = max(1, clusters)
    db.executemany("UPDATE face SET tried = ? WHERE face_id = ?", [(tried, face_id) for face_id in face_ids])


def try_again(db: sqlite3.Connection, backend: str, most_tried: float = float("inf")) -> None:
    """Have those be matched once more that were put aside when there were at most so many clusters."""
    db.execute(
        "UPDATE face SET tried = 0 WHERE cluster_id IS NULL AND backend = ? AND tried > 0 AND tried <= ?",
        (backend, min(most_tried, 2**62)),
    )


def counting(db: sqlite3.Connection, cluster_id: int) -> NDArray[np.float32]:
    """Encodings (N, D) of a cluster's faces that count."""
    rows = db.execute(
        "SELECT vector FROM face JOIN encoding USING (face_id) WHERE cluster_id = ? AND counts ORDER BY face_id",
        (cluster_id,),
    ).fetchall()
    return averages.stacked([row[0] for row in rows])


def clusters(db: sqlite3.Connection, backend: str) -> int:
    """How many clusters a backend has, those that all faces left among them."""
    return int(db.execute("SELECT count(*) FROM cluster WHERE backend = ?", (backend,)).fetchone()[0])


def all_averages(db: sqlite3.Connection, backend: str) -> Averages:
    """Every cluster's average, read in one transaction. Memory: 0.5 kB a cluster."""
    size, filled = clusters(db, backend), 0
    numbers, persons = np.empty(size, np.int64), np.empty(size, np.int64)
    means = np.zeros((size, 0), np.float32)
    cursor = db.execute(
        """SELECT cluster_id, coalesce(person_id, -cluster_id),
                  iif(counted_total IS NULL, faces, counted) AS faces, coalesce(counted_total, total) AS total
           FROM average JOIN cluster USING (cluster_id) WHERE backend = ? AND faces > 0 ORDER BY cluster_id""",
        (backend,),
    )
    while rows := cursor.fetchmany(FEW):
        block = slice(filled, filled + len(rows))
        numbers[block], persons[block] = [row[0] for row in rows], [row[1] for row in rows]
        found = _means(rows)
        if not filled:
            means = np.empty((size, found.shape[1]), np.float32)
        means[block] = found
        filled = block.stop
    return Averages(numbers[:filled], persons[:filled], persons[:filled] > 0, means[:filled])


def means(db: sqlite3.Connection, cluster_ids: Sequence[int]) -> NDArray[np.float32]:
    """Averages (C, D) of clusters with faces, in the order of their numbers."""
    rows = db.execute(
        """SELECT iif(counted_total IS NULL, faces, counted) AS faces, coalesce(counted_total, total) AS total
           FROM average
           WHERE cluster_id IN (SELECT value FROM json_each(?)) ORDER BY cluster_id""",
        (json.dumps(list(cluster_ids)),),
    ).fetchall()
    return _means(rows)


def _means(rows: Sequence[sqlite3.Row]) -> NDArray[np.float32]:
    totals = np.frombuffer(b"".join(row["total"] for row in rows), "<i8").reshape(len(rows), -1)
    return mean(totals, np.array([row["faces"] for row in rows]))


def forbidden(db: sqlite3.Connection, faces: Unmatched) -> list[tuple[int, int]]:
    """(face_id, cluster_id) that must never be: rejected, taken by another face of the photo, or not born yet."""
    photos = json.dumps(sorted({int(i) for i in faces.photo_ids}))
    rows = db.execute(
        """WITH new AS MATERIALIZED (
               SELECT face_id, photo_id, backend FROM face
               WHERE photo_id IN (SELECT value FROM json_each(?)) AND cluster_id IS NULL
           )
           SELECT new.face_id, mate.cluster_id FROM new JOIN face AS mate USING (photo_id, backend)
           WHERE mate.cluster_id IS NOT NULL
           UNION
           SELECT new.face_id, cluster.cluster_id FROM new JOIN face AS mate USING (photo_id, backend)
           JOIN cluster AS taken ON taken.cluster_id = mate.cluster_id AND taken.person_id IS NOT NULL
           JOIN cluster ON cluster.person_id = taken.person_id
           UNION
           SELECT new.face_id, rejection.cluster_id FROM new JOIN rejection USING (face_id)
           WHERE rejection.cluster_id IS NOT NULL
           UNION
           SELECT new.face_id, cluster.cluster_id FROM new JOIN rejection USING (face_id)
           JOIN cluster ON cluster.person_id = rejection.person_id
           UNION
           SELECT new.face_id, cluster.cluster_id FROM new JOIN photo USING (photo_id)
           JOIN person ON substr(photo.taken_at, 1, length(person.born)) < person.born
           JOIN cluster USING (person_id)""",
        (photos,),
    )
    return [(row[0], row[1]) for row in rows]


def vector(db: sqlite3.Connection, face_id: int) -> NDArray[np.float32]:
    """A face's encoding, (D,)."""
    (blob,) = db.execute("SELECT vector FROM encoding WHERE face_id = ?", (face_id,)).fetchone()
    return np.frombuffer(blob, "<f4").astype(np.float32)


def new_cluster(db: sqlite3.Connection, run_id: int, backend: str, person_id: int | None = None) -> int:
    """Id of a new, empty cluster, of a person whom a human named already or of nobody; ids are never used again."""
    cursor = db.execute(
        "INSERT INTO cluster (backend, run_id, person_id) VALUES (?, ?, ?)", (backend, run_id, person_id)
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def save_matches(
    db: sqlite3.Connection,
    run_id: int,
    weights: Weights,
    threshold: float,
    cohort_id: int | None,
    matches: Sequence[Match],
) -> None:
    """Put faces into clusters and remember why."""
    db.executemany(
        """INSERT OR REPLACE INTO match (
               face_id, cluster_id, distance, runner_up_id, runner_up_distance, founded,
               normalised, runner_up_normalised, threshold, cohort_id, weights_id, run_id
           ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            (m.face_id, m.cluster_id, m.distance, m.runner_up_id, m.runner_up_distance, m.founded,
             m.normalised, m.runner_up_normalised, threshold, cohort_id, weights.weights_id, run_id)
            for m in matches
        ),
    )  # fmt: skip
    averages.assign(db, {m.face_id: m.cluster_id for m in matches})


def blocks(db: sqlite3.Connection, backend: str) -> Iterator[NDArray[np.float32]]:
    """Every encoding of a backend, (up to BLOCK, D) at a time."""
    cursor = db.execute(
        "SELECT vector FROM face JOIN encoding USING (face_id) WHERE backend = ? ORDER BY face_id", (backend,)
    )
    while rows := cursor.fetchmany(BLOCK):
        yield averages.stacked([row[0] for row in rows])


def count(db: sqlite3.Connection, backend: str) -> int:
    """How many encodings a backend has made."""
    row = db.execute("SELECT count(*) FROM face WHERE backend = ?", (backend,)).fetchone()
    return int(row[0])


def latest_weights(db: sqlite3.Connection, backend: str) -> Weights | None:
    """The weights in force."""
    row = db.execute(
        "SELECT weights_id, encodings, vector FROM weights WHERE backend = ? ORDER BY weights_id DESC LIMIT 1",
        (backend,),
    ).fetchone()
    return Weights(row[0], row[1], np.frombuffer(row[2], "<f4").astype(np.float32)) if row else None


def add_weights(
    db: sqlite3.Connection, run_id: int, backend: str, encodings: int, vector: NDArray[np.float32]
) -> Weights:
    """A new version of the weights."""
    cursor = db.execute(
        "INSERT INTO weights (backend, encodings, vector, run_id) VALUES (?, ?, ?, ?)",
        (backend, encodings, vector.astype("<f4").tobytes(), run_id),
    )
    assert cursor.lastrowid is not None
    return Weights(cursor.lastrowid, encodings, vector)
