"""The conversation of `faceindex review`: what each answer does, and what is never lost or asked twice."""

from __future__ import annotations

import io
import json
import sqlite3
import sys
from pathlib import Path

import click
import pytest
from cli_fakes import call, fake_scans, isolate, paint
from PIL import Image

from faceindex.db import open_index
from faceindex.pipeline import asking
from faceindex.pipeline.asking import Queue

# Colours of three people, each with a second look that is near but not near enough: distance 0.43.
RED, ORANGE = (250, 20, 20), (250, 130, 20)
GREEN, LIME = (20, 250, 20), (130, 250, 20)
BLUE, AZURE = (20, 20, 250), (20, 130, 250)


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    isolate(tmp_path, monkeypatch)
    fake_scans(tmp_path, monkeypatch)
    folder = tmp_path / "library"
    looks = {"red": (RED, 4), "orange": (ORANGE, 3), "green": (GREEN, 3), "lime": (LIME, 2), "blue": (BLUE, 2),
             "azure": (AZURE, 1)}  # fmt: skip
    for name, (colour, photos) in looks.items():
        for number in range(photos):
            paint(folder / f"{name}{number}.png", colour, side=60 + 2 * number)
    assert call("-q", "scan", folder).code == 0
    for name in ("red", "green"):
        call("cluster", "label", str(cluster_of(folder / f"{name}0.png")), name.title())
    return folder


def cluster_of(path: Path) -> int:
    (face,) = json.loads(call("photo", "show", path, "--json").out)
    found: int = face["cluster"]
    return found


def name_of(path: Path) -> str:
    (face,) = json.loads(call("photo", "show", path, "--json").out)
    found: str = face["person"]
    return found


def journal() -> list[str]:
    return [entry["command"] for entry in json.loads(call("journal", "--json").out)]


class Keys(io.StringIO):
    """Answers, a line each, and what happens before one is read."""

    def __init__(self, *answers: str, before=lambda number: None) -> None:
        super().__init__("".join(f"{answer}\n" for answer in answers))
        self.before, self.number = before, 0

    def readline(self, *size):
        self.before(self.number)
        self.number += 1
        return super().readline(*size)


@pytest.fixture
def review(library, monkeypatch):
    def run(*answers, options=(), before=lambda number: None):
        monkeypatch.setattr(sys, "stdin", Keys(*answers, before=before))
        return call("review", *options)

    return run


def test_what_gains_most_is_asked_first_and_yes_names_it(library, review):
    told = review("y")
    assert f"1. Is cluster {told.out.split('cluster ')[1].split()[0]} Red?" in told.out
    assert "   (2 more)" in told.out
    assert "3 faces, 3 photos" in told.out
    assert str(library / "orange0.png") in told.out
    assert name_of(library / "orange0.png") == "Red"
    assert cluster_of(library / "orange0.png") == cluster_of(library / "red0.png")
    assert "1 answer: 3 faces named, 1 cluster merged; 2 questions left" in told.err
    assert journal()[0] == "cluster merge"


def test_every_answer_is_one_entry_and_undo_brings_all_back(library, review):
    before = [cluster_of(library / f"{name}0.png") for name in ("red", "orange", "green", "lime", "blue", "azure")]
    told = review("y", "n", "i")
    assert "3 answers: 3 faces named, 1 cluster merged, 3 faces left alone; 0 questions left" in told.err
    assert journal()[:3] == ["cluster ignore", "cluster reject", "cluster merge"]
    assert call("undo", "--last", "3").code == 0
    assert before == [
        cluster_of(library / f"{name}0.png") for name in ("red", "orange", "green", "lime", "blue", "azure")
    ]
    assert name_of(library / "orange0.png") == ""
    assert "(2 more)" in review().out


def test_no_is_remembered_for_ever(library, review, monkeypatch):
    monkeypatch.setattr(asking, "SOMEBODY", 0.01)  # who somebody is of whom nothing can be guessed is asked last
    told = review("n", "n", "n")
    assert "is not Red" in told.out
    assert "are different people" in told.out
    paint(library / "one more.png", (250, 129, 20))
    call("-q", "scan", library)
    assert {each["kind"] for each in json.loads(call("suggest", "--json").out)} == {"name"}
    assert "\n1. Who is cluster" in review().out


def test_it_asks_who_those_are_of_whom_nothing_can_be_guessed(library, review, monkeypatch):
    monkeypatch.setattr(asking, "SOMEBODY", 0.99)
    told = review("n", "y", "o", "Ann", "q")
    assert told.out.count("\n2. Who is cluster ") == 1
    assert "press o and type it" in told.out
    assert "o name it  i ignore" in told.out
    assert "Ann" in {name_of(library / "orange0.png"), name_of(library / "lime0.png")}
    assert journal()[:2] == ["cluster label", "cluster reject"]
    assert "2 answers: 3 faces named" in told.err


def test_with_nobody_left_there_is_nothing_to_ask(library, review):
    for each in json.loads(call("cluster", "list", "--unnamed", "--json").out):
        call("cluster", "ignore", str(each["cluster"]))
    assert "nothing to ask" in review().err


def test_somebody_else_is_chosen_by_number_by_the_beginning_of_a_name_or_named_anew(library, review):
    told = review("o", "Gre", "1", "o", "Gree", "0", "o", "Zoë")
    assert "1 Red  2 Green" in told.out
    assert "1 Green  0 Gree (new)" in told.out
    assert name_of(library / "orange0.png") == "Green"
    assert name_of(library / "lime0.png") == "Gree"
    assert {name_of(library / "blue0.png"), name_of(library / "azure0.png")} == {"Zoë"}
    assert cluster_of(library / "blue0.png") == cluster_of(library / "azure0.png")


def test_a_number_that_was_not_offered_is_no_name(library, review):
    told = review("o", "77", "0", "", "q")
    assert "77 is none of these numbers" in told.out
    assert "0 is none of these numbers" in told.out
    assert journal()[0] == "cluster label"  # the fixture's


def test_a_name_of_other_case_is_the_known_one_and_nothing_goes_back(library, review):
    review("o", "", "o", "rED", "q")
    assert name_of(library / "orange0.png") == "Red"
    assert journal()[:2] == ["cluster label", "cluster label"]


def test_undo_takes_back_the_last_answer_and_asks_again(library, review):
    told = review("y", "n", "u", "u", "u", "n", "q")
    assert told.out.count("taken back; once more:") == 2
    assert "there is no answer of this review to take back" in told.out
    assert name_of(library / "orange0.png") == ""
    assert "1 answer; " in told.err


def test_undo_takes_back_the_own_answer_though_somebody_else_changed_something_since(library, review):
    def elsewhere(number):
        if number == 1:
            call("cluster", "label", str(cluster_of(library / "blue0.png")), "Blue")

    review("y", "u", "q", before=elsewhere)
    assert name_of(library / "orange0.png") == ""
    assert name_of(library / "blue0.png") == "Blue"


def test_what_is_skipped_comes_last_and_is_asked_again_next_time(library, review):
    told = review("s", "n", "n", "s")
    asked = [line.partition(". ")[2].partition("?")[0] for line in told.out.splitlines() if line[:1].isdigit()]
    assert len(asked) == 4
    assert asked[0] == asked[3]
    assert "1 question left, those skipped among them" not in told.err  # skipped twice: not any more today
    assert asked[0] in review().out


def test_what_was_merged_away_elsewhere_is_not_asked(library, review):
    def elsewhere(number):
        if number == 0:
            call("cluster", "label", str(cluster_of(library / "lime0.png")), "Lime")

    told = review("y", "q", before=elsewhere)
    assert f"cluster {cluster_of(library / 'lime0.png')}" not in told.out.partition("2. ")[2].splitlines()[0]
    assert "2. Are clusters" in told.out


def test_an_answer_to_what_is_gone_in_the_meantime_changes_nothing(library, review):
    orange, red = cluster_of(library / "orange0.png"), cluster_of(library / "red0.png")

    def elsewhere(number):
        if number == 0:
            call("cluster", "merge", str(red), str(orange))

    told = review("n", "q", before=elsewhere)
    assert "nothing was done" in told.out
    assert "\n2. " in told.out  # and the next question is asked
    assert journal()[0] == "cluster merge"


def test_the_index_can_be_written_while_an_answer_is_awaited(library, review, tmp_path):
    def write(number):
        other = sqlite3.connect(tmp_path / "faces.db", timeout=0, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
        other.close()

    assert review("y", "s", "o", "Red", "q", before=write).code == 0


@pytest.mark.parametrize("end", [EOFError, KeyboardInterrupt])
def test_ctrl_c_and_the_end_of_input_keep_every_answer(library, review, end):
    def stop(number):
        if number == 1 and end is KeyboardInterrupt:
            raise KeyboardInterrupt

    told = review("y", before=stop)
    assert told.code == 0
    assert name_of(library / "orange0.png") == "Red"
    assert "1 answer" in told.err


def test_any_other_key_explains_the_answers(library, review):
    assert "remembered for ever" in review("?", "q").out


def test_a_name_that_is_none_is_refused_and_asked_again(library, review):
    told = review("o", "\x07", "n", "q")
    assert "a name is text without control characters" in told.out
    assert journal()[0] == "cluster reject"


def test_names_are_shown_without_their_control_characters(library, review, tmp_path):
    db = sqlite3.connect(tmp_path / "faces.db")
    db.execute("UPDATE person SET name = 'Red' || char(27) || '[31m' WHERE name = 'Red'")
    db.commit()
    db.close()
    assert "\x1b" not in review("y", "q").out


def test_a_sheet_of_both_sides_is_written_before_each_question(library, review, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(click, "launch", opened.append)
    target = tmp_path / "q.jpg"
    told = review("q", options=("--sheet", "q.jpg", "--open"))
    assert str(target) in told.out
    assert opened == [str(target)]
    with Image.open(target) as sheet:
        assert sheet.height > sheet.width / 5  # two rows


def test_the_viewer_needs_a_sheet(library, review):
    told = review("q", options=("--open",))
    assert (told.code, told.out) == (2, "")
    assert "--sheet" in told.err
    assert call("review", "--sheet", library / "q.jpg").code == 2


# --- large libraries ---


def test_where_finding_the_questions_takes_long_not_every_answer_does_so_but_none_is_asked_of_what_is_gone(
    library, tmp_path
):
    times = iter(range(0, 1000, 5))
    db = open_index(tmp_path / "faces.db")
    queue = Queue(db, "fake", clock=lambda: float(next(times)))
    first = queue.next()
    queue.answer(first, "yes")
    again = queue.next()
    assert (queue.stale, again.key != first.key) == (1, True)
    queue.answer(again, "no")
    last = queue.next()
    queue.answer(last, "ignore")
    assert queue.next() is None
    assert queue.left == 0
    db.close()
