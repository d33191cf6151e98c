"""Synthetic indexes, made through the store as a scan would make them: made-up encodings, no photos needed.

Faces of one `who` lie close together in 8 dimensions, faces of two far apart. Nothing is clustered by
itself: a test says with found() and join() what the machine is to have done.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import numpy as np

from faceindex import db as index_file
from faceindex.models import Box, Examination, Face, File, Photo, Problem
from faceindex.stopwatch import Profile
from faceindex.store import encodings, files, journal, people, photos, problems, roots, runs
from faceindex.store.encodings import Match

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

DIMENSIONS = 8
PROFILE = Profile(
    photos=10, workers=2, seconds=0.75,
    stages={"read": 0.0078125, "hash": 0.03125, "decode": 0.5, "hog": 0.75, "encode": 0.125, "other": 0.015625},
)  # fmt: skip
MTIME = 1_577_934_245  # 2020-01-02T03:04:05Z


def new_index(folder: Path) -> sqlite3.Connection:
    return index_file.open_index(folder / "faces.db")


def add_root(db: sqlite3.Connection, path: str) -> int:
    with index_file.transaction(db):
        return roots.add(db, path)


def begin(db: sqlite3.Connection) -> int:
    """A run, over in the same moment."""
    with index_file.transaction(db):
        run_id = runs.begin(db, {})
        runs.end(db, run_id, "done")
    return run_id


def digest_of(content: str) -> bytes:
    return hashlib.sha256(content.encode("utf-8", "surrogateescape")).digest()


def add_file(
    db: sqlite3.Connection, path: str, content: str, *, size: int = 1000, mtime: int = MTIME, inode: int | None = None
) -> int:
    """A file that was read; its root is the nearest there is, made of the first folder if there is none."""
    root = max((r for r in roots.ids(db) if path.startswith(r.rstrip("/") + "/")), key=len, default=None)
    if root is None:
        root = "/" + path.split("/")[1]
        add_root(db, root)
    folder, name = os.path.split(path[len(root.rstrip("/")) + 1 :])
    kind = "photo" if name.endswith(".jpg") else "other"
    if inode is None:
        inode = 1 + db.execute("SELECT max(file_id) FROM file").fetchone()[0] if files_known(db) else 1
    with index_file.transaction(db):
        folder_id = files.add_folder(db, roots.ids(db)[root], folder)
        seen = File(name, kind, size, mtime * 10**9, mtime * 10**9, 1, inode)
        return files.insert(db, folder_id, seen, digest_of(content))


def files_known(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT count(*) FROM file").fetchone()[0])


def encoding(who: str, number: int) -> NDArray[np.float32]:
    """A face of `who`, each number another one; no two of whom are ever alike."""
    middle = np.random.default_rng(int.from_bytes(digest_of(who)[:8], "big")).normal(size=DIMENSIONS)
    spread = np.random.default_rng(number).normal(size=DIMENSIONS) * 0.01
    return (middle / np.linalg.norm(middle) * 5 + spread).astype(np.float32)


def add_photo(
    db: sqlite3.Connection,
    run_id: int,
    path: str,
    *whom: str,
    taken_at: str | None = None,
    size: int = 1000,
    backend: str = "dlib",
) -> list[int]:
    """A photo at path, with a face of each of whom, from left to right; returns their face_ids."""
    file_id = add_file(db, path, path, size=size)
    digest = digest_of(path)
    wide = 1 / max(1, len(whom))
    faces = tuple(
        Face(Box(i * wide, 0.25, (i + 0.5) * wide, 0.75), 1.0, "hog", encoding(who, file_id * 100 + i))
        for i, who in enumerate(whom)
    )
    found = Examination(file_id, digest, Photo(digest, size, "JPEG", 400, 300, taken_at=taken_at), faces)
    with index_file.transaction(db):
        photos.add(db, run_id, backend, "{}", found)
    number = photos.photo_id(db, digest)
    assert number is not None
    return [face.face_id for face in photos.faces(db, number, backend)]


def found(db: sqlite3.Connection, run_id: int, face_ids: Sequence[int], backend: str = "dlib") -> int:
    """Have the machine make a new cluster of these faces; returns its id."""
    with index_file.transaction(db):
        cluster_id = encodings.new_cluster(db, run_id, backend)
        _match(db, run_id, [Match(face_id, cluster_id, 0.2, None, None, True) for face_id in face_ids], backend)
    return cluster_id


def join(db: sqlite3.Connection, run_id: int, cluster_id: int, face_ids: Sequence[int], distance: float = 0.25) -> None:
    """Have the machine match these faces with a cluster."""
    with index_file.transaction(db):
        _match(db, run_id, [Match(face_id, cluster_id, distance, None, None, False) for face_id in face_ids], "dlib")


def _match(db: sqlite3.Connection, run_id: int, matches: Sequence[Match], backend: str) -> None:
    weights = encodings.latest_weights(db, backend) or encodings.add_weights(
        db, run_id, backend, 0, np.ones(DIMENSIONS, np.float32)
    )
    encodings.save_matches(db, run_id, weights, 0.4, None, matches)


def name(db: sqlite3.Connection, cluster_id: int, called: str) -> int:
    """Have a human name a cluster; returns the person_id."""
    with journal.entry(db, "cluster label", f"cluster {cluster_id} named {called}") as journal_id:
        return people.label(db, journal_id, cluster_id, called)


def say(db: sqlite3.Connection, face_id: int, called: str) -> None:
    """Have a human say who one face is, whatever its cluster."""
    with journal.entry(db, "face label", f"face {face_id} named {called}") as journal_id:
        db.execute("INSERT INTO person (name) VALUES (?) ON CONFLICT DO NOTHING", (called,))
        db.execute(
            "INSERT OR REPLACE INTO label (face_id, person_id, source, journal_id) VALUES (?, ?, 'human', ?)",
            (face_id, people.person_id(db, called), journal_id),
        )


def reject(db: sqlite3.Connection, face_id: int, *, person: int | None = None, cluster: int | None = None) -> None:
    """Have a human say who a face is not."""
    with journal.entry(db, "face reject", f"face {face_id} is not that") as journal_id:
        db.execute(
            "INSERT INTO rejection (face_id, person_id, cluster_id, journal_id) VALUES (?, ?, ?, ?)",
            (face_id, person, cluster, journal_id),
        )


def vanish(db: sqlite3.Connection, path: str) -> None:
    """Have a file be gone at the next scan."""
    with index_file.transaction(db):
        (file_id,) = db.execute("SELECT file_id FROM files WHERE path = ?", (path,)).fetchone()
        files.mark_gone(db, [file_id], "vanished")


def labels(db: sqlite3.Connection) -> dict[int, str]:
    """face_id to the name a human gave."""
    return dict(map(tuple, db.execute("SELECT face_id, name FROM label JOIN person USING (person_id)").fetchall()))


def members(db: sqlite3.Connection) -> dict[int, int | None]:
    """face_id to cluster_id."""
    return dict(map(tuple, db.execute("SELECT face_id, cluster_id FROM face").fetchall()))


# A small family's library, the one that docs/sql.md asks its questions of. Anna, Ben, Carl and Dora are
# named; x and y are not.
FAMILY = [  # path, taken, size, who
    ("/home/me/Pictures/2019/beach-1.jpg", "2019-07-01T10:00:00+02:00", 4_000_000, ["Anna", "Ben"]),
    ("/home/me/Pictures/2019/beach-2.jpg", "2019-07-01T10:05:00+02:00", 4_100_000, ["Ben", "Anna"]),
    ("/home/me/Pictures/2019/picnic.jpg", "2019-08-11T13:30:00+02:00", 3_900_000, ["Anna", "Ben", "Carl"]),
    ("/home/me/Pictures/2020/school.jpg", "2020-09-01T08:00:00+02:00", 2_500_000, ["Anna"]),
    ("/home/me/Pictures/2020/birthday.jpg", "2020-10-20T16:00:00+02:00", 2_600_000, ["Anna", "Dora", "x"]),
    ("/home/me/Pictures/2021/garden.jpg", "2021-05-02T11:00:00+02:00", 3_000_000, ["Ben", "x"]),
    ("/home/me/Pictures/2021/wedding.jpg", "2021-06-12T15:00:00+02:00", 5_000_000, ["Carl", "Dora", "x", "y"]),
    ("/home/me/Pictures/2021/sunset.jpg", "2021-06-12T21:40:00+02:00", 3_300_000, []),
    ("/mnt/nas/scans/007.jpg", None, 1_200_000, ["Ben"]),
]
TONIGHT = ("/home/me/Pictures/2022/hike.jpg", "2022-04-03T09:15:00+02:00", 4_400_000, ["Anna", "Ben"])


def family(folder: Path) -> sqlite3.Connection:
    """An index of the family's library after two nights."""
    db = new_index(folder)
    for root in ("/home/me/Pictures", "/mnt/nas/scans"):
        add_root(db, root)
    run = _night(db, "2026-01-30", files_seen=15, files_new=15, photos_new=10, faces_found=20, clusters_new=6)
    seen: dict[str, list[int]] = {}
    deleted = ("/home/me/Pictures/2020/deleted.jpg", "2020-01-01T00:00:00Z", 2_000_000, ["Anna"])
    for path, taken, size, whom in [*FAMILY, deleted]:
        for who, face in zip(whom, add_photo(db, run, path, *whom, taken_at=taken, size=size), strict=True):
            seen.setdefault(who, []).append(face)
    clusters = {who: found(db, run, faces) for who, faces in seen.items()}
    for who in ("Anna", "Ben", "Carl", "Dora"):
        name(db, clusters[who], who)
    _more_files(db)
    _imported(db, seen["Anna"][0], seen["x"][0])
    with index_file.transaction(db):
        runs.add_profile(db, run, PROFILE)
    run = _night(db, "2026-01-31", files_seen=15, files_new=1, files_vanished=1, photos_new=1, faces_found=2,
                 faces_named=2, problems=1)  # fmt: skip
    path, taken, size, whom = TONIGHT
    for who, face in zip(whom, add_photo(db, run, path, *whom, taken_at=taken, size=size), strict=True):
        join(db, run, clusters[who], [face], {"Anna": 0.21875, "Ben": 0.34375}[who])
    vanish(db, deleted[0])
    broken = add_file(db, "/home/me/Pictures/2022/broken.jpg", "half a picture", size=900_000)
    with index_file.transaction(db):
        problems.record(db, run, Problem("examine", "corrupt", "is cut short"), file_id=broken)
    return db


def _night(db: sqlite3.Connection, day: str, **counts: int) -> int:
    run = begin(db)
    with index_file.transaction(db):
        runs.count(db, run, **counts)
        db.execute(
            "UPDATE run SET started_at = ? || 'T02:00:00Z', ended_at = ? || 'T02:10:30Z' WHERE run_id = ?",
            (day, day, run),
        )
    return run


def _imported(db: sqlite3.Connection, anna: int, stranger: int) -> None:
    """What digiKam had said of two faces, whom it names and whom it guesses."""
    with journal.entry(db, "import digikam", "2 tags imported") as journal_id:
        db.executemany(
            """INSERT INTO tag (photo_id, source, name, "left", top, "right", bottom, word, face_id, journal_id)
               SELECT photo_id, 'digikam', ?, "left", top, "right", bottom, ?, face_id, ?
               FROM face WHERE face_id = ?""",
            [("Anna", "said", journal_id, anna), ("Emma", "guessed", journal_id, stranger)],
        )


def _more_files(db: sqlite3.Connection) -> None:
    """A copy of a photo, a film three times over, a hard link to it."""
    add_file(db, "/mnt/nas/scans/from phone/beach-1.jpg", FAMILY[0][0], size=4_000_000)
    add_file(db, "/home/me/Pictures/2021/dance.mov", "film", size=90_000_000, inode=500)
    add_file(db, "/home/me/Pictures/2021/dance (copy).mov", "film", size=90_000_000, inode=501)
    add_file(db, "/home/me/Pictures/2021/dance (link).mov", "film", size=90_000_000, inode=500)
    add_file(db, "/mnt/nas/scans/dance.mov", "film", size=90_000_000, inode=502)
