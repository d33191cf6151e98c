"""Few facts about the index as a whole."""

from __future__ import annotations

import sqlite3


def get(db: sqlite3.Connection, name: str) -> str | None:
    """A setting, or None."""
    row = db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None


def put(db: sqlite3.Connection, name: str, value: str) -> None:
    """Set a setting."""
    db.execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", (name, value))


def drop(db: sqlite3.Connection, name: str) -> None:
    """Forget a setting, if it is set."""
    db.execute("DELETE FROM setting WHERE name = ?", (name,))
