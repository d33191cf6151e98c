"""What an answer to a question says beyond what faces.py, people.py and parting.py know; within journal.entry()."""

from __future__ import annotations

import sqlite3

from faceindex.errors import UsageProblem


def not_of(db: sqlite3.Connection, journal_id: int, cluster_id: int, other: int) -> None:
    """Remember for ever that the faces of a cluster are not the person whose the other cluster is."""
    db.execute(
        """INSERT INTO rejection (face_id, person_id, journal_id)
           SELECT face_id, (SELECT person_id FROM cluster WHERE cluster_id = :other), :journal
           FROM face WHERE cluster_id = :cluster ON CONFLICT DO NOTHING""",
        {"cluster": cluster_id, "other": other, "journal": journal_id},
    )


def refuse_gone(db: sqlite3.Connection, cluster_id: int | None, face_id: int | None = None) -> None:
    """Raise UsageProblem where a cluster, or a face in it, is not what it was when the question was asked."""
    row = db.execute(
        "SELECT 1 FROM face WHERE cluster_id IS :cluster AND (:face IS NULL OR face_id = :face)",
        {"cluster": cluster_id, "face": face_id},
    ).fetchone()
    if row is None:
        raise UsageProblem("somebody else changed that in the meantime; nothing was done")
