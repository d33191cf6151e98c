"""The worker has the system fetch the file whose turn comes next; nothing may come of it but speed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from nights import BLUE, CYAN, GREEN, RED, YELLOW

from faceindex.models import Task
from faceindex.pipeline import ahead, examine, reading

PATIENCE = 60.0  # seconds until a test gives up


@pytest.fixture
def asked(monkeypatch):
    """The tasks of a scan, in the order in which they are handed out."""
    tasks: list[Task] = []
    genuine = reading.examine
    monkeypatch.setattr(reading, "examine", lambda task: tasks.append(task) or genuine(task))
    return tasks


def fetched(path: Path | str) -> None:
    """Fetch a file and wait until that is over, and what a test before had begun."""
    settled()
    ahead.fetch(str(path))
    settled()


def settled() -> None:
    assert ahead._fetching.acquire(timeout=PATIENCE)
    ahead._fetching.release()


def in_sight(monkeypatch, workers: int) -> None:
    monkeypatch.setattr(reading.engines, "workers", lambda spec: workers)


# Which file


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_each_task_names_the_file_that_comes_as_many_later_as_there_are_workers(home, asked, monkeypatch, workers):
    for number, colour in enumerate((RED, GREEN, BLUE, YELLOW, CYAN)):
        home.photo(f"{number}.png", colour, *[RED] * number)  # each of another size
    in_sight(monkeypatch, workers)
    home.scan()
    paths = [task.path for task in asked]
    assert len(paths) == 5
    assert [task.ahead for task in asked] == [*paths[workers:], *[None] * workers]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_a_file_that_is_named_is_read_and_copies_are_examined_once(home, asked, monkeypatch, workers):
    first = home.photo("a.png", RED)
    home.photo("b.png", GREEN)
    for name in ("a copy.png", "c.png", "z.png"):
        shutil.copy(first, home.library / name)
    in_sight(monkeypatch, workers)
    night = home.scan()
    assert night.news["photos_new"] == 2
    paths = [task.path for task in asked]
    assert sorted(paths) == sorted(str(path) for path in home.library.iterdir())  # each once
    assert {task.ahead for task in asked} - {None} <= set(paths)


def test_a_file_that_had_to_wait_for_one_of_equal_size_is_fetched_before_its_turn_too(home, asked, monkeypatch):
    first = home.photo("a.png", RED)
    for name in ("b.png", "c.png", "d.png"):
        (home.library / name).write_bytes(first.read_bytes()[:-1] + name[:1].encode())  # as long, not equal
    home.photo("e.png", *[GREEN] * 2)
    home.photo("f.png", *[BLUE] * 3)
    in_sight(monkeypatch, 1)
    home.scan()
    order = [task.path for task in asked]
    assert len(order) == 6
    for task, following in zip(asked, order[1:], strict=False):
        assert task.ahead in {following, None}
    assert sum(task.ahead is not None for task in asked) >= 3


def test_a_scan_finds_the_same_with_many_workers(home):
    for number in range(20):
        home.photo(f"{number:02}.png", RED, GREEN)
    shutil.copytree(home.library, home.library / "again")
    night = home.scan(engine="processes:3")
    assert night.result.outcome == "done"
    assert night.counts["files_read"] == 40
    assert home.problems() == {}


# How


@pytest.mark.parametrize("what", ["nothing", "folder", "link", "fifo", "forbidden", "absurd"])
def test_what_is_no_file_is_left_alone(tmp_path, what):
    path = tmp_path / "x"
    makers = {
        "folder": path.mkdir, "link": lambda: path.symlink_to(tmp_path / "y"), "fifo": lambda: os.mkfifo(path),
        "forbidden": lambda: (path.touch(), path.chmod(0)), "nothing": lambda: None, "absurd": lambda: None,
    }  # fmt: skip
    makers[what]()
    fetched("\0" if what == "absurd" else path)


def test_a_task_does_not_suffer_from_the_next_file(tmp_path):
    path = tmp_path / "a.mov"
    path.write_bytes(b"film")
    found = examine.examine(Task(1, str(path), "other", 4, ahead=str(tmp_path / "missing.jpg")))
    assert found.problem is None
    assert found.bytes_read == 4


def test_a_file_is_read_to_its_end_but_no_further_than_allowed(tmp_path, monkeypatch):
    path = tmp_path / "a.jpg"
    path.write_bytes(bytes(3 * ahead.CHUNK + 5))
    for most, read in ((ahead.MOST, 3 * ahead.CHUNK + 5), (2 * ahead.CHUNK, 2 * ahead.CHUNK)):
        monkeypatch.setattr(ahead, "MOST", most)
        handle = os.open(path, os.O_RDONLY)
        with monkeypatch.context() as patched:
            settled()
            patched.setattr(ahead, "open_file", lambda path, handle=handle: os.dup(handle))  # has one position with it
            fetched(path)
        assert os.lseek(handle, 0, os.SEEK_CUR) == read
        os.close(handle)


def test_one_file_is_fetched_at_a_time_and_nobody_waits(monkeypatch):
    begun, released, seen = threading.Event(), threading.Event(), []

    def slow(path: str) -> None:
        seen.append(path)
        begun.set()
        released.wait(PATIENCE)

    settled()
    monkeypatch.setattr(ahead, "_read_through", slow)
    ahead.fetch("a")
    assert begun.wait(PATIENCE)
    ahead.fetch("b")  # comes back at once
    released.set()
    settled()
    fetched("c")
    assert seen == ["a", "c"]


def test_after_a_failure_the_next_is_fetched(monkeypatch):
    seen = []

    def failing(path: str) -> None:
        seen.append(path)
        raise OSError("the disk is gone")

    monkeypatch.setattr(ahead, "_read_through", failing)
    fetched("a")
    fetched("b")
    assert seen == ["a", "b"]


def test_no_thread_to_be_had_is_no_failure(monkeypatch):
    class Full:
        def __init__(self, **_: object) -> None:
            pass

        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    settled()
    with monkeypatch.context() as patched:
        patched.setattr(ahead.threading, "Thread", Full)
        ahead.fetch("a")
    assert ahead._fetching.acquire(blocking=False)
    ahead._fetching.release()


def test_a_disk_that_hangs_does_not_keep_a_worker_from_ending():
    script = """
import threading
from faceindex.pipeline import ahead
begun = threading.Event()
def hang(path):
    begun.set()
    threading.Event().wait()
ahead._read_through = hang
ahead.fetch("a")
begun.wait()
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=PATIENCE, cwd=Path(__file__).parent.parent)
