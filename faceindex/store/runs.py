"""One row per scan: when, with what options, what it found, how it ended."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any, Literal

from faceindex import __version__
from faceindex.db import now
from faceindex.store import moves

Outcome = Literal["done", "deadline", "stopped", "failed"]

COUNTS = (
    "files_seen", "files_new", "files_changed", "files_moved", "files_copied", "files_returned",
    "files_vanished", "files_read", "bytes_read", "photos_new", "faces_found", "faces_named",
    "clusters_new", "problems", "offline",
)  # fmt: skip


def begin(db: sqlite3.Connection, options: Mapping[str, Any]) -> int:
    """Open a new run; whoever holds the scan lock knows that any other open run was killed."""
    db.execute("UPDATE run SET outcome = 'killed' WHERE ended_at IS NULL AND outcome IS NULL")
    cursor = db.execute(
        "INSERT INTO run (started_at, version, options) VALUES (?, ?, ?)",
        (now(), __version__, json.dumps(options, sort_keys=True)),
    )
    assert cursor.lastrowid is not None
    moves.begin(db)
    return cursor.lastrowid


def count(db: sqlite3.Connection, run_id: int, **more: int) -> None:
    """Add to a run's counts, named as the columns are.

    What an earlier, killed run counted as new may turn out to be a copy only now: no count falls below 0.
    """
    unknown = set(more) - set(COUNTS)
    if unknown:
        raise ValueError(f"no such counts: {unknown}")
    more = {name: number for name, number in more.items() if number}
    if more:
        sums = ", ".join(f"{name} = max(0, {name} + :{name})" for name in more)
        db.execute(f"UPDATE run SET {sums} WHERE run_id = :run_id", {**more, "run_id": run_id})


def end(db: sqlite3.Connection, run_id: int, outcome: Outcome) -> None:
    """Close a run."""
    db.execute("UPDATE run SET ended_at = ?, outcome = ? WHERE run_id = ?", (now(), outcome, run_id))


def counts(db: sqlite3.Connection, run_id: int) -> dict[str, Any]:
    """Everything the run's row says."""
    return dict(db.execute("SELECT * FROM run WHERE run_id = ?", (run_id,)).fetchone())
