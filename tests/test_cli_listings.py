"""What listings print: tables for people, JSON and CSV for programs, data on stdout and nothing else."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_fakes import Called, call, fake_scans, indexed, isolate, paint
from wcwidth import wcswidth

from faceindex.cli.output import table

LISTINGS = ["cluster list", "cluster show 1", "person list", "photo show {photo}", "duplicates", "problem list",
            "journal", "root list", "weights"]  # fmt: skip
WHERE_NOTHING_IS = [name for name in LISTINGS if name not in ("cluster show 1", "root list")]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Painted and scanned, with a name given."""
    folder = indexed(tmp_path, monkeypatch)
    assert call("cluster", "label", "1", "Anna").code == 0
    return folder


def ask(listing: str, library: Path, *more: str) -> Called:
    return call(*(word.format(photo=library / "both.png") for word in listing.split()), *more)


@pytest.mark.parametrize("listing", LISTINGS)
def test_json_and_csv_hold_the_same_rows_and_nothing_else(listing: str, library: Path) -> None:
    as_json, as_csv = ask(listing, library, "--json"), ask(listing, library, "--csv")
    assert (as_json.code, as_csv.code, as_json.err, as_csv.err) == (0, 0, "", "")
    rows = json.loads(as_json.out)
    read = list(csv.DictReader(io.StringIO(as_csv.out)))
    assert rows
    assert [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows] == read


@pytest.mark.parametrize("listing", WHERE_NOTHING_IS)
def test_nothing_is_an_empty_list_a_lonely_header_or_a_sentence(
    listing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    isolate(tmp_path, monkeypatch)
    fake_scans(tmp_path, monkeypatch)
    paint(tmp_path / "library" / "both.png")  # with nobody on it
    assert call("-q", "scan", tmp_path / "library").code == 0
    call("root", "remove", tmp_path / "library")
    if listing == "journal":
        assert call("undo").code == 0
        return
    if listing == "photo show {photo}":
        call("root", "add", tmp_path / "library")
    empty = ask(listing, tmp_path / "library", "--json")
    assert (empty.code, json.loads(empty.out), empty.err) == (0, [], "")
    alone = ask(listing, tmp_path / "library", "--csv").out
    assert alone.count("\n") == 1
    assert "," in alone
    said = ask(listing, tmp_path / "library")
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert call("-q", *listing.format(photo=tmp_path / "library" / "both.png").split()).err == ""


@pytest.mark.parametrize("listing", LISTINGS)
def test_tables_have_no_space_at_the_ends_of_lines(listing: str, library: Path) -> None:
    lines = ask(listing, library).out.splitlines()
    assert len(lines) > 2
    assert [line for line in lines if line != line.rstrip()] == []


def test_messages_are_silenced_by_quiet_but_data_is_not(library: Path) -> None:
    loud, quiet = call("cluster", "show", "1"), call("-q", "cluster", "show", "1")
    assert loud.err == "cluster 1: Anna, 4 faces\n"
    assert (quiet.out, quiet.err) == (loud.out, "")
    assert call("-q", "cluster", "label", "2", "Ben").err == ""


@pytest.mark.parametrize(
    "name",
    [
        "Zoë",
        "李小龍",
        "आन्या",
        "😀 Bob",
        "👨\u200d👩\u200d👧",
        "می\u200cخواهم",
        'Anna "Nana" O\'Neil',
        "a,b;c",
        "=1+1",
        "-x",
    ],
)
def test_names_in_any_script_come_out_as_they_went_in(name: str, library: Path) -> None:
    assert call("cluster", "label", "2", "--", name).code == 0
    assert json.loads(call("person", "list", "--json").out)[-1]["person"] == name
    assert list(csv.DictReader(io.StringIO(call("person", "list", "--csv").out)))[-1]["person"] == name
    assert call("person", "list").out.splitlines()[-1].endswith(name)
    assert call("photo", "show", library / "both.png").code == 0


def test_columns_stand_under_each_other_whatever_the_script() -> None:
    rows = [{"who": name, "photos": number} for number, name in enumerate(["Anna", "李小龍", "😀", "Zoë"])]
    assert len({wcswidth(line) for line in table(rows).splitlines()}) == 1


def test_a_table_keeps_text_that_looks_like_a_number() -> None:
    assert table([{"name": "007", "n": 1}, {"name": "1e5", "n": 20}]).splitlines()[2:] == [
        "007       1",
        "1e5      20",
    ]


def test_control_characters_cannot_act_on_the_terminal() -> None:
    assert table([{"path": "a\x1b[31mb\nc\u202ed\r"}]).splitlines()[2:] == [r"a\x1b[31mb\nc\u202ed\r"]


ODD = [b"line\nbreak.bin", b"broken \xff\xfe.bin",
       "emoji 😀 李.bin".encode(), b"quo'te \".bin", b" space .bin", b"-rf.bin"]  # fmt: skip


@pytest.fixture
def odd_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> set[bytes]:
    """Paths of equal files with names that hurt."""
    isolate(tmp_path, monkeypatch)
    fake_scans(tmp_path, monkeypatch)
    folder = os.fsencode(tmp_path / "library")
    os.mkdir(folder)
    for name in ODD:
        try:
            with open(folder + b"/" + name, "wb") as file:
                file.write(b"equal bytes")
        except OSError:
            pytest.skip("this file system takes UTF-8 names only")
    assert call("-q", "scan", tmp_path / "library").code == 0
    return {folder + b"/" + name for name in ODD}


def test_print0_gives_the_exact_bytes_of_every_copy_but_the_first(odd_names: set[bytes]) -> None:
    found = call("duplicates", "--print0").raw.split(b"\0")
    assert found.pop() == b""
    assert len(found) == len(odd_names) - 1
    assert set(found) < odd_names


def test_odd_names_keep_tables_json_and_csv_whole(odd_names: set[bytes]) -> None:
    shown = call("duplicates")
    assert len(shown.out.splitlines()) == 2 + len(odd_names)
    assert shown.err == "1 group, 55 bytes wasted\n"
    assert r"line\nbreak.bin" in shown.out
    assert r"broken \xff\xfe.bin" in shown.out
    rows = json.loads(call("duplicates", "--json").out)
    assert {Path(row["path"]).name for row in rows} >= {"line\nbreak.bin", r"broken \xff\xfe.bin", "-rf.bin"}
    assert len(list(csv.DictReader(io.StringIO(call("duplicates", "--csv").out)))) == len(odd_names)


def test_duplicates_say_the_numbers_once_a_group(library: Path) -> None:
    lines = call("duplicates").out.splitlines()[2:]
    assert len(lines) == 2
    assert lines[0].split()[0] == "2"
    assert lines[1].strip().startswith(str(library))


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    program = [sys.executable, "-m", "faceindex", *arguments]
    return subprocess.run(program, capture_output=True, env={**os.environ, **environment}, check=False)


def test_a_terminal_that_knows_few_letters_gets_escapes_and_json_stays_valid(library: Path) -> None:
    assert call("cluster", "label", "2", "李").code == 0
    few = run("person", "list", PYTHONIOENCODING="latin-1")
    assert few.returncode == 0, few.stderr
    assert b"\\u674e" in few.stdout
    assert json.loads(run("person", "list", "--json", PYTHONIOENCODING="latin-1").stdout)[-1]["person"] == "李"


def test_a_reader_that_leaves_early_is_no_error(library: Path) -> None:
    program = [sys.executable, "-m", "faceindex", "cluster", "list", "--json"]
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        left = subprocess.run(program, stdout=pipe, stderr=subprocess.PIPE, env=dict(os.environ), check=False)
    assert (left.returncode, left.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_under_the_output_is_one_line(library: Path) -> None:
    with open("/dev/full", "wb") as full:
        program = [sys.executable, "-m", "faceindex", "cluster", "list"]
        failed = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, env=dict(os.environ), check=False)
    assert failed.returncode == 7, failed.stderr
    assert failed.stderr.startswith(b"faceindex: the disk is full")


@pytest.mark.parametrize("listing", LISTINGS)
def test_no_option_of_output_changes_the_index(listing: str, library: Path) -> None:
    before = call("status", "--json").out
    ask(listing, library, "--csv")
    assert call("status", "--json").out == before
