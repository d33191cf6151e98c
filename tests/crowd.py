"""Libraries of hundreds of people without a picture: encodings as a network would make them, in a real index."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceindex import db as index_file
from faceindex.models import Box, Examination, Face, Photo
from faceindex.pipeline.options import ScanOptions
from faceindex.pipeline.recognising import recognise
from faceindex.pipeline.stop import Stop
from faceindex.store import photos, runs

DIMENSIONS = 128
SPREAD, LIKENESS = 0.052, 0.021  # of people, and of one person's photos: distances of about 0.8 and 0.33

Encodings = NDArray[np.float32]


class Crowd:
    """People, and photos of them that are in the index but on no disk."""

    def __init__(self, db: sqlite3.Connection, people: int, seed: int = 0) -> None:
        self.db, self._rng = db, np.random.default_rng(seed)
        self.people = self._rng.normal(0, SPREAD, (people, DIMENSIONS))
        self._photos = 0

    def encoding(self, person: int, likeness: float = LIKENESS) -> Encodings:
        """A face of this person."""
        return (self.people[person] + self._rng.normal(0, likeness, DIMENSIONS)).astype(np.float32)

    def photo(
        self,
        *encodings: Encodings,
        width: int = 4000,
        score: float = 1.0,
        sharpness: float | None = None,
        taken_at: str | None = None,
    ) -> list[int]:
        """A photo with these faces, side by side and a tenth of it wide each; returns the face_ids."""
        self._photos += 1
        digest = hashlib.sha256(str(self._photos).encode()).digest()
        found = tuple(
            Face(Box(0.1 * place, 0.2, 0.1 * place + 0.1, 0.4), score, "hog", encoding, sharpness)
            for place, encoding in enumerate(encodings)
        )
        run = self._run()
        picture = Photo(digest, 1000 + self._photos, "JPEG", width, width, taken_at=taken_at)
        with index_file.transaction(self.db):
            assert photos.add(self.db, run, "dlib", "{}", Examination(0, digest, picture, found))
        rows = self.db.execute("SELECT face_id FROM face ORDER BY face_id DESC LIMIT ?", (len(found),)).fetchall()
        return [row[0] for row in rows][::-1]

    def everybody(self, times: int) -> list[int]:
        """So many photos of each person, each alone; returns the face_ids, person by person."""
        return [self.photo(self.encoding(person))[0] for person in range(len(self.people)) for _ in range(times)]

    def recognise(self, **options: object) -> int:
        """Match all that is new, as a scan does; returns its run_id."""
        run = self._run()
        recognise(self.db, run, ScanOptions(**options), Stop(), lambda count: None)  # type: ignore[arg-type]
        return run

    def clusters(self, faces: Sequence[int]) -> list[int | None]:
        """In which cluster each of the faces is."""
        found = dict(tuple(row) for row in self.db.execute("SELECT face_id, cluster_id FROM face"))
        return [found[face] for face in faces]

    def one(self, sql: str, *values: object) -> tuple[object, ...]:
        """The first row of an answer."""
        return tuple(self.db.execute(sql, values).fetchone())

    def _run(self) -> int:
        with index_file.transaction(self.db):
            return runs.begin(self.db, {})


@contextlib.contextmanager
def crowd(folder: Path, people: int, seed: int = 0) -> Iterator[Crowd]:
    """An index with nobody in it yet."""
    with contextlib.closing(index_file.open_index(folder / "faces.db")) as db:
        yield Crowd(db, people, seed)
