"""What is said of single faces, and of clusters that are told apart."""

from __future__ import annotations

from contextlib import closing

import library
import numpy as np
import pytest

from faceindex import db as index_file
from faceindex.errors import UsageProblem
from faceindex.models import Box
from faceindex.store import averages, faces, journal, parting, people


@pytest.fixture
def db(tmp_path):
    with closing(library.new_index(tmp_path)) as index:
        yield index
        assert averages.check(index) == []
        assert index_file.check(index) == []


@pytest.fixture
def run(db):
    return library.begin(db)


def cluster_of(db, run, *photos, who="anna"):
    found = [face for path in photos for face in library.add_photo(db, run, path, who)]
    return library.found(db, run, found), found


def say(db, act, *arguments):
    with journal.entry(db, f"face {act.__name__}", act.__name__) as journal_id:
        return act(db, journal_id, *arguments)


def unignore(db, *numbers):
    with journal.entry(db, "face unignore", "unignore"):
        return faces.unignore(db, numbers)


def table(db, name, columns="*"):
    return [tuple(row) for row in db.execute(f"SELECT {columns} FROM {name}")]


def test_a_face_moved_to_a_named_cluster_takes_its_name_and_one_moved_away_loses_it(db, run):
    anna, (one, two) = cluster_of(db, run, "/lib/a.jpg", "/lib/b.jpg")
    ben, (three,) = cluster_of(db, run, "/lib/c.jpg", who="ben")
    library.name(db, anna, "Anna")
    library.name(db, ben, "Ben")
    assert say(db, faces.move, [one], ben) == ben
    assert library.labels(db) == {one: "Ben", two: "Anna", three: "Ben"}
    new = say(db, faces.move, [two], None)
    assert two not in library.labels(db)
    assert people.cluster(db, new).name is None


def test_a_name_given_to_the_very_face_goes_along_to_an_unnamed_cluster(db, run):
    anna, (one, two) = cluster_of(db, run, "/lib/a.jpg", "/lib/b.jpg")
    library.name(db, anna, "Anna")
    say(db, faces.label, [one], "Anna")
    say(db, faces.move, [one, two], None)
    assert library.labels(db) == {one: "Anna"}


def test_what_is_moved_where_it_was_rejected_from_belongs_there_by_the_later_word(db, run):
    anna, (one, _) = cluster_of(db, run, "/lib/a.jpg", "/lib/b.jpg")
    library.name(db, anna, "Anna")
    say(db, faces.reject, [one])
    say(db, faces.move, [one], anna)
    assert table(db, "rejection") == []
    assert library.members(db)[one] == anna


def test_faces_of_different_backends_do_not_come_together(db, run):
    cluster, _ = cluster_of(db, run, "/lib/a.jpg")
    (other,) = library.add_photo(db, run, "/lib/b.jpg", "anna", backend="other")
    with pytest.raises(UsageProblem, match="different backends cannot be in one cluster"):
        say(db, faces.move, [other], cluster)


def test_a_rejection_is_of_the_person_where_there_is_a_name_and_of_the_cluster_where_there_is_none(db, run):
    anna, (one, two) = cluster_of(db, run, "/lib/a.jpg", "/lib/b.jpg")
    library.name(db, anna, "Anna")
    nobody, (three, _) = cluster_of(db, run, "/lib/c.jpg", "/lib/d.jpg", who="x")
    say(db, faces.reject, [one, three, one])
    person = people.person_id(db, "Anna")
    assert table(db, "rejection", "face_id, person_id, cluster_id") == [(one, person, None), (three, None, nobody)]
    assert library.labels(db) == {two: "Anna"}
    assert library.members(db)[one] is library.members(db)[three] is None
    with pytest.raises(UsageProblem, match="in no cluster and has no name"):
        say(db, faces.reject, [one])


def test_of_a_face_that_a_human_called_somebody_else_that_name_is_rejected(db, run):
    anna, (one, _) = cluster_of(db, run, "/lib/a.jpg", "/lib/b.jpg")
    library.name(db, anna, "Anna")
    library.say(db, one, "Ben")
    say(db, faces.reject, [one])
    assert table(db, "rejection", "person_id") == [(people.person_id(db, "Ben"),)]


def test_a_label_on_a_face_moves_it_to_the_nearest_cluster_of_that_person_without_its_photo(db, run):
    near, (one, _) = cluster_of(db, run, "/lib/a.jpg", "/lib/b.jpg")
    far, (two,) = cluster_of(db, run, "/lib/c.jpg", who="anna as a child")
    library.name(db, near, "Anna")
    library.name(db, far, "Anna")
    nobody, faces_of_nobody = cluster_of(db, run, "/lib/d.jpg", "/lib/e.jpg")
    say(db, faces.label, [faces_of_nobody[0]], "Anna")
    assert library.members(db)[faces_of_nobody[0]] == near
    assert library.members(db)[faces_of_nobody[1]] == nobody
    first, second = library.add_photo(db, run, "/lib/mirror.jpg", "anna", "anna")
    say(db, faces.label, [first, second], "Anna")
    assert {library.members(db)[first], library.members(db)[second]} == {near, far}
    assert {library.labels(db)[face] for face in (one, two, first, second)} == {"Anna"}


def test_a_label_on_a_face_of_somebody_new_founds_a_cluster_and_ends_other_words(db, run):
    anna, (one, two) = cluster_of(db, run, "/lib/a.jpg", "/lib/b.jpg")
    library.name(db, anna, "Anna")
    say(db, faces.ignore, [one])
    say(db, faces.label, [one], "Ben")
    assert table(db, "ignored") == []
    assert people.cluster(db, library.members(db)[one]).name == "Ben"
    say(db, faces.reject, [one])
    say(db, faces.label, [one], "Ben")
    assert table(db, "rejection") == []
    assert library.labels(db) == {one: "Ben", two: "Anna"}


def test_an_ignored_face_keeps_its_label_for_when_it_is_not(db, run):
    anna, (one, _) = cluster_of(db, run, "/lib/a.jpg", "/lib/b.jpg")
    library.name(db, anna, "Anna")
    assert say(db, faces.ignore, [one, one]) == 1
    assert db.execute("SELECT named_by FROM faces WHERE face_id = ?", (one,)).fetchone()[0] == "ignored"
    assert unignore(db, one) == 1
    assert library.labels(db)[one] == "Anna"


def test_a_face_ignored_with_its_cluster_is_told_so(db, run):
    cluster, (one, _) = cluster_of(db, run, "/lib/a.jpg", "/lib/b.jpg")
    with journal.entry(db, "cluster ignore", "ignored"):
        assert parting.ignore(db, [cluster, cluster]) == 1
    with pytest.raises(UsageProblem, match=f"use 'faceindex cluster unignore {cluster}'"):
        unignore(db, one)
    library.name(db, cluster, "Anna")  # a name ends it
    assert not people.cluster(db, cluster).ignored


def test_of_an_ignored_cluster_only_what_a_human_named_is_counted(db, run):
    cluster, (one, two) = cluster_of(db, run, "/lib/a.jpg", "/lib/b.jpg")
    library.say(db, two, "Ben")
    with journal.entry(db, "cluster ignore", "ignored"):
        parting.ignore(db, [cluster])
    assert table(db, "faces", "face_id, named_by") == [(one, "ignored"), (two, "human")]
    assert sorted(table(db, "photos", "path, faces")) == [("/lib/a.jpg", 0), ("/lib/b.jpg", 1)]
    assert table(db, "clusters") == []


def test_different_is_carried_to_the_cluster_that_one_of_them_is_merged_into(db, run):
    a, b, c = (cluster_of(db, run, f"/lib/{who}.jpg", who=who)[0] for who in "abc")
    say(db, parting.different, c, a)
    assert table(db, "different", "one_id, other_id") == [(a, c)]
    with journal.entry(db, "cluster merge", "merged") as journal_id:
        people.merge(db, journal_id, b, [a])
    assert table(db, "different", "one_id, other_id") == [(b, c)]
    library.name(db, b, "Anna")
    with pytest.raises(UsageProblem, match=f"clusters {b} and {c} are different people.*cannot both be Anna"):
        library.name(db, c, "Anna")
    with pytest.raises(UsageProblem, match=f"clusters {b} and {c} are different people"):
        people.merge(db, 1, c, [b])


def test_clusters_of_one_name_are_not_different_people(db, run):
    a, b = (cluster_of(db, run, f"/lib/{who}.jpg", who=who)[0] for who in "ab")
    library.name(db, a, "Anna")
    library.name(db, b, "Anna")
    with pytest.raises(UsageProblem, match="are both Anna"):
        say(db, parting.different, a, b)
    with pytest.raises(UsageProblem, match="the same as itself"):
        say(db, parting.different, a, a)


def test_a_merge_with_somebody_of_a_name_does_not_get_around_it(db, run):
    a, b, c = (cluster_of(db, run, f"/lib/{who}.jpg", who=who)[0] for who in "abc")
    library.name(db, b, "Anna")
    library.name(db, c, "Anna")
    say(db, parting.different, a, b)
    with pytest.raises(UsageProblem, match="cannot both be Anna"), journal.entry(db, "cluster merge", "x") as entry:
        people.merge(db, entry, a, [c])
    assert people.cluster(db, a).name is None


def test_what_is_split_off_loses_the_name_of_the_cluster_only(db, run):
    anna, (one, two, three) = cluster_of(db, run, "/lib/a.jpg", "/lib/b.jpg", "/lib/c.jpg")
    library.name(db, anna, "Anna")
    library.say(db, three, "Ben")
    new = say(db, parting.split_off, anna, [two, three])
    assert library.labels(db) == {one: "Anna", three: "Ben"}
    assert (people.cluster(db, anna).name, people.cluster(db, new).name) == ("Anna", None)
    with pytest.raises(UsageProblem, match=f"face {one} is not in cluster {new}"):
        say(db, parting.split_off, new, [one])
    with pytest.raises(UsageProblem, match="it can be split into 2 parts at most"):
        say(db, parting.split_into, new, 3)


def test_an_added_face_comes_back_to_the_last_bit(db, run):
    cluster_of(db, run, "/lib/a.jpg")
    where = faces.place(db, 1, "dlib")
    vector = np.random.default_rng(5).normal(size=library.DIMENSIONS).astype(np.float32)
    with journal.entry(db, "face add", "added") as journal_id:
        face = faces.add(db, where, "dlib", Box(1 / 3, 0.1, 2 / 3, 0.3000000004), vector)
        faces.label(db, journal_id, [face], "Anna")
    before = table(db, "face"), table(db, "encoding"), table(db, "average")
    journal.undo(db)
    assert table(db, "face", "face_id") == [(1,)]
    journal.take_back(db, [journal.entries(db)[0].journal_id])
    assert (table(db, "face"), table(db, "encoding"), table(db, "average")) == before
    with pytest.raises(UsageProblem, match="other has not looked at this photo yet"):
        faces.place(db, 1, "other")
