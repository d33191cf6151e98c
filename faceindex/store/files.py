"""What the crawler saw, folder by folder, and what is to be read.

A file's `digest` is what was read last; `stale` says that it must be read (again). The to-do list of a
scan is nothing but the stale files, so a killed scan resumes by starting again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from faceindex.db import now
from faceindex.models import File, FileKind
from faceindex.store.paths import columns, join, path_of, signed


class KnownFile(NamedTuple):  # made for every file of the library at every scan: cheaper than a dataclass
    """A file as the index remembers it."""

    file_id: int
    kind: str
    size: int
    mtime_ns: int
    ctime_ns: int
    device: int  # device and inode as signed 64-bit numbers
    inode: int
    stale: bool
    gone: str | None


@dataclass(frozen=True, slots=True)
class Unread:
    """A file whose bytes must be read."""

    file_id: int
    path: str
    kind: FileKind
    size: int
    root_id: int


def folder_id(db: sqlite3.Connection, root_id: int, path: str) -> int | None:
    """Id of a known folder, else None."""
    row = db.execute(
        "SELECT folder_id FROM folder WHERE root_id = ? AND path = ? AND raw_path = ?", (root_id, *columns(path))
    ).fetchone()
    return row[0] if row else None


def add_folder(db: sqlite3.Connection, root_id: int, path: str) -> int:
    """Id of a folder, new or known."""
    known = folder_id(db, root_id, path)
    if known is not None:
        return known
    cursor = db.execute("INSERT INTO folder (root_id, path, raw_path) VALUES (?, ?, ?)", (root_id, *columns(path)))
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def root_exists(db: sqlite3.Connection, root_id: int) -> bool:
    """Whether a root is still known; one that was just added may be taken back while a scan runs."""
    return db.execute("SELECT 1 FROM root WHERE root_id = ?", (root_id,)).fetchone() is not None


def folder_path(db: sqlite3.Connection, folder_id: int) -> str:
    """Where a folder is, relative to its root."""
    return path_of(*db.execute("SELECT path, raw_path FROM folder WHERE folder_id = ?", (folder_id,)).fetchone())


def folders(db: sqlite3.Connection, root_id: int) -> Iterator[tuple[int, str]]:
    """(folder_id, path) of every known folder of a root."""
    for row in db.execute("SELECT folder_id, path, raw_path FROM folder WHERE root_id = ?", (root_id,)):
        yield row[0], path_of(row[1], row[2])


def in_folder(db: sqlite3.Connection, folder_id: int) -> dict[str, KnownFile]:
    """Name to what is known of it, gone ones too."""
    cursor = db.cursor()
    cursor.row_factory = None  # plain tuples: this runs for every file of the library
    cursor.execute(
        """SELECT name, raw_name, file_id, kind, size, mtime_ns, ctime_ns, device, inode, stale, gone
           FROM file WHERE folder_id = ?""",
        (folder_id,),
    )
    return {path_of(row[0], row[1]): KnownFile._make(row[2:]) for row in cursor}


def path(db: sqlite3.Connection, file_id: int) -> str:
    """Where a file is, as the operating system wants it."""
    row = db.execute(
        f"SELECT {PATH_COLUMNS} FROM file JOIN folder USING (folder_id) JOIN root USING (root_id) WHERE file_id = ?",
        (file_id,),
    ).fetchone()
    return _path(row)


def showing_faces(db: sqlite3.Connection, limit: int) -> list[str]:
    """Where a few photos with faces are."""
    found = db.execute(
        f"SELECT DISTINCT {PATH_COLUMNS} FROM face JOIN photo USING (photo_id) JOIN file USING (digest)"
        " JOIN folder USING (folder_id) JOIN root USING (root_id) WHERE gone IS NULL LIMIT ?",
        (limit,),
    )
    return [_path(row) for row in found]


def copies(db: sqlite3.Connection, photo_id: int) -> list[str]:
    """Every path at which a photo is present; those that were read since they last changed first."""
    found = db.execute(
        f"SELECT {PATH_COLUMNS} FROM photo JOIN file USING (digest) JOIN folder USING (folder_id)"
        " JOIN root USING (root_id) WHERE photo_id = ? AND gone IS NULL AND removed_at IS NULL"
        " ORDER BY stale, root.path, folder.path, name",
        (photo_id,),
    )
    return [_path(row) for row in found]


PATH_COLUMNS = "root.path, root.raw_path, folder.path, folder.raw_path, name, raw_name"


def _path(row: Sequence[Any]) -> str:
    return join(path_of(row[0], row[1]), path_of(row[2], row[3]), path_of(row[4], row[5]))


def digest_at(db: sqlite3.Connection, path: str) -> bytes | None:
    """The digest of the file at this path, where it is known under a root in use."""
    folder, _, name = path.rpartition("/")
    for root in db.execute("SELECT root_id, path, raw_path FROM root WHERE removed_at IS NULL"):
        top = path_of(root[1], root[2]).rstrip("/")
        if folder == top or folder.startswith(top + "/"):
            row = db.execute(
                """SELECT digest FROM file JOIN folder USING (folder_id)
                   WHERE root_id = ? AND folder.path = ? AND folder.raw_path = ? AND name = ? AND raw_name = ?""",
                (root[0], *columns(folder[len(top) + 1 :]), *columns(name)),
            ).fetchone()
            if row:
                return bytes(row[0]) if row[0] is not None else None
    return None


def extra_copies(db: sqlite3.Connection, absent: Iterable[int] = ()) -> Iterator[str]:
    """Every path of equal files but the first of each group; hard links to that first are not extra.

    What lies in roots that are `absent` now (root_ids) counts for nothing, nor does a file whose bytes are to be
    read again: it may hold others by now. One that is read but could not be examined holds what was read.
    """
    rows = db.execute(
        f"""SELECT {PATH_COLUMNS}, digest, device, inode
            FROM file JOIN folder USING (folder_id) JOIN root USING (root_id)
            WHERE gone IS NULL AND removed_at IS NULL AND size > 0 AND digest IN (
                SELECT digest FROM file WHERE gone IS NULL AND digest IS NOT NULL GROUP BY digest HAVING count(*) > 1)
              AND root_id NOT IN (SELECT value FROM json_each(?))
              AND (NOT stale OR EXISTS (
                  SELECT 1 FROM problem WHERE problem.file_id = file.file_id AND problem.stage = 'examine'))
            ORDER BY digest, root.path, folder.path, name""",
        (json.dumps(list(absent)),),
    )
    group: bytes | None = None
    kept: tuple[int, int] | None = None
    for row in rows:
        here = row["device"], row["inode"]
        if row["digest"] != group:
            group, kept = row["digest"], here
        elif here != kept:
            yield _path(row)


@dataclass(frozen=True, slots=True)
class Twin:
    """A known file that may be, by inode, the same bytes as a new path."""

    file_id: int
    path: str
    digest: bytes


def twins(db: sqlite3.Connection, file: File) -> list[Twin]:
    """Known paths with the inode, size, mtime and kind of a new one: renamed to it, or hard links."""
    rows = db.execute(
        f"""SELECT {PATH_COLUMNS}, file_id, digest FROM file JOIN folder USING (folder_id) JOIN root USING (root_id)
            WHERE inode = ? AND size = ? AND device = ? AND mtime_ns = ? AND kind = ?
              AND digest IS NOT NULL AND NOT stale AND ctime_ns <> 0 AND inode <> 0""",
        (signed(file.inode), file.size, signed(file.device), file.mtime_ns, file.kind),
    )
    return [Twin(row["file_id"], _path(row), row["digest"]) for row in rows]


def insert(db: sqlite3.Connection, folder_id: int, file: File, digest: bytes | None = None) -> int:
    """Record a path seen for the first time; with its digest where that is known already."""
    cursor = db.execute(
        """INSERT INTO file (folder_id, name, raw_name, kind, size, mtime_ns, ctime_ns, device, inode,
                             digest, stale, held_id)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT photo_id FROM photo WHERE photo.digest = ?))""",
        (folder_id, *columns(file.name), *_stat(file), digest, digest is None and file.kind != "special", digest),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def update(db: sqlite3.Connection, file_id: int, file: File, *, stale: bool) -> None:
    """Record what stat() says now of a known path; stale if its bytes must be read again."""
    special = file.kind == "special"  # what took the place of a file has no bytes
    db.execute(
        """UPDATE file SET kind = ?, size = ?, mtime_ns = ?, ctime_ns = ?, device = ?, inode = ?,
                  stale = ?, digest = iif(?, NULL, digest), gone = NULL, gone_at = NULL
           WHERE file_id = ?""",
        (*_stat(file), stale and not special, special, file_id),
    )


def back(db: sqlite3.Connection, file_id: int, file: File) -> None:
    """Record that a path which had gone is there again, unchanged; what was to be read still is."""
    db.execute(
        "UPDATE file SET gone = NULL, gone_at = NULL, device = ?, inode = ? WHERE file_id = ?",
        (signed(file.device), signed(file.inode), file_id),
    )


def drop_problems_of(db: sqlite3.Connection, folder_ids: Iterable[int]) -> None:
    """Forget the problems of folders that are no longer there, or no longer wanted."""
    db.executemany("DELETE FROM problem WHERE folder_id = ?", ((i,) for i in folder_ids))


def _stat(file: File) -> tuple[str, int, int, int, int, int]:
    return file.kind, file.size, file.mtime_ns, file.ctime_ns, signed(file.device), signed(file.inode)


def present_in(db: sqlite3.Connection, folder_ids: Iterable[int]) -> Iterator[int]:
    """file_ids of the files in these folders that were there last time."""
    for folder in folder_ids:
        for row in db.execute("SELECT file_id FROM file WHERE folder_id = ? AND gone IS NULL", (folder,)):
            yield row[0]


def present_in_root(db: sqlite3.Connection, root_id: int) -> Iterator[int]:
    """file_ids of all files of a root that were there last time."""
    rows = db.execute(
        "SELECT file_id FROM file JOIN folder USING (folder_id) WHERE root_id = ? AND gone IS NULL", (root_id,)
    )
    return (row[0] for row in rows)


def mark_gone(db: sqlite3.Connection, file_ids: Iterable[int], how: str) -> int:
    """Mark files 'vanished' or 'excluded'; nothing known of them is deleted. Returns how many."""
    moment = now()
    ids = list(file_ids)
    db.executemany("UPDATE file SET gone = ?, gone_at = ? WHERE file_id = ?", ((how, moment, i) for i in ids))
    db.executemany("DELETE FROM problem WHERE file_id = ?", ((i,) for i in ids))
    return len(ids)


def make_all_stale(db: sqlite3.Connection, root_ids: Sequence[int]) -> None:
    """Have every present file read again: for `scan --verify`."""
    for root_id in root_ids:
        db.execute(
            """UPDATE file SET stale = 1 WHERE gone IS NULL AND kind <> 'special'
               AND folder_id IN (SELECT folder_id FROM folder WHERE root_id = ?)""",
            (root_id,),
        )


def make_unexamined_stale(db: sqlite3.Connection, backend: str) -> None:
    """Have every photo read again that this backend has not looked at."""
    db.execute(
        """UPDATE file SET stale = 1 WHERE digest IN (
               SELECT digest FROM photo WHERE NOT EXISTS (
                   SELECT 1 FROM examination
                   WHERE examination.photo_id = photo.photo_id AND examination.backend = ?))""",
        (backend,),
    )


TO_READ = """
    FROM file JOIN folder USING (folder_id) JOIN root USING (root_id)
    WHERE file.stale AND file.gone IS NULL AND file.kind IN (:photo, :other)
      AND root.root_id IN (SELECT value FROM json_each(:roots))
      AND NOT EXISTS (SELECT 1 FROM missing WHERE missing.file_id = file.file_id)
      AND NOT EXISTS (SELECT 1 FROM problem WHERE problem.file_id = file.file_id
                      AND (NOT problem.retry OR problem.run_id = :run_id))
"""


@dataclass(frozen=True, slots=True)
class ToRead:
    """Which stale files are this run's business."""

    roots: Mapping[int, str]  # root_id: path
    run_id: int  # what this run has tried already is left for the next
    photo: FileKind = "photo"
    other: FileKind = "other"  # "photo" for a run that reads photos only

    def parameters(self) -> dict[str, object]:
        return {"roots": json.dumps(list(self.roots)), "run_id": self.run_id, "photo": self.photo, "other": self.other}


def to_read(db: sqlite3.Connection, which: ToRead, after: int = 0, limit: int = 1000) -> list[Unread]:
    """The next files to read, in the order they were found (which is the order they lie on disk)."""
    rows = db.execute(
        f"""SELECT {PATH_COLUMNS}, file_id, kind, size, root_id {TO_READ}
            AND file_id > :after ORDER BY file_id LIMIT :limit""",
        {**which.parameters(), "after": after, "limit": limit},
    )
    return [Unread(row["file_id"], _path(row), row["kind"], row["size"], row["root_id"]) for row in rows]


def count_to_read(db: sqlite3.Connection, which: ToRead) -> tuple[int, int]:
    """(photos, bytes in all) still to be read."""
    row = db.execute(
        f"SELECT coalesce(sum(kind = 'photo'), 0), coalesce(sum(size), 0) {TO_READ}", which.parameters()
    ).fetchone()
    return row[0], row[1]
