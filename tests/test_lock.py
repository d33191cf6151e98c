"""One scan at a time, whatever a killed one left behind."""

from __future__ import annotations

import os

import pytest
from nights import RED
from test_kill import finished

from faceindex.errors import FaceindexError, ScanRunning
from faceindex.pipeline import ScanOptions, scan
from faceindex.pipeline.lock import scan_lock


@pytest.fixture
def library(home):
    home.photo("a.png", RED)
    home.scan()
    return home


def test_a_second_scan_is_refused_and_told_who_holds_the_index(library):
    with scan_lock(library.index), pytest.raises(ScanRunning, match=f"process {os.getpid()} on .* since 2"):
        library.scan()
    assert library.rows("SELECT count(*) FROM run") == [(1,)]
    library.scan()


def test_a_second_scan_ends_with_its_own_exit_code(library):
    with scan_lock(library.index):
        code, said = finished(library.command("scan"))
    assert (code, str(os.getpid()) in said) == (3, True)


def test_an_index_reached_by_a_link_is_the_same_index(library):
    link = library.folder / "link.db"
    link.symlink_to(library.index)
    with scan_lock(library.index), pytest.raises(ScanRunning):
        scan(link, ScanOptions(backend="fake", engine="serial"))


@pytest.mark.parametrize("left", [b"", b"garbage", b'{"pid": 1}', b"[1, 2]", b"\xff\x00"])
def test_what_a_killed_scan_left_in_the_lock_file_blocks_nobody(library, left):
    library.index.with_name("faces.db.lock").write_bytes(left)
    assert library.scan().result.outcome == "done"


def test_a_holder_that_has_not_signed_yet_is_told_as_that(library, monkeypatch):
    with scan_lock(library.index):
        library.index.with_name("faces.db.lock").write_bytes(b"")
        with pytest.raises(ScanRunning, match="just started"):
            library.scan()


def test_a_lock_file_that_cannot_be_written_is_told(library):
    lock = library.index.with_name("faces.db.lock")
    lock.unlink()
    lock.mkdir()
    with pytest.raises(FaceindexError, match=r"cannot write .*lock"):
        library.scan()


def test_the_lock_falls_when_a_scan_fails(library, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("faceindex.pipeline.recognising.recognise", fail)
        with pytest.raises(ZeroDivisionError):
            library.scan()
    assert library.rows("SELECT outcome FROM run ORDER BY run_id")[-1] == ("failed",)
    library.scan()
