"""What the index of faces_in_photos says comes into ours, and its pickles run nothing."""

from __future__ import annotations

import os
import pickle
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_fakes import call, done, indexed, refused, rows
from library import add_photo, begin, digest_of, new_index
from test_pickles import ENCODING, python2

from faceindex.errors import FaceindexError, UsageProblem
from faceindex.image.turns import SIDEWAYS, upright_box
from faceindex.models import Box, Tag
from faceindex.pipeline.sources import Missed, Tagged, faces_in_photos

SCHEMA = """
CREATE TABLE face_picasa(path,left,top,right,bottom,hash,label);
CREATE TABLE file_hashes (hash primary key);
CREATE TABLE file_paths (path not null, size not null, hash references file_hashes(hash) not null);
CREATE TABLE face_labels (label primary key);
CREATE TABLE face_groups (grp primary key, pickled, label references face_labels(label) not null);
CREATE TABLE face_weights(pickled);
CREATE TABLE face_data (left not null, top not null, right not null, bottom not null, pickled not null,
    hash references file_hashes(hash) not null, grp references face_groups(grp) not null, inpic);
INSERT INTO face_groups VALUES (0, '', '_unknown_'), (1, '', 'Anna'), (2, '', 'Ben'), (3, '', '_Unknown_');
"""
UNKNOWN, ANNA, BEN, ALSO_UNKNOWN = range(4)


class Index:
    """Such an index, being written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA synchronous = OFF")
        self.db.executescript(SCHEMA)

    def face(
        self, digest: Any, group: Any, rect: Any = (100, 30, 200, 120), inpic: Any = 0, pickled: Any = None
    ) -> None:
        pickled = python2(ENCODING.astype("f8")).decode() if pickled is None else pickled
        self.db.execute("INSERT INTO face_data VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*rect, pickled, digest, group, inpic))

    def picasa(self, path: Any, label: Any, rect: Any = (100, 30, 200, 120), number: Any = "a1b2") -> None:
        self.db.execute("INSERT INTO face_picasa VALUES (?, ?, ?, ?, ?, ?, ?)", (path, *rect, number, label))

    def file(self, path: str, digest: str) -> None:
        self.db.execute("INSERT INTO file_paths VALUES (?, 1, ?)", (path, digest))

    def close(self) -> Path:
        self.db.close()
        return self.path


A_PATH, A_BOX = "/p/a.jpg", Box(0.25, 0.1, 0.5, 0.4)
A_HASH = digest_of(A_PATH).hex()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(new_index(tmp_path)) as db:
        add_photo(db, begin(db), A_PATH, "Anna", "Ben")  # 400 x 300
        yield db


@pytest.fixture
def made(tmp_path: Path) -> Index:
    return Index(tmp_path / "theirs.db")


def read(db: sqlite3.Connection, made: Index) -> list[Tagged | Missed]:
    return list(faces_in_photos.read(db, str(made.close())))


def tags(found: list[Tagged | Missed]) -> list[Tag]:
    return [tag for each in found if isinstance(each, Tagged) for tag in each.tags]


def test_what_a_human_tagged_is_said_and_what_it_grouped_by_itself_is_guessed(index, made):
    made.face(A_HASH, ANNA, inpic=1)
    made.face(A_HASH, BEN, (0, 0, 40, 30))
    made.face(A_HASH, BEN, (40, 0, 80, 30), inpic=None)
    made.face(A_HASH, UNKNOWN, (80, 0, 120, 30), inpic=1)
    made.face(A_HASH, ALSO_UNKNOWN, (120, 0, 160, 30))
    made.face(A_HASH, 99, (160, 0, 200, 30))  # of a group that is not there
    found = tags(read(index, made))
    assert [(tag.name, tag.word, tag.group) for tag in found] == [
        ("Anna", "said", "1"), ("Ben", "guessed", "2"), ("Ben", "guessed", "2"), (None, "said", ""),
        (None, "said", ""), (None, "said", ""),
    ]  # fmt: skip
    assert found[0].box == A_BOX
    assert {tag.vector for tag in found} == {ENCODING.tobytes()}


def test_a_photo_is_known_by_its_content_wherever_it_is_now(index, made):
    made.file("/somewhere/else.jpg", A_HASH)
    made.face(A_HASH.upper(), ANNA)
    (told,) = read(index, made)
    assert told.path == A_PATH


def test_photos_that_are_not_in_the_index_are_told_apart_by_whether_they_are_there(tmp_path, index, made):
    (tmp_path / "new.jpg").write_bytes(b"")
    for name in ("new.jpg", "gone.jpg"):
        made.file(str(tmp_path / name), digest_of(name).hex())
        made.face(digest_of(name).hex(), ANNA)
    made.face("00" * 32, ANNA)
    assert sorted((each.heading, os.path.basename(each.path)) for each in read(index, made)) == [
        ("absent", "a photo of hash 000000000000…"), ("absent", "gone.jpg"), ("unindexed", "new.jpg")]  # fmt: skip


@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_it_read_from_picasa_is_said_in_pixels_of_the_stored_picture(index, made, orientation):
    size = (300, 400) if orientation in SIDEWAYS else (400, 300)
    index.execute("UPDATE photo SET width = ?, height = ?, orientation = ?", (*size, orientation))
    made.file(A_PATH, A_HASH)
    made.picasa(A_PATH, "Anna")
    made.picasa(A_PATH, None, (0, 0, 40, 30))
    said, nobody = tags(read(index, made))
    assert (said.name, said.word, said.group, nobody.name) == ("Anna", "said", "a1b2", None)
    assert said.box.iou(upright_box(A_BOX, orientation)) > 0.999


@pytest.mark.parametrize(
    "pickled", [pickle.dumps(print), b"cos\nsystem\n(S'true'\ntR.", b"", "", 7, "\x00", pickle.dumps(np.zeros(3))]
)
def test_a_pickle_that_is_none_costs_the_encoding_and_no_more(index, made, pickled):
    made.face(A_HASH, ANNA, inpic=1, pickled=pickled)
    *missed, told = read(index, made)
    assert [(tag.name, tag.vector) for tag in told.tags] == [("Anna", b"")]
    assert all(each.heading == "refused" and each.why.startswith("its encoding ") for each in missed)
    assert len(missed) == (pickled not in (b"", "", 7))


@pytest.mark.parametrize(
    "rect",
    [(500, 0, 600, 10), (10, 10, 10, 20), (50, 50, 40, 40), (None,) * 4, ("a",) * 4, (b"", 0, 9, 9), (0, 0, 1e308, 9),
     (-1e308, 0, -1, 9), ("nan", 0, 9, 9)],
)  # fmt: skip
def test_a_box_that_is_none_is_told_and_costs_nothing_else(index, made, rect):
    made.db.execute("DROP TABLE face_data")
    made.db.execute('CREATE TABLE face_data ("left", top, "right", bottom, pickled, hash, grp, inpic)')
    made.face(A_HASH, ANNA, rect)
    made.face(A_HASH, BEN)
    missed, told = read(index, made)
    assert missed == Missed("refused", A_PATH, "its box is not in the picture")
    assert [tag.name for tag in told.tags] == ["Ben"]


@pytest.mark.parametrize("odd", [None, "x", b"\xff", 1e308, -1, "../../etc/passwd", "/etc/\0passwd"])
def test_values_of_any_type_are_survived(index, made, odd):
    for table, columns in (("face_data", 8), ("face_groups", 3), ("file_paths", 3)):
        made.db.execute(f"ALTER TABLE {table} RENAME TO former_{table}")
        names = [row[1] for row in made.db.execute(f"PRAGMA table_info(former_{table})")]
        made.db.execute(
            f"CREATE TABLE {table} ({', '.join(names)})".replace("left", '"left"').replace("right", '"right"')
        )
        made.db.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})", [odd] * columns)
    made.picasa(odd, odd, (odd,) * 4, odd)
    assert {each.heading for each in read(index, made)} == {"absent"}


def test_a_database_of_another_program_gets_a_sentence(tmp_path, index, made):
    made.db.execute("DROP TABLE face_groups")
    with pytest.raises(UsageProblem, match="is no faces_in_photos database: it has no table face_groups"):
        read(index, made)
    text = tmp_path / "text.db"
    text.write_text("no database")
    with pytest.raises(UsageProblem, match="it is no SQLite file"):
        list(faces_in_photos.read(index, str(text)))


def test_a_database_that_was_cut_short_gets_a_sentence(index, made):
    for number in range(50):
        made.face(A_HASH, ANNA, (number, 0, 100, 100))
    whole = made.close().read_bytes()
    made.path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FaceindexError, match="cannot be read"):
        read(index, made)


# --- as a user does it ---


def where(index: Path, face: int) -> tuple[str, list[float]]:
    """The digest of a face's photo, and its box in pixels."""
    with closing(sqlite3.connect(index)) as db:
        digest, width, height, *sides = db.execute(
            """SELECT lower(hex(digest)), width, height, "left", top, "right", bottom
               FROM face JOIN photo USING (photo_id) WHERE face_id = ?""",
            (face,),
        ).fetchone()
    return digest, [side * (width, height)[place % 2] for place, side in enumerate(sides)]


def test_names_come_in_guesses_are_asked_about_and_all_can_be_taken_back(tmp_path, monkeypatch):
    folder = indexed(tmp_path, monkeypatch)
    made = Index(tmp_path / "theirs.db")
    for name, group, inpic in (("blue", ANNA, 1), ("green", BEN, 0)):
        (row,) = rows("photo", "show", folder / f"{name}.png")
        digest, rect = where(tmp_path / "faces.db", row["face"])
        made.face(digest, group, rect, inpic, pickle.dumps(print))
    made.close()
    before = made.path.read_bytes()
    assert "Anna" in call("import", "faces-in-photos", made.path, "--dry-run").out
    told = done("import", "faces-in-photos", made.path)
    assert "runs something" not in told
    assert "its encoding is a pickle" in told
    assert [row["person"] for row in rows("photo", "show", folder / "blue.png")] == ["Anna"]
    assert [row["person"] for row in rows("photo", "show", folder / "green.png")] == [""]
    assert made.path.read_bytes() == before
    done("undo")
    assert [row["person"] for row in rows("photo", "show", folder / "blue.png")] == [""]


def test_the_file_must_be_there(tmp_path, monkeypatch):
    indexed(tmp_path, monkeypatch)
    assert "there is no file" in refused("import", "faces-in-photos", tmp_path / "none.db")
