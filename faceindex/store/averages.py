"""Which faces are in which cluster, and the exact sum of each cluster's encodings.

Sums are kept as whole numbers in units of 2^-32 (matching.fixed), so faces may come and go in any
order and the sum stays equal, to the last bit, to one computed afresh. check() does just that.

Poor faces and near-copies do not count: where there are some of them and others, a second sum, of those
that count, makes the average.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from faceindex.matching import fixed

Total = NDArray[np.int64]  # (D,)


@dataclass(frozen=True, slots=True)
class Sums:
    """How many faces there are and their sum; the same of those that count."""

    faces: int
    total: Total
    counted: int
    counted_total: Total

    @staticmethod
    def of(vector: bytes, counts: int, sign: int = 1) -> Sums:
        """The sums of one face, or what takes it away."""
        total = sign * fixed(np.frombuffer(vector, "<f4")[None, :])[0]
        return Sums(sign, total, sign * counts, total * counts)

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.faces + other.faces,
            self.total + other.total,
            self.counted + other.counted,
            self.counted_total + other.counted_total,
        )

    @property
    def row(self) -> tuple[int, bytes, int, bytes | None]:
        """As the table keeps them."""
        if self.counted in (0, self.faces):
            return self.faces, self.total.astype("<i8").tobytes(), self.counted, None
        return self.faces, self.total.astype("<i8").tobytes(), self.counted, self.counted_total.astype("<i8").tobytes()


def assign(db: sqlite3.Connection, cluster_of: Mapping[int, int | None]) -> None:
    """Put faces into clusters (None: into no cluster), and keep the averages true."""
    changes: dict[int, list[Sums]] = defaultdict(list)
    moves: list[tuple[int | None, int]] = []
    for face_id, new in cluster_of.items():
        row = db.execute(
            "SELECT cluster_id, counts, vector FROM face JOIN encoding USING (face_id) WHERE face_id = ?", (face_id,)
        ).fetchone()
        old = row["cluster_id"]
        if old == new:
            continue
        moves.append((new, face_id))
        if old is not None:
            changes[old].append(Sums.of(row["vector"], row["counts"], -1))
        if new is not None:
            changes[new].append(Sums.of(row["vector"], row["counts"]))
    db.executemany("UPDATE face SET cluster_id = ?, tried = 0 WHERE face_id = ?", moves)
    for cluster_id, steps in changes.items():
        _add(db, cluster_id, steps)


def _add(db: sqlite3.Connection, cluster_id: int, steps: Sequence[Sums]) -> None:
    """Add faces, or take them away; an empty cluster has no average."""
    row = db.execute(
        "SELECT faces, total, counted, counted_total FROM average WHERE cluster_id = ?", (cluster_id,)
    ).fetchone()
    sums = steps[0] if row is None else steps[0] + _read(row)
    for step in steps[1:]:
        sums += step
    if not sums.faces:
        db.execute("DELETE FROM average WHERE cluster_id = ?", (cluster_id,))
        return
    db.execute(
        "INSERT OR REPLACE INTO average (cluster_id, faces, total, counted, counted_total) VALUES (?, ?, ?, ?, ?)",
        (cluster_id, *sums.row),
    )


def _read(row: sqlite3.Row) -> Sums:
    total = np.frombuffer(row["total"], "<i8").astype(np.int64)
    if row["counted_total"] is not None:
        return Sums(row["faces"], total, row["counted"], np.frombuffer(row["counted_total"], "<i8").astype(np.int64))
    return Sums(row["faces"], total, row["counted"], total if row["counted"] else np.zeros_like(total))


def discount(db: sqlite3.Connection, face_ids: Iterable[int]) -> None:
    """Have these faces, which are in no cluster, move no average from now on."""
    db.executemany(
        "UPDATE face SET counts = 0 WHERE face_id = ? AND cluster_id IS NULL", [(face_id,) for face_id in face_ids]
    )


def faces_of(db: sqlite3.Connection, cluster_id: int) -> list[int]:
    """face_ids of a cluster's members."""
    rows = db.execute("SELECT face_id FROM face WHERE cluster_id = ? ORDER BY face_id", (cluster_id,))
    return [row[0] for row in rows]


def check(db: sqlite3.Connection) -> list[int]:
    """cluster_ids whose average is not, to the last bit, what their faces give."""
    rows = db.execute(
        """SELECT cluster_id, vector, counts FROM face JOIN encoding USING (face_id)
           WHERE cluster_id IS NOT NULL ORDER BY cluster_id"""
    )
    wrong = [
        cluster_id
        for cluster_id, members in groupby(rows, key=itemgetter(0))
        if not _agrees(db, cluster_id, ((member[1], member[2]) for member in members))
    ]
    faceless = db.execute(
        """SELECT cluster_id FROM average
           WHERE NOT EXISTS (SELECT 1 FROM face WHERE face.cluster_id = average.cluster_id)"""
    )
    return sorted([*wrong, *(row[0] for row in faceless)])


def _agrees(db: sqlite3.Connection, cluster_id: int, members: Iterable[tuple[bytes, int]]) -> bool:
    """Whether a cluster's sums are those of these encodings."""
    expected = _sum(members)
    row = db.execute(
        "SELECT faces, total, counted, counted_total FROM average WHERE cluster_id = ?", (cluster_id,)
    ).fetchone()
    return row is not None and tuple(row) == expected.row


def _sum(members: Iterable[tuple[bytes, int]]) -> Sums:
    each = iter(members)
    sums = Sums.of(*next(each))
    for vector, counts in each:
        sums += Sums.of(vector, counts)
    return sums


def rebuild(db: sqlite3.Connection, cluster_ids: Iterable[int]) -> None:
    """Compute these averages afresh from their faces."""
    for cluster_id in cluster_ids:
        rows = db.execute(
            "SELECT vector, counts FROM face JOIN encoding USING (face_id) WHERE cluster_id = ?", (cluster_id,)
        ).fetchall()
        db.execute("DELETE FROM average WHERE cluster_id = ?", (cluster_id,))
        if rows:
            _add(db, cluster_id, [_sum((row[0], row[1]) for row in rows)])


def stacked(vectors: Sequence[bytes]) -> NDArray[np.float32]:
    """(N, D) float32 from encodings as the index keeps them."""
    if not vectors:
        return np.zeros((0, 0), np.float32)
    return np.frombuffer(b"".join(vectors), "<f4").reshape(len(vectors), -1).astype(np.float32)
