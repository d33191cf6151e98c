"""Libraries made of coloured squares, scans of them, and what the index holds afterwards without its ids.

Also backends that behave badly: importable by the workers of a scan, in this process or another.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from fakes import FakeBackend, draw
from PIL import Image

from faceindex import db as index_file
from faceindex.errors import ModelsMissing
from faceindex.models import DetectionSettings
from faceindex.pipeline import ScanOptions, ScanResult, Stop, scan
from faceindex.store import averages, journal, people, runs

RED, GREEN, BLUE = (250, 0, 0), (0, 250, 0), (0, 0, 250)
YELLOW, CYAN, MAGENTA = (250, 250, 0), (0, 250, 250), (250, 0, 250)
SIDE = 40  # pixels of a face
TESTS = Path(__file__).parent

# Told by the blue of a picture's last pixel: what a nasty backend does when it sees it.
SEGFAULT, HANG, RAISE, NO_MEMORY, QUIT, NOT_A_NUMBER, NO_BOX = range(1, 8)
LIMITED = """
import resource, sys
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from faceindex.cli import main
main()
"""
UNREAL = ("files_seen", "files_read", "bytes_read")


class NastyBackend(FakeBackend):
    """Sees squares, and does on some pictures the worst that native code does."""

    name = "nasty"

    def detect(self, pictures):
        for pixels in pictures:
            misbehave(int(pixels[-1, -1, 2]))
        return super().detect(pictures)

    def encode(self, pictures, boxes):
        bad = [pixels[-1, -1, 2] == NOT_A_NUMBER for pixels in pictures]
        found = super().encode(pictures, boxes)
        return [vectors * np.float32("nan") if is_bad else vectors for is_bad, vectors in zip(bad, found, strict=True)]


def misbehave(what: int) -> None:
    if what == SEGFAULT:
        ctypes.string_at(0)
    elif what == HANG:
        time.sleep(3600)
    elif what == RAISE:
        raise ValueError("the backend cannot \udcff this")
    elif what == NO_MEMORY:
        raise MemoryError
    elif what == QUIT:
        sys.exit("no models")


class SlowBackend(FakeBackend):
    """Takes as long as a real one, so that a scan can be killed in the middle."""

    name = "slow"

    def detect(self, pictures):
        time.sleep(0.02)
        return super().detect(pictures)


class BareBackend(FakeBackend):
    """Misses its models until the file named by BARE_MODELS is there."""

    name = "bare"

    def __init__(self, settings: DetectionSettings) -> None:
        if not Path(os.environ["BARE_MODELS"]).exists():
            raise ModelsMissing("the model file is missing; install it")
        super().__init__(settings)


class DriverBackend(FakeBackend):
    """Ends its process on every device but the CPU, as a broken driver does."""

    name = "driver"

    def detect(self, pictures):
        if self.settings.device != "cpu":
            misbehave(SEGFAULT)
        return super().detect(pictures)


BACKENDS = {"fake": "fakes:FakeBackend", "nasty": "nights:NastyBackend", "slow": "nights:SlowBackend",
            "bare": "nights:BareBackend", "driver": "nights:DriverBackend"}  # fmt: skip


def announce_all(folder: Path) -> Path:
    """Make folder, once on the path, a distribution that offers the backends above."""
    facts = folder / "faceindex_nights-1.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: faceindex-nights\nVersion: 1.0\n")
    lines = "".join(f"{name} = {where}\n" for name, where in BACKENDS.items())
    (facts / "entry_points.txt").write_text(f"[faceindex.backends]\n{lines}")
    return folder


@dataclass(frozen=True)
class Night:
    """A scan that ended, and what its run counted: only what is not zero."""

    result: ScanResult
    run: dict[str, Any]
    counts: dict[str, int]

    @property
    def news(self) -> dict[str, int]:
        return {name: number for name, number in self.counts.items() if name not in UNREAL}


@dataclass
class Home:
    """A folder with a library, an index, and a place for backends."""

    folder: Path
    name: str = "faces.db"
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def index(self) -> Path:
        return self.folder / "index" / self.name

    @property
    def library(self) -> Path:
        return self.folder / "library"

    @property
    def site(self) -> Path:
        return self.folder / "site"

    def photo(self, path: str | Path, *colours: tuple[int, int, int], does: int = 0) -> Path:
        """Save a picture, different from all others, with one face of each colour; returns its path."""
        target = self.library / path
        target.parent.mkdir(parents=True, exist_ok=True)
        pixels = draw(*colours, side=SIDE)
        pixels[0, 0] = (0, *divmod(next(self.numbers), 90))
        pixels[-1, -1, 2] = does
        Image.fromarray(pixels).save(target, "PNG")
        return target

    def undisturbed(self) -> Home:
        """The same library with a copy of the index as it is now, if there is one."""
        other = replace(self, name="undisturbed.db")
        if self.index.exists():
            with self.open() as db:
                index_file.backup(db, other.index)
        return other

    def scan(self, *roots: Path, stop: Stop | None = None, **options: Any) -> Night:
        """Run one night, by default on the library; with roots=() on all that is known."""
        settle(self.folder)
        roots = options.pop("roots", roots or (self.library,))
        chosen = {"engine": "serial", "backend": "fake", **options}
        result = scan(self.index, ScanOptions(roots=tuple(map(str, roots)), **chosen), stop)
        with self.open() as db:
            run = runs.counts(db, result.run_id)
        counts = {name: run[name] for name in runs.COUNTS if run[name]}
        return Night(result, run, counts)

    @contextlib.contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(index_file.open_index(self.index)) as db:
            yield db

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.open() as db:
            return [tuple(row) for row in db.execute(sql, values)]

    def label(self, path: Path, name: str, place: int = 0) -> None:
        """Name the cluster that holds a photo's face, counted from the left."""
        cluster = self.faces(path)[place][1]
        with self.open() as db, journal.entry(db, "cluster label", f"named {name}") as entry:
            people.label(db, entry, cluster, name)

    def faces(self, path: Path) -> list[tuple[int, int | None, str | None, str | None]]:
        """(face_id, cluster_id, cluster's name, label) of a photo's faces, from left to right."""
        return self.rows(
            """SELECT face.face_id, cluster_id, owner.name, labelled.name
               FROM files JOIN face USING (photo_id) LEFT JOIN cluster USING (cluster_id)
               LEFT JOIN person AS owner USING (person_id)
               LEFT JOIN label ON label.face_id = face.face_id
               LEFT JOIN person AS labelled ON labelled.person_id = label.person_id
               WHERE files.path = ? ORDER BY face."left" """,
            str(path),
        )

    def state(self, path: Path) -> str | None:
        found = self.rows("SELECT state FROM files WHERE path = ?", str(path))
        return found[0][0] if found else None

    def problems(self) -> dict[str, tuple[str, int, int]]:
        """File name to kind, tries, and whether it will be tried again."""
        return {Path(p).name: (kind, tries, again == "next run")
                for p, kind, tries, again in self.rows('SELECT path, kind, tries, "next" FROM problems')}  # fmt: skip

    def examinations(self) -> int:
        return self.rows("SELECT count(*) FROM examination")[0][0]

    def command(self, *arguments: str | Path, limit: int = 0, **environment: str) -> subprocess.Popen[bytes]:
        """Start `faceindex` in a process of its own, which may write no file of more than `limit` bytes."""
        paths = [str(self.site), str(TESTS), str(TESTS.parent)]
        env = {**os.environ, **environment, "PYTHONPATH": os.pathsep.join(paths), "FACEINDEX_DB": str(self.index)}
        start = ["-c", LIMITED, str(limit)] if limit else ["-m", "faceindex"]
        return subprocess.Popen([sys.executable, *start, *map(str, arguments)], env=env,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip

    def dump(self) -> dict[str, Any]:
        """All that the index says, but for ids, runs and times; fails where the index is unsound."""
        with self.open() as db:
            assert index_file.check(db) == []
            assert averages.check(db) == []
            return {name: sorted(map(tuple, db.execute(sql)), key=repr) for name, sql in DUMP.items()}


FACE = """hex(photo.digest) || ':' || printf('%.4f', face."left") || ':' || printf('%.4f', face.top)"""
DUMP = {
    "file": "SELECT path, kind, size, state, digest FROM files",
    "held": "SELECT path, hex(file.digest) FROM file JOIN files USING (file_id) WHERE file.stale AND state = 'present'",
    "photo": "SELECT hex(digest), size, format, width, height, backend FROM photo JOIN examination USING (photo_id)",
    "face": f"""SELECT {FACE}, backend, detector, score, hex(vector) FROM photo JOIN face USING (photo_id)
                JOIN encoding USING (face_id)""",
    "cluster": f"""SELECT name, group_concat(member) FROM (
                       SELECT cluster_id, person.name, {FACE} AS member
                       FROM photo JOIN face USING (photo_id) LEFT JOIN cluster USING (cluster_id)
                       LEFT JOIN person USING (person_id) ORDER BY member) GROUP BY cluster_id""",
    "label": f"""SELECT {FACE}, name, source FROM photo JOIN face USING (photo_id) JOIN label USING (face_id)
                 JOIN person USING (person_id)""",
    "problem": "SELECT path, stage, kind FROM problems",
}


def settle(folder: Path) -> None:
    """Wait, some milliseconds, until no change in the folder is so fresh that a later one could look the same."""
    newest = max((path.lstat().st_ctime_ns for path in folder.rglob("*")), default=0)
    while 0 <= time.time_ns() - newest < 25_000_000:
        time.sleep(0.002)
