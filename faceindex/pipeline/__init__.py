"""A night, stage by stage; each is a query, a function and a save, and may be killed at any moment.

                  to do                          work                          save
crawl        folders of the roots      stat(), compare with the index    files: new, changed, gone
read         files that are stale      hash; unless known: decode,       photos, faces, encodings,
                                       find faces, encode (workers)      problems
recognise    faces in no cluster       nearest average, or a group       clusters, matches
report       the run's rows            –                                 –

The to-do list of each stage is a query over what the stages before it saved, so a run that was killed
resumes by starting again.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from faceindex import backends, engines
from faceindex.db import open_index, transaction
from faceindex.errors import UsageProblem
from faceindex.models import DetectionSettings, Examination, FileKind
from faceindex.pipeline import crawling, reading, recognising
from faceindex.pipeline.crawling import Walk
from faceindex.pipeline.lock import scan_lock
from faceindex.pipeline.options import ScanOptions
from faceindex.pipeline.stop import Stop
from faceindex.store import files, journal, problems, roots, runs, settings
from faceindex.store.paths import shown

DISAPPEARED = "disappeared while it was read"


@dataclass(frozen=True, slots=True)
class Progress:
    """Told what happens, for a progress bar; does nothing by itself."""

    crawled: Callable[[int], object] = lambda files: None
    to_read: Callable[[int, int], object] = lambda photos, bytes: None
    read: Callable[[Examination, FileKind], object] = lambda found, kind: None
    matched: Callable[[int], object] = lambda faces: None


@dataclass(frozen=True, slots=True)
class ScanResult:
    """How a scan ended; the rest is in the index."""

    run_id: int
    outcome: runs.Outcome
    offline: tuple[str, ...] = ()  # a sentence for each root that could not be believed
    left_photos: int = 0
    left_bytes: int = 0
    left_faces: int = 0  # found, and not yet matched
    seconds: float = 0.0
    reading_seconds: float = 0.0
    read_photos: int = 0  # photos and bytes that were read in these seconds
    read_bytes: int = 0
    problems: int = 0  # files this run could not handle
    roots: tuple[str, ...] = field(default=())


def scan(index: Path, options: ScanOptions, stop: Stop | None = None, progress: Progress | None = None) -> ScanResult:
    """Run one night on the index; what is already done is not done again.

    Raises ScanRunning where another scan holds the index, and what open_index() raises.
    """
    stop, progress = stop or Stop(), progress or Progress()
    backends.check_name(options.backend)
    engines.workers(options.engine)  # raises before anything is done
    _check_device(options.detection)
    db = open_index(index)
    try:
        with scan_lock(index), stop.on_signals():
            # What a scan does can be done again: after a power cut its last second may be missing.
            db.execute("PRAGMA synchronous = NORMAL")
            # A night is not lost because somebody left a shell open that holds the index for a while.
            db.execute("PRAGMA busy_timeout = 300000")
            return _night(db, replace(options, index=str(index.resolve())), stop, progress)
    finally:
        db.close()


def _check_device(detection: DetectionSettings) -> None:
    """Raise UsageProblem where the networks cannot run on the device that was asked for."""
    if not detection.device:
        raise UsageProblem("no device is named; leave out --device, or see 'faceindex doctor' for those that are here")
    if detection.runtime == "dlib" and detection.device not in ("auto", "cpu"):
        device = detection.device
        raise UsageProblem(f"the runtime dlib knows no device {device!r}; leave out --device or --runtime dlib")
    if detection.runtime == "onnx" and detection.device != "auto":
        from faceindex.nets import devices  # noqa: PLC0415  (loads onnxruntime)

        devices.device_named(detection.device)


def _night(db: sqlite3.Connection, options: ScanOptions, stop: Stop, progress: Progress) -> ScanResult:
    start = time.monotonic()
    chosen = _chosen_roots(db, options)
    run_id = runs.begin(db, options.as_dict())
    problems.retry_too_large(db, run_id)
    try:
        walks, early = _crawl(db, run_id, chosen, options, stop, progress)
        which = _prepare_reading(db, run_id, options, walks)
        late = _read(db, which, options, stop, progress)
        _note_lost(db, run_id, walks, late.lost)
        recognising.recognise(db, run_id, options, stop.for_matching(), progress.matched)
        photos, size = files.count_to_read(db, which)
        outcome = _outcome(stop, walks, photos, size)
        runs.end(db, run_id, outcome)
    except BaseException as error:
        with contextlib.suppress(sqlite3.Error):  # what went wrong matters more; an open run counts as killed
            runs.end(db, run_id, "stopped" if isinstance(error, KeyboardInterrupt) else "failed")
        raise
    return ScanResult(
        run_id,
        outcome,
        tuple(crawling.offline_sentence(walk) for walk in walks if walk.offline),
        photos,
        size,
        runs.unmatched(db, options.backend),
        time.monotonic() - start,
        early.seconds + late.seconds,
        early.photos + late.photos,
        early.size + late.size,
        runs.counts(db, run_id)["problems"],
        tuple(chosen),
    )


def _crawl(
    db: sqlite3.Connection, run_id: int, chosen: dict[str, int], options: ScanOptions, stop: Stop, progress: Progress
) -> tuple[list[Walk], _Read]:
    """Crawl all roots; returns their walks, and what was read meanwhile.

    At half of the time what waits to be read is read first, else a crawl as long as the night would leave none for it.
    """
    walks = crawling.begin(db, chosen, options)
    which = _to_read(run_id, options, walks)
    done = _Read()

    def half_over() -> bool:
        return bool(stop.crawling_over() and (stop.reading_over() or files.to_read(db, which, limit=1)))

    crawling.crawl_roots(db, run_id, walks, half_over, progress.crawled)
    if not all(walk.complete or walk.offline for walk in walks) and not stop.reading_over():
        done = _read(db, which, options, stop, progress)
        for walk in walks:
            walk.offline = walk.offline or (DISAPPEARED if walk.root_id in done.lost else None)
        crawling.crawl_roots(db, run_id, walks, stop.reading_over, progress.crawled)
    crawling.judge(db, run_id, walks, options)
    return walks, done


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read, and in how long."""

    lost: frozenset[int] = frozenset()  # root_ids of roots that disappeared meanwhile
    seconds: float = 0.0
    photos: int = 0
    size: int = 0  # bytes, with all other files


def _read(db: sqlite3.Connection, which: files.ToRead, options: ScanOptions, stop: Stop, progress: Progress) -> _Read:
    """Read what is to be read."""
    photos, size = files.count_to_read(db, which)
    progress.to_read(photos, size)
    if not photos and not size:
        return _Read(frozenset(reading.read_files(db, which.run_id, which, options, stop, progress.read)))
    began = time.monotonic()
    lost = reading.read_files(db, which.run_id, which, options, stop, progress.read)
    seconds = time.monotonic() - began
    left_photos, left_size = files.count_to_read(db, which)
    return _Read(frozenset(lost), seconds, photos - left_photos, size - left_size)


def _outcome(stop: Stop, walks: list[Walk], photos: int, size: int) -> runs.Outcome:
    """How a night that came to its end has ended: "done" where nothing is left to do."""
    unfinished = photos or size or any(not walk.complete and not walk.offline for walk in walks)
    return stop.reason() or (stop.reading_over() if unfinished else None) or "done"


def _note_lost(db: sqlite3.Connection, run_id: int, walks: list[Walk], lost: Set[int]) -> None:
    """Count roots that disappeared while they were read as offline."""
    for walk in walks:
        if walk.root_id in lost and walk.offline is None:
            walk.offline = DISAPPEARED
            runs.count(db, run_id, offline=1)


def _chosen_roots(db: sqlite3.Connection, options: ScanOptions) -> dict[str, int]:
    """Path to root_id of what is to be scanned; folders named for the first time become roots."""
    with transaction(db):
        for path in options.roots:
            _add_root(db, path)
        known = roots.ids(db)
        if not known:
            raise UsageProblem("no folder is indexed yet; name one: faceindex scan ~/Pictures")
        if settings.get(db, "backend") != options.backend:
            settings.put(db, "backend", options.backend)
            files.make_unexamined_stale(db, options.backend)
    return {path: known[path] for path in options.roots} if options.roots else known


def _add_root(db: sqlite3.Connection, path: str) -> None:
    """Put a folder under watch. A known one may be offline; of a new one that is a slip of the pen."""
    if path in roots.ids(db):
        return
    if not os.path.isdir(path):
        raise UsageProblem(f"there is no folder {shown(path)}; check its name")
    with journal.entry(db, "root add", f"root {shown(path)} added"):
        roots.add(db, path)


def _prepare_reading(db: sqlite3.Connection, run_id: int, options: ScanOptions, walks: list[Walk]) -> files.ToRead:
    which = _to_read(run_id, options, walks)
    if options.verify:
        with transaction(db):
            files.make_all_stale(db, list(which.roots))
    return which


def _to_read(run_id: int, options: ScanOptions, walks: list[Walk]) -> files.ToRead:
    readable = {walk.root_id: walk.path for walk in walks if walk.offline is None or os.path.isdir(walk.path)}
    return files.ToRead(readable, run_id, other="photo" if options.photos_only else "other")


__all__ = ["Progress", "ScanOptions", "ScanResult", "Stop", "scan"]
