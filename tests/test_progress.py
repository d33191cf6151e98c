"""The bar of a scan says how long the rest takes once it can know it."""

from __future__ import annotations

import functools
import io
from pathlib import Path

import pytest

from faceindex.cli import progress
from faceindex.cli.app import App
from faceindex.cli.progress import Pace, bars
from faceindex.models import Examination


def test_time_left_goes_by_what_was_done_since_the_first_file() -> None:
    pace = Pace(100.0)
    assert pace.step(1.0, 30.0) is None  # half a minute went into starting the workers
    told = [pace.step(1.0, 30.0 + second) for second in range(1, 50)]
    assert told[:19] == [None] * 19
    assert told[19:] == pytest.approx([100 - 1 - done for done in range(20, 50)])


def test_a_fast_beginning_is_not_yet_believed() -> None:
    pace = Pace(10_000.0)
    assert [pace.step(10.0, 0.1 * number) for number in range(40)] == [None] * 40


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_counts_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(progress, "_shape", lambda _: (120, 24))
    monkeypatch.setattr(progress, "tqdm", functools.partial(progress.tqdm, mininterval=0, miniters=0))
    moments = iter(range(1000))
    monkeypatch.setattr(progress.time, "monotonic", lambda: 2.0 * next(moments))
    with bars(App(Path("faces.db"))) as (told, _):
        told.to_read(60, 4_000_000_000)
        told.read(Examination(1, bytes_read=3_900_000_000), "other")
        for number in range(30):
            told.read(Examination(number, bytes_read=1_000_000), "photo")
    last = terminal.getvalue().split("\r")
    shown = [line for line in last if "of 60 photos" in line]
    assert "about" not in shown[0]
    assert any("left, 2" in line or "left, 3" in line for line in shown), shown
