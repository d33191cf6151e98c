"""Search, timeline and who is with whom, on the small family's library and on made-up ones."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from urllib.parse import quote, urlencode

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from library import FAMILY, TONIGHT, add_photo, begin, family, found, name, new_index, say
from pages import Site, site_of

from faceindex.db import transaction
from faceindex.store import finding, looking
from faceindex.store.finding import Spot, Wish
from faceindex.web.pages import search
from faceindex.web.pages.together import placed

NAMED = ("Anna", "Ben", "Carl", "Dora")
THERE = [*FAMILY, TONIGHT]
HOSTILE = '<b onclick=alert(1)>"O\'Neil"</b> {{ 7*7 }}'


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    with closing(family(tmp_path_factory.mktemp("family"))) as db:
        yield db


@pytest.fixture
def here(tmp_path) -> Site:
    family(tmp_path).close()
    return site_of(tmp_path / "faces.db")


@pytest.fixture
def db(tmp_path) -> Iterator[sqlite3.Connection]:
    with closing(new_index(tmp_path)) as db:
        yield db


def hits(page: str) -> list[int]:
    """The photos on a page, in their order."""
    return [int(number) for number in re.findall(r'<a href="/photo/(\d+)\?of=search', page)]


def paths(db: sqlite3.Connection, photos: list[int]) -> list[str]:
    return [looking.copies(db, number)[0].path for number in photos]


def found_by(site: Site, *pairs: tuple[str, str]) -> list[str]:
    """The names of the files that a search shows."""
    page = site.client.page("/search?" + urlencode(pairs))
    with closing(sqlite3.connect(site.index)) as db:
        db.row_factory = sqlite3.Row
        return [path.rpartition("/")[2] for path in paths(db, hits(page))]


# --- what is found


def expected(wish: Wish, names: dict[int, str]) -> list[str]:
    """What a human would pick out of the family's photos, newest first."""

    def fits(photo: tuple[str, str | None, int, list[str]]) -> bool:
        _, taken, _, whom = photo
        asked = {names[number] for number in wish.people}
        on = asked & set(whom)
        return (
            (not asked or (bool(on) if wish.any_of else on == asked))
            and not (wish.alone and set(whom) - asked)
            and not (wish.first and (taken or "") < wish.first)
            and not (wish.last and (taken is None or taken[:10] > wish.last))
            and not (wish.undated and taken)
            and not (wish.nobody and whom)
            and not (wish.unknown and not set(whom) & {"x", "y"})
        )

    return [photo[0] for photo in sorted(THERE, key=lambda each: each[1] or "", reverse=True) if fits(photo)]


days = st.sampled_from(["", "2019-07-01", "2019-08-11", "2020-09-01", "2020-12-31", "2021-06-12", "2022-04-03"])


@given(
    st.sets(st.sampled_from(NAMED)), st.booleans(), st.booleans(), days, days,
    *[st.integers(0, 5).map(lambda n: n == 0)] * 3,
)  # fmt: skip
def test_a_search_finds_what_one_would_pick_by_hand(
    library, who: set[str], any_of: bool, alone: bool, first: str, last: str, undated: bool, nobody: bool, unknown: bool
) -> None:
    names = dict(map(tuple, library.execute("SELECT person_id, name FROM person").fetchall()))
    numbers = tuple(number for number, called in names.items() if called in who)
    wish = Wish(numbers, any_of, alone and bool(who), first, last, undated, nobody=nobody, unknown=unknown)
    shown = finding.older(library, wish, None, 100)
    assert paths(library, [each.photo_id for each in shown.photos]) == expected(wish, names)
    assert shown.rest is None


@given(st.integers(1, 4), st.booleans())
def test_pages_put_together_are_the_whole_and_neighbours_are_those_beside(library, count: int, undated: bool) -> None:
    wish = Wish(undated=undated)
    whole = finding.older(library, wish, None, 100).photos
    pages: list[Spot] = []
    after: Spot | None = None
    while True:
        part = finding.older(library, wish, after, count)
        pages += part.photos
        if (after := part.rest) is None:
            break
    assert tuple(pages) == whole
    beside = [None, *(each.photo_id for each in whole), None]
    for place, each in enumerate(whole):
        assert finding.neighbours(library, wish, each) == (beside[place], beside[place + 2])


def test_what_a_human_said_of_a_face_counts_more_than_its_cluster_and_the_ignored_not_at_all(db) -> None:
    run = begin(db)
    (one,), (two,), (three,) = (add_photo(db, run, f"/p/{n}.jpg", "Anna") for n in range(3))
    anna = name(db, found(db, run, [one, two, three]), "Anna")
    say(db, two, "Ben")
    with transaction(db):
        db.execute("INSERT INTO ignored (face_id, journal_id) SELECT ?, max(journal_id) FROM journal", (three,))
    on = finding.older(db, Wish((anna,)), None, 10).photos
    assert [each.photo_id for each in on] == [1]
    assert [each.photo_id for each in finding.older(db, Wish(nobody=True), None, 10).photos] == [3]


def test_a_page_looks_at_so_many_photos_and_the_next_goes_on(db, monkeypatch) -> None:
    monkeypatch.setattr(finding, "LOOKED_AT", 2)
    run = begin(db)
    for number in range(5):
        add_photo(db, run, f"/p/{number}.jpg", *["Anna"] * (number > 0), taken_at=f"2020-01-0{number + 1}T00:00:00")
    first = finding.older(db, Wish(nobody=True), None, 10)
    assert first == finding.Found((), Spot("2020-01-04T00:00:00", 4))
    second = finding.older(db, Wish(nobody=True), first.rest, 10)
    third = finding.older(db, Wish(nobody=True), second.rest, 10)
    assert (second.photos, [each.photo_id for each in third.photos], third.rest) == ((), [1], None)


def test_a_folder_is_found_by_its_path_or_by_a_part_of_it(library) -> None:
    def named(typed: str) -> list[str]:
        return [path for _, path in finding.folders(library, typed)]

    assert named("/home/me/Pictures/2021") == ["/home/me/Pictures/2021"]
    assert named("/home/me/Pictures/202") == []
    assert named("PICTURES/202") == [f"/home/me/Pictures/{year}" for year in (2020, 2021, 2022)]
    assert "/mnt/nas/scans" in named("/")
    assert named("nowhere") == []


# --- the page


def test_a_search_is_an_address(here) -> None:
    assert found_by(here, ("who", "Anna"), ("who", "Dora")) == ["birthday.jpg"]
    assert found_by(here, ("who", "Anna"), ("who", "Ben"), ("alone", "1")) == ["hike.jpg", "beach-2.jpg", "beach-1.jpg"]
    assert found_by(here, ("who", "Carl"), ("who", "Dora"), ("how", "any"), ("from", "2020"), ("to", "2020-12")) == [
        "birthday.jpg"
    ]
    assert found_by(here, ("folder", "2021"), ("faces", "nobody")) == ["sunset.jpg"]
    assert found_by(here, ("faces", "unknown"), ("to", "2021-05-02")) == ["garden.jpg", "birthday.jpg"]
    assert found_by(here, ("undated", "1")) == ["007.jpg"]


def test_the_heading_says_what_is_looked_for(here) -> None:
    page = here.client.page("/search?who=Anna&who=Ben&alone=1&from=2019-02&to=2019-02-28")
    assert "<h1>Anna and Ben, and nobody else · 2019-02</h1>" in page
    page = here.client.page("/search?who=Anna&who=Ben&how=any&from=2019&to=2019&faces=unknown")
    assert "<h1>Anna or Ben · somebody without a name · 2019</h1>" in page


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("who=Nobody+at+all", "nobody is called Nobody at all"),
        ("folder=nowhere", "no folder is called nowhere"),
        ("from=tomorrow", "'tomorrow' is no day; give one like 2019-07-01"),
        ("to=2019-02-30", "'2019-02-30' is no day; give one like 2019-07-01"),
    ],
)
def test_what_cannot_be_looked_for_is_said(here, query: str, sentence: str) -> None:
    page = here.client.page(f"/search?{query}")
    assert sentence in unescape(page)
    assert not hits(page)


def test_pages_of_results_follow_each_other(here, monkeypatch) -> None:
    monkeypatch.setattr(search, "AT_ONCE", 4)
    page, seen = here.client.page("/search"), []
    while True:
        seen.append(hits(page))
        following = re.search(r'rel="next" href="([^"]+)"', page)
        if not following:
            break
        page = here.client.page("/search" + unescape(following[1]))
    assert [len(part) for part in seen] == [4, 4, 2]
    assert len({number for part in seen for number in part}) == 10


@given(st.text(max_size=30), st.sampled_from((*search.FIELDS, "after", "of")))
def test_no_address_of_a_search_breaks_it(library, value: str, field: str) -> None:
    asked = search.asked_in(urlencode({field: value}, errors="surrogatepass"))
    assert search.asked_in(asked.query) == search.Asked(
        *(getattr(asked, each) for each in search.Asked.__dataclass_fields__ if each != "wrong")
    )
    search.wish_of(library, asked)
    search.in_words(asked)


@pytest.mark.parametrize("after", ["x", ",", "2020,", ",-1", f",{10**30}", "2020,9999999999999999999", "%00,1", ",²"])
def test_a_page_that_begins_nowhere_is_a_page(here, after: str) -> None:
    assert here.client.get(f"/search?after={after}").status_code == 200


def test_names_are_escaped_wherever_a_search_shows_them(db, tmp_path) -> None:
    run = begin(db)
    faces = add_photo(db, run, f"/p/{HOSTILE.replace('/', '-')}/a.jpg", "Anna", "Ben", taken_at="2020-01-01T00:00:00")
    person = name(db, found(db, run, faces[:1]), HOSTILE)
    name(db, found(db, run, faces[1:]), "Ben")
    site = site_of(tmp_path / "faces.db")
    for page in (f"/search?who={quote(HOSTILE)}", "/search?folder=onclick", f"/timeline/{person}", "/together"):
        text = site.client.page(page)
        assert "<b onclick" not in text
        assert "{{ 7*7 }}" in unescape(text)


# --- month by month


def test_a_timeline_counts_each_month_and_leads_to_its_photos(here) -> None:
    ben = person_of(here, "Ben")
    page = unescape(here.client.page(f"/timeline/{ben}"))
    for words in ("6 photos", "1 of them</a> without a date", "July 2019: 2 photos", "May 2021: 1 photo"):
        assert words in page
    link = re.search(r'<a href="([^"]+)" aria-label="July 2019', page)
    assert link
    assert len(hits(here.client.page(link[1]))) == 2
    assert here.client.page(re.search(r'<a href="(/photo/\d+\?of=person:\d+)"', page)[1])


def test_a_timeline_of_nobody_is_no_page(here) -> None:
    assert here.client.get("/timeline/4711").status_code == 404
    assert here.client.get(f"/timeline/{10**30}").status_code == 404


def person_of(site: Site, called: str) -> int:
    with closing(sqlite3.connect(site.index)) as index:
        return int(index.execute("SELECT person_id FROM person WHERE name = ?", (called,)).fetchone()[0])


# --- who is with whom


def test_each_two_are_on_so_many_photos_together_as_a_search_finds(library) -> None:
    people = [each.person_id for each in looking.frequent(library, 10)]
    counts = looking.together(library, people)
    for i, one in enumerate(people):
        for j, other in enumerate(people):
            both = finding.older(library, Wish(tuple({one, other})), None, 100).photos
            deleted = one == other and i == 0  # Anna alone is on a photo that is gone
            assert counts[i, j] == len(both) + deleted


def test_the_drawing_leads_to_the_photos_of_two_and_a_table_says_the_same(here) -> None:
    page = unescape(here.client.page("/together"))
    link = re.search(r'<a href="(/search\?who=[^"]+)"[^>]*>\s*<title>(?:Anna and Ben|Ben and Anna): 4 photos', page)
    assert link
    assert len(hits(here.client.page(link[1]))) == 4
    assert page.count(f'href="{link[1]}"') == 2
    assert "Anna and Ben" not in unescape(here.client.page("/together?least=5"))


def test_nobody_has_a_name_yet(tmp_path) -> None:
    new_index(tmp_path).close()
    assert "Nobody has a name yet" in site_of(tmp_path / "faces.db").client.page("/together")


@given(st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_the_same_people_are_drawn_alike_and_all_inside(count: int, seed: int) -> None:
    pulls = np.triu(np.random.default_rng(seed).integers(0, 5, (count, count)), 1).astype(float)
    radii = np.full(count, 40.0)
    spots = placed(pulls + pulls.T, radii)
    assert np.array_equal(spots, placed(pulls + pulls.T, radii))
    assert ((spots >= 0) & (spots <= [1200, 900])).all()
