"""Which XMP belongs to which photo of the library: sidecars of both styles, the packet inside, and nothing outside."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cli_fakes import indexed
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from xmp_texts import listed, packet

from faceindex import db as index_file
from faceindex.models import Box, Tag
from faceindex.pipeline.sources import Missed, Tagged, xmp
from faceindex.pipeline.sources.xmp import sidecars, unsaid


def person(name: str) -> bytes:
    return packet(listed("Iptc4xmpExt:PersonInImage", name))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return indexed(tmp_path, monkeypatch)


@pytest.fixture
def index(tmp_path: Path, folder: Path) -> Iterator[sqlite3.Connection]:
    with closing(index_file.open_index(tmp_path / "faces.db")) as db:
        yield db


def people(db: sqlite3.Connection, top: Path | None = None, *, embedded: bool = True) -> dict[str, list[str | None]]:
    """Photo to the names said of it, in the order they were said."""
    found: dict[str, list[str | None]] = {}
    for one in xmp.read(db, str(top) if top else None, embedded=embedded):
        if isinstance(one, Tagged):
            found.setdefault(os.path.basename(one.path), []).extend(tag.name for tag in one.tags)
    return found


def missed(db: sqlite3.Connection) -> list[Missed]:
    return [one for one in xmp.read(db, None) if isinstance(one, Missed)]


@pytest.mark.parametrize("name", ["blue.png.xmp", "blue.xmp", "blue.png.XMP", "blue.Xmp"])
def test_a_sidecar_of_either_style_is_read(index: sqlite3.Connection, folder: Path, name: str) -> None:
    (folder / name).write_bytes(person("Anna"))
    assert people(index) == {"blue.png": ["Anna"]}
    assert missed(index) == []


def test_a_sidecar_named_for_the_file_goes_before_one_for_the_name(index: sqlite3.Connection, folder: Path) -> None:
    (folder / "blue.xmp").write_bytes(person("Bob"))
    (folder / "blue.png.xmp").write_bytes(person("Anna"))
    assert people(index) == {"blue.png": ["Anna"]}
    assert missed(index) == []


@given(st.lists(st.sampled_from(["a.jpg", "a.heic", "b.jpg", "a.b.jpg", "a"]), unique=True))
def test_a_sidecar_for_the_name_serves_all_who_have_none_of_their_own(photos: list[str]) -> None:
    served = sidecars(photos, ["a.heic.XMP", "a.xmp", "a.b.xmp", "c.xmp"])
    meant = {"a.jpg": ["a.xmp"], "a.heic": ["a.heic.XMP"], "b.jpg": [], "a.b.jpg": ["a.b.xmp"], "a": ["a.xmp"]}
    assert served == {name: meant[name] for name in photos}


def test_what_is_inside_and_beside_is_both_read_each_with_its_time(index: sqlite3.Connection, folder: Path) -> None:
    embed(folder / "blue.png", "Anna")
    (folder / "blue.xmp").write_bytes(person("Bob"))
    os.utime(folder / "blue.xmp", (1000, 1000))
    found = [one for one in xmp.read(index, None) if isinstance(one, Tagged)]
    assert [[tag.name for tag in one.tags] for one in found] == [["Anna"], ["Bob"]]
    assert found[0].modified == (folder / "blue.png").stat().st_mtime
    assert found[1].modified == 1000
    assert people(index, embedded=False) == {"blue.png": ["Bob"]}


def test_what_both_say_alike_is_said_once(index: sqlite3.Connection, folder: Path) -> None:
    embed(folder / "blue.png", "Anna")
    (folder / "blue.xmp").write_bytes(person("Anna"))
    assert people(index) == {"blue.png": ["Anna"]}


def test_a_face_is_said_once_however_differently_its_box_is_drawn() -> None:
    anna, bob = Tag("Anna", Box(0.2, 0.2, 0.5, 0.5)), Tag("Bob", Box(0.6, 0.2, 0.8, 0.4))
    said = [anna, bob]
    assert unsaid([Tag("Anna", Box(0.25, 0.3, 0.45, 0.45)), Tag(None, bob.box), Tag("Bob", None)], said) == []
    fresh = [Tag("Carl", anna.box), Tag("Anna", Box(0.7, 0.7, 0.9, 0.9)), Tag("Dora", None)]
    assert unsaid([anna, *fresh], said) == fresh
    assert unsaid([anna], [Tag(None, anna.box), Tag("Anna", None)]) == [anna]


def embed(path: Path, name: str) -> None:
    """Put a packet into a picture that the index knows."""
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", person(name).decode())
    Image.open(path).save(path, pnginfo=info)


def test_only_folders_at_and_below_the_one_asked_for_are_read(index: sqlite3.Connection, folder: Path) -> None:
    (folder / "blue.xmp").write_bytes(person("Anna"))
    (folder / "red" / "0.xmp").write_bytes(person("Bob"))
    assert people(index, folder / "red") == {"0.png": ["Bob"]}
    assert set(people(index)) == {"blue.png", "0.png"}


def test_a_sidecar_of_no_photo_and_a_broken_one_are_told(index: sqlite3.Connection, folder: Path) -> None:
    (folder / "raw.cr2.xmp").write_bytes(person("Anna"))
    (folder / "blue.xmp").write_bytes(b"<!DOCTYPE x><x/>")
    (folder / "green.xmp").mkdir()
    told = {os.path.basename(one.path): one.heading for one in missed(index)}
    assert told == {"raw.cr2.xmp": "foreign", "blue.xmp": "unreadable", "green.xmp": "refused"}


def test_a_folder_that_is_not_there_is_told(index: sqlite3.Connection, folder: Path) -> None:
    shutil.rmtree(folder / "red")
    assert [(one.heading, one.path) for one in missed(index) if one.path == str(folder / "red")] == [
        ("absent", str(folder / "red"))
    ]


def test_no_link_leads_out_of_the_library(index: sqlite3.Connection, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.xmp").write_bytes(person("Eve"))
    (outside / "0.xmp").write_bytes(person("Eve"))
    (folder / "blue.xmp").symlink_to(outside / "secret.xmp")
    shutil.rmtree(folder / "red")
    (folder / "red").symlink_to(outside)
    assert people(index) == {}
    assert {one.path: one.heading for one in missed(index)} == {
        str(folder / "blue.xmp"): "refused",
        str(folder / "red"): "refused",
    }


def test_a_pipe_in_place_of_a_sidecar_is_not_waited_for(index: sqlite3.Connection, folder: Path) -> None:
    os.mkfifo(folder / "blue.xmp")
    assert people(index) == {}
    assert [one.heading for one in missed(index)] == ["refused"]


def test_pictures_are_only_read(index: sqlite3.Connection, folder: Path) -> None:
    embed(folder / "blue.png", "Anna")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}
    people(index)
    assert before == {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in before}
