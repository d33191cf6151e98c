"""Equal files as groups, those that waste most first, a page at a time."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Double:
    """One picture, film or other file that lies there several times."""

    photo_id: int | None  # None: not a photo
    size: int  # bytes of one copy
    copies: int  # hard links are one
    wasted: int  # bytes, over all the copies together
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Doubles:
    """A page of groups, and what all groups come to."""

    groups: tuple[Double, ...]
    count: int
    wasted: int


# The same groups as those of the view `duplicates`. Which digests are there twice is read off the index file_digest
# alone: the view reads every file.
GROUPS = """
    WITH several AS MATERIALIZED (
        SELECT digest FROM file INDEXED BY file_digest
        WHERE gone IS NULL AND digest IS NOT NULL GROUP BY digest HAVING count(*) > 1
    ), same AS (
        SELECT file.digest, max(file.size) AS size, count(DISTINCT device || ':' || inode) AS copies
        FROM several CROSS JOIN file USING (digest) JOIN folder USING (folder_id) JOIN root USING (root_id)
        WHERE gone IS NULL AND removed_at IS NULL AND file.size > 0
          AND (NOT stale OR EXISTS (SELECT 1 FROM problem
                                    WHERE problem.file_id = file.file_id AND problem.stage = 'examine'))
        GROUP BY file.digest HAVING copies > 1
    )
    SELECT digest, size, copies, (copies - 1) * size AS wasted, count(*) OVER (), sum((copies - 1) * size) OVER ()
    FROM same ORDER BY wasted DESC, digest LIMIT ? OFFSET ?"""


def doubles(db: sqlite3.Connection, *, offset: int, limit: int) -> Doubles:
    """Groups of equal files with all their paths."""
    rows = db.execute(GROUPS, (limit, offset)).fetchall()
    groups = tuple(Double(_photo(db, row[0]), row[1], row[2], row[3], _paths(db, row[0])) for row in rows)
    return Doubles(groups, rows[0][4] if rows else 0, rows[0][5] if rows else 0)


def _photo(db: sqlite3.Connection, digest: bytes) -> int | None:
    row = db.execute("SELECT photo_id FROM photo WHERE digest = ?", (digest,)).fetchone()
    return row[0] if row else None


def _paths(db: sqlite3.Connection, digest: bytes) -> tuple[str, ...]:
    rows = db.execute(
        """SELECT path FROM files WHERE state = 'present' AND file_id IN (SELECT file_id FROM file WHERE digest = ?)
           ORDER BY path""",
        (digest,),
    )
    return tuple(row[0] for row in rows)
