"""Is the set-up sound, and is the index? Each finding is a line that says what to do."""

from __future__ import annotations

import glob
import os
import platform
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from faceindex import db as index_file
from faceindex import native
from faceindex.crawl import root_state
from faceindex.engines import usable_cores
from faceindex.errors import FaceindexError, UnreadablePicture
from faceindex.image import open_picture
from faceindex.nets.cache import cache_folder
from faceindex.report import counted, size
from faceindex.store import averages, files, roots
from faceindex.store.paths import shown

if TYPE_CHECKING:
    from faceindex.backends.compare import Comparison
    from faceindex.models import Pixels

Level = Literal["ok", "note", "bad"]
PACKAGES = ("faceindex", "dlib", "dlib-bin", "face_recognition", "face_recognition_models", "onnxruntime",
            "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml", "onnx", "simplejpeg", "numpy", "Pillow",
            "pillow-heif", "click")  # fmt: skip
LITTLE_DISK = 2 * 10**9  # bytes
LONGEST = 200  # characters of another library's message
STRIP = 4  # times as long as wide: a picture that, made small, could be too narrow for the CNN


@dataclass(frozen=True, slots=True)
class Finding:
    level: Level
    about: str
    text: str


def examine(index: Path) -> Iterator[Finding]:
    """Look at everything; no finding keeps the next from being made."""
    for look in CHECKS:
        try:
            yield from look(index)
        except OSError as error:
            yield Finding("bad", look.__name__.strip("_"), f"cannot be looked at ({error}); check the permissions")


def _versions(index: Path) -> Iterator[Finding]:
    machine = f"{platform.python_version()} on {platform.platform()}, SQLite {sqlite3.sqlite_version}"
    yield Finding("ok", "python", machine)
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    yield Finding("ok", "packages", ", ".join(found))
    yield Finding("ok", "cores", f"{usable_cores()} usable; 'scan' runs a worker on each")


def _dlib(index: Path) -> Iterator[Finding]:
    try:
        from faceindex.backends import dlib_models  # noqa: PLC0415  (where dlib is broken, say so and go on)
    except ImportError as error:
        yield Finding("bad", "dlib", f"cannot be loaded ({error}); install dlib, or dlib-bin which is ready built")
        return
    facts = dlib_models.dlib_facts()
    told = ", ".join(f"{name} {_yes(value)}" for name, value in facts.items())
    yield Finding("ok", "dlib", told)
    if not facts.get("AVX", True):
        yield Finding("note", "dlib", "was built without AVX, so detection is several times slower; try dlib-bin")
    faults = dlib_models.check_models()
    for fault in faults:
        yield Finding("bad", "models", fault)
    if not faults:
        yield Finding("ok", "models", f"{len(dlib_models.model_files())} files found, whole")


def _speed(index: Path) -> Iterator[Finding]:
    """What makes a scan fast."""
    if trouble := native.why_not():
        yield Finding("note", "native", trouble)
    else:
        yield Finding("ok", "native", "C kernels for HOG and resizing are built and used")
    try:
        from faceindex.nets import devices  # noqa: PLC0415  (where onnxruntime is broken, say so and go on)

        yield Finding("ok", "devices", f"{', '.join(devices.available())}; 'auto' takes the first")
    except (ImportError, AttributeError) as error:  # what is left of a package half removed has no attributes
        yield Finding("bad", "devices", f"onnxruntime cannot be loaded ({error}); reinstall it or use --runtime dlib")


def _cache(index: Path) -> Iterator[Finding]:
    """Whether what is built once can be kept."""
    folder = cache_folder()
    here = next((p for p in (folder, *folder.parents) if p.exists()), folder)
    if here.is_dir() and os.access(here, os.W_OK | os.X_OK):
        yield Finding("ok", "cache", f"{folder} keeps the networks as ONNX Runtime wants them")
    else:
        yield Finding("note", "cache", f"{folder} cannot be written, so every worker builds the networks anew; "
                      "change its permissions, or name another folder with the variable FACEINDEX_CACHE")  # fmt: skip


def _runtimes(index: Path) -> Iterator[Finding]:
    """Whether both runtimes find the same."""
    try:
        from faceindex.backends import dlib_models  # noqa: PLC0415
        from faceindex.backends.compare import SIZE, compare  # noqa: PLC0415
    except ImportError:
        return  # told above
    if dlib_models.check_models():
        return
    name, pixels = _sample(index, SIZE)
    try:
        yield _compared(name, compare(pixels))
    except FaceindexError as error:
        yield Finding("bad", "runtimes", str(error))
    except Exception as error:  # noqa: BLE001  (a broken onnxruntime fails with whatever it likes)
        why = " ".join(str(error).split())[:LONGEST] or type(error).__name__
        yield Finding("bad", "runtimes", f"ONNX Runtime and dlib cannot be compared ({why}); "
                      "reinstall onnxruntime, or scan with --runtime dlib")  # fmt: skip


def _compared(name: str, both: Comparison) -> Finding:
    on = f"{name}: {counted(both.faces, 'face')}, encodings within {both.encoding:.0e}"
    if both.agree:
        return Finding("ok", "runtimes", f"ONNX Runtime gives what dlib gives, {both.times:.0f} times as fast ({on})")
    faces = [counted(both.differing, "face")] if both.differing else []
    differing = " and ".join(faces if both.same_encodings else [*faces, "the encodings"])
    return Finding("bad", "runtimes", f"ONNX Runtime differs from dlib in {differing} ({on}); "
                   "scan with --runtime dlib and report it")  # fmt: skip


def _sample(index: Path, longest: int) -> tuple[str, Pixels]:
    """A picture of the index that shows a face, its longest side at least that if it has it, else a drawing."""
    for path in _some_photos(index):
        try:
            pixels = open_picture(Path(path).read_bytes()).pixels(longest)
        except (OSError, UnreadablePicture):
            continue
        if max(pixels.shape[:2]) <= STRIP * min(pixels.shape[:2]):
            return shown(path), pixels
    across, down = np.meshgrid(np.arange(480), np.arange(360))
    drawn = np.stack([across % 256, down % 256, (across * down) % 256], 2)
    return "a drawing", drawn.astype(np.uint8)


def _some_photos(index: Path) -> list[str]:
    if not index.exists():
        return []
    try:
        with closing(index_file.open_index(index, create=False)) as db:
            return files.showing_faces(db, 20)
    except (FaceindexError, sqlite3.DatabaseError):
        return []  # told by another check


def _yes(value: str | bool) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def _index(index: Path) -> Iterator[Finding]:
    if not index.exists():
        yield Finding("note", "index", f"there is none at {index} yet; 'faceindex scan FOLDER' makes it")
        return
    try:
        db = index_file.open_index(index, create=False)
    except FaceindexError as error:
        yield Finding("bad", "index", str(error))
        return
    try:
        yield from _contents(db, index)
    finally:
        db.close()


def _contents(db: sqlite3.Connection, index: Path) -> Iterator[Finding]:
    yield Finding("ok", "index", f"{index}, {size(index.stat().st_size)}, schema {index_file.schema_version(db)}")
    for copy in sorted(index.parent.glob(f"{glob.escape(index.name)}.v*.bak")):
        yield Finding("note", "index", f"was made by an older version and brought up to date; {copy} is as it was, "
                      "delete it when all is well")  # fmt: skip
    if index.stat().st_mode & 0o077:
        yield Finding("note", "index", f"others may read it, and it holds biometric data; run 'chmod 600 {index}'")
    wrong = index_file.check(db)
    for trouble in wrong:
        yield Finding("bad", "index", f"{trouble}; bring back a copy with 'faceindex restore'")
    if not wrong:
        yield Finding("ok", "index", "integrity and foreign keys are sound")
    drifted = averages.check(db)
    if drifted:
        yield Finding("bad", "averages", f"{len(drifted)} clusters' averages are not their faces'; "
                      "run 'faceindex doctor --repair'")  # fmt: skip
    else:
        yield Finding("ok", "averages", "every cluster's average is exactly that of its faces")
    for root in roots.ids(db):
        state = root_state(root)
        if state:
            yield Finding("note", "root", f"{shown(root)} {state}; check the disk or mount")
        else:
            yield Finding("ok", "root", f"{shown(root)} is there")


def _disk(index: Path) -> Iterator[Finding]:
    folder = next((p for p in (index.parent, *index.parents) if p.exists()), Path("/"))
    free = shutil.disk_usage(folder).free
    if free < LITTLE_DISK:
        yield Finding("note", "disk", f"only {size(free)} free for the index at {folder}; free some space")
    else:
        yield Finding("ok", "disk", f"{size(free)} free for the index")
    if not os.access(folder, os.W_OK):
        yield Finding("bad", "disk", f"{folder} cannot be written; change its permissions or use --db")


CHECKS: tuple[Callable[[Path], Iterator[Finding]], ...] = (_versions, _dlib, _speed, _cache, _runtimes, _index, _disk)


def repair(index: Path) -> int:
    """Compute averages afresh that do not agree with their faces; returns how many."""
    db = index_file.open_index(index, create=False)
    try:
        with index_file.transaction(db):
            drifted = averages.check(db)
            averages.rebuild(db, drifted)
            return len(drifted)
    finally:
        db.close()
