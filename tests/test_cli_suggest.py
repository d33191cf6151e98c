"""What `faceindex suggest` lists."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from cli_fakes import GREEN, call, fake_scans, isolate, paint
from crowd import crowd
from library import add_photo, begin, found, join, name, new_index, reject, say

from faceindex.pipeline.asking import suggestions

RED, ORANGE, BLUE = (250, 20, 20), (250, 130, 20), (20, 20, 250)  # the first two 0.43 apart: near, but not near enough


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Anna on four pictures, a little changed on two more, and somebody else."""
    isolate(tmp_path, monkeypatch)
    fake_scans(tmp_path, monkeypatch)
    folder = tmp_path / "library"
    for number in range(4):
        paint(folder / f"red{number}.png", RED, side=60 + 2 * number)
    for number in range(2):
        paint(folder / f"orange{number}.png", ORANGE, side=60 + 2 * number)
    paint(folder / "blue.png", BLUE)
    assert call("-q", "scan", folder).code == 0
    return folder


def cluster_of(path: Path) -> int:
    (face,) = json.loads(call("photo", "show", path, "--json").out)
    found: int = face["cluster"]
    return found


def suggested(*options: str):
    asked = call("suggest", "--json", *options)
    assert asked.code == 0, asked.err
    return json.loads(asked.out)


def guessed():
    return [each for each in suggested() if each["kind"] != "name"]


def test_who_resembles_nobody_and_is_on_several_photos_is_worth_a_name(library):
    red, orange = cluster_of(library / "red0.png"), cluster_of(library / "orange0.png")
    assert [each["kind"] for each in suggested()] == ["same"]  # both are asked about already
    call("cluster", "different", str(red), str(orange))
    (only,) = suggested()
    assert (only["kind"], only["cluster"], only["gain"], only["photos"], only["distance"]) == ("name", red, 4, 4, None)
    assert f"cluster {red} is worth a name (4 photos)" in call("suggest").out
    call("cluster", "ignore", str(red))
    assert suggested() == []


def test_before_anybody_is_named_likes_are_found_among_the_unnamed(library):
    (only,) = suggested()
    assert (only["kind"], only["cluster"], only["other"]) == (
        "same", cluster_of(library / "orange0.png"), cluster_of(library / "red0.png"))  # fmt: skip
    assert (only["gain"], only["photos"], only["person"], only["normalised"]) == (2, 2, None, None)


def test_after_a_name_the_question_is_whether_it_is_her(library):
    call("cluster", "label", str(cluster_of(library / "red0.png")), "Anna")
    (only,) = suggested()
    assert (only["kind"], only["person"], only["cluster"]) == ("who", "Anna", cluster_of(library / "orange0.png"))
    assert only["rank"] == pytest.approx(only["gain"] * only["confidence"])
    assert 0.5 < only["confidence"] < 1
    table = call("suggest")
    assert f"cluster {only['cluster']} is Anna" in table.out
    assert "2 faces" in table.out
    (row,) = csv.DictReader(io.StringIO(call("suggest", "--csv").out))
    assert row["person"] == "Anna"


def test_two_faces_of_one_photo_are_never_taken_for_one_person(library):
    paint(library / "both.png", RED, ORANGE)
    call("-q", "scan", library)
    assert guessed() == []
    call("cluster", "label", str(cluster_of(library / "red0.png")), "Anna")
    assert guessed() == []


def test_ignored_clusters_are_never_asked_about(library):
    call("cluster", "ignore", str(cluster_of(library / "orange0.png")))
    assert guessed() == []


def test_different_people_are_never_asked_about(library):
    one, other = cluster_of(library / "orange0.png"), cluster_of(library / "red0.png")
    assert call("cluster", "different", str(one), str(other)).code == 0
    assert guessed() == []
    call("cluster", "label", str(other), "Anna")
    assert guessed() == []
    blue = cluster_of(library / "blue.png")
    call("cluster", "label", str(blue), "Anna")  # her other cluster is no other person
    assert guessed() == []


def test_the_limit_is_told(library):
    paint(library / "green.png", GREEN)
    paint(library / "lime.png", (130, 250, 20))
    call("-q", "scan", library)
    assert len(suggested()) == 2
    assert len(suggested("--limit", "1")) == 1
    assert "the first 1 of 2; --limit shows more" in call("suggest", "--limit", "1").err


def test_with_nothing_to_ask_it_says_what_to_do(tmp_path, monkeypatch):
    isolate(tmp_path, monkeypatch)
    new_index(tmp_path).close()
    asked = call("suggest")
    assert (asked.code, asked.out) == (0, "")
    assert "nothing to suggest" in asked.err


# --- named faces that look wrong ---


@pytest.fixture
def family(tmp_path):
    """Anna and Ben, with a face of Ben's matched into Anna's cluster; and who is where."""
    db = new_index(tmp_path)
    run = begin(db)
    anna = [add_photo(db, run, f"/p/anna{n}.jpg", "Anna")[0] for n in range(30)]
    ben = [add_photo(db, run, f"/p/ben{n}.jpg", "Ben")[0] for n in range(5)]
    clusters = found(db, run, anna), found(db, run, ben[:4])
    for cluster, who in zip(clusters, ("Anna", "Ben"), strict=True):
        name(db, cluster, who)
    join(db, run, clusters[0], ben[4:])
    yield db, clusters, ben[4]
    db.close()


def test_a_matched_face_that_is_nearer_to_somebody_else_looks_wrong(family):
    db, (anna, ben), face = family
    (asked,) = suggestions(db, "dlib")
    assert (asked.kind, asked.face, asked.cluster, asked.other) == ("wrong", face, anna, ben)
    assert (asked.person, asked.likely) == ("Anna", "Ben")
    assert asked.confidence > 0.9


def test_a_face_named_with_its_whole_cluster_is_doubted_too(family):
    db, (anna, _), face = family
    name(db, anna, "Anna")
    assert [asked.face for asked in suggestions(db, "dlib")] == [face]


def test_a_face_that_a_human_named_by_itself_is_not_doubted(family):
    db, _, face = family
    say(db, face, "Anna")
    assert suggestions(db, "dlib") == []


def test_it_does_not_look_like_whom_it_was_said_not_to_be(family):
    db, (_, ben), face = family
    (person,) = db.execute("SELECT person_id FROM cluster WHERE cluster_id = ?", (ben,)).fetchone()
    reject(db, face, person=person)
    (asked,) = suggestions(db, "dlib")
    assert asked.likely is None


# --- a crowd, judged by a cohort ---


def test_in_a_crowd_a_person_seen_again_in_another_way_is_asked_about_first(tmp_path):
    with crowd(tmp_path, 300) as some:
        faces = some.everybody(2)
        some.recognise()
        ahead = some.clusters(faces)
        for person in range(200):
            name(some.db, ahead[2 * person], f"P{person}")
        changed = [some.photo(some.encoding(7, 0.06))[0] for _ in range(3)]
        some.recognise()
        assert some.clusters(changed)[0] != ahead[14]  # too far to be matched
        asked = suggestions(some.db, "dlib")
        top = next(question for question in asked if question.cluster in some.clusters(changed))
        assert (top.kind, top.person) == ("who", "P7")
        assert top.confidence > 0.5
        assert top.normalised is not None
        assert asked == sorted(asked, key=lambda question: -question.rank)
