"""What the faces extension of gThumb reads, as plain indexed tables in a file of their own: quick however large.

The views of the same names are as true at every moment; these tables are as of when they were written.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

MARK = 0x46414347  # "FACG": application_id of such a file

TABLES = f"""
BEGIN;
CREATE TABLE faces_of.file_paths (path TEXT, size INTEGER, hash TEXT);
CREATE TABLE faces_of.face_data ("left" INTEGER, top INTEGER, "right" INTEGER, bottom INTEGER, pickled BLOB, hash TEXT,
                                 grp INTEGER, inpic INTEGER);
CREATE TABLE faces_of.face_groups (grp INTEGER, pickled BLOB, label TEXT);
CREATE TABLE faces_of.face_labels (label TEXT);
INSERT INTO faces_of.file_paths SELECT path, size, hash FROM main.file_paths;
INSERT INTO faces_of.face_data
    SELECT "left", top, "right", bottom, pickled, hash, grp, inpic FROM main.face_data;
INSERT INTO faces_of.face_groups SELECT grp, pickled, label FROM main.face_groups;
INSERT INTO faces_of.face_labels SELECT label FROM main.face_labels;
CREATE INDEX faces_of.path ON file_paths (path);
CREATE INDEX faces_of.hash ON file_paths (hash);
CREATE INDEX faces_of.face_hash ON face_data (hash);
CREATE INDEX faces_of.face_grp ON face_data (grp);
CREATE INDEX faces_of.grp ON face_groups (grp);
CREATE INDEX faces_of.label ON face_groups (label);
PRAGMA faces_of.application_id = {MARK};
COMMIT;
"""


def write(db: sqlite3.Connection, path: Path) -> int:
    """Write the tables into a new file; returns how many faces they hold. Raises sqlite3.DatabaseError."""
    db.execute("ATTACH ? AS faces_of", (str(path),))
    try:
        db.executescript(TABLES)
        return int(db.execute("SELECT count(*) FROM faces_of.face_data").fetchone()[0])
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")
        db.execute("DETACH faces_of")


def is_ours(head: bytes) -> bool:
    """Whether a file that begins so is one of these."""
    return head[:16] == b"SQLite format 3\0" and head[68:72] == MARK.to_bytes(4, "big")
