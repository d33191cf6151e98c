"""The folders the user asked to index."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from itertools import permutations

from faceindex.db import now
from faceindex.errors import UsageProblem
from faceindex.store.paths import columns, path_of, shown


@dataclass(frozen=True, slots=True)
class Root:
    root_id: int
    path: str  # absolute, as the operating system wants it
    added_at: str
    files: int = 0  # present ones


def all_roots(db: sqlite3.Connection) -> list[Root]:
    """Every root in use, with the number of its present files."""
    rows = db.execute(
        """SELECT root_id, path, raw_path, added_at, coalesce(present.files, 0) AS files
           FROM root LEFT JOIN (
               SELECT root_id, count(*) AS files FROM file CROSS JOIN folder USING (folder_id)
               WHERE gone IS NULL GROUP BY root_id) AS present USING (root_id)
           WHERE removed_at IS NULL ORDER BY path, raw_path"""
    )
    return [Root(r["root_id"], path_of(r["path"], r["raw_path"]), r["added_at"], r["files"]) for r in rows]


def ids(db: sqlite3.Connection) -> dict[str, int]:
    """Path to root_id of every root in use; cheap."""
    rows = db.execute("SELECT path, raw_path, root_id FROM root WHERE removed_at IS NULL ORDER BY path")
    return {path_of(text, raw): root_id for text, raw, root_id in rows}


def ever(db: sqlite3.Connection) -> list[str]:
    """Paths of all roots, those that were removed too."""
    return [path_of(text, raw) for text, raw in db.execute("SELECT path, raw_path FROM root")]


def add(db: sqlite3.Connection, path: str) -> int:
    """Put a folder under watch, or back under watch; returns its root_id.

    Raises UsageProblem where it lies inside another root or around one.
    """
    known = ids(db)
    if path in known:
        return known[path]
    for other in known:
        _refuse_overlap(path, other)
    text, raw = columns(path)
    (root_id,) = db.execute(
        """INSERT INTO root (path, raw_path, added_at) VALUES (?, ?, ?)
           ON CONFLICT (path, raw_path) DO UPDATE SET removed_at = NULL RETURNING root_id""",
        (text, raw, now()),
    ).fetchone()
    return int(root_id)


def _refuse_overlap(path: str, other: str) -> None:
    here, there = os.path.realpath(path), os.path.realpath(other)
    if here == there:
        raise UsageProblem(f"{shown(path)} is the root {shown(other)} by another name; scan that")
    if _within(here, there):
        raise UsageProblem(f"{shown(path)} lies inside the root {shown(other)}; scan that")
    if _within(there, here):
        raise UsageProblem(
            f"{shown(path)} contains the root {shown(other)}; "
            f"run 'faceindex root remove {shown(other)}' first, nothing known of it is lost"
        )


def _within(path: str, folder: str) -> bool:
    return os.path.commonpath([path, folder]) == folder


def overlap(db: sqlite3.Connection) -> tuple[str, str] | None:
    """Two roots in use of which the first lies inside the second, as they are shown; none: all is well."""
    real = {path: os.path.realpath(path) for path in ids(db)}
    for inner, outer in permutations(real, 2):
        if _within(real[inner], real[outer]):
            return shown(inner), shown(outer)
    return None


def find(db: sqlite3.Connection, path: str) -> int:
    """root_id of a root in use; raises UsageProblem naming those there are."""
    known = ids(db)
    if path not in known:
        there = ", ".join(shown(p) for p in known) or "none yet"
        raise UsageProblem(f"{shown(path)} is not a root; roots are: {there}")
    return known[path]


def remove(db: sqlite3.Connection, root_id: int) -> None:
    """Take a root out of use; everything known of its photos stays, unseen."""
    db.execute("UPDATE root SET removed_at = ? WHERE root_id = ?", (now(), root_id))


def move(db: sqlite3.Connection, root_id: int, path: str) -> None:
    """Say that the folder is somewhere else now.

    Raises UsageProblem where that is a root already, or lies inside another or around one.
    """
    for other, other_id in ids(db).items():
        if other_id != root_id:
            if os.path.realpath(other) == os.path.realpath(path):
                raise UsageProblem(
                    f"{shown(path)} is a root already; its photos are known by their bytes, "
                    "so 'faceindex root remove' the old one instead"
                )
            _refuse_overlap(path, other)
    text, raw = columns(path)
    # A root that was removed may still hold the name; it makes way and keeps its files.
    db.execute(
        "UPDATE root SET path = path || ' (removed ' || root_id || ')' "
        "WHERE path = ? AND raw_path = ? AND removed_at IS NOT NULL",
        (text, raw),
    )
    db.execute("UPDATE root SET path = ?, raw_path = ? WHERE root_id = ?", (text, raw, root_id))
