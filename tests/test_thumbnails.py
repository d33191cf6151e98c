"""Small pictures: upright, made once, bounded, and never in the way."""

from __future__ import annotations

import io
import os
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from cli_fakes import call, done, indexed, rows
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from faceindex import db as index_file
from faceindex.image import small
from faceindex.models import Box
from faceindex.store import thumbnails

MOST = 10_000_000


def opened(jpeg):
    return Image.open(io.BytesIO(jpeg))


def a_jpeg(number, size=2000):
    return bytes([number % 256]) * size


def some_key(number):
    return thumbnails.key(number.to_bytes(32, "big"))


@pytest.fixture
def index(tmp_path):
    return tmp_path / "faces.db"


@given(st.integers(1, 900), st.integers(1, 900))
def test_a_photo_fits_the_size_and_keeps_its_shape(width, height):
    image = opened(small.photo_jpeg(np.zeros((height, width, 3), np.uint8), 100))
    assert max(image.size) == min(100, max(width, height))
    assert abs(image.width * height - image.height * width) <= max(width, height)


@given(st.tuples(*[st.floats(0, 1)] * 2), st.tuples(*[st.floats(0.01, 1)] * 2))
def test_a_face_is_a_square_wherever_it_is(corner, size):
    (left, top), (width, height) = corner, size
    pixels = np.zeros((60, 90, 3), np.uint8)
    assert opened(small.face_jpeg(pixels, Box(left, top, left + width, top + height), 32)).size == (32, 32)


def test_a_face_is_in_the_middle_of_its_square():
    pixels = np.zeros((400, 400, 3), np.uint8)
    pixels[100:140, 300:340] = 255
    seen = np.asarray(opened(small.face_jpeg(pixels, Box(0.75, 0.25, 0.85, 0.35), 100)).convert("L"))
    assert seen[50, 50] > 200
    assert max(seen[5, 50], seen[95, 50], seen[50, 5], seen[50, 95]) < 50


def test_small_pictures_bear_no_metadata():
    image = opened(small.photo_jpeg(np.zeros((50, 50, 3), np.uint8)))
    assert not image.getexif()
    assert "exif" not in image.info
    assert "icc_profile" not in image.info


def test_what_is_kept_is_there_and_nothing_else(index):
    with thumbnails.opened(index) as db:
        thumbnails.put(db, [(some_key(1), a_jpeg(1)), (some_key(2), a_jpeg(2))], MOST)
    with thumbnails.opened(index) as db:
        assert thumbnails.get(db, some_key(2)) == a_jpeg(2)
        assert thumbnails.get(db, some_key(3)) is None


def test_a_face_is_known_by_its_photo_and_box():
    digest = bytes(32)
    keys = {thumbnails.key(digest), thumbnails.key(digest, Box(0.1, 0.2, 0.3, 0.4)),
            thumbnails.key(digest, Box(0.1, 0.2, 0.3, 0.5))}  # fmt: skip
    assert len(keys) == 3
    assert thumbnails.key(digest, Box(-0.01, 0, 1.01, 1)) == thumbnails.key(digest, Box(0, 0, 1, 1))


def test_the_file_stays_within_its_bound_and_the_oldest_go(index):
    most = 600_000
    with thumbnails.opened(index) as db:
        for number in range(1000):
            thumbnails.put(db, [(some_key(number), a_jpeg(number, 3000))], most)
        assert thumbnails.get(db, some_key(999)) is not None
        assert thumbnails.get(db, some_key(0)) is None
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert thumbnails.beside(index).stat().st_size < 1.2 * most


def test_nothing_is_kept_where_nothing_may_be(index):
    with thumbnails.opened(index) as db:
        thumbnails.put(db, [(some_key(1), a_jpeg(1))], 0)
        assert thumbnails.get(db, some_key(1)) is None


@pytest.mark.parametrize("content", [b"no database" * 1000, b"SQLite format 3\0" + b"\1" * 5000])
def test_a_damaged_file_makes_way_for_a_new_one(index, content):
    thumbnails.beside(index).write_bytes(content)
    with thumbnails.opened(index) as db:
        thumbnails.put(db, [(some_key(1), a_jpeg(1))], MOST)
        assert thumbnails.get(db, some_key(1)) == a_jpeg(1)


def test_a_file_of_another_version_makes_way(index):
    with thumbnails.opened(index) as db:
        db.execute("PRAGMA user_version = 99")
    with thumbnails.opened(index) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == thumbnails.VERSION


def test_a_folder_where_nothing_can_be_written_is_no_trouble(tmp_path):
    with thumbnails.opened(tmp_path / "missing" / "faces.db") as db:
        assert db is None
        thumbnails.put(db, [(some_key(1), a_jpeg(1))], MOST)
        assert thumbnails.get(db, some_key(1)) is None


def test_the_file_is_private(index):
    with thumbnails.opened(index):
        assert thumbnails.beside(index).stat().st_mode & 0o777 == 0o600


def test_while_somebody_else_writes_nothing_is_kept_and_nothing_waits_for_ever(index, monkeypatch):
    monkeypatch.setattr(thumbnails, "BUSY_MS", 1)
    with thumbnails.opened(index) as db, closing(sqlite3.connect(thumbnails.beside(index))) as other:
        thumbnails.put(db, [(some_key(1), a_jpeg(1))], MOST)
        other.execute("BEGIN IMMEDIATE")
        thumbnails.put(db, [(some_key(2), a_jpeg(2))], MOST)
        assert thumbnails.get(db, some_key(1)) == a_jpeg(1)
        assert thumbnails.get(db, some_key(2)) is None
        other.execute("ROLLBACK")
        thumbnails.put(db, [(some_key(2), a_jpeg(2))], MOST)
        assert thumbnails.get(db, some_key(2)) == a_jpeg(2)


def test_a_link_is_not_written_through_to_something_else(index, tmp_path):
    other = tmp_path / "photo.jpg"
    other.write_bytes(b"a photo")
    os.symlink(other, thumbnails.beside(index))
    with thumbnails.opened(index) as db:
        thumbnails.put(db, [(some_key(1), a_jpeg(1))], MOST)
    assert other.read_bytes() == b"a photo"


# ----------------------------------------------------------------------------------------------- in a scan


def keys_of(index):
    """What the index knows of: a key for each photo and face."""
    with closing(index_file.open_index(index)) as db:
        photos = [thumbnails.key(bytes(row[0])) for row in db.execute("SELECT digest FROM photo")]
        faces = db.execute('SELECT digest, "left", top, "right", bottom FROM face JOIN photo USING (photo_id)')
        return photos, [thumbnails.key(bytes(row[0]), Box(*row[1:])) for row in faces]


def kept(index):
    with thumbnails.opened(index) as db:
        return {bytes(row[0]) for row in db.execute("SELECT key FROM thumbnail")}


def test_a_scan_keeps_a_small_picture_of_every_photo_and_face(tmp_path, monkeypatch):
    indexed(tmp_path, monkeypatch)
    photos, faces = keys_of(tmp_path / "faces.db")
    assert len(faces) > 5
    assert kept(tmp_path / "faces.db") == {*photos, *faces}


def test_a_scan_that_is_told_not_to_makes_none(tmp_path, monkeypatch):
    folder = indexed(tmp_path, monkeypatch)
    monkeypatch.setenv("FACEINDEX_SCAN_THUMBNAILS", "0")
    thumbnails.beside(tmp_path / "faces.db").unlink()
    Image.new("RGB", (50, 50)).save(folder / "one more.png")
    assert call("scan").code == 0
    assert not thumbnails.beside(tmp_path / "faces.db").exists()


def test_a_rescan_without_news_leaves_the_file_alone(tmp_path, monkeypatch):
    indexed(tmp_path, monkeypatch)
    before = thumbnails.beside(tmp_path / "faces.db").stat().st_mtime_ns
    assert call("scan").code == 0
    assert thumbnails.beside(tmp_path / "faces.db").stat().st_mtime_ns == before


def test_who_is_forgotten_is_in_no_small_picture_of_a_face(tmp_path, monkeypatch):
    folder = indexed(tmp_path, monkeypatch)
    index = tmp_path / "faces.db"
    done("cluster", "label", str(rows("photo", "show", folder / "blue.png")[0]["cluster"]), "Carl")
    with closing(index_file.open_index(index)) as db:
        row = db.execute('SELECT digest, "left", top, "right", bottom FROM face JOIN photo USING (photo_id) '
                         "JOIN file USING (digest) WHERE name = 'blue.png'").fetchone()  # fmt: skip
    key = thumbnails.key(bytes(row[0]), Box(*row[1:]))
    with thumbnails.opened(index) as small_ones:
        jpeg = thumbnails.get(small_ones, key)
    assert jpeg is not None
    done("forget", "Carl", "--yes")
    assert key not in kept(index)
    assert jpeg not in thumbnails.beside(index).read_bytes()


def test_the_file_of_an_index_within_the_library_is_not_indexed(tmp_path, monkeypatch):
    folder = indexed(tmp_path, monkeypatch)
    inside = folder / "faces.db"
    assert call("--db", inside, "-q", "scan", folder).code == 5
    assert call("--db", inside, "-q", "scan", folder).code == 0
    with closing(index_file.open_index(inside)) as db:
        assert [row[0] for row in db.execute("SELECT path FROM files WHERE path LIKE '%faces.db%'")] == []
