"""Makes an index as large as a library of many years, without its photos: for measuring pages and queries."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceindex.db import open_index
from faceindex.matching import fixed

DIMENSIONS = 128
FACES_A_PHOTO = 3
START = datetime(2004, 1, 1, 12)
NAMED_PART = 0.6  # of the faces, in clusters with a name
PEOPLE, UNNAMED, RUNS, ENTRIES, PROBLEMS = 400, 20_000, 400, 3_000, 500


def make(path: Path, photos: int = 100_000, people: int = PEOPLE, unnamed: int = UNNAMED) -> None:
    """Write an index of so many photos with three faces each, some hundred people, many clusters without a name."""
    rng = np.random.default_rng(1)
    db = open_index(path, create=True)
    db.execute("PRAGMA synchronous = OFF")
    db.execute("BEGIN")
    _runs(db)
    _places(db, photos)
    _people(db, people, unnamed)
    _faces(db, rng, photos, people, unnamed)
    _said(db)
    db.execute("COMMIT")
    db.close()


def _runs(db: sqlite3.Connection) -> None:
    stages = {"read": 2.0, "hash": 1.0, "decode": 20.0, "hog": 50.0, "encode": 12.0, "other": 3.0}
    profile = {"photos": 250, "workers": 2, "seconds": 60.0, "stages": stages}
    nights = [START + timedelta(days=6000 + number) for number in range(RUNS)]
    db.executemany(
        """INSERT INTO run (started_at, ended_at, outcome, version, options, files_seen, photos_new, faces_found,
                            faces_named, profile) VALUES (?, ?, 'done', '1', '{}', ?, ?, ?, ?, ?)""",
        [
            (f"{night:%Y-%m-%dT02:00:00Z}", f"{night:%Y-%m-%dT02:10:00Z}", 1000 * number, number % 300,
             number % 700, number % 200, json.dumps(profile))
            for number, night in enumerate(nights)
        ],
    )  # fmt: skip


def _places(db: sqlite3.Connection, photos: int) -> None:
    """A file for each photo, a second one for every twentieth."""
    db.execute("INSERT INTO root (path, added_at) VALUES ('/photos', '2020-01-01T00:00:00Z')")
    folders = max(1, photos // 300)
    db.executemany(
        "INSERT INTO folder (root_id, path) VALUES (1, ?)", [(f"{2004 + n % 20}/{n:04}",) for n in range(folders)]
    )
    digests = [hashlib.sha256(str(number).encode()).digest() for number in range(photos)]
    db.executemany(
        """INSERT INTO photo (digest, size, format, width, height, orientation, taken_at, camera)
           VALUES (?, ?, 'JPEG', 4000, 3000, 1, ?, ?)""",
        [
            (digest, 3_000_000 + n, f"{START + timedelta(minutes=105 * n):%Y-%m-%dT%H:%M:%S}", f"Camera {n % 12}")
            for n, digest in enumerate(digests)
        ],
    )
    db.executemany(
        """INSERT INTO file (folder_id, name, kind, size, mtime_ns, ctime_ns, device, inode, digest, stale)
           VALUES (?, ?, 'photo', ?, 1600000000000000000, 1, 1, ?, ?, 0)""",
        _files(digests, folders),
    )


def _files(digests: list[bytes], folders: int) -> Iterator[tuple[object, ...]]:
    for n, digest in enumerate(digests):
        yield 1 + n * folders // len(digests), f"IMG_{n:06}.jpg", 3_000_000 + n, n, digest
        if n % 20 == 0:
            yield 1 + n % folders, f"copy of IMG_{n:06}.jpg", 3_000_000 + n, len(digests) + n, digest


def _people(db: sqlite3.Connection, people: int, unnamed: int) -> None:
    db.executemany("INSERT INTO person (name) VALUES (?)", [(f"Person {n:03}",) for n in range(people)])
    db.executemany("INSERT INTO cluster (backend, person_id, run_id) VALUES ('dlib', ?, 1)",
                   [(1 + n,) for n in range(people)] + [(None,)] * unnamed)  # fmt: skip


def _faces(db: sqlite3.Connection, rng: np.random.Generator, photos: int, people: int, unnamed: int) -> None:
    count = photos * FACES_A_PHOTO
    owners = _owners(rng, count, people, unnamed)
    middles = _middles(rng, people + unnamed)
    db.execute("INSERT INTO weights (backend, encodings, vector, run_id) VALUES ('dlib', 0, ?, 1)",
               (np.ones(DIMENSIONS, "<f4").tobytes(),))  # fmt: skip
    totals = np.zeros((people + unnamed, DIMENSIONS), np.int64)
    counts = np.bincount(owners, minlength=people + unnamed)
    for begin in range(0, count, 30_000):
        these = owners[begin : begin + 30_000]
        vectors = (middles[these] + rng.normal(0, 0.02, (len(these), DIMENSIONS))).astype("<f4")
        np.add.at(totals, these, fixed(vectors))
        _insert(db, rng, begin, these, vectors)
    db.executemany(
        "INSERT INTO average (cluster_id, faces, total, counted) VALUES (?, ?, ?, ?)",
        [(n + 1, int(counts[n]), totals[n].astype("<i8").tobytes(), int(counts[n])) for n in range(people + unnamed)],
    )
    db.execute("INSERT INTO examination SELECT photo_id, 'dlib', 1, '{}', 0.1 FROM photo")


def _owners(rng: np.random.Generator, count: int, people: int, unnamed: int) -> NDArray[np.int64]:
    """Which cluster each face is in: few people are on most photos, as in any family's library."""
    often = 1 / np.arange(1, people + 1)
    known = rng.choice(people, round(count * NAMED_PART), p=often / often.sum())
    rare = 1 / np.arange(10, unnamed + 10) ** 0.5
    others = people + rng.choice(unnamed, count - len(known), p=rare / rare.sum())
    owners = np.concatenate([known, others])
    rng.shuffle(owners)
    return owners.astype(np.int64)


def _middles(rng: np.random.Generator, clusters: int) -> NDArray[np.float32]:
    """Where the clusters lie: about as far apart as different people's encodings are."""
    return rng.normal(0, 0.055, (clusters, DIMENSIONS)).astype(np.float32)


def _insert(
    db: sqlite3.Connection,
    rng: np.random.Generator,
    begin: int,
    owners: NDArray[np.int64],
    vectors: NDArray[np.float32],
) -> None:
    numbers = range(begin + 1, begin + 1 + len(owners))
    lefts, sharp, distances = (
        rng.random(len(owners)) * 0.2,
        rng.random(len(owners)),
        0.1 + rng.random(len(owners)) * 0.4,
    )
    db.executemany(
        """INSERT INTO face (face_id, photo_id, backend, detector, score, "left", top, "right", bottom, cluster_id,
                             run_id, sharpness) VALUES (?, ?, 'dlib', 'hog', 1.0, ?, 0.3, ?, 0.6, ?, ?, ?)""",
        [
            (number, 1 + (number - 1) // FACES_A_PHOTO, left + 0.33 * (number % 3), left + 0.33 * (number % 3) + 0.1,
             owner + 1, 1 + number % RUNS, each)
            for number, owner, left, each in zip(numbers, owners.tolist(), lefts.tolist(), sharp.tolist(), strict=True)
        ],
    )  # fmt: skip
    db.executemany("INSERT INTO encoding VALUES (?, ?)", zip(numbers, map(bytes, vectors), strict=True))
    db.executemany(
        """INSERT INTO match (face_id, cluster_id, distance, founded, threshold, weights_id, run_id)
           VALUES (?, ?, ?, 0, 0.5, 1, ?)""",
        [
            (number, owner + 1, distance, 1 + number % RUNS)
            for number, owner, distance in zip(numbers, owners.tolist(), distances.tolist(), strict=True)
        ],
    )


def _said(db: sqlite3.Connection) -> None:
    """What humans said, and what could not be handled."""
    db.executemany(
        "INSERT INTO journal (at, command, summary) VALUES (?, 'cluster label', ?)",
        [("2026-01-01T10:00:00Z", f"cluster {n % PEOPLE + 1} named Person {n % PEOPLE:03}") for n in range(ENTRIES)],
    )
    db.execute(
        """INSERT INTO label (face_id, person_id, source, journal_id)
           SELECT face_id, person_id, 'human', 1 + face_id % ? FROM face JOIN cluster USING (cluster_id)
           WHERE person_id IS NOT NULL AND face_id % 20 = 0""",
        (ENTRIES,),
    )
    db.executemany(
        """INSERT INTO problem (file_id, stage, kind, message, retry, first_at, last_at, run_id)
           VALUES (?, 'examine', 'corrupt', 'is cut short', 0, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', 1)""",
        [(1 + 7 * n,) for n in range(PROBLEMS)],
    )
