"""A small photo library drawn with coloured squares, and the command line called within the test's process."""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


def rows(*arguments: str | Path) -> list[dict[str, Any]]:
    """What a listing says to programs."""
    asked = call(*arguments, "--json")
    assert asked.code == 0, asked.err
    found: list[dict[str, Any]] = json.loads(asked.out)
    return found


def done(*arguments: str | Path) -> str:
    """Run a command that must succeed; returns its message."""
    worked = call(*arguments)
    assert worked.code == 0, worked.err
    return worked.err


def refused(*arguments: str | Path, code: int = 2) -> str:
    """Run a command that must fail with one sentence; returns it."""
    failed = call(*arguments)
    assert (failed.code, failed.err.count("\n")) == (code, 1), failed.err
    return failed.err


def who_is_on(path: Path) -> list[tuple[str, str | None]]:
    """The faces of a photo, by name and who said so."""
    return [(row["person"], row["named_by"]) for row in rows("photo", "show", path)]


def dump(index: Path) -> dict[str, list[Any]]:
    """All that humans and matching wrote into an index."""
    tables = ("person", "cluster", "average", "face", "encoding", "label", "rejection", "ignored", "different")
    with closing(sqlite3.connect(index)) as db:
        return {table: sorted(db.execute(f"SELECT * FROM {table}").fetchall(), key=repr) for table in tables}
