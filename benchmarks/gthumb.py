"""The queries of gThumb's faces extension on our views, beside the same on the tables of `export gthumb`.

    uv run python benchmarks/gthumb.py [--photos 100000]

Three faces a photo. Each query is asked nine times of both in turn, in this one call; the medians and their ratio
are printed.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sqlite3
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from library import scratch_folder

from faceindex.db import open_index, transaction
from faceindex.store import extension

PER_FOLDER, PER_PHOTO, PEOPLE, CLUSTERS, ROUNDS = 200, 3, 300, 6000, 9
JOINED = "FROM file_paths f JOIN face_data d ON d.hash=f.hash JOIN face_groups g ON g.grp=d.grp"
QUERIES = {  # what the extension asks, and with which parameters
    "faces of a path": (
        f"SELECT DISTINCT d.left, d.top, d.right, d.bottom, g.label, g.grp, d.inpic {JOINED} WHERE f.path=?", "path"),
    "names and their numbers": (
        "SELECT g.label, count(d.grp) FROM face_data d JOIN face_groups g ON g.grp=d.grp GROUP BY g.label", ""),
    "unknown groups": (
        "SELECT g.grp, count(d.grp) AS count FROM face_data d JOIN face_groups g ON g.grp=d.grp"
        " WHERE g.label='_unknown_' GROUP BY g.grp ORDER BY count DESC", ""),
    "paths by name": (f"SELECT DISTINCT f.path {JOINED} WHERE g.label=?", "label"),
    "paths by group": (f"SELECT DISTINCT f.path {JOINED} WHERE g.grp=?", "grp"),
    "faces of a digest": ("SELECT d.left, d.grp FROM face_data d WHERE d.hash=?", "hash"),
    "names": ("SELECT label FROM face_labels ORDER BY label", ""),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=100_000)
    count = parser.parse_args().photos
    with scratch_folder() as scratch:
        index = Path(scratch) / "faces.db"
        build(index, count)
        with closing(sqlite3.connect(f"file:{index}?mode=ro", uri=True)) as ours, closing(plain(index)) as theirs:
            print(f"{count:,} photos, {count * PER_PHOTO:,} faces, {CLUSTERS:,} clusters, {PEOPLE} people")
            for name, (query, parameter) in QUERIES.items():
                compare(name, query, values_of(ours, parameter), ours, theirs)


def build(path: Path, count: int) -> None:
    """A synthetic index: every other face of somebody with a name, one in ten of those said by a human."""
    numbers, people, clusters = range(1, count + 1), range(1, PEOPLE + 1), range(1, CLUSTERS + 1)
    with closing(open_index(path)) as db, transaction(db):
        db.execute("INSERT INTO run (run_id, started_at, version, options) VALUES (1, '', '', '')")
        db.execute("INSERT INTO journal (journal_id, at, command, summary) VALUES (1, '', '', '')")
        db.execute("INSERT INTO root (root_id, path, added_at) VALUES (1, '/home/me/Pictures', '')")
        for table, rows in {
            "folder (folder_id, root_id, path)":
                ((n, 1, f"{1990 + n % 35}/event {n:05}") for n in range(1, count // PER_FOLDER + 2)),
            "person (person_id, name)": ((n, f"Person {n}") for n in people),
            "cluster (cluster_id, backend, person_id, ignored)":
                ((n, "dlib", n if n <= PEOPLE else None, int(n > PEOPLE and n % 50 == 0)) for n in clusters),
            "photo (photo_id, digest, size, format, width, height, orientation)":
                ((n, digest(n), 3_000_000, "JPEG", 4000, 3000, 1) for n in numbers),
            "file (folder_id, name, kind, size, mtime_ns, ctime_ns, device, inode, digest, stale)":
                ((n // PER_FOLDER + 1, f"IMG_{n:06}.jpg", "photo", 3_000_000, 1, 1, 1, n, digest(n), 0)
                 for n in numbers),
            'face (photo_id, "left", "right", cluster_id, backend, detector, score, top, bottom, run_id)':
                faces(count, random.Random(1)),
        }.items():  # fmt: skip
            places = ", ".join("?" * (table.count(",") + 1))
            db.executemany(f"INSERT INTO {table} VALUES ({places})", rows)
        db.execute(
            """INSERT INTO label (face_id, person_id, source, journal_id)
               SELECT face_id, person_id, 'human', 1 FROM face JOIN cluster USING (cluster_id)
               WHERE person_id IS NOT NULL AND face_id % 10 = 0"""
        )


def digest(number: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest()


def faces(count: int, dice: random.Random) -> Iterator[tuple[object, ...]]:
    """Half of the faces are of somebody with a name, a tenth of nobody."""
    for photo in range(1, count + 1):
        for place in range(PER_PHOTO):
            named, none = dice.random() < 0.5, dice.random() < 0.1
            whose = dice.randint(1, PEOPLE) if named else dice.randint(PEOPLE + 1, CLUSTERS)
            left = place * 0.3
            yield photo, left, left + 0.1, None if none else whose, "dlib", "hog", 1.0, 0.2, 0.4, 1


def plain(index: Path) -> sqlite3.Connection:
    """The same rows as `faceindex export gthumb` writes them."""
    path = index.with_name("plain.db")
    with closing(sqlite3.connect(index, isolation_level=None)) as db:
        extension.write(db, path)
    return sqlite3.connect(path)


def values_of(db: sqlite3.Connection, parameter: str) -> list[tuple[str | int, ...]]:
    """What to ask for in each round."""
    table = {"path": "file_paths", "hash": "file_paths"}.get(parameter, "face_groups")
    if not parameter:
        return [()] * ROUNDS
    every = db.execute(f"SELECT {parameter} FROM {table} WHERE {parameter} <> '_unknown_'").fetchall()
    return every[:: max(1, len(every) // ROUNDS)][:ROUNDS]


def compare(name: str, query: str, values: list, ours: sqlite3.Connection, theirs: sqlite3.Connection) -> None:
    rounds = [(timed(ours, query, each), timed(theirs, query, each)) for each in values]
    if any(mine[1] != other[1] for mine, other in rounds):
        raise SystemExit(f"{name}: the answers differ")
    mine, other = (statistics.median(each[place][0] for each in rounds) for place in (0, 1))
    print(f"{name:>24}: views {1000 * mine:8.2f} ms, plain tables {1000 * other:8.2f} ms, ratio {mine / other:7.1f}")


def timed(db: sqlite3.Connection, query: str, values: tuple[str | int, ...]) -> tuple[float, list[tuple[object, ...]]]:
    start = time.perf_counter()
    found = db.execute(query, values).fetchall()
    return time.perf_counter() - start, sorted(found)


if __name__ == "__main__":
    main()
