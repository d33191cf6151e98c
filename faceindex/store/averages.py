"""Which faces are in which cluster, and the exact sum of each cluster's encodings.

Sums are kept as whole numbers in units of 2^-32 (matching.fixed), so faces may come and go in any
order and the sum stays equal, to the last bit, to one computed afresh. check() does just that.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from faceindex.matching import fixed

Total = NDArray[np.int64]  # (D,)


def assign(db: sqlite3.Connection, cluster_of: Mapping[int, int | None]) -> None:
    """Put faces into clusters (None: into no cluster), and keep the averages true."""
    changes: dict[int, list[tuple[int, Total]]] = defaultdict(list)
    moves: list[tuple[int | None, int]] = []
    for face_id, new in cluster_of.items():
        row = db.execute(
            "SELECT cluster_id, vector FROM face JOIN encoding USING (face_id) WHERE face_id = ?", (face_id,)
        ).fetchone()
        old = row["cluster_id"]
        if old == new:
            continue
        moves.append((new, face_id))
        total = fixed(np.frombuffer(row["vector"], "<f4")[None, :])[0]
        if old is not None:
            changes[old].append((-1, -total))
        if new is not None:
            changes[new].append((+1, total))
    db.executemany("UPDATE face SET cluster_id = ? WHERE face_id = ?", moves)
    for cluster_id, steps in changes.items():
        _add(db, cluster_id, sum(n for n, _ in steps), np.sum([t for _, t in steps], axis=0))


def _add(db: sqlite3.Connection, cluster_id: int, faces: int, total: Total) -> None:
    """Add so many faces (or take away, with both numbers negative); an empty cluster has no average."""
    row = db.execute("SELECT faces, total FROM average WHERE cluster_id = ?", (cluster_id,)).fetchone()
    if row is not None:
        faces += row["faces"]
        total = total + np.frombuffer(row["total"], "<i8")
    if not faces:
        db.execute("DELETE FROM average WHERE cluster_id = ?", (cluster_id,))
        return
    db.execute(
        "INSERT OR REPLACE INTO average (cluster_id, faces, total) VALUES (?, ?, ?)",
        (cluster_id, faces, total.astype("<i8").tobytes()),
    )


def faces_of(db: sqlite3.Connection, cluster_id: int) -> list[int]:
    """face_ids of a cluster's members."""
    rows = db.execute("SELECT face_id FROM face WHERE cluster_id = ? ORDER BY face_id", (cluster_id,))
    return [row[0] for row in rows]


def check(db: sqlite3.Connection) -> list[int]:
    """cluster_ids whose average is not, to the last bit, what their faces give."""
    rows = db.execute(
        """SELECT cluster_id, vector FROM face JOIN encoding USING (face_id)
           WHERE cluster_id IS NOT NULL ORDER BY cluster_id"""
    )
    wrong = [
        cluster_id
        for cluster_id, members in groupby(rows, key=itemgetter(0))
        if not _agrees(db, cluster_id, (member[1] for member in members))
    ]
    faceless = db.execute(
        """SELECT cluster_id FROM average
           WHERE NOT EXISTS (SELECT 1 FROM face WHERE face.cluster_id = average.cluster_id)"""
    )
    return sorted([*wrong, *(row[0] for row in faceless)])


def _agrees(db: sqlite3.Connection, cluster_id: int, vectors: Iterable[bytes]) -> bool:
    """Whether a cluster's average is that of these encodings."""
    count, expected = 0, np.zeros(1, np.int64)
    for vector in vectors:
        count, expected = count + 1, expected + fixed(np.frombuffer(vector, "<f4")[None, :])[0]
    row = db.execute("SELECT faces, total FROM average WHERE cluster_id = ?", (cluster_id,)).fetchone()
    return row is not None and row[0] == count and np.array_equal(np.frombuffer(row[1], "<i8"), expected)


def rebuild(db: sqlite3.Connection, cluster_ids: Iterable[int]) -> None:
    """Compute these averages afresh from their faces."""
    for cluster_id in cluster_ids:
        rows = db.execute(
            "SELECT vector FROM face JOIN encoding USING (face_id) WHERE cluster_id = ?", (cluster_id,)
        ).fetchall()
        db.execute("DELETE FROM average WHERE cluster_id = ?", (cluster_id,))
        if rows:
            vectors = np.stack([np.frombuffer(row[0], "<f4") for row in rows])
            _add(db, cluster_id, len(rows), fixed(vectors).sum(axis=0))


def stacked(vectors: Sequence[bytes]) -> NDArray[np.float32]:
    """(N, D) float32 from encodings as the index keeps them."""
    if not vectors:
        return np.zeros((0, 0), np.float32)
    return np.frombuffer(b"".join(vectors), "<f4").reshape(len(vectors), -1).astype(np.float32)
