"""What digiKam's database says comes into the index as it was meant, and a hostile one does no harm."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cli_fakes import call, done, indexed, refused, rows
from hypothesis import given, settings
from hypothesis import strategies as st
from library import add_photo, begin, new_index

from faceindex.errors import FaceindexError, UsageProblem
from faceindex.image.turns import upright_box
from faceindex.models import Box, Tag
from faceindex.pipeline.sources import Missed, Tagged, digikam

# digiKam's own tables, as far as they have to do with faces; version 8 and later have more columns.
SCHEMA = """
CREATE TABLE AlbumRoots (id INTEGER PRIMARY KEY, label TEXT, status INTEGER NOT NULL, type INTEGER NOT NULL,
    identifier TEXT, specificPath TEXT, UNIQUE(identifier, specificPath));
CREATE TABLE Albums (id INTEGER PRIMARY KEY, albumRoot INTEGER NOT NULL, relativePath TEXT NOT NULL, date DATE,
    caption TEXT, collection TEXT, icon INTEGER, UNIQUE(albumRoot, relativePath));
CREATE TABLE Images (id INTEGER PRIMARY KEY, album INTEGER, name TEXT NOT NULL, status INTEGER NOT NULL,
    category INTEGER NOT NULL, modificationDate DATETIME, fileSize INTEGER, uniqueHash TEXT, UNIQUE (album, name));
CREATE TABLE ImageInformation (imageid INTEGER PRIMARY KEY, rating INTEGER, creationDate DATETIME,
    digitizationDate DATETIME, orientation INTEGER, width INTEGER, height INTEGER, format TEXT,
    colorDepth INTEGER, colorModel INTEGER);
CREATE TABLE Tags (id INTEGER PRIMARY KEY, pid INTEGER, name TEXT NOT NULL, icon INTEGER, iconkde TEXT,
    UNIQUE (name, pid));
CREATE TABLE TagProperties (tagid INTEGER, property TEXT, value TEXT);
CREATE TABLE ImageTags (imageid INTEGER NOT NULL, tagid INTEGER NOT NULL, UNIQUE (imageid, tagid));
CREATE TABLE ImageTagProperties (imageid INTEGER, tagid INTEGER, property TEXT, value TEXT);
CREATE TRIGGER delete_image DELETE ON Images BEGIN DELETE FROM ImageTags WHERE imageid = OLD.id; END;
INSERT INTO Tags (id, pid, name) VALUES (1, 0, '_Digikam_Internal_Tags_'), (2, 1, 'Scanned for Faces'),
    (10, 0, 'People'), (11, 10, 'Unknown'), (12, 10, 'Unconfirmed'), (13, 10, 'Ignored'), (14, 10, 'Anna'),
    (15, 10, 'Family'), (16, 15, 'Ben'), (20, 0, 'Places'), (21, 20, 'Rome');
INSERT INTO TagProperties VALUES (11, 'person', ''), (11, 'unknownPerson', ''), (12, 'person', ''),
    (12, 'unconfirmedPerson', ''), (13, 'person', ''), (13, 'ignoredPerson', ''),
    (14, 'person', 'Anna'), (14, 'faceEngineId', 'Anna'), (16, 'person', 'Ben');
"""
ANNA, BEN, UNKNOWN, UNCONFIRMED, IGNORED, ROME = 14, 16, 11, 12, 13, 21


class DigiKam:
    """Such a database, being written."""

    def __init__(self, path: Path, identifier: str = "volumeid:?path=/p", inside: str = "/") -> None:
        self.path = path
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA synchronous = OFF")
        self.db.executescript(SCHEMA)
        self.db.execute("INSERT INTO AlbumRoots VALUES (1, 'p', 0, 1, ?, ?)", (identifier, inside))

    def image(
        self, album: str, name: str, size: tuple[Any, Any] = (400, 300), orientation: int = 1, status: int = 1
    ) -> int:
        self.db.execute("INSERT OR IGNORE INTO Albums (albumRoot, relativePath) VALUES (1, ?)", (album,))
        (number,) = self.db.execute("SELECT id FROM Albums WHERE relativePath = ?", (album,)).fetchone()
        image = self.db.execute(
            "INSERT INTO Images (album, name, status, category) VALUES (?, ?, ?, 1)", (number, name, status)
        ).lastrowid
        self.db.execute(
            "INSERT INTO ImageInformation (imageid, orientation, width, height) VALUES (?, ?, ?, ?)",
            (image, orientation, *size),
        )
        assert image is not None
        return image

    def face(self, image: int, tag: Any, value: Any, what: str = "tagRegion") -> None:
        self.db.execute("INSERT INTO ImageTagProperties VALUES (?, ?, ?, ?)", (image, tag, what, value))

    def keyword(self, image: int, tag: int) -> None:
        self.db.execute("INSERT INTO ImageTags VALUES (?, ?)", (image, tag))

    def close(self) -> Path:
        self.db.close()
        return self.path


def rect(x: float, y: float, width: float, height: float) -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}"/>'


@pytest.fixture
def index(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Two faces on /p/2019/Sea/a.jpg, 400 x 300; one on b.jpg beside it; another b.jpg elsewhere."""
    with closing(new_index(tmp_path)) as db:
        run = begin(db)
        add_photo(db, run, "/p/2019/Sea/a.jpg", "Anna", "Ben")
        add_photo(db, run, "/p/2019/Sea/b.jpg", "Anna")
        add_photo(db, run, "/p/other/b.jpg", "Ben")
        yield db


@pytest.fixture
def made(tmp_path: Path) -> DigiKam:
    return DigiKam(tmp_path / "digikam4.db")


def read(db: sqlite3.Connection, path: Path, **moved: str) -> list[Tagged | Missed]:
    return list(digikam.read(db, str(path), moved))


def tags(found: list[Tagged | Missed]) -> list[Tag]:
    (only,) = found
    assert isinstance(only, Tagged), only
    return list(only.tags)


A_BOX = Box(0.25, 0.1, 0.5, 0.4)
A_RECT = rect(100, 30, 100, 90)


def test_each_kind_of_face_is_what_it_was_there(index, made):
    image = made.image("/2019/Sea", "a.jpg")
    made.face(image, ANNA, A_RECT)
    made.face(image, UNKNOWN, rect(0, 0, 40, 30), "autodetectedFace")
    made.face(image, UNCONFIRMED, f"{BEN},autodetectedFace,{rect(40, 0, 40, 30)}", "autodetectedPerson")
    made.face(image, IGNORED, rect(80, 0, 40, 30), "ignoredFace")
    made.face(image, BEN, rect(120, 0, 40, 30), "autodetectedFace")  # as older versions wrote it
    made.face(image, ANNA, A_RECT, "faceToTrain")
    found = tags(read(index, made.close()))
    assert {(tag.name, tag.word, tag.box) for tag in found} == {
        ("Anna", "said", A_BOX),
        (None, "said", Box(0, 0, 0.1, 0.1)),
        ("Ben", "guessed", Box(0.1, 0, 0.2, 0.1)),
        (None, "ignored", Box(0.2, 0, 0.3, 0.1)),
        ("Ben", "guessed", Box(0.3, 0, 0.4, 0.1)),
    }


def test_newer_versions_write_after_the_region_whom_it_was_said_not_to_be(index, made):
    image = made.image("/2019/Sea", "a.jpg")
    made.face(image, UNCONFIRMED, f"{BEN},autodetectedFace,{A_RECT},14;15", "autodetectedPerson")
    made.face(image, UNKNOWN, f"{rect(0, 0, 40, 30)},14", "autodetectedFace")
    assert [(tag.name, tag.box) for tag in tags(read(index, made.close()))] == [
        (None, Box(0, 0, 0.1, 0.1)),
        ("Ben", A_BOX),
    ]


def test_a_person_below_others_is_named_by_the_last_part_and_told_apart_by_the_tag(index, made):
    made.face(made.image("/2019/Sea", "a.jpg"), BEN, A_RECT)
    (tag,) = tags(read(index, made.close()))
    assert (tag.name, tag.group) == ("Ben", str(BEN))


def test_people_without_a_box_are_told_but_not_places_and_nobody_twice(index, made):
    image = made.image("/2019/Sea", "a.jpg")
    made.face(image, ANNA, A_RECT)
    for tag in (ANNA, BEN, ROME, UNKNOWN):
        made.keyword(image, tag)
    assert [(tag.name, tag.box) for tag in tags(read(index, made.close()))] == [("Anna", A_BOX), ("Ben", None)]


def test_a_tag_under_people_that_holds_others_is_a_group_and_not_a_person(index, made):
    made.db.execute("INSERT INTO Tags (id, pid, name) VALUES (30, 10, 'Carl')")
    for number, tag in ((1, 15), (2, 30)):
        made.keyword(made.image("/2019/Sea", "ab"[number - 1] + ".jpg"), tag)
    assert [tag.name for tag in tags(read(index, made.close()))] == ["Carl"]


def test_people_are_found_under_a_roof_of_another_language(index, made):
    made.db.execute("UPDATE Tags SET name = 'Personen' WHERE id = 10")
    made.db.execute("INSERT INTO Tags (id, pid, name) VALUES (0, -1, '_Digikam_root_tag_'), (30, 10, 'Carl')")
    made.keyword(made.image("/2019/Sea", "a.jpg"), 30)
    made.keyword(made.image("/2019/Sea", "b.jpg"), ROME)
    assert [tag.name for tag in tags(read(index, made.close()))] == ["Carl"]


def test_a_photo_in_the_trash_is_left_out(index, made):
    made.face(made.image("/2019/Sea", "a.jpg", status=3), ANNA, A_RECT)
    assert read(index, made.close()) == []


# --- boxes ---


def test_a_picture_that_was_made_smaller_since_has_its_boxes_at_the_same_place(index, made):
    made.face(made.image("/2019/Sea", "a.jpg", size=(4000, 3000)), ANNA, rect(1000, 300, 1000, 900))
    assert tags(read(index, made.close()))[0].box == A_BOX


def test_a_picture_of_another_shape_is_refused(index, made):
    made.face(made.image("/2019/Sea", "a.jpg", size=(3000, 3000)), ANNA, A_RECT)
    (missed,) = read(index, made.close())
    assert missed == Missed(
        "refused", "/p/2019/Sea/a.jpg", "it was cropped or turned since digiKam saw it (3000 x 3000, now 400 x 300)"
    )


@pytest.mark.parametrize("theirs", range(1, 9))
@pytest.mark.parametrize("ours", range(1, 9))
def test_a_picture_that_lies_otherwise_there_has_its_boxes_turned(index, made, ours, theirs):
    stored = Box(0.25, 0.1, 0.5, 0.4)
    size = (300, 400) if ours in (5, 6, 7, 8) else (400, 300)  # upright, of a stored picture of 400 x 300
    index.execute("UPDATE photo SET width = ?, height = ?, orientation = ?", (*size, ours))
    seen, (width, height) = upright_box(stored, theirs), ((300, 400) if theirs in (5, 6, 7, 8) else (400, 300))
    sides = (seen.left * width, seen.top * height, seen.width * width, seen.height * height)
    made.face(made.image("/2019/Sea", "a.jpg", orientation=theirs), ANNA, rect(*map(round, sides)))
    (tag,) = tags(read(index, made.close()))
    assert tag.box.iou(upright_box(stored, ours)) > 0.999


@pytest.mark.parametrize(("size", "orientation"), [((300, 400), 6), ((300, 400), 8), ((3000, 4000), 5)])
def test_a_picture_that_only_digikam_turns_is_the_same_upright(index, made, size, orientation):
    scale = size[0] // 300
    value = rect(100 * scale, 30 * scale, 100 * scale, 90 * scale)
    made.face(made.image("/2019/Sea", "a.jpg", size, orientation), ANNA, value)
    assert tags(read(index, made.close()))[0].box == A_BOX


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_picture_of_which_digikam_was_told_the_upright_size_has_its_boxes_as_they_are(index, made, orientation):
    index.execute("UPDATE photo SET orientation = ?", (orientation,))
    made.face(made.image("/2019/Sea", "a.jpg", (400, 300), orientation), ANNA, A_RECT)
    assert tags(read(index, made.close()))[0].box == A_BOX


def test_without_a_size_the_photo_s_own_counts(index, made):
    made.face(made.image("/2019/Sea", "a.jpg", size=(None, None), orientation=0), ANNA, A_RECT)
    assert tags(read(index, made.close()))[0].box == A_BOX


@pytest.mark.parametrize(
    "value",
    ["", None, 7, b"\x00", "<rect/>", rect(500, 0, 10, 10), rect(0, 0, 0, 10), rect(0, 0, -5, 5), '<rect x="nan" '
     'y="0" width="1" height="1"/>', rect(1e308, 0, 1e308, 5), "<rect" * 10_000, '<!DOCTYPE a [<!ENTITY b "c">]>'],
)  # fmt: skip
def test_a_box_that_is_none_is_told_and_costs_nothing_else(index, made, value):
    image = made.image("/2019/Sea", "a.jpg")
    made.face(image, ANNA, value)
    made.face(image, BEN, A_RECT)
    missed, told = read(index, made.close())
    assert missed == Missed("refused", "/p/2019/Sea/a.jpg", "its box is not in the picture")
    assert isinstance(told, Tagged)
    assert [tag.name for tag in told.tags] == ["Ben"]


# --- where photos are ---


@pytest.mark.parametrize(
    ("identifier", "inside", "album"),
    [
        ("volumeid:?path=/p", "/", "/2019/Sea"),
        ("volumeid:?path=%2Fp%2F2019", "/", "/Sea"),
        ("volumeid:?path=/p&fileuuid=7", "/2019/Sea", "/"),
        ("networkshareid:?mountpath=%2Fp&fileuuid=1-2", "/", "/2019/Sea"),
        ("volumeid:?uuid=800b21c2-dadc-4930", "/p/2019", "/Sea"),
        ("volumeid:?uuid=800b21c2-dadc-4930", "/home/me/old/2019", "/Sea"),
        ("volumeid:?path=/mnt/old disk/50%25", "/", "/2019/Sea"),
    ],
)
def test_a_photo_is_found_by_its_full_path_or_by_the_end_of_it(tmp_path, index, identifier, inside, album):
    made = DigiKam(tmp_path / "digikam4.db", identifier, inside)
    made.face(made.image(album, "b.jpg"), ANNA, A_RECT)
    (told,) = read(index, made.close())
    assert told.path == "/p/2019/Sea/b.jpg"


def test_a_collection_that_moved_is_found_where_one_says(tmp_path, index):
    made = DigiKam(tmp_path / "digikam4.db", "volumeid:?path=/mnt/old")
    made.face(made.image("/", "b.jpg"), ANNA, A_RECT)
    assert read(index, made.close()) == [Missed("absent", "/mnt/old/b.jpg")]
    (told,) = digikam.read(index, str(made.path), {"/mnt/old": "/p/other"})
    assert told.path == "/p/other/b.jpg"


def test_of_two_folders_that_may_be_meant_neither_is_guessed(tmp_path, index):
    run = begin(index)
    add_photo(index, run, "/p/copies/Sea/b.jpg", "Anna")
    made = DigiKam(tmp_path / "digikam4.db", "volumeid:?path=/mnt/old")
    made.face(made.image("/Sea", "b.jpg"), ANNA, A_RECT)
    (missed,) = read(index, made.close())
    assert (missed.heading, missed.why) == ("refused", "2 photos of the index may be meant; tell --root which")


def test_a_file_that_is_there_but_not_indexed_is_told_apart_from_one_that_is_gone(tmp_path, index):
    (tmp_path / "new.jpg").write_bytes(b"")
    made = DigiKam(tmp_path / "digikam4.db", f"volumeid:?path={tmp_path}")
    for name in ("new.jpg", "gone.jpg"):
        made.face(made.image("/", name), ANNA, A_RECT)
    assert [(each.heading, os.path.basename(each.path)) for each in read(index, made.close())] == [
        ("unindexed", "new.jpg"), ("absent", "gone.jpg")]  # fmt: skip


@pytest.mark.parametrize(
    ("album", "name"), [("/2019/../../etc", "passwd"), ("/2019/Sea", "../../etc/passwd"), ("/a\0b", "c"), ("/", "")]
)
def test_a_path_that_leads_out_of_its_folder_is_refused(index, made, album, name):
    made.face(made.image(album, name), ANNA, A_RECT)
    assert [each.heading for each in read(index, made.close())] == ["refused"]


# --- files that are not what they say ---


def test_what_waits_in_the_log_beside_the_database_counts_and_nothing_is_written(tmp_path, index, made):
    made.db.execute("PRAGMA journal_mode = WAL")
    made.face(made.image("/2019/Sea", "a.jpg"), ANNA, A_RECT)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("digikam4*")}
    assert "digikam4.db-wal" in before
    assert [tag.name for tag in tags(read(index, made.path))] == ["Anna"]
    assert {path.name: path.read_bytes() for path in tmp_path.glob("digikam4*")} == before


def test_half_of_a_change_that_was_cut_off_does_not_count(tmp_path, index, made):
    image = made.image("/2019/Sea", "a.jpg")
    made.face(image, ANNA, A_RECT)
    made.db.executescript("PRAGMA cache_size = 5; BEGIN; UPDATE ImageTagProperties SET tagid = 16;")
    for number in range(2000):
        made.face(image, BEN, rect(number, 0, 10, 10))
    killed = tmp_path / "killed"
    killed.mkdir()
    for path in tmp_path.glob("digikam4.db*"):
        shutil.copy(path, killed)
    assert (killed / "digikam4.db-journal").stat().st_size
    assert [tag.name for tag in tags(read(index, killed / "digikam4.db"))] == ["Anna"]
    assert sorted(path.name for path in killed.iterdir()) == ["digikam4.db", "digikam4.db-journal"]


def test_nothing_is_laid_beside_a_database_that_is_only_readable(tmp_path, index, made):
    made.db.execute("PRAGMA journal_mode = WAL")
    made.face(made.image("/2019/Sea", "a.jpg"), ANNA, A_RECT)
    made.close()
    made.path.chmod(0o400)
    read(index, made.path)
    assert [path.name for path in tmp_path.glob("digikam4*")] == ["digikam4.db"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("DROP TABLE Tags", "is no digiKam database: it has no table Tags"),
        ("ALTER TABLE Images DROP COLUMN status", "its table Images has no column status"),
        ("ALTER TABLE Tags RENAME TO t; CREATE VIEW Tags AS SELECT * FROM t", "it has no table Tags"),
        ("DROP TABLE Tags; CREATE VIRTUAL TABLE Tags USING fts5(id, pid, name)", "it has no table Tags"),
    ],
)  # fmt: skip
def test_a_database_of_another_shape_gets_a_sentence(index, made, change, says):
    made.db.execute("DROP TRIGGER delete_image")
    made.db.executescript(change)
    made.close()
    with pytest.raises(UsageProblem, match=says):
        read(index, made.path)


def test_a_file_that_is_no_database_gets_a_sentence(tmp_path, index):
    text = tmp_path / "digikam4.db"
    text.write_text("no database")
    with pytest.raises(UsageProblem, match="is no digiKam database: it is no SQLite file"):
        read(index, text)
    with pytest.raises(UsageProblem, match="is no file"):
        read(index, tmp_path)


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
def test_a_database_that_was_cut_short_gets_a_sentence(index, made, part):
    for number in range(300):
        made.face(made.image("/2019/Sea", f"{number}.jpg"), ANNA, A_RECT)
    whole = made.close().read_bytes()
    made.path.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(FaceindexError, match=r"cannot be read|is no digiKam database"):
        read(index, made.path)


def test_values_of_any_type_and_tags_in_a_circle_are_survived(index, tmp_path):
    path = tmp_path / "hostile.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for line in SCHEMA.split(";\n"):
            if line.strip().startswith("CREATE TABLE"):
                name, columns = line.strip()[13:].split("(", 1)
                names = [
                    part.split()[0]
                    for part in columns.split("UNIQUE")[0].replace("\n", " ").split(",")
                    if part.strip(" )")
                ]
                db.execute(f"CREATE TABLE {name} ({', '.join(names)})")
                odd = (None, "x", b"\xff\x00", 1e308, -(2**63), 7, "7", "\udcff".encode("utf-8", "surrogatepass"))
                for value in odd:
                    db.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * len(names))})", [value] * len(names))
        db.executescript(
            """INSERT INTO AlbumRoots VALUES (1, '', 0, 1, 'volumeid:?path=/p', '/');
               INSERT INTO Albums VALUES (1, 1, '/2019/Sea', '', '', '', 0);
               INSERT INTO Images VALUES (1, 1, 'a.jpg', 1, 1, '', 0, '');
               INSERT INTO Tags VALUES (100, 101, 'a', 0, ''), (101, 100, 'b', 0, ''), (102, 102, 'c', 0, '');
               INSERT INTO TagProperties VALUES (100, 'person', 'a'), (102, 'person', 'c');
               INSERT INTO ImageTagProperties VALUES (1, 100, 'tagRegion', '<rect x="1" y="1" width="9" height="9"/>'),
                   (1, 'x', 'tagRegion', x'00'), (1, 1e308, 'autodetectedPerson', '99999999999,,'),
                   (1, NULL, NULL, NULL);"""
        )
    assert "a" in [tag.name for each in read(index, path) if isinstance(each, Tagged) for tag in each.tags]


def test_tags_ever_deeper_below_each_other_take_no_time(index, made):
    made.db.execute("BEGIN")
    made.db.executemany("INSERT INTO Tags (id, pid, name) VALUES (?, ?, 'a')", [(n, n - 1) for n in range(101, 20_001)])
    made.db.execute("COMMIT")
    made.face(made.image("/2019/Sea", "a.jpg"), 20_000, A_RECT)
    assert [tag.name for tag in tags(read(index, made.close()))] == ["a"]


@settings(max_examples=40)
@given(st.binary(max_size=200), st.integers(0, 20_000))
def test_a_damaged_database_is_read_or_gets_a_sentence(tmp_path_factory, noise, at):
    folder = tmp_path_factory.mktemp("damaged")
    made = DigiKam(folder / "digikam4.db")
    made.face(made.image("/2019/Sea", "a.jpg"), ANNA, A_RECT)
    whole = bytearray(made.close().read_bytes())
    whole[100 + at : 100 + at + len(noise)] = noise
    made.path.write_bytes(whole)
    with closing(new_index(folder)) as db, contextlib.suppress(FaceindexError):
        read(db, made.path)


# --- as a user does it ---


def test_the_names_are_in_the_index_and_can_be_taken_back(tmp_path, monkeypatch):
    folder = indexed(tmp_path, monkeypatch)
    made = DigiKam(tmp_path / "digikam4.db", f"volumeid:?path={folder}")
    made.face(made.image("/", "blue.png", size=(None, None)), ANNA, rect(30, 30, 60, 60))
    made.close()
    before = made.path.read_bytes()
    assert "Anna" in call("import", "digikam", made.path, "--dry-run").out
    done("import", "digikam", made.path)
    assert [row["person"] for row in rows("photo", "show", folder / "blue.png")] == ["Anna"]
    assert made.path.read_bytes() == before
    done("undo")
    assert [row["person"] for row in rows("photo", "show", folder / "blue.png")] == [""]


def test_a_root_that_is_no_pair_is_refused(tmp_path, monkeypatch):
    indexed(tmp_path, monkeypatch)
    for pair in ("x", "=", "/=/p", "a="):
        assert "--root takes two folders" in refused("import", "digikam", tmp_path / "d.db", "--root", pair)
