"""A scan is killed, again and again; the index ends up as if nothing had happened."""

from __future__ import annotations

import contextlib
import itertools
import random
import shutil
import sqlite3
import subprocess
import time
from dataclasses import replace

import psutil
import pytest
from nights import BLUE, CYAN, GREEN, MAGENTA, RAISE, RED, YELLOW

from faceindex import pipeline
from faceindex.db import open_index
from faceindex.pipeline import reading, recognising

COLOURS = (RED, GREEN, BLUE, YELLOW, CYAN, MAGENTA)
SLOW = ("--backend", "slow", "--engine", "processes:2")


@pytest.fixture
def grown(home):
    """A library scanned and labelled when small; since then some pictures came, moved, changed and vanished."""
    for number in range(12):
        home.photo(f"old/{number:02}.png", COLOURS[number % 6], COLOURS[(number + 1) % 6])
    home.scan(backend="slow")
    for number, name in enumerate(("Anna", "Ben", "Cleo")):
        home.label(home.library / f"old/{number:02}.png", name)
    for number in range(40):
        home.photo(f"new/{number:02}.png", COLOURS[number % 6], COLOURS[(number + 2) % 6])
    for number in range(4):
        shutil.copy(home.library / f"new/{number:02}.png", home.library / f"new/copy{number}.png")
    (home.library / "new/broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    home.photo("old/03.png", COLOURS[3], COLOURS[4])
    (home.library / "old/04.png").rename(home.library / "old/moved.png")
    (home.library / "old/05.png").unlink()
    return home


def finished(process) -> tuple[int, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, (out + err).decode()


@pytest.mark.parametrize("seed", range(4))
def test_a_scan_killed_at_random_moments_ends_like_an_undisturbed_one(grown, seed):
    other = grown.undisturbed()
    start = time.monotonic()
    code, said = finished(other.command("scan", grown.library, *SLOW))
    lasts = time.monotonic() - start
    assert code == 5, said  # one picture is broken
    labels = grown.dump()["label"]
    moments = random.Random(seed)
    for _ in range(5):
        process = grown.command("scan", grown.library, *SLOW)
        time.sleep(moments.uniform(0.25, 0.95) * lasts)
        workers = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.kill()
        process.communicate(timeout=60)
        assert set(labels) <= set(grown.dump()["label"])
        _, alive = psutil.wait_procs(workers, timeout=20)
        assert alive == []
    code, said = finished(grown.command("scan", grown.library, *SLOW))
    assert code in (0, 5), said
    assert grown.dump() == other.dump()
    outcomes = [row[0] for row in grown.rows("SELECT outcome FROM run ORDER BY run_id")]
    assert outcomes[-1] == "done"
    assert set(outcomes[1:-1]) <= {"killed", "done"}


def test_a_scan_killed_between_any_two_transactions_ends_like_an_undisturbed_one(home, monkeypatch):
    # Within one, SQLite sees to it; so these are all the moments there are.
    for number in range(12):
        home.photo(f"{number % 2}/{number:02}.png", COLOURS[number % 6], COLOURS[(number + 1) % 6])
    home.scan(backend="nasty")
    home.label(home.library / "0/00.png", "Anna")
    home.photo("0/00.png", (240, 20, 10), COLOURS[1])
    shutil.copy(home.library / "0/02.png", home.library / "copy.png")
    (home.library / "1").rename(home.library / "2")
    (home.library / "0/04.png").unlink()
    home.photo("bad.png", RED, does=RAISE)
    for number in range(6):
        home.photo(f"new/{number}.png", COLOURS[number], COLOURS[(number + 2) % 6])
    other = home.undisturbed()
    other.scan(backend="nasty")
    monkeypatch.setattr(reading, "SAVE_EVERY", 1)
    monkeypatch.setattr(recognising, "BATCH", 3)
    moments = list(snapshots(home, monkeypatch))
    assert len(moments) > 15
    for moment in moments:
        killed = replace(home, name=f"{moment}/faces.db")
        killed.scan(backend="nasty")
        assert killed.dump() == other.dump(), moment


def snapshots(home, monkeypatch) -> list[int]:
    """Scan, and keep a copy of the index as it was before each transaction: what a kill would have left."""
    moments: list[int] = []

    def keep(statement: str) -> None:
        if statement.startswith("BEGIN"):
            moments.append(len(moments))
            folder = home.index.parent / str(moments[-1])
            folder.mkdir()
            for part in ("faces.db", "faces.db-wal"):
                shutil.copy(home.index.with_name(part), folder)

    def opened(path):
        db = open_index(path)
        db.set_trace_callback(keep)
        return db

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "open_index", opened)
        home.scan(backend="nasty")
    return moments


def test_a_run_that_was_killed_is_called_so_by_the_next(home):
    for number in range(200):
        home.photo(f"{number}.png", RED)
    process = home.command("scan", home.library, *SLOW)
    wait_for(home, "SELECT count(*) > 0 FROM run", process)
    process.kill()
    process.communicate()
    home.scan(photos_only=True, exclude=("*",))
    assert [row[0] for row in home.rows("SELECT outcome FROM run ORDER BY run_id")] == ["killed", "done"]


def wait_for(home, question: str, process) -> None:
    """Return when the index answers yes; fail if the process ends first."""
    for _ in itertools.count():
        assert process.poll() is None, process.communicate()
        if home.index.exists() and home.index.stat().st_size:
            with contextlib.suppress(sqlite3.OperationalError):  # the index is being made at this moment
                if home.rows(question)[0][0]:
                    return
        time.sleep(0.01)


@pytest.mark.parametrize("kilobytes", [120, 250, 330, 400, 600])
def test_a_full_disk_stops_a_scan_with_a_sentence_and_the_next_one_goes_on(home, kilobytes):
    for number in range(120):
        home.photo(f"{number}.png", COLOURS[number % 6], COLOURS[(number + 2) % 6])
    other = home.undisturbed()
    other.scan()
    code, said = finished(home.command("scan", home.library, "--backend", "fake", "--engine", "serial",
                                       limit=kilobytes * 1000))  # fmt: skip
    assert code == 7, said
    assert "free space and run again" in said
    assert "Traceback" not in said
    home.scan()
    assert home.dump() == other.dump()


@pytest.fixture
def small_disk(home):
    """The index's folder as a disk of its own that is too small; skipped where nobody may mount one."""
    folder = home.index.parent
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk takes root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_small_disk_that_is_full_stops_a_scan_and_a_larger_one_lets_it_go_on(home, small_disk):
    for number in range(150):
        home.photo(f"{number}.png", COLOURS[number % 6], COLOURS[(number + 2) % 6])
    code, said = finished(home.command("scan", home.library, "--backend", "fake", "--engine", "serial"))
    assert code == 7, said
    assert "free space" in said
    assert "Traceback" not in said
    subprocess.run(["mount", "-o", "remount,size=100m", str(small_disk)], check=True)
    home.scan()
    undisturbed = replace(home, folder=home.folder, name="../undisturbed.db")
    undisturbed.scan()
    assert home.dump() == undisturbed.dump()
