"""Every change a human makes is one entry, written down row by row, so that it can be undone.

While an entry is open, temporary triggers write down each row of the journalled tables before and
after it changes. So no command can forget to, and a table added later is covered by naming it here.
How entries are taken back is told in journal.py, which is also where callers find all of this.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from faceindex.db import now, transaction
from faceindex.store.paths import columns

# Table: its key, and the columns a human's change may touch (empty: all of them). `average` is not
# here because it follows from the faces. No REAL column may be: JSON would round it. A face that a human
# adds is written down whole, with its encoding; its numbers are round already (store.faces.add).
JOURNALLED: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "root": (("root_id",), ()),
    "person": (("person_id",), ()),
    "cluster": (("cluster_id",), ()),
    "face": (("face_id",), ("cluster_id",)),
    "label": (("face_id",), ()),
    "rejection": (("face_id", "person_id", "cluster_id"), ()),
    "ignored": (("face_id",), ()),
    "different": (("one_id", "other_id"), ()),
    "encoding": (("face_id",), ()),
}
UNDO = "undo"  # how the journal calls an entry that takes others back
SAID_OF_FACES = ("label", "rejection", "ignored")


@dataclass(frozen=True, slots=True)
class Entry:
    journal_id: int
    at: str
    command: str
    summary: str
    undone_at: str | None
    undone_by: int | None  # the entry that took it back
    changes: int  # rows
    erased: int  # 1: somebody it spoke of was forgotten for good

    @property
    def brings(self) -> str | None:
        """What comes back when this entry is taken back, if it took something back itself."""
        if self.command != UNDO:
            return None
        return self.summary.partition(": ")[2]


@contextlib.contextmanager
def entry(db: sqlite3.Connection, command: str, summary: str) -> Iterator[int]:
    """One human change: a transaction in which every row is written down. Yields the journal_id.

    An entry that changed nothing is not kept: undo would seem to do nothing.
    """
    with transaction(db):
        cursor = db.execute(
            "INSERT INTO journal (at, command, summary) VALUES (?, ?, ?)", (now(), command, columns(summary)[0])
        )
        assert cursor.lastrowid is not None
        names = [name for table in JOURNALLED for name in _watch(db, table, cursor.lastrowid)]
        yield cursor.lastrowid
        for name in names:
            db.execute(f"DROP TRIGGER temp.{name}")
        db.execute(
            """DELETE FROM journal WHERE journal_id = :id AND NOT erased
               AND NOT EXISTS (SELECT 1 FROM journal_change WHERE journal_id = :id)
               AND NOT EXISTS (SELECT 1 FROM undone WHERE by_id = :id)
               AND NOT EXISTS (SELECT 1 FROM tag WHERE tag.journal_id = :id)""",
            {"id": cursor.lastrowid},
        )


def _watch(db: sqlite3.Connection, table: str, journal_id: int) -> Iterator[str]:
    """Create the three triggers that write a table's changes down; yields their names.

    An UPDATE that leaves a row as it was is no change.
    """
    key, wanted = JOURNALLED[table]
    columns = [row["name"] for row in db.execute(f"PRAGMA main.table_info({table})")]
    some = [c for c in columns if not wanted or c in wanted or c in key]
    of = f" OF {', '.join(wanted)}" if wanted else ""
    events = {  # event: its clause, the row before, after, and which row tells whose face it is
        "insert": ("INSERT", "NULL", _as_json("NEW", columns), "NEW"),
        "delete": ("DELETE", _as_json("OLD", columns), "NULL", "OLD"),
        "update": (f"UPDATE{of}", _as_json("OLD", some), _as_json("NEW", some), "OLD"),
    }
    for event, (clause, before, after, row) in events.items():
        name = f"journal_{table}_{event}"
        place = f"(SELECT cluster_id FROM face WHERE face_id = {row}.face_id)" if table in SAID_OF_FACES else "NULL"
        db.execute(
            f"""CREATE TEMP TRIGGER {name} AFTER {clause} ON main.{table} BEGIN
                INSERT INTO journal_change (journal_id, change_no, table_name, before, after, cluster_id)
                SELECT {journal_id},
                    (SELECT coalesce(max(change_no), 0) + 1 FROM journal_change WHERE journal_id = {journal_id}),
                    '{table}', {before}, {after}, {place}
                WHERE {before} IS NOT {after};
            END"""
        )
        yield name


def _as_json(row: str, columns: list[str]) -> str:
    """An SQL expression: these columns of a row as JSON, blobs as {"hex": …}."""
    pairs = ", ".join(
        f"""'{c}', iif(typeof({row}."{c}") = 'blob', json_object('hex', hex({row}."{c}")), {row}."{c}")"""
        for c in columns
    )
    return f"json_object({pairs})"


ENTRIES = """
    SELECT journal_id, at, command, summary, undone_at,
           (SELECT max(by_id) FROM undone JOIN journal AS later ON later.journal_id = by_id
            WHERE undone.journal_id = journal.journal_id AND later.undone_at IS NULL),
           (SELECT count(*) FROM journal_change WHERE journal_change.journal_id = journal.journal_id), erased
    FROM journal"""


def entries(db: sqlite3.Connection, limit: int = 20) -> list[Entry]:
    """The latest entries, newest first."""
    return [Entry(*row) for row in db.execute(f"{ENTRIES} ORDER BY journal_id DESC LIMIT ?", (limit,))]


def one(db: sqlite3.Connection, journal_id: int) -> Entry | None:
    """An entry by its number."""
    row = db.execute(f"{ENTRIES} WHERE journal_id = ?", (journal_id,)).fetchone()
    return None if row is None else Entry(*row)
