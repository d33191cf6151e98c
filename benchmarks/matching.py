"""Time grouping and matching, each in a process of its own: python benchmarks/matching.py [CASE]...

    group-10k, group-100k    unknown faces to groups, in a library without clusters
    match-1m                 a night's 10,000 new faces against the averages of 1,000,000 known ones
    scan-100k                the same in an index, as a first night's scan does it, batch by batch
    loop                     100,000 faces against 10,000 averages, beside a plain loop over faces
    group-1m, scan-1m, match-all-1m
                             only when named: a million unknown faces; 10,000 against a million averages of one face

The loop does only the nearest average of each face, as one would write it with face_distance, without margin,
photos, rejected pairs or a cohort; it runs on a sample and its time is multiplied up.
"""

from __future__ import annotations

import contextlib
import hashlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from faceindex.clustering import group
from faceindex.db import open_index, transaction
from faceindex.distance import Cohort, drawn
from faceindex.matching import Matches, match, rules_for
from faceindex.models import Box, Examination, Face, Photo
from faceindex.pipeline.options import ScanOptions
from faceindex.pipeline.recognising import recognise
from faceindex.pipeline.stop import Stop
from faceindex.store import photos, runs

SAMPLE = 300  # faces the plain loop is timed on
PEAK = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss units in a MB
NIGHT = 10_000  # new faces
EACH = 5  # faces of a person, on average
NAMED = 100  # one cluster in so many bears a name
WIDE = 45  # dimensions in which people differ: the nearest hundredth of pairs is as near as among real ones
OF_FACES = "SELECT face_id, cluster_id FROM face WHERE cluster_id IS NOT NULL"
ONES = np.ones(128, np.float32)


def centres(people: int, seed: int = 0) -> np.ndarray:
    """People scattered so that distances between them vary as those of real people do."""
    found = np.zeros((people, 128), np.float32)
    found[:, :WIDE] = np.random.default_rng(seed).standard_normal((people, WIDE), np.float32)
    return found * np.float32(0.052 * np.sqrt(128 / WIDE))


def faces_of(people: np.ndarray, whose: np.ndarray, seed: int = 1) -> np.ndarray:
    spread = np.random.default_rng(seed).standard_normal((len(whose), 128), np.float32)
    return people[whose] + spread * np.float32(0.024)


def some_of(people: int, count: int) -> np.ndarray:
    """Whose so many faces are: few people are on many photos, many on few."""
    rng = np.random.default_rng(2)
    return np.minimum(rng.geometric(2 / people, count), people) - 1


def peak() -> float:
    """Peak memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / PEAK


def timed(what: str, work: Callable[[], str]) -> float:
    """Do it, and say how long it took and how much memory it needed."""
    before, start = peak(), time.perf_counter()
    told = work()
    seconds = time.perf_counter() - start
    print(f"{what:45} {seconds:8.2f} s   peak {peak():,.0f} MB ({before:,.0f} MB before)   {told}", flush=True)
    return seconds


def grouping(count: int) -> None:
    whose = some_of(count // EACH, count)
    faces = faces_of(centres(count // EACH), whose)

    def work() -> str:
        groups, cohort = group(faces, np.arange(count), ONES)
        return f"{groups.max() + 1:,} groups of {len(np.unique(whose)):,} people, cohort of {size_of(cohort):,}"

    timed(f"group {count:,} unknown faces", work)


def scanning(count: int) -> None:
    """Unknown faces in an index, one on each photo."""
    whose = some_of(count // EACH, count)
    people = centres(count // EACH)
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(open_index(Path(folder) / "faces.db")) as db:
        for first in range(0, count, NIGHT):
            faces = faces_of(people, whose[first : first + NIGHT], seed=first + 1)
            with transaction(db):
                run = runs.begin(db, {})
                for place, face in enumerate(faces, first):
                    digest = hashlib.sha256(str(place).encode()).digest()
                    found = Face(Box(0.3, 0.3, 0.6, 0.6), 1.0, "hog", face)
                    picture = Photo(digest, 1000, "JPEG", 1000, 1000)
                    photos.add(db, run, "dlib", "{}", Examination(0, digest, picture, (found,)))

        def work() -> str:
            recognise(db, run, ScanOptions(), Stop(), lambda _: None)
            clusters = db.execute("SELECT count(*) FROM average").fetchone()[0]
            mixed = len({(whose[face - 1], cluster) for face, cluster in db.execute(OF_FACES)}) - clusters
            return f"{clusters:,} clusters of {len(np.unique(whose)):,} people; {mixed:,} people in another's cluster"

        timed(f"scan's matching of {count:,} unknown faces", work)


def size_of(cohort: Cohort | None) -> int:
    return len(cohort.faces) if cohort else 0


def night(averages: int) -> None:
    """Half of the new faces belong to people who are known, two to a photo."""
    known = centres(averages)
    whose = np.random.default_rng(3).integers(averages, size=NIGHT)
    faces = faces_of(known, whose)
    faces[NIGHT // 2 :] = faces_of(centres(NIGHT // 2, seed=4), np.arange(NIGHT // 2))
    named = np.arange(averages) % NAMED == 0
    persons = np.where(named, np.arange(averages), -1 - np.arange(averages))
    first = np.arange(2000)
    cohort = drawn(known[first], persons[first], -2 - first, ONES)
    rules = rules_for(cohort, int(named.sum()))

    def work() -> str:
        found = match(faces, np.arange(NIGHT) // 2, known, persons, named, ONES, rules, None, cohort)
        return f"{joined(found):,} joined"

    timed(f"match {NIGHT:,} faces with {averages:,} averages", work)


def joined(found: Matches) -> int:
    return int((found.cluster >= 0).sum())


def loop() -> None:
    count, averages = 100_000, 10_000
    known, every = centres(averages), np.arange(averages)
    faces = faces_of(known, np.random.default_rng(3).integers(averages, size=count))
    cohort = drawn(known, every, -2 - every, ONES)
    photos, named = np.arange(count) // 2, every % 2 == 0
    for what, judged in (("plain", None), ("by a cohort", cohort)):
        rules = rules_for(judged, averages)

        def work(rules=rules, judged=judged) -> str:
            return f"{joined(match(faces, photos, known, every, named, ONES, rules, None, judged)):,} joined"

        timed(f"match {count:,} with {averages:,} averages, {what}", work)
    start = time.perf_counter()
    for face in faces[:SAMPLE]:
        np.linalg.norm(known - face, axis=1).argmin()
    seconds = (time.perf_counter() - start) * count / SAMPLE
    print(f"{'the same in a plain loop over faces':45} {seconds:8.2f} s   extrapolated from {SAMPLE} faces")


CASES: dict[str, Callable[[], None]] = {
    "group-10k": lambda: grouping(10_000),
    "group-100k": lambda: grouping(100_000),
    "match-1m": lambda: night(1_000_000 // EACH),
    "scan-100k": lambda: scanning(100_000),
    "loop": loop,
    "group-1m": lambda: grouping(1_000_000),
    "scan-1m": lambda: scanning(1_000_000),
    "match-all-1m": lambda: night(1_000_000),
}


def main() -> None:
    cases = sys.argv[1:] or list(CASES)[:5]
    if set(cases) - set(CASES):
        sys.exit(__doc__)
    if len(cases) == 1:
        CASES[cases[0]]()
        return
    for case in cases:
        subprocess.run([sys.executable, __file__, case], check=True)


if __name__ == "__main__":
    main()
