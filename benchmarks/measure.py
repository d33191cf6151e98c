"""Runs a command and tells what it cost; the figures are the operating system's own."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

AS_INSTALLED = {"PYTHONDONTWRITEBYTECODE": ""}  # compiled modules are kept, as where pip installed them
SELDOM = 0.2  # seconds: looking costs two milliseconds of a core that is being measured
FACEINDEX = [sys.executable, "-m", "faceindex"]


@dataclass(frozen=True)
class Cost:
    seconds: float
    parent_mb: float  # peak resident memory of the command's own process
    worker_mb: float  # of its largest child
    disk_bytes: int  # read from the disk, by it and its children
    output: str
    code: int


def cost(command: Sequence[str], env: Mapping[str, str] | None = None) -> Cost:
    """Run to the end; peak memory is read from the kernel's high-water marks, five times a second."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_inblock
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        env={**os.environ, **AS_INSTALLED, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    peaks: dict[int, float] = {}
    watcher = threading.Thread(target=_watch, args=(process.pid, peaks), daemon=True)
    watcher.start()
    output, _ = process.communicate()
    seconds = time.perf_counter() - start
    watcher.join()
    read = resource.getrusage(resource.RUSAGE_CHILDREN).ru_inblock - before
    own = peaks.pop(process.pid, 0.0)
    return Cost(seconds, own, max(peaks.values(), default=0.0), read * 512, output, process.returncode)


def _watch(pid: int, peaks: dict[int, float]) -> None:
    while True:
        try:
            parent = psutil.Process(pid)
            if parent.status() == psutil.STATUS_ZOMBIE:
                return
            for process in (parent, *parent.children(recursive=True)):
                _note(process.pid, peaks)
        except psutil.Error:
            return
        time.sleep(SELDOM)


def _note(pid: int, peaks: dict[int, float]) -> None:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                peaks[pid] = max(peaks.get(pid, 0.0), int(line.split()[1]) / 1000)
    except OSError:
        return


def forget_cached(folder: Path) -> None:
    """Have the system drop these files from its memory, so that reading them is reading the disk."""
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def cores() -> int:
    return len(os.sched_getaffinity(0))
