"""One file's way through a worker: read once, hash, and unless its bytes are known, find and encode faces.

Sees no database; may run in any process. Whatever a file does comes back as an Examination, with a
Problem in it where something failed.
"""

from __future__ import annotations

import hashlib
import math
import os
import stat
import time
import traceback
from dataclasses import dataclass, replace

from faceindex import backends, stopwatch
from faceindex.backends import Backend
from faceindex.backends.faces import faces_of
from faceindex.errors import FaceindexError, UnreadablePicture
from faceindex.image import Picture, open_picture, small
from faceindex.matching import LARGEST
from faceindex.models import Examination, Face, Problem, ProblemKind, Task
from faceindex.pipeline import ahead

CHUNK = 2**20
# A change this shortly before reading may be followed by another that stat() cannot tell from it:
# file systems stamp times in ticks (4 ms on Linux, 2 s on FAT, where nanoseconds are round numbers).
TICK_NS = 20_000_000
COARSE_TICK_NS = 2_000_000_000
DAY_NS = 86_400_000_000_000
TOO_LITTLE_MEMORY = Problem("examine", "memory", "needs more memory than a worker may use")


@dataclass(frozen=True, slots=True)
class _Read:
    digest: bytes
    data: bytes | None  # None: hashed only
    count: int  # bytes
    racy: bool


class _Unhandled(Exception):
    """Carries the Problem that ends an examination."""

    def __init__(self, kind: ProblemKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def examine(task: Task) -> Examination:
    """Read one file and, where it is a picture of unknown bytes, find its faces."""
    start = time.perf_counter()
    stopwatch.drain()  # of what ran in this process before
    found = _examined(task)
    seconds = time.perf_counter() - start
    return replace(found, seconds=seconds, profile=stopwatch.whole(stopwatch.drain(), seconds))


def _examined(task: Task) -> Examination:
    try:
        with stopwatch.stage("read"):
            read = _read(task)
    except (FileNotFoundError, NotADirectoryError):
        return Examination(task.file_id)  # gone since the crawl saw it, with its disk or alone
    except (_Unhandled, OSError) as error:
        return Examination(task.file_id, problem=_read_problem(error))
    except MemoryError:
        return Examination(task.file_id, problem=TOO_LITTLE_MEMORY)
    found = Examination(task.file_id, read.digest, bytes_read=read.count, racy=read.racy)
    if task.kind == "photo" and not task.hash_only and read.digest not in task.known:
        return _look(task, read, found)
    return found


def _read(task: Task) -> _Read:
    began = time.time_ns()
    handle = ahead.open_file(task.path)
    with open(handle, "rb") as file:
        before = os.fstat(handle)
        if not stat.S_ISREG(before.st_mode):
            raise _Unhandled("unreadable", "is no longer a file")
        keep = task.kind == "photo" and not task.hash_only and before.st_size <= task.limits.max_bytes
        sha = hashlib.sha256()
        count = 0
        # One byte more than there should be: a file that grows without end must not be read without end.
        # What is kept is read at one go: in parts, it would be in memory twice when they are joined.
        while data := file.read(min(before.st_size + 1 if keep else CHUNK, before.st_size + 1 - count)):
            with stopwatch.stage("hash"):
                sha.update(data)
            count += len(data)
            if keep:
                break
        after = os.fstat(handle)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or count != after.st_size:
        raise _Unhandled("changing", "changed while it was read")
    ahead.fetch(task.ahead)
    return _Read(sha.digest(), data if keep else None, count, _racy(after, began))


def _racy(seen: os.stat_result, began: int) -> bool:
    tick = TICK_NS if seen.st_ctime_ns % 1_000_000_000 else COARSE_TICK_NS
    # Later than now: another machine's clock is ahead, or ours was set back; what changes next gets another time.
    return began - tick < seen.st_ctime_ns < began + DAY_NS


def _read_problem(error: _Unhandled | OSError) -> Problem:
    if isinstance(error, _Unhandled):
        return Problem("read", error.kind, str(error))
    return Problem("read", "unreadable", f"cannot be read: {error.strerror or error}")


def _look(task: Task, read: _Read, found: Examination) -> Examination:
    """Decode the bytes and look for faces; every failure is this photo's Problem and nobody else's."""
    try:
        if read.data is None:
            most = task.limits.max_bytes
            raise _Unhandled("too-large", f"has {read.count} bytes, at most {most} are decoded; raise --max-bytes")
        if not read.data:
            raise _Unhandled("corrupt", "is empty")
        backend = backends.load(task.backend, task.settings)
        with stopwatch.stage("decode"):
            picture = open_picture(read.data, task.limits)
        photo = picture.photo(read.digest, read.count)
        faces = _sound(faces_of(picture, backend), backend)
        pictures = _thumbnails(picture, faces) if task.thumbnails else ()
        return replace(found, photo=photo, faces=faces, notes=backends.notes(backend), thumbnails=pictures)
    except UnreadablePicture as error:
        return replace(found, problem=Problem("examine", error.kind, str(error)))
    except _Unhandled as error:
        return replace(found, problem=Problem("examine", error.kind, str(error)))
    except MemoryError:
        return replace(found, problem=TOO_LITTLE_MEMORY)
    except FaceindexError:
        raise  # a missing model concerns every photo: the run ends with its sentence
    except Exception as error:  # noqa: BLE001  (remembered with its place; the night goes on)
        return replace(found, problem=Problem("examine", "unexpected", _bug(error)))


def _thumbnails(picture: Picture, faces: tuple[Face, ...]) -> tuple[bytes, ...]:
    """Small pictures out of what is decoded already: of a tiny face no sharper one than that."""
    with stopwatch.stage("thumbnails"):
        pixels = picture.pixels(small.PHOTO)
        return small.photo_jpeg(pixels), *(small.face_jpeg(pixels, face.box) for face in faces)


def _sound(faces: tuple[Face, ...], backend: Backend) -> tuple[Face, ...]:
    """The same faces; raises ValueError where one would spoil every later comparison."""
    for face in faces:
        box, encoding = face.box, face.encoding
        if encoding.shape != (backend.dimensions,) or not (abs(encoding) < LARGEST).all():  # NaN neither
            raise ValueError(f"backend {backend.name!r} made an encoding that is none")
        if not (box.left < box.right and box.top < box.bottom and math.isfinite(box.width + box.height + face.score)):
            raise ValueError(f"backend {backend.name!r} found a face that is no box")
    return faces


def _bug(error: Exception) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    name = os.path.basename(place.filename)
    return f"made faceindex fail, please report it: {type(error).__name__}: {error} ({name}:{place.lineno})"
