"""Nights, troubles and changes as pages show them: a part of a long list at a time."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from faceindex.store.recording import ENTRIES, Entry

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Night:
    """A run: what the view `runs` says of it, and where its time went."""

    counts: Row
    stages: Mapping[str, float]  # seconds of all workers together; none where nothing was read


def nights(db: sqlite3.Connection, *, before: int | None, limit: int) -> list[Night]:
    """Runs, the latest first, from the one before `before` on."""
    rows = db.execute(
        """SELECT runs.*, run.profile FROM runs JOIN run USING (run_id)
           WHERE run.run_id < ? ORDER BY run.run_id DESC LIMIT ?""",
        (_below(before), limit),
    )
    found = []
    for row in map(dict, rows):
        profile = row.pop("profile")
        found.append(Night(row, json.loads(profile)["stages"] if profile else {}))
    return found


def troubles(db: sqlite3.Connection, *, offset: int, limit: int) -> list[Row]:
    """What could not be handled, by path."""
    rows = db.execute(
        """SELECT problem_id, kind, "next", tries, path, message, last_at FROM problems
           ORDER BY path, problem_id LIMIT ? OFFSET ?""",
        (limit, offset),
    )
    return list(map(dict, rows))


def troubles_there(db: sqlite3.Connection, problem_ids: list[int]) -> set[int]:
    """Which of these problems there are, in roots in use."""
    rows = db.execute(
        "SELECT problem_id FROM problems WHERE problem_id IN (SELECT value FROM json_each(?))",
        (json.dumps(problem_ids),),
    )
    return {row[0] for row in rows}


def how_many_troubles(db: sqlite3.Connection) -> int:
    """How many files and folders could not be handled."""
    return int(db.execute("SELECT count(*) FROM problems").fetchone()[0])


def entries_before(db: sqlite3.Connection, *, before: int | None, limit: int) -> list[Entry]:
    """Entries of the journal, newest first, from the one before `before` on."""
    rows = db.execute(f"{ENTRIES} WHERE journal_id < ? ORDER BY journal_id DESC LIMIT ?", (_below(before), limit))
    return [Entry(*row) for row in rows]


def _below(before: int | None) -> int:
    return 2**62 if before is None else before
