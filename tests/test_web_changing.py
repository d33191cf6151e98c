"""What is done on a page: by the right photo, the right name, and one undo at a time."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from cli_fakes import BLUE, GREEN, dump, paint, rows, who_is_on
from pages import Site, site


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return site(tmp_path, monkeypatch)


def photo(here: Site, name: str) -> str:
    row = rows("photo", "show", here.folder / name)[0]
    return str(row["face"])


def number_of(here: Site, name: str) -> int:
    with sqlite3.connect(here.index) as db:
        found = db.execute("SELECT photo_id FROM files WHERE path = ?", (str(here.folder / name),)).fetchone()[0]
    db.close()
    return int(found)


def test_nothing_is_drawn_on_a_photo_whose_file_holds_another_picture(here: Site) -> None:
    paint(here.folder / "nobody.png", GREEN, side=80)
    before = dump(here.index)
    answer = here.client.post_act("draw-face", photo=number_of(here, "nobody.png"), box="10,10,90,90", name="Eva")
    assert "holds another picture by now" in answer.told
    assert dump(here.index) == before


def test_a_name_in_other_capitals_is_the_person_who_is_known(here: Site) -> None:
    here.client.post_act("label-faces", faces=photo(here, "blue.png"), name="Ben")
    here.client.post_act("label-faces", faces=photo(here, "green.png"), name="BEN")
    assert who_is_on(here.folder / "green.png") == [("Ben", "human")]
    assert "nobody is called" not in here.client.page("/search?who=ben")


def test_undo_on_a_page_takes_back_what_that_page_told_of(here: Site) -> None:
    here.client.post_act("label-faces", faces=photo(here, "blue.png"), name="Carl")
    page = here.client.page("/")
    entry = page.split('name="entry" value="')[1].split('"')[0]
    here.client.post_act("label-faces", faces=photo(here, "green.png"), name="Ben")
    here.client.post_act("undo", entry=entry)
    again = here.client.post_act("undo", entry=entry)
    assert "taken back by entry" in again.told
    assert who_is_on(here.folder / "green.png") == [("Ben", "human")]
    assert who_is_on(here.folder / "blue.png") == [("", None)]


def test_a_page_never_offers_to_take_back_a_root(here: Site) -> None:
    assert 'name="entry" value=""' in here.client.page("/")


@pytest.mark.parametrize(("fields", "why"), [({"faces": ""}, "nothing is chosen"), ({"faces": "x"}, "no number")])
def test_what_is_wrong_with_numbers_is_said(here: Site, fields: dict[str, str], why: str) -> None:
    assert why in here.client.post_act("reject-faces", **fields).told


def test_the_first_page_shows_nobody_elses_face_after_faces_moved(here: Site) -> None:
    face = photo(here, "blue.png")
    here.client.post_act("label-faces", faces=face, name="Carl")
    assert f"/face/{face}.jpg" in here.client.page("/")
    paint(here.folder / "unused.png", BLUE)
    cluster = str(rows("photo", "show", here.folder / "blue.png")[0]["cluster"])
    other = photo(here, "green.png")
    here.client.post_act("move-faces", faces=other, cluster=cluster)
    here.client.post_act("move-faces", faces=face, cluster="new")
    tile = here.client.page("/").split('data-person="Carl"')[1].split("</li>")[0]
    assert f"/face/{other}.jpg" in tile
