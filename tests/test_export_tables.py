"""`faceindex export faces`, `people` and `photos`: tables for programs and spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cli_fakes import call, done, isolate, refused
from hypothesis import given
from hypothesis import strategies as st
from library import add_photo, begin, family, name, say

from faceindex.db import open_index, transaction
from faceindex.pipeline.exporting import tables

VIEWS = ("faces", "people", "photos")
CELLS = st.none() | st.integers(-9, 9) | st.floats(-9, 9) | st.text(st.characters(exclude_categories=["Cs"]))


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The family's library."""
    path = isolate(tmp_path, monkeypatch)
    family(tmp_path).close()
    return path


def view(index: Path, name: str) -> list[dict[str, Any]]:
    with closing(open_index(index)) as db:
        return [dict(row) for row in db.execute(f"SELECT * FROM {name} ORDER BY 1")]


@pytest.mark.parametrize("name", VIEWS)
def test_every_form_says_what_the_view_says(index: Path, name: str) -> None:
    wanted = sorted(map(str, view(index, name)))
    assert sorted(map(str, json.loads(call("export", name, "--format", "json").out))) == wanted
    lines = call("export", name, "--format", "jsonl").out.splitlines()
    assert sorted(str(json.loads(line)) for line in lines) == wanted
    table = list(csv.DictReader(io.StringIO(call("export", name).out)))
    empty = [{key: "" if value is None else str(value) for key, value in row.items()} for row in view(index, name)]
    assert sorted(map(str, table)) == sorted(map(str, empty))


@pytest.mark.parametrize("form", ["csv", "json", "jsonl"])
def test_a_file_is_written_as_its_name_ends_and_again_the_next_night(index: Path, tmp_path: Path, form: str) -> None:
    target = tmp_path / f"Faces.{form.upper()}"
    done("export", "faces", target)
    assert target.read_bytes() == call("export", "faces", "--format", form).raw
    done("export", "faces", target)
    done("export", "faces", target, "--format", form)


def test_without_rows_there_is_a_header_or_an_empty_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_index(isolate(tmp_path, monkeypatch)).close()
    assert call("export", "people").out == "person_id,person,born,clusters,photos,first_seen,last_seen\n"
    assert json.loads(call("export", "people", "--format", "json").out) == []
    assert call("export", "people", "-", "--format", "jsonl").out == ""
    for form in ("csv", "json", "jsonl"):  # and such a file may be written over, too
        done("export", "people", tmp_path / f"p.{form}")
        done("export", "people", tmp_path / f"p.{form}")


def test_nothing_else_is_written_over_but_on_purpose(index: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("my own,work\n")
    assert "is no table of faces; name another, or --force" in refused("export", "faces", mine)
    assert mine.read_text() == "my own,work\n"
    done("export", "people", tmp_path / "people.csv")
    refused("export", "faces", tmp_path / "people.csv")
    done("export", "faces", mine, "--force")
    assert mine.read_text().startswith("face_id,")


def test_a_table_never_lies_among_the_photos(index: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    with closing(open_index(index)) as db, transaction(db):
        db.execute("UPDATE root SET path = ? WHERE path = '/mnt/nas/scans'", (str(library),))
    assert "lies in the library" in refused("export", "faces", library / "faces.csv")
    (tmp_path / "link").symlink_to(library)
    assert "lies in the library" in refused("export", "faces", tmp_path / "link" / "faces.csv")


def test_an_ending_that_means_nothing_is_a_question_of_format(index: Path, tmp_path: Path) -> None:
    assert ".csv, .json, .jsonl" in refused("export", "faces", tmp_path / "faces.xlsx")
    assert "is a folder" in refused("export", "faces", tmp_path, "--format", "csv")
    done("export", "faces", tmp_path / "faces.txt", "--format", "csv")


def test_names_in_any_script_and_paths_of_broken_bytes_are_shown_as_the_views_show_them(index: Path) -> None:
    with closing(open_index(index)) as db:
        run = begin(db)
        (face,) = add_photo(db, run, "/lib/caf\udce9.jpg", "Zoë")
        say(db, face, "Zoë 李 👩‍🚀")
    row = json.loads(call("export", "faces", "--format", "jsonl").out.splitlines()[-1])
    assert (row["path"], row["person"]) == ("/lib/caf\\xe9.jpg", "Zoë 李 👩‍🚀")


def test_a_text_that_a_spreadsheet_would_compute_gets_an_apostrophe(index: Path) -> None:
    with closing(open_index(index)) as db:
        name(db, 5, '=HYPERLINK("x")')
    assert next(csv.DictReader(io.StringIO(call("export", "people").out)))["person"] == """'=HYPERLINK("x")"""
    assert json.loads(call("export", "people", "--format", "json").out)[0]["person"] == '=HYPERLINK("x")'


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_what_is_written_reads_back(rows: list[tuple[Any, Any]]) -> None:
    def text(form: tables.TableForm) -> str:
        return b"".join(tables.written(form, ("one", "two"), rows)).decode()

    objects = [dict(zip(("one", "two"), row, strict=True)) for row in rows]
    assert json.loads(text("json")) == objects
    assert [json.loads(line) for line in text("jsonl").split("\n")[:-1]] == objects
    _, *back = csv.reader(io.StringIO(text("csv"), newline=""))
    assert [[cell.removeprefix("'") for cell in row] for row in back] == [
        ["" if cell is None else str(cell).removeprefix("'") for cell in row] for row in rows
    ]
    for form in ("csv", "json", "jsonl"):
        assert text(form).encode().startswith(tables.beginning(form, ("one", "two"))[: len(text(form).encode())])


def test_rows_are_written_as_they_come() -> None:
    asked: list[int] = []

    def rows() -> Any:
        for number in range(3):
            asked.append(number)
            yield (number,)

    lines = tables.written("csv", ["n"], rows())
    assert (next(lines), asked) == (b"n\n", [])
    assert (next(lines), asked) == (b"0\n", [0])
