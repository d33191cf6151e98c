"""The review page: what each answer does, what is asked next, and what is never done to what changed meanwhile."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from cli_fakes import call, done, dump, fake_scans, isolate, paint, rows
from pages import Site, Visitor, site_of, visitor

from faceindex.pipeline import asking
from faceindex.web import reviewing

# Colours of three people, each with a second look that is near but not near enough.
LOOKS = {
    "red": ((250, 20, 20), 4), "orange": ((250, 130, 20), 3), "green": ((20, 250, 20), 3),
    "lime": ((130, 250, 20), 2), "blue": ((20, 20, 250), 2), "azure": ((20, 130, 250), 1),
}  # fmt: skip
HOSTILE = "<b>\"Eve'&"


class AtOnce:
    """A thread that is done when it was started."""

    def __init__(self, target: Callable[..., object], args: tuple[Any, ...], **rest: object) -> None:
        self.run = lambda: target(*args)

    def start(self) -> None:
        self.run()


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    isolate(tmp_path, monkeypatch)
    fake_scans(tmp_path, monkeypatch)
    folder = tmp_path / "library"
    for name, (colour, photos) in LOOKS.items():
        for number in range(photos):
            paint(folder / f"{name}{number}.png", colour, side=60 + 2 * number)
    assert call("-q", "scan", folder).code == 0
    for name in ("red", "green"):
        done("cluster", "label", str(cluster_of(folder / f"{name}0.png")), name.title())
    return folder


@pytest.fixture
def here(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The page, where questions are found at once."""
    monkeypatch.setattr(reviewing, "Thread", AtOnce)
    return site_of(tmp_path / "faces.db", library)


def cluster_of(path: Path) -> int:
    (face,) = rows("photo", "show", path)
    found: int = face["cluster"]
    return found


def name_of(path: Path) -> str:
    (face,) = rows("photo", "show", path)
    return str(face["person"])


def standing() -> list[str]:
    return [entry["summary"] for entry in rows("journal") if not entry["undone_at"] and entry["command"] != "undo"]


def sentence(html: str) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", html)
    assert found, html
    return unescape(found[1])


def asked(visitor: Visitor) -> dict[str, Any]:
    """What the page asks its script to show."""
    response = visitor.get("/review/next", Accept="application/json")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json
    return found


def post(visitor: Visitor, where: str, **fields: object) -> dict[str, Any]:
    response = visitor.client.post(
        f"/review/{where}",
        data={name: str(value) for name, value in fields.items()},
        headers={"Accept": "application/json", "X-Word": visitor.word},
    )
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json
    return found


def answer(visitor: Visitor, number: int, given: str, **fields: object) -> dict[str, Any]:
    return post(visitor, "answer", question=number, answer=given, **fields)


def number_of(visitor: Visitor, wanted: str) -> int:
    """Skip until that is asked."""
    now = asked(visitor)
    for _ in range(20):
        if now["html"] and sentence(now["html"]) == wanted:
            return int(now["number"])
        now = answer(visitor, now["number"], "skip")
    raise AssertionError(f"{wanted} is never asked")


# ---------------------------------------------------------------------------------------- one answer


def test_a_question_shows_both_sides_each_face_with_its_photo(here: Site) -> None:
    page = here.client.page("/review")
    assert sentence(page) == "Is this Red?"
    assert page.count('<div class="side"') == 2
    assert re.findall(r'<a href="/photo/\d+"><img src="/face/\d+.jpg"', page)
    for key in "ynosiu":
        assert f'data-key="{key}"' in page


def test_yes_names_and_is_one_entry(here: Site, library: Path) -> None:
    before = standing()
    now = answer(here.client, number_of(here.client, "Is this Red?"), "yes")
    assert name_of(library / "orange0.png") == "Red"
    assert len(standing()) == len(before) + 1
    assert (now["told"], now["sum"]) == (
        "Red: 3 faces named, 1 cluster merged",
        "1 answer: 3 faces named, 1 cluster merged",
    )


def test_no_is_remembered_and_not_asked_again(here: Site, library: Path) -> None:
    now = answer(here.client, number_of(here.client, "Is this Red?"), "no")
    assert now["told"] == "not Red; remembered"
    assert name_of(library / "orange0.png") == ""
    assert all(row["person"] != "Red" for row in rows("suggest"))


def test_a_key_of_its_own_names_who_looks_most_like_it(here: Site, library: Path) -> None:
    number = number_of(here.client, "Is this Red?")
    offered = re.findall(r'name="known" value="([^"]+)" data-key="(\d)"', here.client.page("/review"))
    assert offered == [("Green", "1")]
    post(here.client, "answer", question=number, known="Green")
    assert name_of(library / "orange0.png") == "Green"


def test_a_name_that_differs_in_capitals_alone_is_the_one_that_is_known(here: Site, library: Path) -> None:
    answer(here.client, number_of(here.client, "Is this Red?"), "other", name="gREEN")
    assert name_of(library / "orange0.png") == "Green"


def test_a_name_without_its_accents_is_the_one_that_is_known_unless_somebody_new_is_meant(
    here: Site, library: Path
) -> None:
    done("person", "rename", "Green", "Grén")
    answer(here.client, number_of(here.client, "Is this Red?"), "other", name="gren")
    assert name_of(library / "orange0.png") == "Grén"
    now = post(here.client, "undo")
    answer(here.client, now["number"], "other", name="Gren", new="new")
    assert name_of(library / "orange0.png") == "Gren"


def test_marks_that_are_letters_are_no_accents(here: Site, library: Path) -> None:
    done("person", "rename", "Green", "कुम")
    answer(here.client, number_of(here.client, "Is this Red?"), "other", name="कम")
    assert name_of(library / "orange0.png") == "कम"


def test_a_name_is_never_taken_for_a_longer_one(here: Site, library: Path) -> None:
    answer(here.client, number_of(here.client, "Is this Red?"), "other", name="Gre")
    assert name_of(library / "orange0.png") == "Gre"


def test_what_may_be_cut_short_is_whole_in_its_title(here: Site, library: Path) -> None:
    long, other = "L" * 200, "O" * 200
    done("person", "rename", "Red", long)
    done("person", "rename", "Green", other)
    number = number_of(here.client, f"Is this {long}?")
    page = here.client.page("/review")
    assert f'title="Is this {long}?"' in page
    assert f'aria-keyshortcuts="1" title="{other}"' in page
    now = answer(here.client, number, "no")
    assert f'class="told" title="{now["told"]}"' in here.client.page("/review")


def test_ignore_leaves_strangers_alone(here: Site) -> None:
    assert answer(here.client, number_of(here.client, "Is this Red?"), "ignore")["told"] == "3 faces left alone"


def test_an_answer_that_the_question_does_not_take_changes_nothing(here: Site, library: Path) -> None:
    before, number = dump(here.index), number_of(here.client, "Is this Red?")
    for given, name in (("perhaps", ""), ("other", ""), ("other", "\x07"), ("other", "x" * 1000)):
        now = answer(here.client, number, given, name=name)
        assert now["wrong"]
        assert now["number"] == number
    assert dump(here.index) == before


def test_without_script_a_form_leads_to_the_next_question(here: Site, library: Path) -> None:
    page = here.client.page("/review")
    found = re.search(r'name="question" value="(\d+)"', page)
    assert found
    response = here.client.client.post(
        "/review/answer", data={"word": here.client.word, "question": found[1], "answer": "yes", "back": "//evil"}
    )
    assert (response.status_code, response.headers["Location"]) == (303, "/review")
    page = here.client.page("/review")
    assert "Red: 3 faces named" in page
    assert sentence(page) != "Is this Red?"
    assert 'option value="Green"' in page  # names are completed without script, too


# ------------------------------------------------------------------------------------- one after another


def test_the_next_question_comes_with_the_first_and_stays_when_it_is_shown(here: Site) -> None:
    first = asked(here.client)
    then = first["then"]
    assert then["number"] != first["number"]
    assert "<h1" in then["html"]
    now = answer(here.client, first["number"], "skip", shown=then["number"])
    assert (now["number"], now["html"]) == (then["number"], None)


def test_a_question_shown_too_early_gives_way_when_the_answer_settled_it(here: Site, library: Path) -> None:
    number, now = number_of(here.client, "Is this Red?"), asked(here.client)
    done("cluster", "label", cluster_of(library / "lime0.png"), "Somebody")
    assert sentence(now["then"]["html"]) == "Is this Green?"
    now = answer(here.client, number, "yes", shown=now["then"]["number"])
    assert now["number"] is None or sentence(now["html"]) != "Is this Green?"


def test_all_is_asked_until_nothing_is_left_and_undone_to_where_it_began(here: Site) -> None:
    before, now = dump(here.index), asked(here.client)
    given = 0
    while now["number"] is not None or now["looking"]:
        if now["number"] is None:
            now = asked(here.client)
            continue
        now = answer(here.client, now["number"], "yes" if 'value="yes"' in now["html"] else "ignore")
        assert not now["wrong"]
        given += 1
    assert given >= 2
    assert sentence(now["html"]) == "That was all"
    assert f"{given} answers" in now["html"]
    for left in range(given - 1, -1, -1):
        now = post(here.client, "undo")
        assert now["number"] is not None
        assert now["sum"].startswith(f"{left} answer" if left else "")
    assert dump(here.index) == before
    assert "no answer of this review" in post(here.client, "undo")["wrong"]


def test_undo_asks_the_same_again(here: Site) -> None:
    number = number_of(here.client, "Is this Red?")
    answer(here.client, number, "no")
    now = post(here.client, "undo")
    assert (now["number"], sentence(now["html"]), now["sum"]) == (number, "Is this Red?", "")


def test_skipped_comes_last_and_undo_of_it_takes_nothing_else_back(here: Site) -> None:
    first = asked(here.client)
    answer(here.client, first["number"], "no")
    second = asked(here.client)
    assert answer(here.client, second["number"], "skip")["number"] != second["number"]
    now = post(here.client, "undo")
    assert now["number"] == second["number"]
    assert now["sum"].startswith("1 answer")


def test_what_was_skipped_twice_is_not_asked_again(here: Site) -> None:
    now = asked(here.client)
    skipped = 0
    while now["number"] is not None:
        now = answer(here.client, now["number"], "skip")
        skipped += 1
    assert skipped % 2 == 0
    assert "skipped twice" in now["html"]


# ------------------------------------------------------------------------------ what happens elsewhere


def test_an_answer_to_what_changed_elsewhere_does_nothing_and_says_so(here: Site, library: Path) -> None:
    number = number_of(here.client, "Is this Red?")
    done("cluster", "label", cluster_of(library / "orange0.png"), "Orange")
    before = dump(here.index)
    now = answer(here.client, number, "yes")
    assert "in the meantime" in now["wrong"]
    assert now["number"] != number
    assert dump(here.index) == before


def test_the_same_answer_twice_is_one_entry(here: Site) -> None:
    number, before = number_of(here.client, "Is this Red?"), len(standing())
    answer(here.client, number, "no")
    assert "no longer open" in answer(here.client, number, "no")["wrong"]
    assert len(standing()) == before + 1


def test_a_number_that_was_never_given_does_nothing(here: Site) -> None:
    before = dump(here.index)
    asked(here.client)
    assert "no longer open" in answer(here.client, 4711, "yes")["wrong"]
    assert "no number" in post(here.client, "answer", question="x", answer="yes")["wrong"]
    assert dump(here.index) == before


def test_an_answer_taken_back_elsewhere_is_asked_again_and_counts_no_more(here: Site) -> None:
    number = number_of(here.client, "Is this Red?")
    answer(here.client, number, "yes")
    done("undo")
    now = asked(here.client)
    assert (now["number"], now["sum"]) == (number, "")


def test_two_browsers_have_queues_of_their_own_and_never_answer_twice(here: Site) -> None:
    other = visitor(here.app)
    number, same = number_of(here.client, "Is this Red?"), number_of(other, "Is this Red?")
    answer(here.client, number, "yes")
    now = answer(other, same, "no")
    assert "in the meantime" in now["wrong"]
    assert not now["sum"]


def test_ten_answers_at_once_are_one_entry(here: Site) -> None:
    number, before = number_of(here.client, "Is this Red?"), len(standing())
    cookie = here.client.client.get_cookie(here.keeper.cookie)
    assert cookie
    same = [Visitor(here.app.test_client(), here.client.word) for _ in range(10)]
    for each in same:
        each.client.set_cookie(cookie.key, cookie.value)
    hands = [threading.Thread(target=answer, args=(each, number, "no")) for each in same]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    assert len(standing()) == before + 1
    assert asked(here.client)["sum"] == "1 answer"


def test_an_answer_that_could_not_be_kept_is_not_counted(here: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    number, before = number_of(here.client, "Is this Red?"), dump(here.index)
    whole = asking.Queue.answer

    def full(*given: Any) -> str:
        whole(*given)
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(asking.Queue, "answer", full)
    response = here.client.client.post(
        "/review/answer", data={"question": number, "answer": "yes"},
        headers={"Accept": "application/json", "X-Word": here.client.word},
    )  # fmt: skip
    assert response.status_code == 500
    assert "free space" in response.json["error"]
    monkeypatch.undo()
    assert dump(here.index) == before
    assert asked(here.client)["sum"] == ""
    assert asked(here.client)["number"] == number


# --------------------------------------------------------------------------------------- finding


def test_while_questions_are_looked_for_the_page_says_so_and_others_are_not_held(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, found = threading.Event(), asking.suggestions

    def slow(db: sqlite3.Connection, backend: str) -> list[Any]:
        assert gate.wait(60)
        return found(db, backend)

    monkeypatch.setattr(asking, "suggestions", slow)
    monkeypatch.setattr(reviewing, "PATIENCE", 0.0)
    page = site_of(tmp_path / "faces.db", library)
    assert "Looking" in sentence(page.client.page("/review"))
    assert "refresh" in page.client.page("/review")  # for browsers without script
    assert asked(page.client)["looking"]
    assert "Red" in page.client.page("/")
    gate.set()
    monkeypatch.setattr(reviewing, "PATIENCE", 60.0)
    assert sentence(page.client.page("/review")) == "Is this Red?"


def test_why_nothing_could_be_found_is_told_and_then_tried_again(here: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(db: sqlite3.Connection, backend: str) -> list[Any]:
        raise sqlite3.OperationalError("database is locked")

    found = asking.suggestions
    monkeypatch.setattr(asking, "suggestions", locked)
    assert here.client.get("/review").status_code == 503
    monkeypatch.setattr(asking, "suggestions", found)
    here.client.get("/review")
    assert sentence(here.client.page("/review")) == "Is this Red?"


def test_a_person_named_elsewhere_is_asked_about_at_once(here: Site, library: Path) -> None:
    assert asked(here.client)["left"]
    done("cluster", "label", cluster_of(library / "blue0.png"), "Blue")
    assert number_of(here.client, "Is this Blue?")


def test_sittings_are_bounded(here: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviewing, "MOST_SITTINGS", 2)
    for _ in range(4):
        asked(visitor(here.app))
    assert len(here.app.extensions["sittings"].by_session) == 2
    assert asked(here.client)["number"] is not None  # one that had to go begins anew


def test_of_very_many_questions_the_best_wait_and_all_are_asked(here: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = len(rows("suggest"))
    monkeypatch.setattr(reviewing, "MOST_WAITING", 1)
    now = asked(here.client)
    assert now["left"] == f"{everything} questions left"
    seen = set()
    while now["number"] is not None or now["looking"]:
        if now["number"] is not None:
            seen.add(now["number"])
            now = answer(here.client, now["number"], "skip")
        else:
            now = asked(here.client)
    assert len(seen) == everything


# ------------------------------------------------------------------------------------ safe and sound


def test_names_are_escaped_wherever_they_stand(here: Site, library: Path) -> None:
    done("person", "rename", "Red", HOSTILE)
    now = asked(here.client)
    for text in (now["html"], now["then"]["html"], here.client.page("/review")):
        assert "<b>" not in text
    assert sentence(now["html"]) == f"Is this {HOSTILE}?"
    assert HOSTILE in here.client.get("/review/names").json


def test_who_may_only_look_is_asked_nothing(library: Path, tmp_path: Path) -> None:
    page = site_of(tmp_path / "faces.db", library, read_only=True)
    text = page.client.page("/review")
    assert "<form" not in text.split("<main")[1]
    assert "looking only" in text
    for where in ("answer", "undo"):
        refused = page.client.client.post(f"/review/{where}", data={"word": page.client.word, "question": 1})
        assert refused.status_code == 403
    assert page.client.get("/review/next").status_code == 403


def test_an_index_without_faces_has_nothing_to_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviewing, "Thread", AtOnce)
    index = isolate(tmp_path, monkeypatch)
    done("root", "add", tmp_path)
    assert sentence(site_of(index).client.page("/review")) == "There is nothing to ask"
