"""What a human said must never be: two clusters in one person, a face in a cluster or person it is not."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from faceindex.errors import UsageProblem
from faceindex.store import averages
from faceindex.store.paths import shown


def refuse_contradictions(db: sqlite3.Connection) -> None:
    """Raise UsageProblem where two clusters that are different people bear one name."""
    row = db.execute(
        """SELECT one_id, other_id, different.journal_id, name FROM different
           JOIN cluster AS one ON one.cluster_id = one_id JOIN cluster AS other ON other.cluster_id = other_id
           JOIN person ON person.person_id = one.person_id
           WHERE one.person_id = other.person_id ORDER BY one_id, other_id LIMIT 1"""
    ).fetchone()
    if row is not None:
        raise UsageProblem(
            f"clusters {row['one_id']} and {row['other_id']} are different people, as you said, so they cannot both be "
            f"{shown(row['name'])}; 'faceindex undo {row['journal_id']}' takes that back"
        )


def refuse_different(db: sqlite3.Connection, clusters: Sequence[int]) -> None:
    """Raise UsageProblem where a human said that two of these clusters are different people."""
    row = db.execute(
        """SELECT one_id, other_id, journal_id FROM different
           WHERE one_id IN (SELECT value FROM json_each(:clusters))
             AND other_id IN (SELECT value FROM json_each(:clusters)) ORDER BY one_id, other_id LIMIT 1""",
        {"clusters": json.dumps(list(clusters))},
    ).fetchone()
    if row is not None:
        raise UsageProblem(
            f"clusters {row['one_id']} and {row['other_id']} are different people, as you said; "
            f"'faceindex undo {row['journal_id']}' takes that back"
        )


def part(db: sqlite3.Connection, journal_id: int, one: int, other: int) -> None:
    """Remember that two clusters are different people."""
    db.execute(
        "INSERT INTO different (one_id, other_id, journal_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (min(one, other), max(one, other), journal_id),
    )


def carry(db: sqlite3.Connection, into: int, other: int) -> None:
    """Have what was said of a cluster that is merged away hold for the one it goes into."""
    db.execute("UPDATE OR IGNORE rejection SET cluster_id = ? WHERE cluster_id = ?", (into, other))
    db.execute("DELETE FROM rejection WHERE cluster_id = ?", (other,))
    pairs = db.execute(
        "SELECT one_id, other_id FROM different WHERE one_id = :cluster OR other_id = :cluster", {"cluster": other}
    ).fetchall()
    for one_id, other_id in pairs:
        new = sorted({into} | {one_id, other_id} - {other})
        db.execute(
            "UPDATE OR IGNORE different SET one_id = ?, other_id = ? WHERE one_id = ? AND other_id = ?",
            (*new, one_id, other_id),
        )
    db.execute("DELETE FROM different WHERE one_id = :cluster OR other_id = :cluster", {"cluster": other})


def let_go(db: sqlite3.Connection, face_ids: Sequence[int]) -> None:
    """Take those of these faces out that a human said are not of their cluster, or not that person."""
    rows = db.execute(
        """SELECT DISTINCT face.face_id
           FROM face JOIN cluster USING (cluster_id) JOIN rejection ON rejection.face_id = face.face_id
                AND (rejection.person_id = cluster.person_id OR rejection.cluster_id = cluster.cluster_id)
           WHERE face.face_id IN (SELECT value FROM json_each(?)) AND NOT EXISTS (
               SELECT 1 FROM label WHERE label.face_id = face.face_id AND label.person_id = cluster.person_id)""",
        (json.dumps(list(face_ids)),),
    ).fetchall()
    averages.assign(db, {row[0]: None for row in rows})
