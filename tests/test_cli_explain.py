"""What `faceindex explain` says of a face, in sentences and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli_fakes import BLUE, GREEN, RED, call, fake_scans, isolate, paint
from crowd import crowd
from library import name, reject

from faceindex import matching
from faceindex.db import open_index
from faceindex.pipeline.explaining import explain
from faceindex.store import cohorts


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Anna, red, named and then matched; Ben, green, beside her once; and blue."""
    isolate(tmp_path, monkeypatch)
    fake_scans(tmp_path, monkeypatch)
    folder = tmp_path / "library"
    for number in range(3):
        paint(folder / f"red{number}.png", RED, side=60 + 2 * number)
    paint(folder / "blue.png", BLUE)
    call("-q", "scan", folder)
    call("cluster", "label", str(place(folder / "red0.png")["cluster"]), "Anna")
    paint(folder / "both.png", RED, GREEN)
    call("-q", "scan", folder)
    return folder


def place(path: Path, number: int = 0):
    return json.loads(call("photo", "show", path, "--json").out)[number]


def told(face: int) -> str:
    asked = call("explain", str(face))
    assert asked.code == 0, asked.err
    return " ".join(asked.out.split())


def facts(face: int):
    return json.loads(call("explain", str(face), "--json").out)


def test_a_label_tells_when_and_how_a_human_said_so(library):
    face = place(library / "red1.png")["face"]
    text = told(face)
    assert "Anna, in cluster" in text
    assert "Anna: a human said so 20" in text
    assert "(cluster label, entry 2). No scan changes that." in text
    assert str(library / "red1.png") in text
    assert "was made of it and its like by run 1" in text


def test_a_match_tells_distance_threshold_and_run_of_then_and_its_photo_mates(library):
    face, mate = place(library / "both.png", 0)["face"], place(library / "both.png", 1)
    text = told(face)
    assert "Matched with cluster" in text
    assert "by run 2" in text
    assert "near enough was 0.400 then" in text
    assert f"Not cluster {mate['cluster']}: that is face {mate['face']} of the same photo." in text
    assert "By these rules it is Anna" in text
    told_mate = told(mate["face"])
    assert f"Not Anna: that is face {face} of the same photo." in told_mate
    assert "It is alone in its cluster, and nobody else is near enough: it stays." in told_mate


def test_a_merge_is_told_as_a_humans_doing(library):
    red, blue = place(library / "red0.png"), place(library / "blue.png")
    call("cluster", "merge", str(red["cluster"]), str(blue["cluster"]))
    assert f"It has come into cluster {red['cluster']} since, by a human's doing." in told(blue["face"])


def test_rejections_different_people_and_ignored_faces_are_told(library, tmp_path):
    red, blue = place(library / "red0.png"), place(library / "blue.png")
    call("cluster", "different", str(red["cluster"]), str(blue["cluster"]))
    db = open_index(tmp_path / "faces.db")
    reject(db, blue["face"], person=1)
    db.close()
    text = told(blue["face"])
    assert f"Not Anna, cluster {red['cluster']}: a human said that these are different people (entry 3)." in text
    assert "Not Anna: a human said so (entry 4)." in text
    assert "Anna (not allowed)" in text
    call("face", "ignore", str(blue["face"]))
    assert "It was ignored by a human: no scan places it." in told(blue["face"])


def test_a_photo_from_before_a_birth_is_told(library, tmp_path):
    db = open_index(tmp_path / "faces.db")
    with db:
        db.execute("UPDATE photo SET taken_at = '2001-05-05T10:00:00'")
        db.execute("UPDATE person SET born = '2002'")
    db.close()
    assert "Not Anna: not born yet when the photo was taken." in told(place(library / "blue.png")["face"])
    text = told(place(library / "both.png", 0)["face"])
    assert "the dates of the photo and of the birth forbid it. 'faceindex rematch' moves what was matched." in text


def test_programs_get_everything(library):
    found = facts(place(library / "both.png", 0)["face"])
    assert found["now"]["rule"] == "stays"
    assert (found["now"]["threshold_named"], found["now"]["margin"]) == (matching.MATCH_THRESHOLD, matching.MARGIN)
    assert (found["now"]["cohort"], found["now"]["norm"], found["now"]["people"]) == (None, None, 1)
    assert [row["own"] for row in found["now"]["averages"]] == [True, False, False]
    assert [row["may_be"] for row in found["now"]["averages"]].count(False) == 1
    away = [row["distance"] for row in found["now"]["faces"]]
    assert away == sorted(away)
    assert found["match"]["founded"] is False


def test_a_face_that_is_not_there_is_said_so(library):
    asked = call("explain", "999")
    assert (asked.code, asked.out) == (2, "")
    assert "there is no face 999" in asked.err


# --- judged by a cohort ---


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Two hundred people, named, seen three times; the third time matched."""
    folder = tmp_path_factory.mktemp("crowd")
    with crowd(folder, 200) as some:
        faces = some.everybody(2)
        some.recognise()
        for person, cluster in enumerate(some.clusters(faces[::2])):
            name(some.db, cluster, f"P{person}")
        again = [some.photo(some.encoding(person))[0] for person in range(60)]
        some.recognise()
        yield some, again, folder


def test_todays_distances_are_those_that_matching_measures(people):
    some, again, _ = people
    matched = 0
    for face in again[:10]:
        found = explain(some.db, face)
        match, now = found["match"], found["now"]
        if match["founded"]:
            continue
        matched += 1
        stored = cohorts.latest(some.db, "dlib")
        assert now["cohort"] == stored.cohort_id
        assert now["threshold_named"] == matching.rules_for(stored.cohort, now["people"]).named
        own = next(row for row in now["averages"] if row["own"])
        # The face has moved its average since; left out of it, it is where it was when it was matched.
        assert own["distance"] == pytest.approx(match["distance"], rel=1e-4)
        assert own["normalised"] == pytest.approx(match["normalised"], rel=1e-3)
        assert now["rule"] == "stays"
    assert matched


def test_the_norm_is_the_mean_distance_to_the_nearest_of_the_cohort(people):
    some, again, _ = people
    cohort = cohorts.latest(some.db, "dlib").cohort
    row = some.one("SELECT vector, person_id FROM encoding JOIN face USING (face_id) JOIN cluster USING (cluster_id) "
                   "WHERE face_id = ?", again[3])  # fmt: skip
    away = np.linalg.norm(cohort.faces - np.frombuffer(row[0], "<f4"), axis=1)[cohort.persons != row[1]]
    assert explain(some.db, again[3])["now"]["norm"] == pytest.approx(np.sort(away)[:5].mean(), rel=1e-4)


def test_a_face_in_no_cluster_is_explained_too(people):
    some, _, folder = people
    (face,) = some.photo(some.encoding(100))
    found = explain(some.db, face)
    assert found["match"] is None
    assert (found["now"]["rule"], found["now"]["would_be"]) == ("joins", "P100")
    shown = call("--db", folder / "faces.db", "explain", str(face))
    assert "By these rules it would join P100" in shown.out
    assert "Judged by cohort 1: its nearest faces of others are" in shown.out
