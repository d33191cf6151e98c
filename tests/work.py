"""Tasks for the engines' tests, importable by a worker process: some work, some kill, some hang."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import time
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Job:
    number: int = 0
    time_limit: float | None = None
    file: str = ""


class NeedsTwo(Exception):
    """Can be pickled, but not unpickled."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first)
        self.second = second


class Unpicklable:
    def __reduce__(self) -> str | tuple[Any, ...]:
        raise ValueError("I stay here")


def double(job: Job) -> int:
    return 2 * job.number


def pid(_: Job) -> int:
    return os.getpid()


def fail(job: Job) -> None:
    raise ValueError(f"no {job.number}")


def fail_unpicklably(_: Job) -> None:
    raise NeedsTwo("one", "two")


def fail_with_a_lock(_: Job) -> None:
    raise ValueError(Unpicklable())


def return_something_unpicklable(_: Job) -> Unpicklable:
    return Unpicklable()


def return_much(_: Job) -> bytes:
    return bytes(10_000_000)


def quit_python(_: Job) -> None:
    sys.exit("no models")


def raise_interrupt(_: Job) -> None:
    raise KeyboardInterrupt


def segfault(_: Job) -> None:
    ctypes.string_at(0)


def exit_well(_: Job) -> None:
    os._exit(0)


def exit_badly(_: Job) -> None:
    os._exit(3)


def kill_itself(_: Job) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def close_all_files(_: Job) -> None:
    os.closerange(3, 1000)


def hang(job: Job) -> None:
    if job.file:
        Path(job.file).write_text(str(os.getpid()))
    time.sleep(3600)


def finish_at_the_second_attempt(job: Job) -> int:
    if Path(job.file).exists():
        return job.number
    hang(job)
    return -1


def spin(_: Job) -> None:
    while True:
        pass


def hang_holding_the_gil(job: Job) -> None:
    Path(job.file).write_text(str(os.getpid()))
    ctypes.PyDLL(None).sleep(3600)


def hang_ignoring_signals(job: Job) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hang(job)


def eat_memory(_: Job) -> int:
    return len(bytearray(64 * 2**30))


def settings(_: Job) -> dict[str, Any]:
    return {
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "interrupt": signal.getsignal(signal.SIGINT) == signal.SIG_IGN,
        "terminate": signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
        "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
        "numpy": "numpy" in sys.modules,
    }


MISDEEDS = {
    3: segfault, 7: exit_badly, 8: exit_well, 20: quit_python, 21: kill_itself,
    50: spin, 90: fail_unpicklably, 111: return_something_unpicklable, 150: close_all_files, 199: segfault,
}  # fmt: skip


def misbehave_sometimes(job: Job) -> Any:
    """Return the job's number, unless it is one of ten that do their worst."""
    return MISDEEDS.get(job.number, number)(job)


def number(job: Job) -> int:
    return job.number


class Deadly:
    """Ends the process that unpickles it, which is before any function runs."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (9,)


def run_for_ever(folder: str, function: str) -> None:
    """Be a parent with two hanging workers, until killed."""
    from faceindex.engines import engine  # noqa: PLC0415  (workers import this module, too)

    pool: Executor = engine("processes:2")()
    for number in range(2):
        pool.submit(globals()[function], Job(number, 1.0 if "gil" in function else None, f"{folder}/{number}"))
    time.sleep(3600)
