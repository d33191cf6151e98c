"""Time an import of many tags, and the same again: python benchmarks/importing.py [PHOTOS]

An index of made-up faces, three on a photo, in clusters as a scan leaves them; two of three are tagged, in boxes
somewhat larger than the faces, as Picasa draws them. The second import finds all of it known.
"""

from __future__ import annotations

import contextlib
import hashlib
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from faceindex.db import open_index, transaction
from faceindex.models import Box, Examination, Face, Photo, Tag
from faceindex.pipeline import importing
from faceindex.pipeline.sources import Tagged
from faceindex.store import averages, encodings, photos, runs

PHOTOS, EACH = 20_000, 3
PEAK = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss units in a MB


def library(db, count: int) -> None:
    """People of 30 photos each, whom the machine grouped without a mistake."""
    rng = np.random.default_rng(0)
    people = rng.normal(0, 0.052, (count * EACH // 30 + 1, 128)).astype(np.float32)
    with transaction(db):
        run = runs.begin(db, {})
        clusters = [encodings.new_cluster(db, run, "dlib") for _ in people]
        for number in range(count):
            faces = tuple(
                Face(
                    box(place),
                    1.0,
                    "hog",
                    people[who(number, place, len(people))] + rng.normal(0, 0.02, 128).astype(np.float32),
                )
                for place in range(EACH)
            )
            digest = hashlib.sha256(str(number).encode()).digest()
            photos.add(db, run, "dlib", "{}", Examination(0, digest, Photo(digest, number, "JPEG", 4000, 3000), faces))
        runs.end(db, run, "done")
        rows = db.execute("SELECT face_id, photo_id FROM face ORDER BY face_id").fetchall()
        averages.assign(db, {row[0]: clusters[who(row[1] - 1, i % EACH, len(people))] for i, row in enumerate(rows)})


def who(photo: int, place: int, people: int) -> int:
    return (photo * EACH + place) % people


def box(place: int, larger: float = 0.0) -> Box:
    return Box(0.1 + 0.3 * place - larger, 0.2 - larger, 0.2 + 0.3 * place + larger, 0.4 + larger)


def tagged(count: int, people: int) -> Iterator[Tagged]:
    for number in range(count):
        tags = tuple(Tag(f"person {who(number, place, people)}", box(place, 0.02)) for place in range(EACH - 1))
        yield Tagged(number + 1, str(number), tags)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else PHOTOS
    people = count * EACH // 30 + 1
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(open_index(Path(folder) / "faces.db")) as db:
        library(db, count)
        seconds = []
        for what in ("first", "again"):
            before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / PEAK, time.perf_counter()
            report = importing.run(db, "dlib", "picasa", "a benchmark", tagged(count, people))
            seconds.append(time.perf_counter() - start)
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / PEAK - before
            print(f"{what:6} {report.tags:9,} tags  {seconds[-1]:7.1f} s  {report.tags / seconds[-1]:8,.0f} tags/s"
                  f"  {grown:6.0f} MB more  {report.said.counts['name']:,} faces named")  # fmt: skip
        print(f"the second takes {seconds[1] / seconds[0]:.2f} of the first")


if __name__ == "__main__":
    main()
