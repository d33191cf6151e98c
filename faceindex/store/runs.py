"""One row per scan: when, with what options, what it found, how it ended."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from faceindex import __version__
from faceindex.db import now
from faceindex.stopwatch import STAGES, Profile
from faceindex.store import moves
from faceindex.store.paths import shown

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


def spoken_since_last(db: sqlite3.Connection, run_id: int) -> bool:
    """Whether a human changed anything since the run before this one began."""
    row = db.execute(
        """SELECT EXISTS (SELECT 1 FROM journal WHERE at >= (
               SELECT started_at FROM run WHERE run_id < ? ORDER BY run_id DESC LIMIT 1))""",
        (run_id,),
    ).fetchone()
    return bool(row[0])


def counts(db: sqlite3.Connection, run_id: int) -> dict[str, Any]:
    """Everything the run's row says, but for its profile and notes."""
    row = dict(db.execute("SELECT * FROM run WHERE run_id = ?", (run_id,)).fetchone())
    return {name: value for name, value in row.items() if name not in ("profile", "notes")}


def add_profile(db: sqlite3.Connection, run_id: int, more: Profile) -> None:
    """Add to where the time of a run went so far."""
    before = profile(db, run_id) or Profile()
    total = dataclasses.asdict(before.plus(more))
    db.execute("UPDATE run SET profile = ? WHERE run_id = ?", (json.dumps(total), run_id))


def profile(db: sqlite3.Connection, run_id: int) -> Profile | None:
    """Where the time of a run went; None where it read nothing, or was before profiles."""
    (text,) = db.execute("SELECT profile FROM run WHERE run_id = ?", (run_id,)).fetchone()
    return Profile(**json.loads(text)) if text else None


def stages(db: sqlite3.Connection, run_id: int) -> list[dict[str, Any]]:
    """Where the time of a run went, stage by stage as a photo meets them, as the view `profiles` shows it."""
    rows = db.execute("SELECT stage, seconds, ms_per_photo, share FROM profiles WHERE run_id = ?", (run_id,))
    order = {name: place for place, name in enumerate((*STAGES, "idle"))}
    return sorted(map(dict, rows), key=lambda row: order.get(row["stage"], STAGES.index("other")))


def unmatched(db: sqlite3.Connection, backend: str) -> int:
    """How many faces wait to be matched."""
    row = db.execute(
        """SELECT count(*) FROM face WHERE cluster_id IS NULL AND tried = 0 AND backend = ?
           AND NOT EXISTS (SELECT 1 FROM ignored WHERE ignored.face_id = face.face_id)""",
        (backend,),
    ).fetchone()
    return int(row[0])


def detection(db: sqlite3.Connection, run_id: int) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """With what settings a run looked for faces, and the last one before it that ended; None where none did."""
    (asked,) = db.execute("SELECT options FROM run WHERE run_id = ?", (run_id,)).fetchone()
    before = db.execute(
        "SELECT options FROM run WHERE run_id < ? AND ended_at IS NOT NULL ORDER BY run_id DESC LIMIT 1", (run_id,)
    ).fetchone()
    return json.loads(asked).get("detection", {}), json.loads(before[0]).get("detection", {}) if before else None


def examined_with(db: sqlite3.Connection, run_id: int) -> list[tuple[dict[str, Any], int]]:
    """Other settings than this run's under which its backend examined photos that are present, and how many."""
    (asked,) = db.execute("SELECT options FROM run WHERE run_id = ?", (run_id,)).fetchone()
    options = json.loads(asked)
    rows = db.execute(
        """SELECT settings, count(*) FROM examination JOIN photo USING (photo_id)
           WHERE backend = ? AND settings <> ? AND EXISTS (
               SELECT 1 FROM file JOIN folder USING (folder_id) JOIN root USING (root_id)
               WHERE file.digest = photo.digest AND file.gone IS NULL AND root.removed_at IS NULL)
           GROUP BY settings""",
        (options.get("backend"), json.dumps(options.get("detection"), sort_keys=True)),
    )
    return [(json.loads(row[0]), row[1]) for row in rows]


def add_notes(db: sqlite3.Connection, run_id: int, more: Iterable[str]) -> None:
    """Remember what workers remarked, each remark once."""
    before = notes(db, run_id)
    after = list(dict.fromkeys([*before, *map(shown, more)]))
    if after != before:
        db.execute("UPDATE run SET notes = ? WHERE run_id = ?", ("\n".join(after), run_id))


def notes(db: sqlite3.Connection, run_id: int) -> list[str]:
    """What the workers of a run remarked."""
    (text,) = db.execute("SELECT notes FROM run WHERE run_id = ?", (run_id,)).fetchone()
    return text.split("\n") if text else []
