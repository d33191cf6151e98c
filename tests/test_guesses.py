"""What other programs guessed is asked about, once, and nothing is made of it without an answer."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from cli_fakes import call, dump, isolate
from library import add_photo, begin, found, join, labels, members, name, new_index, reject, say

from faceindex.db import transaction
from faceindex.models import Box, Tag
from faceindex.pipeline.answering import Question
from faceindex.pipeline.asking import Queue, stands, suggestions
from faceindex.store import journal, tagging

BOX = Box(0.1, 0.1, 0.2, 0.2)


class Library:
    """Faces of three people; x, y and z are not named."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "faces.db"
        self.db = new_index(folder)
        self.run = begin(self.db)
        self.faces = {who: [self.photo(who, number) for number in range(4)] for who in ("Anna", "x", "y", "z")}
        self.clusters = {who: found(self.db, self.run, self.faces[who]) for who in ("Anna", "x", "y")}
        name(self.db, self.clusters["Anna"], "Anna")

    def photo(self, who: str, number: int) -> int:
        (face,) = add_photo(self.db, self.run, f"/p/{who}{number}.jpg", who)
        return face

    def guess(self, face: int, called: str | None, source: str = "digikam", word: str = "guessed") -> None:
        (photo,) = self.db.execute("SELECT photo_id FROM face WHERE face_id = ?", (face,)).fetchone()
        with journal.entry(self.db, f"import {source}", "names") as number:
            tagging.remember(self.db, number, photo, source, Tag(called, BOX, word), face)

    def asked(self, *kinds: str) -> list[Question]:
        return [each for each in suggestions(self.db, "dlib") if each.kind in (kinds or ("tagged",))]

    def queue(self) -> Queue:
        return Queue(self.db, "dlib")


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    made = Library(tmp_path)
    with closing(made.db):
        yield made


def test_a_face_that_stands_alone_is_asked_about_by_itself(library):
    face = library.faces["z"][0]
    library.guess(face, "Anna")
    (asked,) = library.asked()
    assert (asked.cluster, asked.face, asked.person, asked.source) == (None, face, "Anna", "digikam")
    assert (asked.other, asked.gain, asked.rank, asked.distance) == (library.clusters["Anna"], 1, 0.5, None)


def test_a_cluster_of_which_one_name_is_guessed_is_asked_about_once(library):
    for face in library.faces["x"][:2]:
        library.guess(face, "Ben")
    (asked,) = library.asked()
    assert (asked.cluster, asked.face, asked.person) == (library.clusters["x"], None, "Ben")
    assert (asked.other, asked.gain, asked.photos, asked.rank) == (None, 4, 4, 2.0)
    assert library.clusters["x"] not in [each.cluster for each in library.asked("name")]


def test_where_guesses_contradict_each_other_each_face_is_asked_about(library):
    one, other = library.faces["x"][:2]
    library.guess(one, "Ben")
    library.guess(other, "Carl")
    assert [(asked.face, asked.person) for asked in library.asked()] == [(one, "Ben"), (other, "Carl")]
    assert library.clusters["x"] in [each.cluster for each in library.asked("name")]


def test_two_programs_that_guess_the_same_are_one_question_and_else_two(library):
    face = library.faces["z"][0]
    for source, called in (("digikam", "Anna"), ("picasa", "Anna"), ("xmp", "Ben")):
        library.guess(face, called, source)
    assert [(asked.person, asked.source) for asked in library.asked()] == [("Anna", "digikam,picasa"), ("Ben", "xmp")]


@pytest.mark.parametrize("word", ["said", "ignored"])
def test_only_guesses_are_asked_about(library, word):
    library.guess(library.faces["z"][0], "Anna", word=word)
    library.guess(library.faces["z"][1], None)
    assert library.asked() == []


def test_what_is_known_or_ruled_out_is_not_asked(library):
    anna = library.clusters["Anna"]
    (person,) = library.db.execute("SELECT person_id FROM cluster WHERE cluster_id = ?", (anna,)).fetchone()
    known, rejected, ignored, two = library.faces["z"]
    for face in (library.faces["Anna"][0], known, rejected, ignored):
        library.guess(face, "Anna")
    say(library.db, known, "Ben")
    reject(library.db, rejected, person=person)
    with journal.entry(library.db, "face ignore", "") as number:
        library.db.execute("INSERT INTO ignored (face_id, journal_id) VALUES (?, ?)", (ignored, number))
    assert library.asked() == []
    library.guess(two, "Anna")
    assert [asked.face for asked in library.asked()] == [two]


def test_nobody_is_asked_about_who_is_on_the_photo_already_or_was_not_born(library):
    one, other = add_photo(library.db, library.run, "/p/both.jpg", "z", "Anna", taken_at="1990-01-01T00:00:00")
    library.guess(one, "Anna")
    assert [asked.face for asked in library.asked()] == [one]
    say(library.db, other, "Anna")
    assert library.asked() == []
    library.guess(one, "Carl")
    say(library.db, library.faces["z"][0], "Carl")
    assert [asked.person for asked in library.asked()] == ["Carl"]
    with transaction(library.db):
        library.db.execute("UPDATE person SET born = '2000' WHERE name = 'Carl'")
    assert library.asked() == []


def test_an_ignored_cluster_is_not_asked_about(library):
    library.guess(library.faces["x"][0], "Anna")
    with transaction(library.db):
        library.db.execute("UPDATE cluster SET ignored = 1 WHERE cluster_id = ?", (library.clusters["x"],))
    assert library.asked() == []


def test_a_guess_goes_with_the_import_that_brought_it(library):
    library.guess(library.faces["z"][0], "Anna")
    (asked,) = library.asked()
    journal.undo(library.db)
    assert library.asked() == []
    assert not stands(library.db, "dlib", asked)
    journal.undo(library.db)


def test_a_face_that_was_matched_to_somebody_else_is_asked_about(library):
    face = library.photo("Anna", 9)
    join(library.db, library.run, library.clusters["Anna"], [face])
    library.guess(face, "Ben")
    assert [(asked.face, asked.cluster, asked.person) for asked in library.asked()] == [
        (face, library.clusters["Anna"], "Ben")]  # fmt: skip


def test_a_face_that_looks_wrong_anyway_is_asked_about_once(library):
    face = library.faces["z"][0]
    join(library.db, library.run, library.clusters["Anna"], [face])
    library.guess(face, "Ben")
    assert [asked.kind for asked in library.asked("wrong", "tagged") if asked.face == face] == ["wrong"]


# --- answers ---


def only(queue: Queue) -> Question:
    """The one question about a guess."""
    (asked,) = [each for each in queue.waiting if each.kind == "tagged"]
    return asked


ANSWERS = [("yes", ""), ("no", ""), ("other", "Dora"), ("ignore", "")]


@pytest.mark.parametrize(("answer", "called"), ANSWERS)
@pytest.mark.parametrize("about", ["x", "z"])  # a whole cluster, a face in none
@pytest.mark.parametrize("person", ["Anna", "Nobody yet"])
def test_every_answer_is_one_entry_is_never_asked_again_and_can_be_taken_back(library, answer, called, about, person):
    library.guess(library.faces[about][0], person)
    before = dump(library.path)
    queue = library.queue()
    asked = only(queue)
    queue.answer(asked, answer, called)
    assert library.asked() == []
    assert not stands(library.db, "dlib", asked)
    assert journal.entries(library.db, 1)[0].undone_at is None
    back = queue.undo()
    assert (back, dump(library.path)) == (asked, before)
    assert library.asked() == [asked]


def test_yes_names_the_face_or_the_whole_cluster(library):
    alone = library.faces["z"][0]
    for face in (alone, library.faces["x"][0]):
        library.guess(face, "Anna")
    queue = library.queue()
    for asked in [each for each in queue.waiting if each.kind == "tagged"]:
        queue.answer(asked, "yes")
    said = labels(library.db)
    assert {said[face] for face in (alone, *library.faces["x"])} == {"Anna"}
    assert members(library.db)[alone] == library.clusters["Anna"]
    assert queue.gained.named == 5


def test_no_is_remembered_also_of_somebody_whom_nobody_knew(library):
    for face in library.faces["x"]:
        library.guess(face, "Ben")
    queue = library.queue()
    queue.answer(only(queue), "no")
    ruled_out = library.db.execute("SELECT face_id FROM rejection JOIN person USING (person_id) WHERE name = 'Ben'")
    assert [row[0] for row in ruled_out] == library.faces["x"]
    assert labels(library.db).keys() == set(library.faces["Anna"])
    assert library.asked() == []


def test_a_guess_of_an_ignored_or_merged_cluster_does_not_stand_any_more(library):
    library.guess(library.faces["x"][0], "Anna")
    (asked,) = library.asked()
    name(library.db, library.clusters["x"], "Ben")
    assert not stands(library.db, "dlib", asked)
    assert [(each.face, each.person) for each in library.asked()] == []  # a human said who the cluster is


# --- as a user sees it ---


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    isolate(tmp_path, monkeypatch)
    made = Library(tmp_path)
    made.guess(made.faces["x"][0], "Anna")
    for source in ("digikam", "picasa"):
        made.guess(made.faces["z"][0], "Ben", source)
    made.db.close()
    return made


def test_suggest_says_who_thinks_so(shown):
    table = call("suggest").out
    assert f"cluster {shown.clusters['x']} is Anna (digikam thinks so)" in table
    assert f"face {shown.faces['z'][0]} is Ben (digikam and picasa think so)" in table
    listed = [row for row in json.loads(call("suggest", "--json").out) if row["kind"] == "tagged"]
    assert [(row["cluster"], row["face"], row["person"], row["distance"], row["source"]) for row in listed] == [
        (shown.clusters["x"], None, "Anna", None, "digikam"),
        (None, shown.faces["z"][0], "Ben", None, "digikam,picasa"),
    ]


def test_review_asks_and_does_what_is_answered(shown, monkeypatch):
    monkeypatch.setattr(sys, "stdin", StringIO("s\n" * 20))
    asked = call("review").out
    assert f"Is cluster {shown.clusters['x']} Anna? (digikam thinks so)" in asked
    assert "yes names 4 faces on 4 photos" in asked
    assert f"Is face {shown.faces['z'][0]} Ben? (digikam and picasa think so)" in asked
    assert "/p/z0.jpg" in asked
    at = [line for line in asked.splitlines() if line[:1].isdecimal()]
    keys = "".join("y\n" if "thinks so" in line or "think so" in line else "s\n" for line in at)
    monkeypatch.setattr(sys, "stdin", StringIO(keys))
    assert "5 faces named" in call("review").err
    with closing(sqlite3.connect(shown.path)) as db:
        assert labels(db)[shown.faces["z"][0]] == "Ben"
