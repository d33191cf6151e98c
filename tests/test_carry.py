"""What a human said about a face goes with an edited picture, where it is still that face."""

from __future__ import annotations

import pytest
from nights import BLUE, CYAN, GREEN, RED

from faceindex.store import journal

BROWN_RED = (220, 30, 30)


@pytest.fixture
def party(home):
    """Three pictures of Anna, the first also of Ben."""
    home.photo("party.png", RED, GREEN)
    home.photo("a.png", RED)
    home.photo("b.png", RED)
    home.scan()
    home.label(home.library / "a.png", "Anna")
    home.label(home.library / "party.png", "Ben", place=1)
    return home


def names(home, path):
    return [(cluster, label) for _, _, cluster, label in home.faces(home.library / path)]


def test_an_edited_picture_keeps_its_labels(party):
    party.photo("party.png", BROWN_RED, GREEN)
    party.scan()
    assert names(party, "party.png") == [("Anna", "Anna"), ("Ben", "Ben")]
    assert party.scan().news == {}


def test_a_label_is_not_given_to_another_face_in_the_same_place(party):
    party.photo("party.png", BLUE, GREEN)
    party.scan()
    assert names(party, "party.png") == [(None, None), ("Ben", "Ben")]


def test_a_label_is_not_given_to_the_same_face_in_another_place(party):
    party.photo("party.png", GREEN, RED)
    party.scan()
    assert [label for _, label in names(party, "party.png")] == [None, None]
    assert [cluster for cluster, _ in names(party, "party.png")] == ["Ben", "Anna"]  # as a match, not a label


def test_labels_of_the_picture_before_the_edit_stay(party):
    before = party.dump()["label"]
    party.photo("party.png", BROWN_RED, GREEN)
    party.scan()
    assert set(before) < set(party.dump()["label"])


def test_labels_survive_a_moment_in_which_the_picture_was_half_written(party):
    path = party.library / "party.png"
    party.photo("party.png", BROWN_RED, GREEN)
    whole = path.read_bytes()
    path.write_bytes(whole[:40])
    party.scan()
    assert party.problems() == {"party.png": ("corrupt", 1, False)}
    path.write_bytes(whole)
    party.scan()
    assert names(party, "party.png") == [("Anna", "Anna"), ("Ben", "Ben")]
    assert party.problems() == {}


def test_labels_survive_a_rename_and_then_an_edit(party):
    (party.library / "party.png").rename(party.library / "ball.png")
    party.scan()
    party.photo("ball.png", BROWN_RED, GREEN)
    party.scan()
    assert names(party, "ball.png") == [("Anna", "Anna"), ("Ben", "Ben")]


def test_a_rejection_and_an_ignored_face_go_with_the_edit(party):
    anna, ben = (face for face, *_ in party.faces(party.library / "party.png"))
    ((person,),) = party.rows("SELECT person_id FROM person WHERE name = 'Anna'")
    with party.open() as db, journal.entry(db, "test", "said no") as entry:
        db.execute("DELETE FROM label WHERE face_id IN (?, ?)", (anna, ben))
        db.execute("INSERT INTO rejection (face_id, person_id, journal_id) VALUES (?, ?, ?)", (anna, person, entry))
        db.execute("INSERT INTO ignored (face_id, journal_id) VALUES (?, ?)", (ben, entry))
    party.photo("party.png", BROWN_RED, GREEN)
    party.scan()
    (not_anna, one, *_), (ignored, none, *_) = party.faces(party.library / "party.png")
    assert party.rows("SELECT count(*) FROM rejection WHERE face_id = ?", not_anna) == [(1,)]
    assert party.rows("SELECT count(*) FROM ignored WHERE face_id = ?", ignored) == [(1,)]
    assert party.rows("SELECT person_id FROM cluster WHERE cluster_id = ?", one) == [(None,)]
    assert none is None


def test_a_new_backend_takes_the_labels_over_by_place(party):
    party.scan(backend="slow")
    found = party.rows(
        """SELECT person.name, count(*) FROM face JOIN label USING (face_id) JOIN person USING (person_id)
           JOIN cluster USING (cluster_id) WHERE face.backend = 'slow' AND cluster.person_id = label.person_id
           GROUP BY 1 ORDER BY 1"""
    )
    assert found == [("Anna", 3), ("Ben", 1)]


def test_two_backends_may_both_see_one_person_on_one_picture(party):
    party.scan(backend="slow")
    party.photo("later.png", RED)
    party.scan(backend="slow")
    party.scan(backend="fake")
    names = party.rows(
        """SELECT backend, person.name FROM files JOIN face USING (photo_id) JOIN cluster USING (cluster_id, backend)
           JOIN person USING (person_id) WHERE path LIKE '%later.png' ORDER BY 1"""
    )
    assert names == [("fake", "Anna"), ("slow", "Anna")]


def test_an_edit_that_adds_a_stranger_labels_nobody_new(party):
    party.photo("a.png", BROWN_RED, CYAN)
    party.scan()
    assert [label for _, label in names(party, "a.png")][1] is None
