"""The pages of a person and of a cluster: everybody's faces, the doubtful first, and what is said of them there."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cli_fakes import done, rows
from library import add_photo, begin, family, found, join, name, new_index, say, vanish
from pages import Site, site, site_of

from faceindex.store import gallery as tiles
from faceindex.store import members
from faceindex.web import index
from faceindex.web.pages import gallery, people

HOSTILE = '<b onclick=alert(1)>"O\'Neil"</b> {{ 7*7 }}'


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return site(tmp_path, monkeypatch)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(new_index(tmp_path)) as db:
        yield db


def shown(page: str) -> list[int]:
    """The faces on a page, in their order."""
    return [int(number) for number in re.findall(r'data-face="(\d+)"', page)]


def clusters_of(page: str) -> list[int]:
    """The tiles of clusters on a page."""
    return [int(number) for number in re.findall(r'data-cluster="(\d+)"', page)]


def painted(site: Site) -> tuple[int, int, int]:
    """The clusters of the painted library: of the red, the green and the blue."""
    with closing(sqlite3.connect(site.index)) as index:
        rows = index.execute("SELECT cluster_id FROM average ORDER BY faces DESC").fetchall()
    red, green, blue = (row[0] for row in rows)
    return red, green, blue


def faces_in(site: Site, cluster: int) -> list[int]:
    with closing(sqlite3.connect(site.index)) as index:
        rows = index.execute("SELECT face_id FROM face WHERE cluster_id = ? ORDER BY face_id", (cluster,))
        return [row[0] for row in rows]


def person_of(site: Site, called: str) -> int:
    with closing(sqlite3.connect(site.index)) as index:
        return int(index.execute("SELECT person_id FROM person WHERE name = ?", (called,)).fetchone()[0])


# --- what is there


def test_a_person_shows_all_their_faces_and_each_of_their_clusters(here: Site) -> None:
    red, green, _ = painted(here)
    for cluster in (red, green):
        done("cluster", "label", str(cluster), "Anna")
    page = here.client.page(f"/person/{person_of(here, 'Anna')}")
    assert sorted(shown(page)) == sorted(faces_in(here, red) + faces_in(here, green))
    assert clusters_of(page) == [red, green]
    assert "6 faces in 2 clusters" in page


def test_a_face_opens_its_photo(here: Site) -> None:
    red, _, _ = painted(here)
    face = faces_in(here, red)[0]
    page = here.client.page(f"/cluster/{red}")
    assert re.search(rf'<a href="/photo/\d+\?face={face}&(amp;)?of=cluster:{red}">', page)


@pytest.mark.parametrize("page", ["/person/1", "/cluster/99", f"/cluster/{10**30}", f"/person/{10**30}", "/person/x"])
def test_who_is_not_there_is_not_found(here: Site, page: str) -> None:
    assert here.client.get(page).status_code == 404


def test_an_order_that_there_is_not_is_not_found(here: Site) -> None:
    red, _, _ = painted(here)
    assert here.client.get(f"/cluster/{red}?by=beauty").status_code == 404


def test_a_name_is_text_wherever_it_stands(here: Site) -> None:
    red, green, _ = painted(here)
    done("cluster", "label", str(red), HOSTILE)
    number = person_of(here, HOSTILE)
    for page in ("/", "/unknown", f"/person/{number}", f"/cluster/{red}", f"/cluster/{green}"):
        text = here.client.page(page)
        assert "<b onclick" not in text
        assert " 49" not in text
    assert HOSTILE in here.client.get("/review/names").json


def test_whoever_only_looks_is_offered_nothing_to_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = site(tmp_path, monkeypatch, read_only=True)
    red, green, blue = painted(here)
    done("cluster", "label", str(red), "Anna")
    done("cluster", "ignore", str(blue))
    for page in ("/", "/person/1", f"/cluster/{red}", f"/cluster/{green}", "/ignored"):
        text = here.client.page(page)
        assert "<button" not in text
        assert "/do/" not in text
        assert 'class="pick"' not in text
        assert 'class="menu"' not in text


# --- in which order


def test_the_doubtful_come_first_and_what_a_human_said_of_the_very_face_last(db: sqlite3.Connection) -> None:
    run = begin(db)
    first, second, third, fourth = (add_photo(db, run, f"/p/{i}.jpg", "Anna")[0] for i in range(4))
    cluster = found(db, run, [first])
    join(db, run, cluster, [second], 0.31)
    join(db, run, cluster, [third], 0.38)
    join(db, run, cluster, [fourth], 0.39)
    anna = name(db, cluster, "Anna")
    say(db, fourth, "Anna")
    assert members.of_person(db, anna, members.DOUBT).tolist() == [third, second, first, fourth]
    assert members.of_cluster(db, cluster, members.DOUBT).tolist() == [fourth, third, second, first]


def test_a_face_that_the_machine_did_not_put_there_is_measured(db: sqlite3.Connection) -> None:
    run = begin(db)
    anna = [add_photo(db, run, f"/p/{i}.jpg", "Anna")[0] for i in range(3)]
    ben = add_photo(db, run, "/p/ben.jpg", "Ben")
    one, other = found(db, run, anna), found(db, run, ben)
    site_of(Path(db.execute("PRAGMA database_list").fetchone()[2])).client.post_act(
        "merge-clusters", into=one, others=other
    )
    assert members.of_cluster(db, one, members.DOUBT).tolist()[0] == ben[0]


def test_the_newest_or_the_oldest_come_first_and_undated_ones_last(db: sqlite3.Connection) -> None:
    run = begin(db)
    days = {"2019-01-01": 0, "2021-01-01": 0, None: 0, "2020-01-01": 0}
    for day in days:
        days[day] = add_photo(db, run, f"/p/{day}.jpg", "Anna", taken_at=day)[0]
    cluster = found(db, run, list(days.values()))
    old, new, undated, middle = days.values()
    assert members.of_cluster(db, cluster, members.NEWEST).tolist() == [new, middle, old, undated]
    assert members.of_cluster(db, cluster, members.OLDEST).tolist() == [old, middle, new, undated]


def test_a_face_called_somebody_else_is_on_the_page_of_that_person_alone(db: sqlite3.Connection) -> None:
    run = begin(db)
    one, two = add_photo(db, run, "/p/a.jpg", "Anna")[0], add_photo(db, run, "/p/b.jpg", "Anna")[0]
    anna = name(db, found(db, run, [one, two]), "Anna")
    say(db, two, "Ben")
    ben = int(db.execute("SELECT person_id FROM person WHERE name = 'Ben'").fetchone()[0])
    for order in members.ORDERS:
        assert members.of_person(db, anna, order).tolist() == [one]
        assert members.of_person(db, ben, order).tolist() == [two]


def test_a_humans_word_is_told_from_a_match_in_words(tmp_path: Path) -> None:
    with closing(family(tmp_path)) as db:
        anna = int(db.execute("SELECT person_id FROM person WHERE name = 'Anna'").fetchone()[0])
    page = site_of(tmp_path / "faces.db").client.page(f"/person/{anna}")
    assert page.count("said by a human: ") == 5
    assert page.count("a match by likeness: ") == 1


def test_faces_whose_photo_is_gone_are_not_shown(db: sqlite3.Connection) -> None:
    run = begin(db)
    one, two = add_photo(db, run, "/p/a.jpg", "Anna")[0], add_photo(db, run, "/p/b.jpg", "Anna")[0]
    vanish(db, "/p/a.jpg")
    assert [member.face_id for member in members.shown(db, [two, one, 4711])] == [two]


def test_scrolling_goes_on_in_the_order_that_was_begun_whatever_is_moved_meanwhile(
    here: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    red, _, _ = painted(here)
    monkeypatch.setattr(gallery, "AT_ONCE", 2)
    before, first = faces_in(here, red), here.client.page(f"/cluster/{red}")
    seen, following = shown(first), re.findall(r'rel="next" href="([^"]+)"', first)
    here.client.post_act("move-faces", faces=seen[0], cluster="new")
    rest = here.client.page(following[0].replace("&amp;", "&"))
    assert sorted(seen + shown(rest)) == before
    assert 'rel="next"' not in rest
    assert sorted(shown(here.client.page(f"/cluster/{red}?from=0"))) != sorted(seen)


# --- what is done


def test_a_form_without_script_names_all_faces_that_are_ticked(here: Site) -> None:
    red, _, _ = painted(here)
    client, faces = here.client, [str(face) for face in faces_in(here, red)[:2]]
    answer = client.client.post(
        "/do/label-faces", data={"word": client.word, "back": f"/cluster/{red}", "faces": faces, "name": "Anna"}
    )
    assert answer.status_code == 303
    assert answer.location.startswith(f"/cluster/{red}?entry=")
    assert f"faces {faces[0]}, {faces[1]} named Anna" in client.page(answer.location)
    assert [row["person"] for row in rows("person", "list")] == ["Anna"]


def test_faces_are_split_off_and_both_clusters_tell_of_it(here: Site) -> None:
    red, _, _ = painted(here)
    one, two = faces_in(here, red)[:2]
    answer = here.client.post_act("split-off", **{"from": red, "faces": f"{one},{two}"})
    assert answer.code == 200, answer.told
    assert clusters_of(here.client.page(f"/cluster/{red}"))[-1] == answer.json["new"][0]
    assert shown(here.client.page(f"/cluster/{answer.json['new'][0]}")) == [one, two]


def test_a_cluster_that_is_merged_away_says_so_and_offers_undo(here: Site) -> None:
    red, green, _ = painted(here)
    before = faces_in(here, green)
    answer = here.client.post_act("merge-clusters", into=red, others=green)
    gone = here.client.get(f"/cluster/{green}?entry={answer.json['entry']}")
    assert gone.status_code == 404
    assert 'action="/do/undo"' in gone.text
    here.client.post_act("undo", entry=answer.json["entry"])
    assert sorted(shown(here.client.page(f"/cluster/{green}"))) == before


def test_what_is_ignored_can_be_brought_back(here: Site) -> None:
    red, _, blue = painted(here)
    here.client.post_act("ignore-clusters", clusters=blue)
    face = faces_in(here, red)[0]
    here.client.post_act("ignore-faces", faces=face)
    page = here.client.page("/ignored")
    assert (clusters_of(page), shown(page)) == ([blue], [face])
    here.client.post_act("unignore-clusters", clusters=blue)
    here.client.post_act("unignore-faces", faces=face)
    assert "Nothing is ignored" in here.client.page("/ignored")


def test_a_birthday_is_kept_taken_back_and_refused_like_on_the_command_line(here: Site) -> None:
    red, _, _ = painted(here)
    done("cluster", "label", str(red), "Anna")
    assert here.client.post_act("born", person="Anna", born="2014-05").told == "Anna was born 2014-05"
    assert "born 2014-05" in here.client.page("/person/1")
    assert "no day of birth" in here.client.post_act("born", person="Anna", born="yesterday").told
    here.client.post_act("born", person="Anna", born="")
    assert "· born" not in here.client.page("/person/1")


def test_an_unnamed_cluster_offers_the_people_it_is_most_like(db: sqlite3.Connection) -> None:
    run = begin(db)
    clusters = {
        who: found(db, run, [add_photo(db, run, f"/p/{who}{i}.jpg", who.strip("2"))[0] for i in range(2)])
        for who in ("Anna", "Ben", "Carl", "Anna2")
    }
    for who in ("Anna", "Ben", "Carl"):
        name(db, clusters[who], who)
    near = members.like(db, clusters["Anna2"], 2)
    assert near[0].name == "Anna"
    assert len(near) == 2


def test_a_tile_says_what_a_merge_needs_to_know(here: Site) -> None:
    red, green, _ = painted(here)
    done("cluster", "label", str(red), "Anna")
    page = here.client.page("/")
    assert f'data-cluster="{red}" data-faces="4" data-person="Anna"' in page
    assert f'data-cluster="{green}" data-faces="2">' in page
    assert 'href="/person/1#manage"' in page


def test_a_tile_without_a_name_shows_the_number_that_fields_ask_for(here: Site) -> None:
    red, green, _ = painted(here)
    done("cluster", "label", str(red), "Anna")
    for page in ("/", "/unknown"):
        numbers = re.findall(r'class="number">cluster (\d+)<', here.client.page(page))
        assert str(green) in numbers
        assert str(red) not in numbers


def test_the_whole_of_a_long_name_is_in_the_title(here: Site) -> None:
    long = "Anna " + "x" * 195
    red, _, _ = painted(here)
    done("cluster", "label", str(red), long)
    for page in ("/", f"/person/{person_of(here, long)}", f"/cluster/{red}"):
        assert f'title="{long}"' in here.client.page(page)


def test_the_first_page_can_be_got_ready_before_anybody_asks(here: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with here.client.client.application.app_context():
        people.look_ahead()
        index.close()
    monkeypatch.setattr(tiles, "look", lambda *_: pytest.fail("was not ready"))
    assert "/face/" in here.client.page("/")
