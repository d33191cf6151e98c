"""What a human said about a face goes with an edited picture, where it is still that face."""

from __future__ import annotations

import pytest
from nights import BLUE, CYAN, GREEN, RED

from faceindex.store import averages, journal, people

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


@pytest.fixture
def ages(home):
    """Anna in two guises, each a cluster of two faces, and one picture of both."""
    home.photo("both.png", RED, GREEN)
    home.photo("a.png", RED)
    home.photo("b.png", GREEN)
    home.scan()
    home.label(home.library / "a.png", "Anna")
    home.label(home.library / "b.png", "Anna")
    return home


def groups(home, backend):
    """The pictures of each cluster, sorted, with the name of the cluster."""
    rows = home.rows(
        """SELECT cluster_id, person.name, group_concat(DISTINCT replace(path, rtrim(path, replace(path, '/', '')), ''))
           FROM cluster LEFT JOIN person USING (person_id) JOIN face USING (cluster_id) JOIN files USING (photo_id)
           WHERE face.backend = ? GROUP BY 1""",
        backend,
    )
    return sorted(((name, sorted(paths.split(","))) for _, name, paths in rows), key=str)


def test_faces_named_in_two_clusters_are_in_two_clusters_of_another_backend(ages):
    ages.scan(backend="slow")
    assert groups(ages, "slow") == [("Anna", ["a.png", "both.png"]), ("Anna", ["b.png", "both.png"])]


def test_a_backend_that_takes_labels_over_in_many_nights_comes_to_the_same_clusters(ages):
    hidden = ages.folder / "b.png"
    (ages.library / "b.png").rename(hidden)
    (ages.library / "both.png").rename(ages.folder / "both.png")
    ages.scan(backend="slow")
    hidden.rename(ages.library / "b.png")
    ages.scan(backend="slow")
    (ages.folder / "both.png").rename(ages.library / "both.png")
    ages.scan(backend="slow")
    assert groups(ages, "slow") == [("Anna", ["a.png", "both.png"]), ("Anna", ["b.png", "both.png"])]


def test_two_faces_of_one_photo_that_a_human_put_together_are_not_put_together_by_another_backend(home):
    home.photo("mirror.png", RED, RED)
    home.scan()
    with home.open() as db, journal.entry(db, "cluster merge", "merged") as entry:
        people.merge(db, entry, 1, [2])
    home.label(home.library / "mirror.png", "Anna")
    home.scan(backend="slow")
    assert groups(home, "slow") == [("Anna", ["mirror.png"])] * 2


def test_a_labelled_face_does_not_join_a_cluster_it_was_rejected_from(ages):
    face, cluster, *_ = ages.faces(ages.library / "a.png")[0]
    with ages.open() as db, journal.entry(db, "test", "not in this cluster") as entry:
        averages.assign(db, {face: None})
        db.execute("INSERT INTO rejection (face_id, cluster_id, journal_id) VALUES (?, ?, ?)", (face, cluster, entry))
        db.execute("DELETE FROM label WHERE face_id <> ?", (face,))
        db.execute("UPDATE cluster SET person_id = NULL WHERE cluster_id <> ?", (cluster,))
    ages.scan()
    _, now, name, label = ages.faces(ages.library / "a.png")[0]
    assert now != cluster
    assert (name, label) == ("Anna", "Anna")


def test_undoing_a_label_takes_its_copies_out_of_the_clusters_that_were_founded_for_them(ages):
    ages.scan(backend="slow")
    with ages.open() as db:
        journal.undo(db)
    assert groups(ages, "slow") == [("Anna", ["a.png", "both.png"])]
    ages.scan(backend="slow")
    assert groups(ages, "slow") == [("Anna", ["a.png", "both.png"]), (None, ["b.png", "both.png"])]


@pytest.fixture
def copied(home):
    """A picture of Anna, her name carried over to a second backend, and an edit of it seen by that."""
    home.photo("a.png", RED)
    home.scan()
    home.label(home.library / "a.png", "Anna")
    home.scan(backend="slow")
    home.photo("a.png", BROWN_RED)
    home.scan(backend="slow")
    return home


def words(home):
    return home.rows("SELECT name, source FROM label JOIN person USING (person_id) ORDER BY face_id")


def test_a_name_put_right_reaches_the_faces_it_was_carried_over_to(copied):
    before = copied.dump()
    assert words(copied) == [("Anna", "human")] * 3
    with copied.open() as db, journal.entry(db, "cluster label", "named Ben") as entry:
        people.label(db, entry, 1, "Ben")
    assert words(copied) == [("Ben", "human")] * 3
    assert copied.rows("SELECT name FROM person") == [("Ben",)]
    with copied.open() as db:
        journal.undo(db)
    assert copied.dump() == before


def test_a_name_put_right_is_undone_after_a_scan_settled_its_copies(copied):
    before = copied.dump()
    copied.photo("b.png", GREEN)
    copied.scan()
    copied.label(copied.library / "b.png", "Ben")
    with copied.open() as db, journal.entry(db, "cluster label", "named Ben") as entry:
        people.label(db, entry, 1, "Ben")
    copied.scan(backend="slow")
    assert ("Ben", ["a.png"]) in groups(copied, "slow")
    with copied.open() as db:
        journal.undo(db)
    assert set(before["label"]) < set(copied.dump()["label"])
    assert ("Anna", ["a.png"]) in groups(copied, "slow")
    assert copied.rows("SELECT name FROM cluster JOIN person USING (person_id) WHERE backend = 'slow' ORDER BY 1") == [
        ("Anna",),
        ("Ben",),  # that of b.png
    ]


def test_a_name_taken_away_is_taken_from_the_faces_it_was_carried_over_to(copied):
    before = copied.dump()
    with copied.open() as db, journal.entry(db, "cluster unlabel", "name taken away"):
        people.unlabel(db, 1)
    assert words(copied) == []
    assert copied.rows("SELECT name FROM person") == []
    copied.scan(backend="slow")
    assert names(copied, "a.png") == [(None, None)]
    with copied.open() as db:
        journal.undo(db)
    assert copied.dump()["label"] == before["label"]


def test_a_known_picture_in_place_of_another_keeps_its_labels_with_a_new_backend(home):
    home.photo("held.png", BLUE)
    anna = home.photo("anna.png", RED)
    home.scan()
    home.label(anna, "Anna")
    anna.replace(home.library / "held.png")
    home.scan(backend="slow")
    assert groups(home, "slow") == [("Anna", ["anna.png", "held.png"])]  # one photo; anna.png is where it was
