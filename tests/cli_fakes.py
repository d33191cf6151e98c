"""A small photo library drawn with coloured squares, and the command line called within the test's process."""

from __future__ import annotations

import io
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from fakes import announce, draw
from PIL import Image

from faceindex import cli

RED, GREEN, BLUE = (250, 20, 20), (20, 250, 20), (20, 20, 250)


@dataclass(frozen=True)
class Called:
    """What a command did."""

    code: int
    out: str
    err: str
    raw: bytes  # stdout


def call(*arguments: str | Path) -> Called:
    """Run `faceindex` with these arguments."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = out, err
    try:
        code = cli.run([str(argument) for argument in arguments])
    finally:
        sys.stdout, sys.stderr = before
    raw, told = out.buffer.getvalue(), err.buffer.getvalue()  # type: ignore[attr-defined]
    return Called(code, raw.decode("utf-8", "replace"), told.decode("utf-8", "replace"), raw)


def paint(path: Path, *colours: tuple[int, int, int], side: int = 60) -> Path:
    """Write a picture with one face of each colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(draw(*colours, side=side)).save(path, "PNG")
    return path


def paint_library(folder: Path) -> Path:
    """Four pictures of red, two of green, one of blue, one of nobody, a copy, a damaged one and a video."""
    for number in range(3):
        paint(folder / "red" / f"{number}.png", RED, side=60 + 2 * number)
    paint(folder / "both.png", RED, GREEN)
    paint(folder / "green.png", GREEN, side=64)
    paint(folder / "blue.png", BLUE)
    paint(folder / "nobody.png")
    shutil.copy(folder / "red" / "0.png", folder / "copy of 0.png")
    (folder / "damaged.jpg").write_bytes(b"no picture at all")
    (folder / "video.mp4").write_bytes(b"moving" * 100)
    return folder


def isolate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the program at an index in tmp_path, away from the settings of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("FACEINDEX_")]:
        monkeypatch.delenv(name)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "100")
    index = tmp_path / "faces.db"
    monkeypatch.setenv("FACEINDEX_DB", str(index))
    return index


def fake_scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every scan use the fake backend, in this process."""
    monkeypatch.syspath_prepend(announce(tmp_path / "site"))
    monkeypatch.setenv("FACEINDEX_SCAN_BACKEND", "fake")
    monkeypatch.setenv("FACEINDEX_SCAN_ENGINE", "serial")
    # Pictures painted a moment ago would be read once more by the next scan.
    monkeypatch.setattr("faceindex.pipeline.examine.TICK_NS", 0)


def indexed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A painted library that was scanned once; returns its folder."""
    isolate(tmp_path, monkeypatch)
    fake_scans(tmp_path, monkeypatch)
    folder = paint_library(tmp_path / "library")
    scanned = call("-q", "scan", folder)
    assert scanned.code == 5, scanned.err  # one file is damaged
    return folder
