"""What to say of a command that changed nothing."""

from __future__ import annotations

import sqlite3

from faceindex.cli.app import App
from faceindex.store.kept import kept


def say(app: App, db: sqlite3.Connection, journal_id: int, done: str, so_already: str) -> None:
    """Say what an entry did; or, where it changed nothing, that all is so already."""
    app.say(done if kept(db, journal_id) else f"{so_already}; nothing changed")
