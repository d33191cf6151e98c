"""What a scan shows while it runs: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

from tqdm import tqdm

from faceindex.cli.app import App
from faceindex.models import Examination
from faceindex.pipeline import Progress
from faceindex.report import counted, size

LOOKING = "Looking  {n_fmt} files"
READING = "Reading {percentage:3.0f}% |{bar}| {remaining} left, {n_fmt}B of {total_fmt}B{postfix}"
RECOGNISING = "Recognising  {n_fmt} faces"
ROOM = 4  # columns kept free at the right: the terminal prints ^C there, and must not begin a new line
STEADY = 0.02  # the estimate follows the whole run rather than the last photo
ERASE = b"\r\x1b[K"


@contextlib.contextmanager
def bars(app: App) -> Iterator[tuple[Progress, Callable[[], object]]]:
    """A Progress that draws one bar at a time, and what to call when the user asks to stop. No bar stays."""
    hidden = app.quiet or not sys.stderr.isatty()
    bar = _bar(LOOKING, hidden)
    photos = faces = recognised = 0

    def crawled(count: int) -> None:
        bar.update(count)

    def begin(count: int, total: int) -> None:
        nonlocal bar
        bar.close()
        app.tell(f"{counted(count, 'photo')} to read, {size(total)} with all other files")
        bar = _bar(READING, hidden or not total, total=total, unit_scale=True, smoothing=STEADY)

    def read(found: Examination) -> None:
        nonlocal photos, faces
        photos, faces = photos + (found.photo is not None), faces + len(found.faces)
        bar.set_postfix_str(f"{counted(photos, 'photo')}, {counted(faces, 'face')}", refresh=False)
        bar.update(found.bytes_read)

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
            os.write(2, ERASE + b"stopping, saving what is finished; Ctrl-C again stops at once\n")

    return say
