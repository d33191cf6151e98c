"""What `faceindex rematch` moves, what it never moves, and that it can be taken back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from cli_fakes import call, isolate
from crowd import crowd
from library import add_photo, begin, found, join, members, name, new_index, reject, say

from faceindex.db import transaction
from faceindex.distance import distances
from faceindex.pipeline import rematching
from faceindex.pipeline.options import ScanOptions
from faceindex.store import averages, encodings, journal, people

OPTIONS = ScanOptions()


@pytest.fixture
def family(tmp_path):
    """Anna and Ben; a face of Ben's, and one of nobody's, were matched with Anna's cluster, one of Anna's rightly."""
    db = new_index(tmp_path)
    run = begin(db)
    anna = [add_photo(db, run, f"/p/anna{n}.jpg", "Anna")[0] for n in range(40)]
    ben = [add_photo(db, run, f"/p/ben{n}.jpg", "Ben")[0] for n in range(40)]
    stranger = add_photo(db, run, "/p/stranger.jpg", "x")[0]
    clusters = found(db, run, anna[:39]), found(db, run, ben[:39])
    for cluster, who in zip(clusters, ("Anna", "Ben"), strict=True):
        name(db, cluster, who)
    join(db, run, clusters[0], [anna[39], ben[39], stranger])
    yield db, clusters, (anna[39], ben[39], stranger)
    db.close()


def moves(db, **options):
    result = rematching.preview(db, ScanOptions(**options))
    return {move.face: move.to for move in result.moves}


def test_it_says_where_faces_would_be_and_changes_nothing(family):
    db, (_, ben), (right, wrong, stranger) = family
    before = members(db)
    assert moves(db) == {wrong: ben, stranger: None}
    assert members(db) == before
    assert rematching.preview(db, OPTIONS).looked_at == 3
    assert right not in moves(db)


def test_applied_it_is_one_entry_that_undo_takes_back_exactly(family):
    db, (_, ben), (_, wrong, stranger) = family
    before, entries = members(db), len(journal.entries(db))
    rematching.apply(db, OPTIONS)
    assert members(db) == {**before, wrong: ben, stranger: None}
    assert averages.check(db) == []
    (latest,) = journal.entries(db, 1)
    assert (latest.command, len(journal.entries(db))) == ("cluster rematch", entries + 1)
    assert moves(db) == {}
    journal.undo(db)
    assert members(db) == before
    assert averages.check(db) == []
    assert moves(db) == {wrong: ben, stranger: None}


def test_the_match_says_why_it_is_there_now(family):
    db, (anna, ben), (_, wrong, _) = family
    rematching.apply(db, OPTIONS)
    match = db.execute(
        "SELECT cluster_id, runner_up_id, founded, distance FROM match WHERE face_id = ?", (wrong,)
    ).fetchone()
    assert tuple(match)[:3] == (ben, anna, 0)
    assert match["distance"] < 0.4


def test_what_a_human_said_of_a_face_keeps_it_where_it_is(family):
    db, _, (_, wrong, stranger) = family
    say(db, wrong, "Anna")
    assert moves(db) == {stranger: None}
    name(db, db.execute("SELECT cluster_id FROM face WHERE face_id = ?", (stranger,)).fetchone()[0], "Anna")
    assert moves(db) == {}  # now all of them were named


def test_founding_faces_stay(family):
    db, _, (_, wrong, stranger) = family
    with transaction(db):
        db.execute("UPDATE match SET founded = 1 WHERE face_id = ?", (wrong,))
    assert moves(db) == {stranger: None}


def test_rejections_and_different_people_bind(family):
    db, (_, ben), (_, wrong, stranger) = family
    reject(db, wrong, person=db.execute("SELECT person_id FROM cluster WHERE cluster_id = ?", (ben,)).fetchone()[0])
    assert moves(db) == {wrong: None, stranger: None}


def test_two_faces_of_one_photo_never_come_to_one_person(family):
    db, (anna, ben), _ = family
    run = begin(db)
    mates = add_photo(db, run, "/p/both.jpg", "Ben", "Ben")
    join(db, run, anna, mates)
    assert [moves(db).get(face) for face in mates].count(ben) == 1
    taken = add_photo(db, run, "/p/taken.jpg", "Ben", "Ben")
    join(db, run, anna, taken[:1])
    join(db, run, ben, taken[1:])
    assert moves(db).get(taken[0]) != ben


def test_a_face_alone_in_its_cluster_stays(family):
    db, _, _ = family
    run = begin(db)
    (lone,) = add_photo(db, run, "/p/lone.jpg", "y")
    join(db, run, found(db, run, []), [lone])
    assert lone not in moves(db)


def test_nobody_keeps_a_name_on_a_photo_from_before_their_birth(family):
    db, (_, ben), (right, wrong, stranger) = family
    db.execute("UPDATE photo SET taken_at = '2001-05-05T10:00:00'")
    with journal.entry(db, "person born", "…"):
        people.set_born(db, "Anna", "2002-02")
    assert people.matched_unborn(db, "Anna") == 3
    assert moves(db) == {right: None, wrong: ben, stranger: None}
    rematching.apply(db, OPTIONS)
    assert people.matched_unborn(db, "Anna") == 0
    with journal.entry(db, "person born", "…"):
        people.set_born(db, "Ben", "2002")
    assert moves(db) == {wrong: None}


def test_an_unnamed_cluster_beside_it_takes_no_name_from_a_face(family):
    db, (anna, _), (right, _, _) = family
    run = begin(db)
    beside = [add_photo(db, run, f"/p/more{n}.jpg", "Anna")[0] for n in range(3)]
    unnamed = found(db, run, beside)
    face = encodings.vector(db, right)
    own = float(distances(face[None], encodings.means(db, [anna]), np.ones(8, np.float32))[0, 0])
    for farther, moves_away in ((0.03, False), (-0.03, False), (-0.1, True)):
        vector = face + np.float32((own + farther) / 8**0.5)
        for each in beside:
            db.execute("UPDATE encoding SET vector = ? WHERE face_id = ?", (vector.astype("<f4").tobytes(), each))
        averages.rebuild(db, [unnamed])
        assert (right in moves(db, threshold=1.0)) is moves_away


def test_threshold_and_margin_can_be_given(family):
    db, _, (right, wrong, stranger) = family
    assert moves(db, threshold=0.0) == {right: None, wrong: None, stranger: None}
    assert moves(db, margin=20.0).keys() == {right, wrong, stranger}


def test_the_command_counts_people_lists_faces_and_applies(family, tmp_path, monkeypatch):
    _, (anna, ben), (_, wrong, stranger) = family
    isolate(tmp_path, monkeypatch)
    dry = call("rematch")
    assert dry.code == 0
    assert (
        dry.err
        == "2 of 3 faces that scans matched would be somewhere else; --apply puts them there, --json lists them\n"
    )
    assert [line.split() for line in dry.out.splitlines()[2:]] == [
        ["0", "2", "Anna"], ["1", "0", "(no", "name)"], ["1", "0", "Ben"]]  # fmt: skip
    rows = {row["face"]: row for row in json.loads(call("rematch", "--json").out)}
    assert (rows[wrong]["person"], rows[wrong]["to_person"], rows[wrong]["to"]) == ("Anna", "Ben", ben)
    assert (rows[stranger]["to"], rows[stranger]["cluster"]) == (None, anna)
    assert "2 of 3 faces that scans matched are moved; 'faceindex undo' takes it back" in call("rematch", "--apply").err
    assert "none would be anywhere else" in call("rematch").err
    assert call("undo").code == 0
    assert len(json.loads(call("rematch", "--json").out)) == 2


def test_what_a_scan_matched_today_stays_as_long_as_nothing_else_changes(tmp_path):
    with crowd(tmp_path, 150) as some:
        faces = some.everybody(3)
        some.recognise()
        for person, cluster in enumerate(some.clusters(faces[::3])):
            name(some.db, cluster, f"P{person}")
        again = [some.photo(some.encoding(person))[0] for person in range(100)]
        some.recognise()
        result = rematching.preview(some.db, OPTIONS)
        assert result.looked_at > 50
        assert len(result.moves) <= result.looked_at / 10  # a later face may have moved an average
        assert all(move.to is None for move in result.moves)

        # A cluster that was matched to the wrong person comes back to the right one.
        wrong = some.clusters(faces[3:4])[0]
        face = again[0]
        with transaction(some.db):
            averages.assign(some.db, {face: wrong})
        target = {move.face: move.to for move in rematching.preview(some.db, OPTIONS).moves}
        assert target[face] == some.clusters(faces[:1])[0]
