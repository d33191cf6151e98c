"""Where work runs. An engine is a function that returns a `concurrent.futures.Executor`:

serial         in the calling thread, within submit()
processes      in one process per usable core
processes:N    in N processes

Whatever a task does, it costs no other task its result. What its future then raises:

an ordinary exception       that exception; its cause shows the worker's traceback
longer than its time limit  TimeoutError: `task.time_limit` seconds from when it starts (processes only)
death of its worker         WorkerDied: segfault, kill, os._exit; also sys.exit() or quit()

A worker process has a pipe of its own, holds one task at a time and never a task in advance. So a death is
always put down to the right task. Where the task is not to blame, another worker gets it: if the worker died
before it started the task, or was asked to leave (SIGTERM, SIGHUP) from outside.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from concurrent.futures import TimeoutError as TaskTimeout  # Python 3.10's is not yet the built-in one
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import wait
from typing import Any, ParamSpec, TypeVar

from faceindex.errors import FaceindexError, UsageProblem
from faceindex.worker import STARTED, WorkerDied, time_limit, wanted_to_leave, work

__all__ = ["Engine", "NoWorker", "ProcessExecutor", "SerialExecutor", "WorkerDied", "engine", "usable_cores", "workers"]

P = ParamSpec("P")
T = TypeVar("T")
Engine = Callable[[], Executor]

MEMORY = 6 * 2**30  # bytes of address space a worker may use: a decompression bomb ends as MemoryError
RECYCLE_AFTER = 500  # tasks until a worker is replaced: native libraries leak
ATTEMPTS = 3  # workers a task may lose by no doing of its own
BLAMELESS = (-signal.SIGTERM, -signal.SIGHUP)  # how a service manager or a closing terminal ends a process
START_LIMIT = 120.0  # seconds a worker may take from its birth to its first task
MOST_WORKERS, MOST_PER_CORE = 16, 4  # the larger counts: more bring nothing, and each takes memory
REAP_LIMIT = 1.0  # seconds to wait for a killed process, which may hang in the kernel on a dead disk


class NoWorker(FaceindexError):
    """Worker processes cannot be started, so no task can run."""


class WorkerTraceback(Exception):
    """Stands as the cause of an exception that comes from a worker, and shows where it was raised."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def engine(spec: str, memory: int = MEMORY) -> Engine:
    """Return the engine called `serial`, `processes` or `processes:N`; `memory` is a worker's, in bytes."""
    count = workers(spec)
    return SerialExecutor if spec == "serial" else lambda: ProcessExecutor(count, memory)


def workers(spec: str) -> int:
    """Return how many tasks the engine of this name runs at once."""
    name, colon, count = spec.partition(":")
    if spec == "serial":
        return 1
    if name == "processes" and not colon:
        return usable_cores()
    if name == "processes" and count.isdecimal() and int(count[:9]) > 0:
        most = max(MOST_WORKERS, MOST_PER_CORE * usable_cores())
        if int(count[:9]) > most:
            raise UsageProblem(f"{spec!r} are more workers than help here; name {most} at most, or none for one a core")
        return int(count)
    raise UsageProblem(f"no engine {spec!r}; there are: serial, processes, processes:N (N = 1, 2, 3 …)")


def usable_cores() -> int:
    """Return the cores this process may run on, under its CPU affinity and its container's quota."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    with suppress(OSError, ValueError), open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:
        quota, period = map(int, file.read().split())  # "max 100000" is no number: no quota
        cores = min(cores, max(1, quota // period))
    return cores


class SerialExecutor(Executor):
    """Runs each task within submit(); time limits do not apply."""

    def __init__(self) -> None:
        self._closed = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        if self._closed:
            raise RuntimeError("cannot submit to an executor that was shut down")
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(fn(*args, **kwargs))
        except SystemExit as error:
            future.set_exception(wanted_to_leave(error))
        except Exception as error:  # noqa: BLE001  (it is the caller's, through the future)
            future.set_exception(error)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._closed = True


@dataclass(eq=False)
class _Job:
    future: Future[Any]
    call: bytes  # pickled function, args, kwargs
    limit: float | None  # seconds
    attempts: int = 0  # workers it lost by no doing of its own


class _Worker:
    """One process, its pipe, and the job it has."""

    def __init__(self, memory: int) -> None:
        context = get_context("spawn")  # native threads do not survive a fork
        self.pipe, end = context.Pipe()
        self.process = context.Process(target=work, args=(end, memory), name="faceindex-worker", daemon=True)
        with end:  # closed here once the process has it, so that its death ends the pipe
            self.process.start()
        self.job: _Job | None = None
        self.started = False  # has it begun with the job?
        self.deadline: float | None = None  # when, by time.monotonic(), it must have begun or ended
        self.finished = 0  # jobs so far

    def take(self, job: _Job) -> None:
        self.job, self.started, self.deadline = job, False, time.monotonic() + START_LIMIT
        with suppress(OSError):  # it just died; the pipe's end tells, and the job has not started
            self.pipe.send_bytes(job.call)

    def start_clock(self, job: _Job) -> None:
        self.started = True
        self.deadline = None if job.limit is None else time.monotonic() + job.limit

    def drop_job(self) -> None:
        self.job, self.deadline, self.finished = None, None, self.finished + 1

    def hear(self) -> bytes | None:
        """Return what the worker has sent, None if it is dead."""
        try:
            return self.pipe.recv_bytes() if self.pipe.poll() else None
        except (EOFError, OSError):
            return None

    def kill(self) -> int | None:
        """End the process whatever it does; return its exit code, which is its own if it was dead already."""
        self.process.kill()
        self.process.join(REAP_LIMIT)
        self.pipe.close()
        return self.process.exitcode


class ProcessExecutor(Executor):
    """Runs tasks in worker processes that one thread starts, feeds, watches and replaces."""

    def __init__(self, count: int, memory: int = MEMORY, recycle_after: int = RECYCLE_AFTER) -> None:
        self._count, self._memory, self._recycle_after = count, memory, recycle_after
        self._queue: deque[_Job] = deque()  # submit() appends, only the manager takes
        self._workers: list[_Worker] = []  # the manager's
        self._failure: Exception | None = None  # why it can run nothing any more
        self._closed = self._cancel_queued = self._kill = False  # never unset
        self._rung = False
        self._lock = threading.Lock()  # guards the bell, and the queue against late entries
        self._hears, self._bell = get_context("spawn").Pipe(duplex=False)
        self._manager = threading.Thread(target=self._manage, name="faceindex-engine", daemon=True)
        self._manager.start()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        try:
            call = pickle.dumps((fn, args, kwargs))
        except Exception as error:  # noqa: BLE001  (pickling runs the task's own code: its failure)
            future.set_exception(error)
            return future
        with self._lock:
            if self._failure:
                raise self._failure
            if self._closed:
                raise RuntimeError("cannot submit to an executor that was shut down")
            self._queue.append(_Job(future, call, time_limit(args)))
            self._ring()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks. `wait` for the rest; cancel_futures without wait kills running ones, too."""
        with self._lock:
            self._closed = True
            self._cancel_queued |= cancel_futures
            self._kill |= cancel_futures and not wait
            self._ring()
        if wait or self._kill:  # killing takes milliseconds: no worker outlives the call
            self._manager.join(None if wait else 5 * REAP_LIMIT)

    def _ring(self) -> None:
        """Wake the manager. One ring at a time, lest a full pipe block it when a callback submits."""
        if not self._rung and not self._bell.closed:
            self._rung = True
            self._bell.send_bytes(b"!")

    # ── the manager's thread ──────────────────────────────────────────────────────────────────────────

    def _manage(self) -> None:
        """Hand out jobs and hear workers until shut down."""
        # Workers inherit the mask: no Ctrl-C reaches them, not even while they start.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            while self._goes_on():
                self._hand_out()
                self._listen()
                self._enforce_limits()
        except NoWorker as error:
            self._failure = error
        except BaseException as bug:
            self._failure = NoWorker(f"the engine failed by a bug of its own: {bug!r}")
            raise
        finally:
            self._close()

    def _goes_on(self) -> bool:
        if self._cancel_queued:
            self._forsake_queue()
        if not self._closed:
            return True
        return not self._kill and bool(self._queue or any(w.job for w in self._workers))

    def _hand_out(self) -> None:
        while self._queue:
            worker = self._free_worker()
            if worker is None:
                return
            job = self._queue.popleft()
            if job.attempts or job.future.set_running_or_notify_cancel():
                worker.take(job)

    def _free_worker(self) -> _Worker | None:
        """Return an idle worker, a new one if there are too few, or None."""
        for worker in self._workers:
            if worker.job is None:
                return worker
        if len(self._workers) >= self._count:
            return None
        try:
            self._workers.append(_Worker(self._memory))
        except OSError as error:  # no memory or no process left
            if self._workers:
                return None  # those there are will do
            raise NoWorker(f"no worker process can be started ({error}); free memory, then scan again") from error
        return self._workers[-1]

    def _listen(self) -> None:
        """Wait until a worker speaks or dies, a limit is reached or the bell rings."""
        ends: dict[Any, _Worker] = {end: w for w in self._workers for end in (w.pipe, w.process.sentinel)}
        deadlines = [w.deadline for w in self._workers if w.deadline is not None]
        patience = max(0.0, min(deadlines) - time.monotonic()) if deadlines else None
        ready = wait([self._hears, *ends], patience)
        if self._hears in ready:
            with self._lock:
                self._hears.recv_bytes()
                self._rung = False
        for worker in {ends[end] for end in ready if end in ends}:
            self._hear(worker)

    def _hear(self, worker: _Worker) -> None:
        message = worker.hear()
        if message is None or worker.job is None:
            self._bury(worker)
        elif message == STARTED:
            worker.start_clock(worker.job)
        else:
            self._finish(worker, worker.job, message)

    def _finish(self, worker: _Worker, job: _Job, message: bytes) -> None:
        worker.drop_job()
        if worker.finished >= self._recycle_after:
            self._bury(worker)
        _deliver(job.future, message)

    def _bury(self, worker: _Worker) -> None:
        """Remove a worker; its job fails or, if it is not to blame, goes to another worker."""
        self._workers.remove(worker)
        exitcode, job = worker.kill(), worker.job
        if job is None:
            return
        job.attempts += 1
        if worker.started and (exitcode not in BLAMELESS or job.attempts >= ATTEMPTS):
            job.future.set_exception(WorkerDied(_epitaph(exitcode), exitcode))
            return
        self._queue.appendleft(job)
        if job.attempts >= ATTEMPTS:
            raise NoWorker(f"worker processes end before they begin: {_epitaph(exitcode)}; use --engine serial")

    def _enforce_limits(self) -> None:
        now = time.monotonic()
        for worker in [w for w in self._workers if w.deadline is not None and w.deadline <= now]:
            job = worker.job
            if job and worker.started:
                worker.drop_job()
                job.future.set_exception(TaskTimeout(f"took longer than its limit of {job.limit:g} seconds"))
            self._bury(worker)

    def _close(self) -> None:
        """Kill what is left, and leave no future open, even if a bug ends the manager."""
        with self._lock:
            self._closed = True
            self._bell.close()
            self._hears.close()
        for worker in self._workers:
            worker.process.kill()  # all at once, before waiting for each
        for worker in self._workers:
            worker.kill()
            if worker.job:
                self._forsake(worker.job)
        self._forsake_queue()

    def _forsake_queue(self) -> None:
        while self._queue:
            self._forsake(self._queue.popleft())

    def _forsake(self, job: _Job) -> None:
        """Let a job's future end without a result. No lock is held: its callbacks may submit."""
        if not self._failure:
            job.future.cancel()  # unless it runs
        if job.future.running() or job.future.set_running_or_notify_cancel():
            job.future.set_exception(self._failure or CancelledError())


def _deliver(future: Future[Any], message: bytes) -> None:
    """Put a worker's answer into the future."""
    try:
        value, error, where = pickle.loads(message)
    except Exception as unreadable:  # noqa: BLE001  (whatever unpickling its own result raises is the task's)
        value, error, where = None, unreadable, "while its result was read"
    if error is None:
        future.set_result(value)
    else:
        error.__cause__ = WorkerTraceback(where)
        future.set_exception(error)


def _epitaph(exitcode: int | None) -> str:
    if exitcode is None:
        return "the worker hangs and cannot even be killed"
    if exitcode >= 0:
        return f"the worker exited with code {exitcode}"
    return f"the worker was killed by signal {-exitcode} ({signal.strsignal(-exitcode)})"
