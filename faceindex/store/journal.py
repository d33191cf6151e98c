"""Every change a human makes is one entry; undo puts every row back as it was.

While an entry is open, temporary triggers write down each row of the journalled tables before and
after it changes. So no command can forget to, and a table added later is covered by naming it here.

Undo walks these rows backwards. What the machine did in between stays: faces it added to a cluster
that was merged, the files it found below a root. Where that cannot be, undo refuses and changes nothing.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from faceindex.db import now, transaction
from faceindex.errors import FaceindexError, UsageProblem
from faceindex.store import averages, labels, photos, roots
from faceindex.store.paths import columns

# Table: its key, and the columns a human's change may touch (empty: all of them). `average` is not
# here because it follows from the faces. No REAL column may be: JSON would round it.
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
            """DELETE FROM journal WHERE journal_id = :id
               AND NOT EXISTS (SELECT 1 FROM journal_change WHERE journal_id = :id)""",
            {"id": cursor.lastrowid},
        )


def _watch(db: sqlite3.Connection, table: str, journal_id: int) -> Iterator[str]:
    """Create the three triggers that write a table's changes down; yields their names.

    An UPDATE that leaves a row as it was is no change.
    """
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
                    '{table}', {before}, {after}
                WHERE {before} IS NOT {after};
            END"""
        )
        yield name


def _row_as_json(db: sqlite3.Connection, table: str, row: str) -> str:
    """An SQL expression: the row's journalled columns as JSON, blobs as {"hex": …}."""
    key, wanted = JOURNALLED[table]
    columns = [r["name"] for r in db.execute(f"PRAGMA main.table_info({table})")]
    keep = [c for c in columns if not wanted or c in wanted or c in key]
    pairs = ", ".join(
        f"""'{c}', iif(typeof({row}."{c}") = 'blob', json_object('hex', hex({row}."{c}")), {row}."{c}")""" for c in keep
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
    try:
        with transaction(db):
            standing = [e for e in entries(db, -1) if e.undone_at is None]
            if len(standing) < number:
                raise FaceindexError(_too_few(len(standing)))
            for done in standing[:number]:
                _take_back(db, done)
            return standing[:number]
    except sqlite3.IntegrityError as error:
        raise FaceindexError("that cannot be undone, because later work stands on it; nothing was changed") from error


def _too_few(there: int) -> str:
    if not there:
        return "there is nothing to undo"
    return f"there {'are' if there > 1 else 'is'} only {there} change{'s' * (there > 1)} to undo"


def _take_back(db: sqlite3.Connection, done: Entry) -> None:
    # Rows come back in an order in which one may still point to another that is not back yet.
    db.execute("PRAGMA defer_foreign_keys = ON")
    changes = db.execute(
        "SELECT table_name, before, after FROM journal_change WHERE journal_id = ? ORDER BY change_no DESC",
        (done.journal_id,),
    ).fetchall()
    carried = _withdraw_carried(db, done.journal_id)
    touched = set()
    for table, group in groupby(changes, key=lambda change: change["table_name"]):
        touched.add(table)
        if table == "face":
            _restore_faces(db, group)
        else:
            for change in group:
                _restore(db, table, _image(change["before"]), _image(change["after"]))
    for table, source, face_id in carried:
        photos.carry_over(db, table, source, face_id)
    if "person" in touched:
        # Clusters that a scan founded in the name of somebody who is no longer known.
        db.execute("UPDATE cluster SET person_id = NULL WHERE person_id NOT IN (SELECT person_id FROM person)")
    if "root" in touched:
        _refuse_overlapping(db, done)
    db.execute("UPDATE journal SET undone_at = ? WHERE journal_id = ?", (now(), done.journal_id))


def _withdraw_carried(db: sqlite3.Connection, journal_id: int) -> list[tuple[str, int, int]]:
    """Delete this entry's words from faces a scan carried them over to; (table, from, to), oldest first.

    Copies that the entry itself changed are written down, and come back like any other row. Faces that
    only a label put where they are leave their clusters.
    """
    found = []
    labelled = db.execute(
        "SELECT face_id FROM label WHERE journal_id = ? AND carried_from IS NOT NULL", (journal_id,)
    ).fetchall()
    for table in photos.WORDS:
        rows = db.execute(
            f"""DELETE FROM {table} WHERE journal_id = :entry AND carried_from IS NOT NULL AND face_id NOT IN (
                    SELECT json_extract(after, '$.face_id') FROM journal_change
                    WHERE journal_id = :entry AND table_name = :table AND after IS NOT NULL)
                RETURNING carried_from, face_id""",
            {"entry": journal_id, "table": table},
        ).fetchall()
        found += [(table, source, face_id) for source, face_id in sorted(set(map(tuple, rows)), key=lambda r: r[1])]
    labels.release(db, [row[0] for row in labelled])
    return found


def _restore_faces(db: sqlite3.Connection, changes: Iterable[sqlite3.Row]) -> None:
    """Put faces back into the clusters they came from; of several moves of one face the oldest counts."""
    images = [json.loads(change["before"]) for change in changes]
    averages.assign(db, {image["face_id"]: image["cluster_id"] for image in images})


def _image(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    row = json.loads(text)
    return {name: bytes.fromhex(v["hex"]) if isinstance(v, dict) else v for name, v in row.items()}


def _restore(db: sqlite3.Connection, table: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
    """Bring one row from `after` back to `before`."""
    if before is None:
        assert after is not None
        _remove(db, table, after)
    elif after is None:
        names = ", ".join(f'"{column}"' for column in before)
        marks = ", ".join(f":{column}" for column in before)
        db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", before)
    else:
        values = ", ".join(f'"{column}" = :{column}' for column in before)
        where, key = _where(table, after)
        db.execute(f"UPDATE {table} SET {values} WHERE {where}", {**before, **key})


def _remove(db: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    where, key = _where(table, row)
    if table == "root":
        # Files that a scan found below it are not forgotten: it is taken out of use instead.
        below = "EXISTS (SELECT 1 FROM folder WHERE folder.root_id = root.root_id)"
        db.execute(f"UPDATE root SET removed_at = :now WHERE {where} AND {below}", {"now": now(), **key})
        where += f" AND NOT {below}"
    db.execute(f"DELETE FROM {table} WHERE {where}", key)


def _where(table: str, row: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A condition that finds a row by its key, and the parameters it needs."""
    key, _ = JOURNALLED[table]
    return " AND ".join(f'"{k}" IS :key_{k}' for k in key), {f"key_{k}": row[k] for k in key}


def _refuse_overlapping(db: sqlite3.Connection, done: Entry) -> None:
    pair = roots.overlap(db)
    if pair is not None:
        raise UsageProblem(f"'{done.summary}' cannot be undone: {pair[0]} lies inside {pair[1]}, a root added since")
