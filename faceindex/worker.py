"""The worker's side of the engine "processes": what runs in the process that does the work."""

from __future__ import annotations

import os
import pickle
import resource
import signal
import sys
import threading
import traceback
from contextlib import suppress
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from typing import Any

ONE_THREAD_EACH = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS",
)  # fmt: skip
STARTED = b""  # what a worker sends when it has received a task; no pickle is empty


class WorkerDied(Exception):
    """The process that ran a task is gone, or was about to leave; `exitcode` is -N for signal N."""

    def __init__(self, why: str, exitcode: int | None = None) -> None:
        super().__init__(why)
        self.exitcode = exitcode

    @property
    def signal(self) -> int | None:
        """Number of the signal that killed the worker."""
        return -self.exitcode if self.exitcode is not None and self.exitcode < 0 else None


def time_limit(args: tuple[Any, ...]) -> float | None:
    """Return the seconds a call may take: what its first argument says, None for no limit."""
    return getattr(args[0], "time_limit", None) if args else None


def wanted_to_leave(error: BaseException) -> WorkerDied:
    """Turn SystemExit and KeyboardInterrupt, which would end the parent, into an ordinary exception."""
    code = error.code if isinstance(error, SystemExit) else None
    why = f"the task tried to end its process: {type(error).__name__}({code!r})"
    return WorkerDied(why, code if isinstance(code, int) else 1)


def work(pipe: Connection, memory: int) -> None:
    """Run calls from the pipe until it closes."""
    _settle_in(memory)
    with suppress(EOFError, ConnectionError):
        while True:
            call = pipe.recv_bytes()
            pipe.send_bytes(STARTED)
            pipe.send_bytes(_answer(call))


def _settle_in(memory: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for name in ONE_THREAD_EACH:  # read when a library loads, and none is loaded yet
        os.environ.setdefault(name, "1")
    # libtiff and others write complaints about broken pictures straight to stderr, and cron would mail them;
    # whatever goes wrong comes back as an exception.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    _lower(resource.RLIMIT_CORE, 0)  # a core dump would hold somebody's photos
    if sys.platform == "linux":  # macOS does not bind address space
        _lower(resource.RLIMIT_AS, memory)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _lower(limit: int, value: int) -> None:
    hard = resource.getrlimit(limit)[1]
    resource.setrlimit(limit, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def _die_with_parent() -> None:
    """End this process when its parent ends, however it ends."""
    if parent := parent_process():
        parent.join()
    os._exit(1)


def _answer(call: bytes) -> bytes:
    """Run a pickled call; return the pickled result, exception and traceback."""
    try:
        function, args, kwargs = pickle.loads(call)
        if limit := time_limit(args):
            # For an orphan in native code that never lets go of the GIL: only the kernel can end it.
            signal.setitimer(signal.ITIMER_REAL, 2 * limit + 1)
        return pickle.dumps((function(*args, **kwargs), None, ""))
    except Exception as error:  # noqa: BLE001  (it is the caller's, through the future)
        return _failure(error)
    except BaseException as error:  # noqa: BLE001  (raised in the parent, it would end the whole scan)
        return _failure(wanted_to_leave(error))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _failure(error: Exception) -> bytes:
    """Pickle an exception, or its text where it does not survive the journey."""
    where = traceback.format_exc()
    try:
        message = pickle.dumps((None, error, where))
        pickle.loads(message)
    except Exception:  # noqa: BLE001  (pickling runs the exception's own code)
        message = pickle.dumps((None, RuntimeError(f"{type(error).__name__}: {error}"), where))
    return message
