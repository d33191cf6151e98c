"""Stage two: read what is to be read, on an engine, and save what the workers found out.

The parent hands out files and writes results; it reads no photo. Two new files of equal size may be
copies, so the second waits until the first is known: a copy is never examined twice.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, TimeoutError, wait
from dataclasses import replace

from faceindex import engines
from faceindex.crawl import root_state
from faceindex.db import transaction
from faceindex.errors import FaceindexError
from faceindex.models import DetectionSettings, Examination, FileKind, Problem, ProblemKind, Task
from faceindex.pipeline import saving
from faceindex.pipeline.examine import examine
from faceindex.pipeline.options import ScanOptions
from faceindex.pipeline.stop import Stop
from faceindex.store import files, moves, photos

PAGE = 200  # files asked for at once
SAVE_EVERY = 64  # results
SAVE_SECONDS = 2.0
MOST_WAITING = 16  # of one size; where more are equal they are uncompressed scans rather than copies
MOST_DEATHS = 3  # of workers on a device, until the rest of the night is the CPU's
CPU = "cpu"
SLOWEST_DISK = 2_000_000  # bytes a second, for the time limit of large files

Tick = Callable[[Examination, FileKind], object]


def read_files(
    db: sqlite3.Connection, run_id: int, which: files.ToRead, options: ScanOptions, stop: Stop, tick: Tick
) -> set[int]:
    """Read every file that is to be read, until done or stopped; everything finished is saved.

    Returns the root_ids of roots that disappeared meanwhile, of which the rest is left for another night.
    """
    if not files.to_read(db, which, limit=1):
        return set()  # a night without news starts no worker
    pool = engines.engine(options.engine)()
    reading = _Reading(db, run_id, which, options, tick)
    try:
        reading.run(pool, stop)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        reading.save()
    return reading.lost


class _Reading:
    """Which files are in work, which wait for one of equal size, and which results are not yet saved."""

    def __init__(
        self, db: sqlite3.Connection, run_id: int, which: files.ToRead, options: ScanOptions, tick: Tick
    ) -> None:
        self._db, self._run_id, self._which, self._options, self._tick = db, run_id, which, options, tick
        self._workers = engines.workers(options.engine)
        self._todo = _pages(db, which)
        self._line: deque[files.Unread] = deque()  # the next to go, as many as there are workers
        self._ready: deque[files.Unread] = deque()  # had waited, may join the line
        self._waiting: defaultdict[int, deque[files.Unread]] = defaultdict(deque)  # by size
        self._working: dict[Future[Examination], tuple[Task, files.Unread]] = {}
        self._sizes: Counter[int] = Counter()  # of what is in work or in line
        self._results: list[Examination] = []
        self._saved_at = time.monotonic()
        self._device = options.detection.device  # as asked for
        self._deaths = 0  # of workers on it
        self.lost: set[int] = set()  # root_ids

    def run(self, pool: Executor, stop: Stop) -> None:
        most = 2 * self._workers
        while stop.reading_over() is None:
            while len(self._working) < most and (unread := self._next()):
                self._submit(pool, self._task(unread), unread)
            if not self._working:
                return
            self._collect(pool, timeout=0.5)
        end = time.monotonic() + stop.grace()
        while self._working and (left := end - time.monotonic()) > 0:
            self._collect(pool, timeout=min(0.5, left))

    def _next(self) -> files.Unread | None:
        """The next file, of which as many more as there are workers stand in line to be seen."""
        while len(self._line) <= self._workers and (unread := self._draw()):
            self._line.append(unread)
            self._sizes[unread.size] += 1
        return self._line.popleft() if self._line else None

    def _draw(self) -> files.Unread | None:
        """The next of the list that need not wait for another of its size."""
        if self._ready:
            return self._ready.popleft()
        for unread in self._todo:
            if unread.root_id in self.lost:
                continue
            queue = self._waiting[unread.size] if self._sizes[unread.size] else None
            if queue is None or unread.kind != "photo" or len(queue) >= MOST_WAITING:
                return unread
            queue.append(unread)
        return None

    def _task(self, unread: files.Unread) -> Task:
        options = self._options
        known: frozenset[bytes] = frozenset()
        if unread.kind == "photo":
            known = photos.settled_digests(self._db, unread.size, options.backend, self._run_id)
        return Task(
            unread.file_id,
            unread.path,
            unread.kind,
            unread.size,
            known=known,
            backend=options.backend,
            settings=options.detection,
            limits=options.limits,
            thumbnails=options.thumbnails > 0,
            time_limit=options.photo_time + unread.size / SLOWEST_DISK,
            # While the workers look at this one and its neighbours, the last in line is about one turn away.
            ahead=self._line[-1].path if len(self._line) == self._workers else None,
        )

    def _submit(self, pool: Executor, task: Task, unread: files.Unread) -> None:
        self._working[pool.submit(examine, task)] = task, unread

    def _collect(self, pool: Executor, timeout: float) -> None:
        done, _ = wait(self._working, timeout=timeout, return_when=FIRST_COMPLETED)
        for future in done:
            task, unread = self._working.pop(future)
            found = _outcome(future, task)
            if found.digest is None and found.problem and found.problem.stage == "examine" and not task.hash_only:
                self._submit(pool, self._for_less(task, found.problem), unread)
                continue
            if task.settings.device != self._device:
                found = replace(found, notes=(*found.notes, f"{self._device} killed a worker; the CPU took over"))
            if not self._is_lost(found, unread):
                self._take(found, task.kind)
            self._release(task.size)
        if len(self._results) >= SAVE_EVERY or time.monotonic() - self._saved_at > SAVE_SECONDS:
            self.save()

    def _for_less(self, task: Task, problem: Problem) -> Task:
        """A task that killed its worker once more: on the CPU if a device may be to blame, else for its hash alone."""
        if problem.kind == "crash" and _is_on_a_device(task.settings):
            self._deaths += 1
            if self._deaths == MOST_DEATHS:
                self._options = replace(self._options, detection=replace(self._options.detection, device=CPU))
            return replace(task, settings=replace(task.settings, device=CPU))
        # It died before anybody knew its digest; hashing alone should be harmless.
        return replace(task, hash_only=True, after=problem)

    def _is_lost(self, found: Examination, unread: files.Unread) -> bool:
        """Whether a file is no longer there, or its root: no Problem of its own, the next crawl will judge."""
        is_gone = found.digest is None and found.problem is None
        is_unreadable = is_gone or (found.problem is not None and found.problem.kind == "unreadable")
        if is_unreadable and root_state(self._which.roots[unread.root_id]):
            self.lost.add(unread.root_id)
        if is_gone:
            moves.miss(self._db, [found.file_id])
        return is_gone or (found.digest is None and unread.root_id in self.lost)

    def _take(self, found: Examination, kind: FileKind) -> None:
        self._results.append(found)
        self._tick(found, kind)

    def _release(self, size: int) -> None:
        """Let the next file of this size go, now that it can be compared with the one just read."""
        self._sizes[size] -= 1
        if not self._sizes[size]:
            del self._sizes[size]
            if queue := self._waiting.pop(size, None):
                self.save()
                self._ready.append(queue.popleft())
                if queue:
                    self._waiting[size] = queue

    def save(self) -> None:
        """Write down everything finished so far, and where the time went, in one transaction."""
        results, self._results = self._results, []
        now = time.monotonic()
        seconds, self._saved_at = now - self._saved_at, now
        with transaction(self._db):
            saving.save_all(self._db, self._run_id, self._options, results, seconds)
        saving.save_thumbnails(self._options, results)


def _is_on_a_device(settings: DetectionSettings) -> bool:
    if settings.runtime != "onnx" or settings.device == CPU:
        return False
    from faceindex.nets import devices  # noqa: PLC0415  (loads onnxruntime, and workers seldom die)

    return not devices.is_cpu(settings.device)


def _pages(db: sqlite3.Connection, which: files.ToRead) -> Iterator[files.Unread]:
    """Everything to read, page by page: the list itself never stands in memory."""
    after = 0
    while page := files.to_read(db, which, after, PAGE):
        yield from page
        after = page[-1].file_id


def _outcome(future: Future[Examination], task: Task) -> Examination:
    """What a worker found out, or what became of the worker."""
    try:
        found = future.result()
    except TimeoutError:
        return _failed(task, Problem("examine", "timeout", f"took longer than {task.time_limit:.0f} seconds"))
    except engines.WorkerDied as death:
        return _failed(task, Problem("examine", "crash", f"killed its worker ({death})"))
    except FaceindexError:
        raise  # a missing model, no worker to be had: the run ends with its sentence
    except Exception as error:  # noqa: BLE001  (remembered with its name; the night goes on)
        kind: ProblemKind = "memory" if isinstance(error, MemoryError) else "unexpected"
        return _failed(task, Problem("examine", kind, f"made a worker fail: {type(error).__name__}: {error}"))
    if task.after is not None:
        return replace(found, problem=task.after if found.digest else found.problem)
    return found


def _failed(task: Task, problem: Problem) -> Examination:
    return Examination(task.file_id, problem=task.after or problem)
