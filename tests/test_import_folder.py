"""A folder of known people names the faces on its pictures, wherever the index has them."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cli_fakes import BLUE, GREEN, RED, call, done, fake_scans, isolate, paint, refused, rows
from library import add_photo, begin, digest_of, new_index

from faceindex.errors import UsageProblem
from faceindex.pipeline.sources import Missed, Tagged, folder

CONTENTS: dict[str, list[str]] = {"one": ["Anna"], "two": ["Anna", "Ben"], "none": []}  # of pictures: who is on each


@pytest.fixture
def index(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(new_index(tmp_path)) as db:
        run = begin(db)
        for content, whom in CONTENTS.items():
            path = f"/p/{content}.jpg"
            add_photo(db, run, path, *whom)
            db.execute("UPDATE photo SET digest = ? WHERE digest = ?", (digest_of(content), digest_of(path)))
        yield db


@pytest.fixture
def people(tmp_path: Path) -> Path:
    made = tmp_path / "people"
    made.mkdir()
    return made


def put(path: Path, content: str = "one") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def read(db: sqlite3.Connection, top: Path) -> list[Tagged | Missed]:
    return list(folder.read(db, str(top), "dlib"))


def named(db: sqlite3.Connection, top: Path) -> list[str | None]:
    return [each.tags[0].name if isinstance(each, Tagged) else None for each in read(db, top)]


def test_a_picture_is_named_by_its_own_name_and_in_a_folder_by_the_folder(index, people):
    for path in ("Anna.jpg", "anna_2.JPG", "Ben/1.png", "Ben/2019/Sea/2.jpeg"):
        put(people / path)
    assert named(index, people) == ["Anna", "anna_2", "Ben", "Ben"]


def test_the_box_is_that_of_the_face_found(index, people):
    put(people / "Anna.jpg")
    (told,) = read(index, people)
    face = index.execute('SELECT "left", top, "right", bottom FROM face WHERE photo_id = ?', (told.photo_id,))
    box = told.tags[0].box
    assert (box.left, box.top, box.right, box.bottom) == tuple(face.fetchone())
    assert told.modified == (people / "Anna.jpg").stat().st_mtime


def test_what_is_hidden_or_no_picture_is_left_out(index, people):
    for path in (
        ".Anna.jpg",
        ".hidden/a.jpg",
        "Anna/.thumbs/a.jpg",
        "Anna.txt",
        "representations_vgg.pkl",
        "Anna/notes",
    ):
        put(people / path)
    assert read(index, people) == []


@pytest.mark.parametrize(
    ("content", "heading", "why"),
    [
        ("two", "refused", "2 faces are on it; name the right one, or cut it out"),
        ("none", "refused", "no face was found on it"),
        ("not scanned", "unindexed", ""),
    ],
)
def test_a_picture_that_says_not_who_it_is_is_told(index, people, content, heading, why):
    path = put(people / "Anna.jpg", content)
    assert read(index, people) == [Missed(heading, str(path), why)]


@pytest.mark.parametrize("name", ["a\x07b", "\u202eannA", " ", "\u200d", "x" * 230, os.fsdecode(b"\xff\xfe")])
def test_a_name_that_is_none_is_told(index, people, name):
    put(people / f"{name}.jpg")
    put(people / name / "1.jpg")
    assert [(each.heading, " is no name: " in each.why) for each in read(index, people)] == [("refused", True)] * 2


def test_names_of_every_script_are_welcome(index, people):
    names = ["Zoë", "Анна", "小明", "محمد", "O'Neil", '"Bob" 🙂']
    for name in names:
        put(people / name / "1.jpg")
    assert sorted(named(index, people)) == sorted(names)


def test_links_are_not_followed_out_of_the_folder(tmp_path, index, people):
    outside = put(tmp_path / "outside" / "1.jpg")
    inside = put(people / "Anna" / "1.jpg")
    (people / "Ben.jpg").symlink_to(outside)
    (people / "Carl.jpg").symlink_to(inside)
    (people / "Dora").symlink_to(outside.parent)
    (people / "Anna" / "up").symlink_to(people)
    (people / "Gone.jpg").symlink_to(people / "nothing")
    assert {(os.path.basename(each.path), each.heading if isinstance(each, Missed) else each.tags[0].name)
            for each in read(index, people)} == {
        ("Ben.jpg", "refused"), ("Carl.jpg", "Carl"), ("1.jpg", "Anna"), ("Gone.jpg", "unreadable")}  # fmt: skip


def test_what_is_no_ordinary_file_is_not_waited_for(index, people):
    os.mkfifo(people / "Anna.jpg")
    (people / "Ben.jpg").mkdir()
    assert read(index, people) == [Missed("unreadable", str(people / "Anna.jpg"), "it is no ordinary file")]


def test_a_folder_that_is_not_there_gets_a_sentence(index, people):
    with pytest.raises(UsageProblem, match="there is no folder"):
        read(index, people / "nobody")


# --- as a user does it ---


def test_names_come_in_once_from_copies_of_scanned_photos_and_can_be_taken_back(tmp_path, monkeypatch):
    isolate(tmp_path, monkeypatch)
    fake_scans(tmp_path, monkeypatch)
    library, known = tmp_path / "library", tmp_path / "known"
    for number, colour in enumerate((RED, GREEN, BLUE)):
        for other in range(2):
            paint(library / f"{number}{other}.png", colour, side=60 + 2 * other)
    done("-q", "scan", library)
    (known / "Ben").mkdir(parents=True)
    shutil.copy(library / "00.png", known / "Anna.png")
    shutil.copy(library / "10.png", known / "Ben" / "any.png")
    assert "Anna" in call("import", "folder", known, "--dry-run").out
    assert rows("person", "list") == []
    done("import", "folder", known)
    assert {row["person"] for row in rows("person", "list")} == {"Anna", "Ben"}
    assert [row["person"] for row in rows("photo", "show", library / "00.png")] == ["Anna"]
    assert "nothing to change" in done("import", "folder", known)
    done("undo")
    assert rows("person", "list") == []


def test_a_picture_that_was_not_scanned_is_told_with_what_to_do(tmp_path, monkeypatch):
    isolate(tmp_path, monkeypatch)
    fake_scans(tmp_path, monkeypatch)
    paint(tmp_path / "library" / "a.png", RED)
    done("-q", "scan", tmp_path / "library")
    paint(tmp_path / "known" / "Ben.png", GREEN)
    told = done("import", "folder", tmp_path / "known")
    assert "photos not in the index: 1 (scan them, and import again)" in told
    assert str(tmp_path / "known" / "Ben.png") in told
    assert "there is no folder" in refused("import", "folder", tmp_path / "nobody")
