"""What names do: a cluster labelled, labelled again, unlabelled, merged; a person renamed."""

from __future__ import annotations

import library
import numpy as np
import pytest

from faceindex.errors import UsageProblem
from faceindex.store import averages, encodings, journal, people


@pytest.fixture
def db(tmp_path):
    index = library.new_index(tmp_path)
    yield index
    assert averages.check(index) == []
    index.close()


@pytest.fixture
def run(db):
    return library.begin(db)


def cluster_of(db, run, *photos, who="anna"):
    faces = [face for path in photos for face in library.add_photo(db, run, path, who)]
    return library.found(db, run, faces), faces


def names(db):
    return [row[0] for row in db.execute("SELECT name FROM person ORDER BY name")]


def merge(db, into, *others):
    with journal.entry(db, "cluster merge", "merged") as journal_id:
        return people.merge(db, journal_id, into, others)


def unlabel(db, cluster):
    with journal.entry(db, "cluster unlabel", "name taken away"):
        return people.unlabel(db, cluster)


def rename(db, old, new):
    with journal.entry(db, "person rename", f"{old} renamed to {new}"):
        people.rename(db, old, new)


def test_naming_a_cluster_names_each_of_its_faces(db, run):
    cluster, faces = cluster_of(db, run, "/lib/a.jpg", "/lib/b.jpg")
    library.name(db, cluster, "Anna")
    assert library.labels(db) == dict.fromkeys(faces, "Anna")
    assert people.cluster(db, cluster).name == "Anna"


def test_naming_two_clusters_alike_makes_them_one_person_with_two_averages(db, run):
    child, _ = cluster_of(db, run, "/lib/a.jpg")
    adult, _ = cluster_of(db, run, "/lib/b.jpg")
    assert library.name(db, child, "Anna") == library.name(db, adult, " Anna ")
    assert names(db) == ["Anna"]
    assert db.execute("SELECT count(*) FROM average").fetchone()[0] == 2


def test_naming_a_cluster_again_gives_its_faces_the_new_name_and_forgets_the_old(db, run):
    cluster, faces = cluster_of(db, run, "/lib/a.jpg", "/lib/b.jpg")
    library.name(db, cluster, "Ana")
    library.name(db, cluster, "Anna")
    assert library.labels(db) == dict.fromkeys(faces, "Anna")
    assert names(db) == ["Anna"]


def test_naming_a_cluster_as_it_is_named_already_confirms_what_the_machine_added(db, run):
    cluster, faces = cluster_of(db, run, "/lib/a.jpg")
    library.name(db, cluster, "Anna")
    new = library.add_photo(db, run, "/lib/b.jpg", "anna")
    library.join(db, run, cluster, new)
    assert library.labels(db) == dict.fromkeys(faces, "Anna")
    library.name(db, cluster, "Anna")
    assert library.labels(db) == dict.fromkeys(faces + new, "Anna")


def test_a_name_that_something_else_bears_is_kept_when_one_cluster_loses_it(db, run):
    one, _ = cluster_of(db, run, "/lib/a.jpg")
    two, faces = cluster_of(db, run, "/lib/b.jpg")
    library.name(db, one, "Anna")
    library.name(db, two, "Anna")
    library.name(db, one, "Ben")
    assert names(db) == ["Anna", "Ben"]
    assert {face: library.labels(db)[face] for face in faces} == dict.fromkeys(faces, "Anna")


def test_a_person_whose_birthday_is_known_is_not_forgotten(db, run):
    cluster, _ = cluster_of(db, run, "/lib/a.jpg")
    library.name(db, cluster, "Anna")
    db.execute("UPDATE person SET born = '2001'")
    unlabel(db, cluster)
    assert names(db) == ["Anna"]


def test_labelling_one_cluster_forgets_nobody_else(db, run):
    cluster, _ = cluster_of(db, run, "/lib/a.jpg")
    db.execute("INSERT INTO person (name) VALUES ('somebody without a face yet')")
    library.name(db, cluster, "Ana")
    library.name(db, cluster, "Anna")
    assert names(db) == ["Anna", "somebody without a face yet"]


def test_a_face_that_a_human_called_somebody_else_stays_somebody_else(db, run):
    cluster, (one, two) = cluster_of(db, run, "/lib/a.jpg", "/lib/b.jpg")
    library.say(db, two, "Ben")
    library.name(db, cluster, "Anna")
    assert library.labels(db) == {one: "Anna", two: "Ben"}
    library.name(db, cluster, "Annie")
    assert library.labels(db) == {one: "Annie", two: "Ben"}
    unlabel(db, cluster)
    assert library.labels(db) == {two: "Ben"}


def test_a_face_that_is_not_this_person_leaves_the_cluster_that_gets_their_name(db, run):
    known, _ = cluster_of(db, run, "/lib/a.jpg")
    anna = library.name(db, known, "Anna")
    cluster, (one, two) = cluster_of(db, run, "/lib/b.jpg", "/lib/c.jpg")
    library.reject(db, two, person=anna)
    library.name(db, cluster, "Anna")
    assert library.members(db)[one] == cluster
    assert library.members(db)[two] is None
    assert two not in library.labels(db)


def test_a_cluster_of_nothing_but_rejected_faces_cannot_get_that_name(db, run):
    known, _ = cluster_of(db, run, "/lib/a.jpg")
    anna = library.name(db, known, "Anna")
    cluster, (face,) = cluster_of(db, run, "/lib/b.jpg")
    library.reject(db, face, person=anna)
    with pytest.raises(UsageProblem, match="each face of cluster 2 was said not to be that"):
        library.name(db, cluster, "Anna")
    assert library.members(db)[face] == cluster


def test_unlabelling_takes_the_name_from_cluster_and_faces(db, run):
    cluster, _ = cluster_of(db, run, "/lib/a.jpg", "/lib/b.jpg")
    library.name(db, cluster, "Anna")
    assert unlabel(db, cluster) == "Anna"
    assert library.labels(db) == {}
    assert names(db) == []
    with pytest.raises(UsageProblem, match="has no name"):
        unlabel(db, cluster)


def test_merging_makes_one_cluster_with_all_faces_and_their_exact_average(db, run):
    one, first = cluster_of(db, run, "/lib/a.jpg", "/lib/b.jpg")
    two, second = cluster_of(db, run, "/lib/c.jpg")
    three, third = cluster_of(db, run, "/lib/d.jpg")
    merged = merge(db, one, two, three, two)
    assert (merged.cluster_id, merged.faces, merged.name) == (one, 4, None)
    assert library.members(db) == dict.fromkeys(first + second + third, one)
    with pytest.raises(UsageProblem, match=f"no cluster {two}"):
        people.cluster(db, two)


@pytest.mark.parametrize("named", ["into", "other", "both"])
def test_a_merged_cluster_has_the_name_that_any_of_them_had(db, run, named):
    into, first = cluster_of(db, run, "/lib/a.jpg")
    other, second = cluster_of(db, run, "/lib/b.jpg")
    for cluster in {"into": [into], "other": [other], "both": [into, other]}[named]:
        library.name(db, cluster, "Anna")
    assert merge(db, into, other).name == "Anna"
    assert library.labels(db) == dict.fromkeys(first + second, "Anna")


def test_clusters_of_different_names_do_not_merge(db, run):
    one, _ = cluster_of(db, run, "/lib/a.jpg")
    two, _ = cluster_of(db, run, "/lib/b.jpg")
    library.name(db, one, "Anna")
    library.name(db, two, "Ben")
    with pytest.raises(UsageProblem, match=r"cluster 1 is Anna and cluster 2 is Ben; take one"):
        merge(db, one, two)


def test_clusters_of_different_backends_do_not_merge(db, run):
    one, _ = cluster_of(db, run, "/lib/a.jpg")
    two = library.found(db, run, library.add_photo(db, run, "/lib/b.jpg", "anna", backend="other"), "other")
    with pytest.raises(UsageProblem, match="different backends cannot be averaged"):
        merge(db, one, two)


def test_a_cluster_does_not_merge_with_itself_or_with_one_that_is_not_there(db, run):
    cluster, _ = cluster_of(db, run, "/lib/a.jpg")
    with pytest.raises(UsageProblem, match="cannot be merged into itself"):
        merge(db, cluster, cluster)
    with pytest.raises(UsageProblem, match="there is no cluster 99"):
        merge(db, cluster, 99)


def test_a_human_may_put_two_faces_of_one_photo_together(db, run):
    one, two = library.add_photo(db, run, "/lib/mirror.jpg", "anna", "anna")
    into, other = library.found(db, run, [one]), library.found(db, run, [two])
    assert merge(db, into, other).faces == 2


def test_what_was_rejected_from_a_merged_cluster_is_rejected_from_the_whole(db, run):
    one, _ = cluster_of(db, run, "/lib/a.jpg")
    two, _ = cluster_of(db, run, "/lib/b.jpg")
    three, (stranger,) = cluster_of(db, run, "/lib/c.jpg", who="carl")
    library.reject(db, stranger, cluster=two)
    library.reject(db, stranger, cluster=one)
    merge(db, one, two)
    assert [tuple(row) for row in db.execute("SELECT face_id, cluster_id FROM rejection")] == [(stranger, one)]
    with pytest.raises(UsageProblem, match="no cluster"):
        people.cluster(db, two)
    merge(db, one, three)
    assert library.members(db)[stranger] is None


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("Anna", "Anna"),
        ("  Anna \t Maria\n", "Anna Maria"),
        ('O\'Brien "Bob"; DROP TABLE person;--', 'O\'Brien "Bob"; DROP TABLE person;--'),
        ("Zoe\u0308", "Zo\u00eb"),
        ("\U0001f469\u200d\U0001f467", "\U0001f469\u200d\U0001f467"),  # held together by a joiner
        ("\u0639\u0644\u06cc\u200c\u0631\u0636\u0627", "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627"),  # Persian
        ("\u738b\u5c0f\u660e", "\u738b\u5c0f\u660e"),
        ("?", "?"),
        ("x" * 200, "x" * 200),
    ],
)
def test_a_name_may_be_in_any_script(db, run, given, stored):
    cluster, _ = cluster_of(db, run, "/lib/a.jpg")
    library.name(db, cluster, given)
    assert names(db) == [stored]
    assert people.person_id(db, given) is not None


@pytest.mark.parametrize(
    "name", ["", "  \n", "\u200d", "a\x00b", "\x1b[31mred", "\udcff", "\u202eanna", "x" * 201, "\u0301"]
)
def test_what_is_no_name_is_refused_in_a_sentence(name):
    with pytest.raises(UsageProblem, match=r"^a name "):
        people.clean_name(name)


def test_a_person_is_renamed_wherever_they_appear(db, run):
    cluster, faces = cluster_of(db, run, "/lib/a.jpg")
    library.name(db, cluster, "Ana")
    rename(db, "Ana", "Anna")
    assert library.labels(db) == dict.fromkeys(faces, "Anna")
    assert people.cluster(db, cluster).name == "Anna"


def test_renaming_to_a_name_that_is_taken_or_from_one_that_is_not_there_is_refused(db, run):
    one, _ = cluster_of(db, run, "/lib/a.jpg")
    two, _ = cluster_of(db, run, "/lib/b.jpg")
    library.name(db, one, "Anna")
    library.name(db, two, "Ben")
    with pytest.raises(UsageProblem, match=r"somebody is called Ben already; .*person merge Ben Anna'"):
        rename(db, "Anna", "Ben")
    with pytest.raises(UsageProblem, match="nobody called 'Carl'"):
        rename(db, "Carl", "Karl")
    assert names(db) == ["Anna", "Ben"]


def test_a_cluster_that_all_faces_left_has_no_average(db, run):
    cluster, faces = cluster_of(db, run, "/lib/a.jpg", "/lib/b.jpg")
    averages.assign(db, dict.fromkeys(faces))
    assert db.execute("SELECT count(*) FROM average").fetchone()[0] == 0
    averages.assign(db, dict.fromkeys(faces, cluster))
    assert people.cluster(db, cluster).faces == 2


def test_an_average_that_went_wrong_is_found_and_rebuilt(db, run):
    one, _ = cluster_of(db, run, "/lib/a.jpg", "/lib/b.jpg")
    two, _ = cluster_of(db, run, "/lib/c.jpg")
    three, _ = cluster_of(db, run, "/lib/d.jpg")
    db.execute("UPDATE average SET total = zeroblob(length(total)) WHERE cluster_id = ?", (one,))
    db.execute("DELETE FROM average WHERE cluster_id = ?", (two,))
    assert averages.check(db) == [one, two]
    averages.rebuild(db, [one, two])
    assert averages.check(db) == []
    assert people.cluster(db, three).faces == 1


def test_cluster_numbers_are_never_used_again(db, run):
    one, _ = cluster_of(db, run, "/lib/a.jpg")
    two, _ = cluster_of(db, run, "/lib/b.jpg")
    merge(db, one, two)
    three, _ = cluster_of(db, run, "/lib/c.jpg")
    assert three > two


def test_all_averages_are_those_of_their_faces_however_few_are_read_at_once(db, run, monkeypatch):
    monkeypatch.setattr(encodings, "FEW", 2)
    numbers = [cluster_of(db, run, f"/lib/{n}a.jpg", f"/lib/{n}b.jpg")[0] for n in range(5)]
    averages.assign(db, dict.fromkeys(averages.faces_of(db, numbers[1])))
    library.name(db, numbers[2], "Anna")
    gallery = encodings.all_averages(db, "dlib")
    assert gallery.cluster_ids.tolist() == [numbers[i] for i in (0, 2, 3, 4)]
    assert gallery.named.tolist() == [False, True, False, False]
    assert gallery.persons.tolist() == [-numbers[0], 1, -numbers[3], -numbers[4]]
    for number, mean in zip(gallery.cluster_ids.tolist(), gallery.means, strict=True):
        vectors = [encodings.vector(db, face) for face in averages.faces_of(db, number)]
        np.testing.assert_allclose(mean, np.mean(vectors, axis=0), rtol=1e-6)
    assert encodings.all_averages(db, "other").means.size == 0


def test_an_average_of_a_cluster_that_has_no_faces_is_found_and_rebuilt(db, run):
    cluster, faces = cluster_of(db, run, "/lib/a.jpg")
    db.execute("UPDATE face SET cluster_id = NULL WHERE face_id = ?", faces)
    assert averages.check(db) == [cluster]
    averages.rebuild(db, [cluster])
    assert averages.check(db) == []
