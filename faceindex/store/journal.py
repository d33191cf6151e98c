"""Every change a human makes is one entry; undo puts every row back as it was.

While an entry is open, temporary triggers write down each row of the journalled tables before and
after it changes. So no command can forget to, and a table added later is covered by naming it here.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from faceindex.db import now, transaction
from faceindex.errors import FaceindexError
from faceindex.store import averages

# Table: its key, and the columns a human's change may touch (empty: all of them). `average` is not
# here because it follows from the faces.
JOURNALLED: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "root": (("root_id",), ()),
    "person": (("person_id",), ()),
    "cluster": (("cluster_id",), ()),
    "face": (("face_id",), ("cluster_id",)),
    "label": (("face_id",), ()),
    "rejection": (("face_id", "person_id", "cluster_id"), ()),
    "ignored": (("face_id",), ()),
}


@dataclass(frozen=True, slots=True)
class Entry:
    journal_id: int
    at: str
    command: str
    summary: str
    undone_at: str | None
    changes: int  # rows


@contextlib.contextmanager
def entry(db: sqlite3.Connection, command: str, summary: str) -> Iterator[int]:
    """One human change: a transaction in which every row is written down. Yields the journal_id."""
    with transaction(db):
        cursor = db.execute(
            "INSERT INTO journal (at, command, summary) VALUES (?, ?, ?)", (now(), command, summary)
        )
        assert cursor.lastrowid is not None
        names = [name for table in JOURNALLED for name in _watch(db, table, cursor.lastrowid)]
        yield cursor.lastrowid
        for name in names:
            db.execute(f"DROP TRIGGER temp.{name}")


def _watch(db: sqlite3.Connection, table: str, journal_id: int) -> Iterator[str]:
    """Create the three triggers that write a table's changes down; yields their names."""
    old, new = _row_as_json(db, table, "OLD"), _row_as_json(db, table, "NEW")
    _, columns = JOURNALLED[table]
    of = f" OF {', '.join(columns)}" if columns else ""
    events = {"insert": ("INSERT", "NULL", new), "delete": ("DELETE", old, "NULL"), "update": (f"UPDATE{of}", old, new)}
    for event, (clause, before, after) in events.items():
        name = f"journal_{table}_{event}"
        db.execute(
            f"""CREATE TEMP TRIGGER {name} AFTER {clause} ON main.{table} BEGIN
                INSERT INTO journal_change SELECT {journal_id},
                    (SELECT coalesce(max(change_no), 0) + 1 FROM journal_change WHERE journal_id = {journal_id}),
                    '{table}', {before}, {after};
            END"""
        )
        yield name


def _row_as_json(db: sqlite3.Connection, table: str, row: str) -> str:
    """An SQL expression: the row's journalled columns as JSON, blobs as {"hex": …}."""
    key, wanted = JOURNALLED[table]
    columns = [r["name"] for r in db.execute(f"PRAGMA main.table_info({table})")]
    keep = [c for c in columns if not wanted or c in wanted or c in key]
    pairs = ", ".join(
        f"""'{c}', iif(typeof({row}."{c}") = 'blob', json_object('hex', hex({row}."{c}")), {row}."{c}")"""
        for c in keep
    )
    return f"json_object({pairs})"


def entries(db: sqlite3.Connection, limit: int = 20) -> list[Entry]:
    """The latest entries, newest first."""
    rows = db.execute(
        """SELECT journal_id, at, command, summary, undone_at,
                  (SELECT count(*) FROM journal_change WHERE journal_change.journal_id = journal.journal_id)
           FROM journal ORDER BY journal_id DESC LIMIT ?""",
        (limit,),
    )
    return [Entry(*row) for row in rows]


def undo(db: sqlite3.Connection, number: int = 1) -> list[Entry]:
    """Take back the last `number` entries that stand, newest first; all or none.

    Raises FaceindexError where there are not so many, or where something that came later stands on
    one of them.
    """
    with transaction(db):
        standing = [e for e in entries(db, -1) if e.undone_at is None][:number]
        if len(standing) < number:
            there = len(standing)
            raise FaceindexError(f"there is nothing to undo beyond {there} change{'s' * (there != 1)}")
        for done in standing:
            _take_back(db, done)
        return standing


def _take_back(db: sqlite3.Connection, done: Entry) -> None:
    # Rows come back in an order in which one may still point to another that is not back yet.
    db.execute("PRAGMA defer_foreign_keys = ON")
    changes = db.execute(
        "SELECT table_name, before, after FROM journal_change WHERE journal_id = ? ORDER BY change_no DESC",
        (done.journal_id,),
    ).fetchall()
    # A scan may since have carried this entry's words over to edited photos.
    for table in ("label", "rejection", "ignored"):
        db.execute(f"DELETE FROM {table} WHERE journal_id = ?", (done.journal_id,))
    moved: dict[int, int | None] = {}
    for table, before, after in changes:
        if table == "face":
            image = json.loads(before)
            moved[image["face_id"]] = image["cluster_id"]
        else:
            _restore(db, table, _image(before), _image(after))
    averages.assign(db, moved)
    dangling = db.execute("PRAGMA foreign_key_check").fetchone()
    if dangling:
        raise FaceindexError(f"'{done.summary}' cannot be undone: later work stands on it ({dangling[0]})")
    db.execute("UPDATE journal SET undone_at = ? WHERE journal_id = ?", (now(), done.journal_id))


def _image(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    row = json.loads(text)
    return {name: bytes.fromhex(v["hex"]) if isinstance(v, dict) else v for name, v in row.items()}


def _restore(
    db: sqlite3.Connection, table: str, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> None:
    """Bring one row from `after` back to `before`."""
    key, _ = JOURNALLED[table]
    if after is not None and (before is None or any(before[k] != after[k] for k in key)):
        where = " AND ".join(f'"{k}" IS :{k}' for k in key)
        db.execute(f"DELETE FROM {table} WHERE {where}", after)
    if before is not None:
        names = ", ".join(f'"{c}"' for c in before)
        marks = ", ".join(f":{c}" for c in before)
        rest = ", ".join(f'"{c}" = :{c}' for c in before)
        where = ", ".join(f'"{k}"' for k in key)
        conflict = f"ON CONFLICT ({where}) DO UPDATE SET {rest}" if table != "rejection" else ""
        db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks}) {conflict}", before)
