"""The page of a photo: who is on it, what can be said of each face, what is known of it, and what lies beside it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest
from cli_fakes import call, done, rows, who_is_on
from hypothesis import given
from hypothesis import strategies as st
from library import add_file, add_photo, begin, found, join, name, new_index, say, vanish
from pages import Site, site, site_of

from faceindex.db import transaction
from faceindex.models import Box
from faceindex.store.looking import Face
from faceindex.web.pages.photo import WIDE, canvas

HOSTILE = '<b onclick=alert(1)>"O\'Neil"</b> {{ 7*7 }}'


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return site(tmp_path, monkeypatch)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(new_index(tmp_path)) as db:
        yield db


def number_of(site: Site, name: str) -> int:
    """The photo at a path of the library."""
    with closing(sqlite3.connect(site.index)) as index:
        path = str(site.folder / name)
        return int(index.execute("SELECT photo_id FROM files WHERE path = ?", (path,)).fetchone()[0])


def boxes(page: str) -> list[tuple[str, str]]:
    """How each face's box is drawn, and whose it is said to be."""
    return re.findall(r'<a href="#face-\d+" class="(\w+)[^>]*aria-label="([^"]+)"', page)


def faces(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'<li id="face-(\d+)"', page)]


def beside(page: str) -> list[str]:
    """The links to the photos before and after."""
    return [unescape(link) for link in re.findall(r'rel="(?:prev|next)" href="([^"]+)"', page)]


# --- who is on it


def test_a_box_says_whether_a_human_named_it_or_the_machine_or_nobody(db, tmp_path) -> None:
    run = begin(db)
    first = add_photo(db, run, "/p/1.jpg", "Anna", "Ben", "Carl", "Dora")
    second = add_photo(db, run, "/p/2.jpg", "Anna")
    anna = found(db, run, second)
    name(db, anna, "Anna")
    join(db, run, anna, first[:1])
    say(db, first[1], "Ben")
    with transaction(db):
        db.execute("INSERT INTO ignored (face_id, journal_id) SELECT ?, max(journal_id) FROM journal", (first[3],))
    page = site_of(tmp_path / "faces.db").client.page("/photo/1")
    drawn = [("match", "Anna"), ("human", "Ben"), ("unknown", "nobody known"), ("ignored", "ignored")]
    assert boxes(page) == drawn
    assert faces(page) == first
    assert "a match, 0.25 away" in page


def test_the_face_that_an_address_means_is_marked(here) -> None:
    photo = number_of(here, "both.png")
    one, other = faces(here.client.page(f"/photo/{photo}"))
    page = here.client.page(f"/photo/{photo}?face={other}")
    assert re.findall(r'<li id="face-(\d+)" class="\w+ chosen"', page) == [str(other)]
    assert "chosen" not in here.client.page(f"/photo/{photo}?face={one + 1000}")


def test_each_face_can_be_named_rejected_and_ignored_by_the_forms_of_the_page(here) -> None:
    photo = number_of(here, "both.png")
    page = f"/photo/{photo}"
    red, green = faces(here.client.page(page))
    assert here.client.post_form("label-faces", page, faces=red, name="Anna").location.startswith(page)
    assert here.client.post_form("ignore-faces", page, faces=green).status_code == 303
    assert boxes(here.client.page(page)) == [("human", "Anna"), ("ignored", "ignored")]
    assert "No longer ignore" in here.client.page(page)
    here.client.post_form("unignore-faces", page, faces=green)
    back = here.client.post_form("reject-faces", page, faces=red).location
    assert "rejected" in here.client.page(back)
    assert who_is_on(here.folder / "both.png") == [("", None), ("", None)]
    assert boxes(here.client.page(page)) == [("unknown", "nobody known")] * 2


def test_a_whole_cluster_can_be_named_from_one_of_its_faces(here) -> None:
    page = here.client.page(f"/photo/{number_of(here, 'red/0.png')}")
    assert 'formaction="/do/label-cluster">Name all 4<' in page
    cluster = re.search(r'name="cluster" value="(\d+)"', page)
    assert cluster
    here.client.post_form("label-cluster", "/", cluster=cluster[1], name="Anna")
    assert who_is_on(here.folder / "both.png")[0] == ("Anna", "human")


def test_a_missed_face_is_drawn_in_hundredths_and_the_command_line_sees_it(here) -> None:
    picture = here.folder / "nobody.png"
    photo = number_of(here, "nobody.png")
    assert "No faces" in here.client.page(f"/photo/{photo}")
    told = here.client.post_act("draw-face", photo=photo, box="10,20,60,90", name="Zoe")
    assert (told.code, who_is_on(picture)) == (200, [("Zoe", "human")])
    (face,) = rows("photo", "show", picture)
    assert [round(face[side], 3) for side in ("left", "top", "right", "bottom")] == [0.1, 0.2, 0.6, 0.9]
    here.client.post_act("undo")
    assert who_is_on(picture) == []


@pytest.mark.parametrize("box", ["", "1,2,3", "a,b,c,d", "90,10,20,30", "-1,0,50,50", "0,0,nan,50", "10,10,10.5,10.5"])
def test_a_box_that_is_none_is_refused_with_a_sentence(here, box: str) -> None:
    photo = number_of(here, "blue.png")
    refused = here.client.post_act("draw-face", photo=photo, box=box, name="Zoe")
    assert refused.code == 409
    assert "box" in refused.told


def test_on_a_page_for_looking_only_nothing_can_be_done(tmp_path, monkeypatch) -> None:
    here = site(tmp_path, monkeypatch, read_only=True)
    page = here.client.page(f"/photo/{number_of(here, 'both.png')}")
    assert "/do/" not in page
    assert 'id="draw"' not in page
    assert "Why?" in page


@given(
    st.integers(1, 20_000), st.integers(1, 20_000),
    st.lists(st.tuples(*[st.floats(0, 1)] * 4).map(lambda s: (*sorted(s[:2]), *sorted(s[2:])))),
)  # fmt: skip
def test_boxes_are_drawn_within_the_picture(width: int, height: int, sides: list[tuple[float, ...]]) -> None:
    seen = [
        Face(number, Box(left, top, right, bottom), "", None, None, None, None, 0, "hog")
        for number, (left, right, top, bottom) in enumerate(sides)
    ]
    drawn = canvas(width, height, seen)
    for box in drawn.boxes:
        assert 0 <= box.x <= box.x + box.width <= WIDE + 0.02
        assert 0 <= box.y <= box.y + box.height <= drawn.height + 0.02
        assert box.name_y > 0
    assert 200 <= drawn.shown <= 1600


def test_a_long_name_is_cut_short_on_the_photo_and_whole_in_its_title(here) -> None:
    long = "Anna " + "x" * 195
    done("cluster", "label", "1", long)
    page = here.client.page(f"/photo/{number_of(here, 'both.png')}")
    assert f">{long[:23]}…</text><title>{long}</title>" in page
    assert f'aria-label="{long}"' in page


def test_without_script_a_photo_that_cannot_be_read_leads_to_its_small_picture(here) -> None:
    photo = number_of(here, "both.png")
    said = re.search(r"<noscript>(.*?)</noscript>", here.client.page(f"/photo/{photo}"))
    assert said
    assert "cannot be read now" in said[1]
    assert f'href="/thumb/{photo}.jpg"' in said[1]


# --- what is known of it


def test_every_copy_is_told_with_its_whole_path_and_what_became_of_it(here) -> None:
    (here.folder / "copy of 0.png").unlink()
    call("-q", "scan", here.folder)
    page = unescape(here.client.page(f"/photo/{number_of(here, 'red/0.png')}"))
    assert "2 copies" in page
    assert f"<code>{here.folder}/red/0.png</code>" in page
    assert re.search(
        rf'class="gone"><code>{re.escape(str(here.folder))}/copy of 0.png</code> <span [^>]*>gone since', page
    )


def test_a_photo_whose_files_are_gone_still_shows_what_is_known(here) -> None:
    photo = number_of(here, "blue.png")
    (here.folder / "blue.png").unlink()
    call("-q", "scan", here.folder)
    page = here.client.page(f"/photo/{photo}")
    assert "No copy of this photo is there now" in page
    assert f'href="/thumb/{photo}.jpg"' in page
    assert boxes(page) == [("unknown", "nobody known")]
    assert "draw-face" not in page


def test_date_camera_place_and_what_other_programs_say_are_told(db, tmp_path) -> None:
    run = begin(db)
    (face,) = add_photo(db, run, "/p/1.jpg", "Anna", taken_at="2019-07-01T10:20:30+02:00")
    name(db, found(db, run, [face]), "Anna")
    with transaction(db):
        db.execute("UPDATE photo SET camera = 'Canon <i>', latitude = 48.137, longitude = 11.575")
        for who, word in (("Annie", "said"), (HOSTILE, "guessed")):
            db.execute(
                """INSERT INTO tag (photo_id, source, name, word, face_id, journal_id)
                   SELECT 1, 'picasa', ?, ?, ?, max(journal_id) FROM journal""",
                (who, word, face),
            )
    page = site_of(tmp_path / "faces.db").client.page("/photo/1")
    for told in ("2019-07-01 10:20", "48.13700, 11.57500", "400 × 300 pixels", "Canon &lt;i&gt;"):
        assert told in page
    assert "Annie" in page
    assert "<b onclick" not in page
    assert "(picasa, guessed, without a box)" in page


def test_hostile_names_of_people_and_files_are_escaped(db, tmp_path) -> None:
    run = begin(db)
    path = f"/p/{HOSTILE.replace('/', '-')}.jpg"
    faces = add_photo(db, run, path, "Anna")
    name(db, found(db, run, faces), HOSTILE)
    site = site_of(tmp_path / "faces.db")
    for page in ("/photo/1", "/why/1", f"/photo/1?of={quote('search:who=' + quote(HOSTILE))}", "/photo/1?of=person:1"):
        assert "<b onclick" not in site.client.page(page)


@pytest.mark.parametrize("page", ["/photo/4711", f"/photo/{10**30}", "/photo/-1", "/why/4711", "/photo/x"])
def test_what_is_not_there_is_no_page(here, page: str) -> None:
    assert here.client.get(page).status_code == 404


def test_why_a_face_is_where_it_is(here) -> None:
    done("cluster", "label", "1", "Anna")
    face = faces(here.client.page(f"/photo/{number_of(here, 'both.png')}"))[0]
    page = here.client.page(f"/why/{face}")
    assert "Why is this Anna?" in page
    assert "a human said so" in re.sub(r"\s+", " ", page)
    assert "By today’s rules" in page


def test_why_works_for_every_face_there_is(here) -> None:
    done("cluster", "label", "1", "Anna")
    done("face", "reject", "2")
    done("face", "ignore", "1")
    with closing(sqlite3.connect(here.index)) as index:
        numbers = [row[0] for row in index.execute("SELECT face_id FROM face")]
    for number in numbers:
        here.client.page(f"/why/{number}")


# --- what is beside it


def test_one_walks_through_the_folder_by_name(here) -> None:
    zero, one, two = (number_of(here, f"red/{number}.png") for number in range(3))
    page = here.client.page(f"/photo/{one}")
    links = beside(page)
    assert [link.split("?")[0] for link in links] == [f"/photo/{zero}", f"/photo/{two}"]
    assert [link.split("?")[0] for link in beside(here.client.page(links[1]))] == [f"/photo/{one}"]


def test_one_walks_on_in_the_folder_one_came_from_where_a_photo_lies_in_two(here) -> None:
    zero, both = number_of(here, "red/0.png"), number_of(here, "both.png")
    (link,) = (each for each in beside(here.client.page(f"/photo/{both}")) if each.startswith(f"/photo/{zero}?"))
    assert [each.split("?")[0] for each in beside(here.client.page(link))] == [
        f"/photo/{both}", f"/photo/{number_of(here, 'green.png')}"
    ]  # fmt: skip


def test_one_walks_through_a_person_a_cluster_and_a_search(db, tmp_path) -> None:
    run = begin(db)
    faces = [add_photo(db, run, f"/p/{day}.jpg", "Anna", taken_at=f"2020-01-0{day}T00:00:00")[0] for day in range(1, 6)]
    cluster = found(db, run, faces[::2])
    person = name(db, cluster, "Anna")
    vanish(db, "/p/5.jpg")
    client = site_of(tmp_path / "faces.db").client
    for of in (f"person:{person}", f"cluster:{cluster}", "search:who=Anna", "search:who=Anna&to=2020-01-03"):
        page = client.page(f"/photo/3?of={quote(of)}")
        assert beside(page) == [f"/photo/1?of={quote(of, safe='')}"]
    assert [link.split("?")[0] for link in beside(client.page("/photo/3?of=search:"))] == ["/photo/4", "/photo/2"]


@pytest.mark.parametrize("of", [
    "person:4711", "person:x", f"person:{10**40}", "person:" + "0" * 30 + "9" * 30, "cluster:²", "folder:4711",
    "search:who=Nobody", "search:from=never", "nonsense", ":::", "search:who=%01",
])  # fmt: skip
def test_a_list_that_is_none_gives_the_folder(here, of: str) -> None:
    photo = number_of(here, "red/1.png")
    page = here.client.page(f"/photo/{photo}?of={quote(of)}")
    assert "of=folder%3A" in page


def test_a_name_that_is_not_utf8_is_shown_and_breaks_nothing(db, tmp_path) -> None:
    run = begin(db)
    add_photo(db, run, "/p/caf\udce9.jpg", "Anna")
    add_photo(db, run, "/p/zoo.jpg", "Anna")
    client = site_of(tmp_path / "faces.db").client
    assert "caf\\xe9.jpg" in client.page("/photo/1")
    assert [link.split("?")[0] for link in beside(client.page("/photo/2"))] == ["/photo/1"]


def test_a_film_in_the_folder_is_passed_by(db, tmp_path) -> None:
    run = begin(db)
    add_photo(db, run, "/p/1.jpg")
    add_file(db, "/p/2.mov", "film")
    add_photo(db, run, "/p/3.jpg")
    client = site_of(tmp_path / "faces.db").client
    assert [link.split("?")[0] for link in beside(client.page("/photo/1"))] == ["/photo/2"]
