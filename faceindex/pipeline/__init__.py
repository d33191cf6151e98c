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

import json
import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from faceindex import backends
from faceindex.db import open_index, transaction
from faceindex.errors import UsageProblem
from faceindex.models import Examination
from faceindex.pipeline import crawling, reading, recognising
from faceindex.pipeline.lock import scan_lock
from faceindex.pipeline.options import ScanOptions
from faceindex.pipeline.stop import Stop
from faceindex.store import files, roots, runs, settings


@dataclass(frozen=True, slots=True)
class Progress:
    """Told what happens, for a progress bar; does nothing by itself."""

    crawled: Callable[[int], object] = lambda files: None
    to_read: Callable[[int, int], object] = lambda photos, bytes: None
    read: Callable[[Examination], object] = lambda found: None
    matched: Callable[[int], object] = lambda faces: None


@dataclass(frozen=True, slots=True)
class ScanResult:
    """How a scan ended; the rest is in the index."""

    run_id: int
    outcome: runs.Outcome
    offline: tuple[str, ...] = ()  # a sentence for each root that could not be believed
    left_photos: int = 0
    left_bytes: int = 0
    seconds: float = 0.0
    reading_seconds: float = 0.0
    problems: int = 0  # files this run could not handle
    roots: tuple[str, ...] = field(default=())


def scan(index: Path, options: ScanOptions, stop: Stop | None = None, progress: Progress | None = None) -> ScanResult:
    """Run one night on the index; what is already done is not done again.

    Raises ScanRunning where another scan holds the index, and what open_index() raises.
    """
    stop, progress = stop or Stop(), progress or Progress()
    backends.check_name(options.backend)
    db = open_index(index)
    try:
        with scan_lock(index), stop.on_signals():
            # What a scan does can be done again: after a power cut its last second may be missing.
            db.execute("PRAGMA synchronous = NORMAL")
            return _night(db, options, stop, progress)
    finally:
        db.close()


def _night(db: sqlite3.Connection, options: ScanOptions, stop: Stop, progress: Progress) -> ScanResult:
    start = time.monotonic()
    chosen = _chosen_roots(db, options)
    run_id = runs.begin(db, options.as_dict())
    try:
        walks = crawling.crawl_roots(db, run_id, chosen, options, stop, progress.crawled)
        which = _prepare_reading(db, run_id, options, chosen, {w.root_id for w in walks if w.offline})
        progress.to_read(*files.count_to_read(db, which))
        began = time.monotonic()
        reading.read_files(db, run_id, which, options, stop, progress.read)
        reading_seconds = time.monotonic() - began
        recognising.recognise(db, run_id, options, stop, progress.matched)
        photos, size = files.count_to_read(db, which)
        outcome = stop.reason() or stop.reading_over() if photos or stop.reason() else None
        runs.end(db, run_id, outcome or "done")
    except BaseException:
        if not db.in_transaction:
            runs.end(db, run_id, "failed")
        raise
    return ScanResult(
        run_id,
        outcome or "done",
        tuple(crawling.offline_sentence(walk) for walk in walks if walk.offline),
        photos,
        size,
        time.monotonic() - start,
        reading_seconds,
        runs.counts(db, run_id)["problems"],
        tuple(chosen),
    )


def _chosen_roots(db: sqlite3.Connection, options: ScanOptions) -> dict[str, int]:
    """Path to root_id of what is to be scanned; folders named for the first time become roots."""
    with transaction(db):
        for path in options.roots:
            roots.add(db, path)
        known = roots.ids(db)
        if not known:
            raise UsageProblem("no folder is indexed yet; name one: faceindex scan ~/Pictures")
        if settings.get(db, "backend") != options.backend:
            settings.put(db, "backend", options.backend)
            files.make_unexamined_stale(db, options.backend)
    return {path: known[path] for path in options.roots} if options.roots else known


def _prepare_reading(
    db: sqlite3.Connection, run_id: int, options: ScanOptions, chosen: dict[str, int], offline: set[int]
) -> files.ToRead:
    readable = [root_id for path, root_id in chosen.items() if root_id not in offline or os.path.isdir(path)]
    if options.verify:
        with transaction(db):
            files.make_all_stale(db, readable)
    return files.ToRead(json.dumps(readable), run_id, other="photo" if options.photos_only else "other")


__all__ = ["Progress", "ScanOptions", "ScanResult", "Stop", "scan"]
