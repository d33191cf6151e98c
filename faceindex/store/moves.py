"""What a scan notes while it tells moved from vanished; scratch tables, forgotten with the connection.

missing     file_ids that a root's crawl did not come by, or that were gone when they were to be read
believed    root_ids of roots that were crawled completely and were there
followed    file_ids whose bytes were found, by inode, under a new path
departed    file_ids marked as vanished in this run, and not (yet) found elsewhere
relocated   files whose disk came back under another device number
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from faceindex.models import File
from faceindex.store import files
from faceindex.store.paths import signed

SCRATCH = {
    "missing": "file_id INTEGER PRIMARY KEY",
    "believed": "root_id INTEGER PRIMARY KEY",
    "followed": "file_id INTEGER PRIMARY KEY",
    "departed": "file_id INTEGER PRIMARY KEY",
    "relocated": "file_id INTEGER PRIMARY KEY, device INTEGER, inode INTEGER",
}


def begin(db: sqlite3.Connection) -> None:
    """Make the scratch tables, empty."""
    for name, columns in SCRATCH.items():
        db.execute(f"DROP TABLE IF EXISTS temp.{name}")
        db.execute(f"CREATE TEMP TABLE {name} ({columns})")


def follow(db: sqlite3.Connection, file_id: int) -> bool:
    """Note that a path's file was renamed to a new one; False if that was so already: each is followed once."""
    return db.execute("INSERT OR IGNORE INTO followed VALUES (?)", (file_id,)).rowcount == 1


def follow_bytes(db: sqlite3.Connection, digest: bytes) -> bool:
    """Whether a path that vanished in this run held these bytes; each is followed once."""
    cursor = db.execute(
        """DELETE FROM departed WHERE file_id = (
               SELECT file_id FROM file
               WHERE digest = ? AND size > 0 AND file_id IN (SELECT file_id FROM departed) LIMIT 1)""",
        (digest,),
    )
    return cursor.rowcount == 1


def miss(db: sqlite3.Connection, file_ids: Iterable[int]) -> None:
    """Note files that are not where they were, whatever that means; this run does not try to read them."""
    db.executemany("INSERT OR IGNORE INTO missing VALUES (?)", ((i,) for i in file_ids))


def believe(db: sqlite3.Connection, root_ids: Iterable[int]) -> None:
    """Note roots of which everything was seen that is there."""
    db.executemany("INSERT OR IGNORE INTO believed VALUES (?)", ((i,) for i in root_ids))


def depart(db: sqlite3.Connection, file_ids: Sequence[int]) -> int:
    """Mark files as vanished; returns how many of them were not followed to a new path."""
    files.mark_gone(db, file_ids, "vanished")
    before = db.total_changes
    db.executemany(
        "INSERT INTO departed SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM followed WHERE file_id = ?1)",
        ((i,) for i in file_ids),
    )
    return db.total_changes - before


@dataclass(frozen=True, slots=True)
class Loss:
    """How much of one file system below one root is no longer there."""

    device: int
    known: int  # files that were there last time
    lost: int  # of these, not there now, nor, by digest, seen elsewhere in this run


def losses(db: sqlite3.Connection, root_id: int) -> list[Loss]:
    """Count what a root lost, by file system, leaving out what only moved.

    A copy on a disk that is itself not there, or in a root out of use, saves no file from being lost.
    """
    rows = db.execute(
        """SELECT device, count(*) AS known,
                  sum(EXISTS (SELECT 1 FROM missing WHERE missing.file_id = file.file_id)
                      AND NOT EXISTS (
                          SELECT 1 FROM file AS other JOIN folder AS its ON its.folder_id = other.folder_id
                          WHERE other.digest = file.digest AND other.gone IS NULL
                            AND EXISTS (SELECT 1 FROM believed WHERE believed.root_id = its.root_id)
                            AND NOT EXISTS (SELECT 1 FROM missing WHERE missing.file_id = other.file_id)
                      )) AS lost
           FROM file JOIN folder USING (folder_id)
           WHERE root_id = ? AND gone IS NULL
           GROUP BY device""",
        (root_id,),
    )
    return [Loss(*row) for row in rows]


def relocate_later(db: sqlite3.Connection, moved: Sequence[tuple[int, File]]) -> None:
    """Note new device and inode numbers. What a disk lost is judged by the old ones, so they stay till then."""
    db.executemany(
        "INSERT OR REPLACE INTO relocated VALUES (?, ?, ?)",
        ((file_id, signed(file.device), signed(file.inode)) for file_id, file in moved),
    )


def relocate(db: sqlite3.Connection) -> None:
    """Write the new numbers down."""
    db.execute(
        """UPDATE file SET device = relocated.device, inode = relocated.inode
           FROM relocated WHERE relocated.file_id = file.file_id"""
    )
    db.execute("DELETE FROM relocated")
