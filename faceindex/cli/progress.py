"""What a scan shows while it runs: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from tqdm import tqdm

from faceindex.cli.app import App
from faceindex.models import Examination, FileKind
from faceindex.pipeline import Progress
from faceindex.report import counted, duration, seconds_left, size, work

LOOKING = "Looking  {n_fmt} files"
READING = "Reading {percentage:3.0f}% |{bar}| {desc}"
RECOGNISING = "Recognising  {n_fmt} faces"
ROOM = 4  # columns kept free at the right: the terminal prints ^C there, and must not begin a new line
ERASE = b"\r\x1b[K"


class Pace:
    """How long the rest of the reading takes, by all that was done since the first file: workers start slowly."""

    def __init__(self, total: float) -> None:
        self._left = total
        self._began: float | None = None
        self._done = 0.0  # since then

    def step(self, done: float, now: float) -> float | None:
        """Note that so much more is done; returns the seconds that are left, None while nobody can say."""
        self._left -= done
        if self._began is None:
            self._began = now
            return None
        self._done += done
        return seconds_left(self._done, self._left, now - self._began)


@contextlib.contextmanager
def bars(app: App) -> Iterator[tuple[Progress, Callable[[], object]]]:
    """A Progress that draws one bar at a time, and what to call when the user asks to stop. No bar stays."""
    hidden = app.quiet or not sys.stderr.isatty()
    bar = _bar(LOOKING, hidden)
    pace, of_photos = Pace(0.0), 0
    photos = faces = recognised = 0

    def crawled(count: int) -> None:
        bar.update(count)

    def begin(count: int, total: int) -> None:
        nonlocal bar, pace, of_photos, photos
        bar.close()
        pace, of_photos, photos = Pace(work(count, total)), count, 0
        app.tell(f"{counted(count, 'photo')} to read, {size(total)} with all other files")
        bar = _bar(READING, hidden or not total, total=work(count, total), miniters=0)

    def read(found: Examination, kind: FileKind) -> None:
        nonlocal photos, faces
        is_photo = kind == "photo"
        photos, faces = photos + is_photo, faces + len(found.faces)
        done = work(is_photo, found.bytes_read)
        left = pace.step(done, time.monotonic())
        about = f"about {duration(left)} left, " if left is not None else ""
        bar.desc = f"{about}{photos:,} of {counted(of_photos, 'photo')}, {counted(faces, 'face')}"
        bar.update(done)

    def matched(count: int) -> None:
        nonlocal bar, recognised
        if not recognised:
            bar.close()
            bar = _bar(RECOGNISING, hidden)
        recognised += count
        bar.update(count)

    try:
        yield Progress(crawled, begin, read, matched), _stopping(hidden)
    finally:
        bar.close()


def _bar(form: str, hidden: bool, **options: Any) -> Any:
    bar = tqdm(bar_format=form, disable=hidden, leave=False, **options)
    bar.dynamic_ncols = _shape  # asked at every drawing, so a terminal may change its width
    return bar


def _shape(_: object) -> tuple[int, int]:
    try:
        columns, lines = os.get_terminal_size(sys.stderr.fileno())
    except OSError:
        columns, lines = 80, 24
    return max(10, columns - ROOM), lines


def _stopping(hidden: bool) -> Callable[[], object]:
    """Says that Ctrl-C was heard; called by a signal handler, so it writes past all buffers and locks."""

    def say() -> None:
        if not hidden:
            os.write(2, ERASE + b"stopping: what is finished is saved and matched; Ctrl-C again stops at once\n")

    return say


@contextlib.contextmanager
def steps(app: App, doing: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for work of known length, told how much of it is done; it does not stay."""
    hidden = app.quiet or not sys.stderr.isatty()
    bar = _bar(f"{doing} {{percentage:3.0f}}% |{{bar}}| {{n_fmt}} of {{total_fmt}}", hidden, total=0)

    def step(done: int, whole: int) -> None:
        bar.total = whole
        bar.update(done - bar.n)

    try:
        yield step
    finally:
        bar.close()
