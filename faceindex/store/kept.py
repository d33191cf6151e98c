"""Whether a human's word changed anything."""

from __future__ import annotations

import sqlite3


def kept(db: sqlite3.Connection, journal_id: int) -> bool:
    """Whether an entry that is over is in the journal: one that changed nothing is not."""
    row = db.execute("SELECT EXISTS (SELECT 1 FROM journal WHERE journal_id = ?)", (journal_id,)).fetchone()
    return bool(row[0])
