"""Whatever goes wrong is one line on stderr and its documented exit code; a bug keeps its traceback."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from cli_fakes import call, fake_scans, indexed, isolate, paint

from faceindex import cli
from faceindex.errors import ModelsMissing

AS_ROOT = os.geteuid() == 0


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the index would be; there is none."""
    place = isolate(tmp_path, monkeypatch)
    fake_scans(tmp_path, monkeypatch)
    return place


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return indexed(tmp_path, monkeypatch)


def told(code: int, *arguments: str | Path) -> str:
    """The one line of a command that must end with this code."""
    failed = call(*arguments)
    assert (failed.code, failed.out) == (code, ""), failed
    assert failed.err.startswith("faceindex: ")
    assert failed.err.count("\n") == 1, failed.err
    return failed.err


NEED_AN_INDEX = ["status", "root list", "root remove x", "cluster list", "cluster show 1", "cluster label 1 Anna",
                 "cluster unlabel 1", "cluster merge 1 2", "person list", "person rename A B", "photo show x",
                 "duplicates", "problem list", "problem retry", "weights", "journal", "undo", "backup",
                 "doctor --repair"]  # fmt: skip


@pytest.mark.parametrize("command", NEED_AN_INDEX)
def test_without_an_index_commands_say_how_to_make_one_and_make_none(command: str, index: Path) -> None:
    assert "run 'faceindex scan FOLDER' first" in told(1, *command.split())
    assert not index.exists()


def not_ours(index: Path) -> None:
    index.write_bytes(b"dear diary" * 100)


def of_another_program(index: Path) -> None:
    with sqlite3.connect(index) as db:
        db.execute("CREATE TABLE diary (entry)")
    db.close()


def newer(index: Path) -> None:
    with sqlite3.connect(index) as db:
        db.executescript("PRAGMA application_id = 1178682185; PRAGMA user_version = 999; CREATE TABLE t (x)")
    db.close()


def damaged(index: Path) -> None:
    newer(index)
    content = bytearray(index.read_bytes())
    content[60:64] = (1).to_bytes(4, "big")  # user_version of today, but the rest is noise
    content[100:] = os.urandom(len(content) - 100)
    index.write_bytes(content)


SPOILED = {not_ours: "is not a faceindex index", of_another_program: "another program's", newer: "update faceindex",
           damaged: "bring back a copy"}  # fmt: skip


@pytest.mark.parametrize("spoil", SPOILED, ids=lambda f: f.__name__)
@pytest.mark.parametrize("command", ["status", "scan", "cluster label 1 Anna", "duplicates"])
def test_a_file_that_cannot_be_used_is_code_6_and_not_touched(spoil: object, command: str, index: Path) -> None:
    spoil(index)  # type: ignore[operator]
    before = index.read_bytes()
    assert SPOILED[spoil] in told(6, *command.split())  # type: ignore[index]
    assert index.read_bytes() == before


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("cluster show 99", "'faceindex cluster list' shows"),
        ("cluster label 99 Anna", "'faceindex cluster list' shows"),
        ("cluster label 1 \t", "at least one letter"),
        ("cluster unlabel 1", "has no name"),
        ("cluster merge 1 1", "into itself"),
        ("cluster merge 1 99", "there is no cluster 99"),
        ("person rename Zoe Ann", "'faceindex person list' shows"),
        ("photo show nowhere.jpg", "is not in the index"),
        ("photo show .", "is a directory"),
        ("problem retry 99", "'faceindex problem list' shows"),
        ("root remove elsewhere", "roots are: "),
        ("root add elsewhere", "is not a folder"),
        ("root move elsewhere /", "roots are: "),
        ("root move elsewhere nowhere", "is not a folder"),
        ("scan elsewhere", "there is no folder"),
        ("scan --engine quantum", "there are: serial, processes, processes:N"),
        ("scan --device abacus", "abacus"),
        ("scan --engine processes:0", "there are: serial, processes, processes:N"),
        ("scan --backend crystal", "there are: dlib, fake"),
        ("scan library/red", "lies inside the root"),
        ("cluster list --sheet faces.xyz", "ends in .jpg"),
        ("cluster list --sheet library/faces.jpg", "write the sheet elsewhere"),
        ("cluster show 1 --sheet faces", "ends in .jpg"),
    ],
)
def test_what_cannot_be_meant_is_code_2(
    command: str, hint: str, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(library.parent)
    assert hint in told(2, *command.split(" "))


def test_a_typing_error_in_a_folder_makes_no_root(library: Path) -> None:
    told(2, "scan", library.parent / "libary")
    assert str(library.parent / "libary") not in call("root", "list").out


def test_a_known_root_that_is_offline_is_reported_and_code_5(library: Path) -> None:
    library.rename(library.parent / "away")
    for arguments in (("scan",), ("scan", library)):
        offline = call(*arguments)
        assert offline.code == 5
        assert f"WARNING  {library} is not there" in offline.out
    assert call("status").out.count("Root") == 1


def test_there_is_nothing_to_undo(library: Path) -> None:
    assert call("undo").code == 0  # that the scan put its folder under watch
    assert "nothing to undo" in told(1, "undo")


def test_a_backup_is_never_written_over_a_file(library: Path, tmp_path: Path) -> None:
    (tmp_path / "there.db").write_bytes(b"precious")
    assert "exists already" in told(1, "backup", tmp_path / "there.db")
    assert (tmp_path / "there.db").read_bytes() == b"precious"
    assert "name another place" in told(1, "backup", tmp_path / "no" / "such" / "folder.db")


def test_a_sheet_that_cannot_be_written_is_one_line(library: Path, tmp_path: Path) -> None:
    assert "name another place" in told(1, "cluster", "list", "--sheet", tmp_path / "no" / "such.jpg")


def test_a_sheet_without_faces_says_so(library: Path, tmp_path: Path) -> None:
    shutil.rmtree(library)
    assert "none of these photos can be read" in told(1, "cluster", "list", "--sheet", tmp_path / "s.jpg")
    assert not (tmp_path / "s.jpg").exists()


@pytest.mark.skipif(AS_ROOT, reason="root may write everywhere")
def test_an_index_that_cannot_be_made_is_one_line(tmp_path: Path, index: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    told(1, "--db", tmp_path / "locked" / "faces.db", "scan", tmp_path)


def test_an_index_below_a_file_is_one_line(tmp_path: Path, index: Path) -> None:
    (tmp_path / "file").touch()
    assert "--db" in told(1, "--db", tmp_path / "file" / "faces.db", "scan", tmp_path)


def test_a_second_scan_is_code_3_and_names_the_first(library: Path, tmp_path: Path) -> None:
    with open(tmp_path / "faces.db.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write('{"pid": 4711, "host": "attic", "since": "2026-01-31T02:00:00Z"}')
        lock.flush()
        assert "process 4711 on attic" in told(3, "scan")
        assert call("status").code == 0


def test_an_index_that_others_keep_locked_is_one_line(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceindex.db.BUSY_TIMEOUT_MS", 1)
    other = sqlite3.connect(library.parent / "faces.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        assert "keeps" in told(1, "cluster", "label", "1", "Anna")
        assert call("cluster", "list").code == 0
    finally:
        other.close()


def test_missing_models_are_code_8(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_models(*_: object) -> None:
        raise ModelsMissing("the model is missing; reinstall it")

    paint(library / "new.png", (90, 200, 220))
    monkeypatch.setattr("faceindex.backends.load", no_models)
    assert "the model is missing" in told(8, "scan")


def test_damage_met_while_working_names_the_index_and_is_code_6(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def malformed(*_: object, **__: object) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    monkeypatch.setattr("faceindex.store.listings.rows", malformed)
    assert str(library.parent / "faces.db") in told(6, "duplicates")


def test_a_bug_keeps_its_traceback(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("faceindex.store.listings.rows", bug)
    with pytest.raises(ZeroDivisionError):
        cli.run(["duplicates"])


def test_a_pipe_that_breaks_inside_is_a_bug_too(library: Path) -> None:
    program = """
from faceindex.store import listings
from faceindex.cli import main
def bug(*_, **__): raise BrokenPipeError
listings.rows = bug
main()
"""
    failed = subprocess.run([sys.executable, "-c", program, "duplicates"], capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert "please report this" in failed.stderr


def test_ctrl_c_outside_a_scan_is_one_line_and_code_130(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("faceindex.store.listings.rows", interrupted)
    stopped = call("duplicates")
    assert (stopped.code, stopped.out, stopped.err.strip()) == (130, "", "faceindex: stopped")
