"""What a cohort, poor faces, near-copies and dates do to how faces are recognised, in libraries of many people."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from crowd import crowd

from faceindex.distance import COHORT, LEAST
from faceindex.store import averages, cohorts, journal, people

PEOPLE = 80


@pytest.fixture
def library(tmp_path):
    """80 people, three photos each, in clusters."""
    with crowd(tmp_path, PEOPLE) as many:
        many.faces = many.everybody(3)
        many.recognise()
        yield many


def name(many, cluster, person):
    with journal.entry(many.db, "cluster label", "named") as entry:
        return people.label(many.db, entry, cluster, person)


def everything(many):
    return [tuple(row) for row in many.db.execute("SELECT face_id, cluster_id, counts FROM face ORDER BY face_id")]


def test_everybody_gets_a_cluster_of_their_own(library):
    found = library.clusters(library.faces)
    groups = [set(found[start : start + 3]) for start in range(0, len(found), 3)]
    assert all(len(group) == 1 for group in groups)
    assert len(set.union(*groups)) == PEOPLE


def test_a_cohort_is_one_face_of_each_of_many_clusters(library):
    library.photo(library.encoding(0))
    library.recognise()
    drawn = cohorts.latest(library.db, "dlib")
    assert LEAST <= len(drawn.cohort.faces) == PEOPLE <= COHORT
    assert len(set(drawn.cohort.persons.tolist())) == PEOPLE
    assert 0 < drawn.cohort.close < drawn.cohort.typical


def test_a_small_library_has_none_and_is_recognised_all_the_same(tmp_path):
    with crowd(tmp_path, LEAST - 1) as few:
        faces = few.everybody(2)
        few.recognise()
        name(few, few.clusters(faces)[0], "Anna")
        more = few.photo(few.encoding(0))
        few.recognise()
        assert cohorts.latest(few.db, "dlib") is None
        assert few.clusters(more)[0] == few.clusters(faces)[0]
        assert few.one("SELECT normalised, founded FROM match WHERE face_id = ?", more[0]) == (None, 0)


def test_a_match_remembers_both_distances_and_the_cohort(library):
    more = library.photo(library.encoding(0))
    library.recognise()
    row = library.one(
        "SELECT distance, normalised, runner_up_distance, runner_up_normalised, cohort_id, founded"
        " FROM match WHERE face_id = ?",
        more[0],
    )
    distance, normalised, runner_up, runner_up_normalised, cohort_id, founded = row
    assert 0 < distance < runner_up
    assert 0 < normalised < runner_up_normalised
    assert (cohort_id, founded) == (1, 0)


def test_plain_distances_are_there_for_the_asking(library):
    more = library.photo(library.encoding(0))
    library.recognise(distance="plain")
    assert library.clusters(more) == library.clusters(library.faces[:1])
    assert library.one("SELECT normalised, cohort_id, threshold FROM match WHERE face_id = ?", more[0]) == (
        None,
        None,
        pytest.approx(0.4),
    )


def test_a_cohort_stays_until_the_library_has_grown_by_half(tmp_path):
    with crowd(tmp_path, 2 * PEOPLE) as many:
        for person in range(PEOPLE):
            many.photo(many.encoding(person))
        many.recognise()
        many.photo(many.encoding(0))
        many.recognise()
        for person in range(PEOPLE, PEOPLE + 20):
            many.photo(many.encoding(person))
        many.recognise()
        assert many.one("SELECT count(*), max(clusters) FROM cohort") == (1, PEOPLE)
        for person in range(PEOPLE + 20, 2 * PEOPLE):
            many.photo(many.encoding(person))
        many.recognise()
        many.photo(many.encoding(0))
        many.recognise()
        assert many.one("SELECT count(*), max(clusters) FROM cohort") == (2, 2 * PEOPLE)
        assert many.one("SELECT count(*) FROM cohort_face WHERE cohort_id = 1") == (PEOPLE,)


def test_the_same_nights_give_the_same_clusters_and_distances(tmp_path):
    told = []
    for place in ("one", "other"):
        (tmp_path / place).mkdir()
        with crowd(tmp_path / place, PEOPLE, seed=7) as many:
            many.everybody(2)
            many.recognise()
            for person in range(0, PEOPLE, 5):
                many.photo(many.encoding(person))
            many.recognise()
            told.append(
                [
                    tuple(row)
                    for row in many.db.execute("SELECT face_id, cluster_id, distance, normalised FROM match ORDER BY 1")
                ]
            )
    assert told[0] == told[1]


def test_adding_photos_changes_nothing_else(library):
    name(library, library.clusters(library.faces)[0], "Anna")
    before = everything(library)
    for person in range(0, PEOPLE, 3):
        library.photo(library.encoding(person), library.encoding((person + 1) % PEOPLE))
        library.recognise()
    assert everything(library)[: len(before)] == before
    assert averages.check(library.db) == []


def test_strangers_get_no_name(library):
    for person in range(PEOPLE):
        name(library, library.clusters(library.faces)[3 * person], f"Person {person}")
    rng = np.random.default_rng(5)
    strangers = rng.normal(0, 0.052, (500, 128)).astype(np.float32)
    faces = list(itertools.chain.from_iterable(library.photo(stranger) for stranger in strangers))
    library.recognise()
    named = {row[0] for row in library.db.execute("SELECT cluster_id FROM cluster WHERE person_id IS NOT NULL")}
    assert sum(cluster in named for cluster in library.clusters(faces)) <= 1


# poor faces


def test_a_poor_face_joins_but_moves_no_average(library):
    home = library.clusters(library.faces)[0]
    before = library.one("SELECT total, counted_total FROM average WHERE cluster_id = ?", home)
    assert before[1] is None
    poor = library.photo(library.encoding(0), width=350)
    library.recognise()
    assert library.clusters(poor) == [home]
    assert library.one("SELECT counted_total, faces, counted FROM average WHERE cluster_id = ?", home) == (
        before[0],
        4,
        3,
    )
    assert averages.check(library.db) == []


def tried(many):
    return many.one("SELECT count(*) FROM face WHERE cluster_id IS NULL AND tried = 0") == (0,)


@pytest.mark.parametrize("poor", [{"width": 350}, {"score": 0.1}, {"sharpness": 0.1}])
def test_poor_faces_found_no_cluster_and_are_not_tried_every_night(library, poor):
    stranger = np.random.default_rng(9).normal(0, 0.052, 128).astype(np.float32)
    faces = [library.photo(stranger, **poor)[0] for _ in range(3)]
    library.recognise()
    assert library.clusters(faces) == [None] * 3
    assert tried(library)
    good = library.photo(stranger)
    library.recognise()
    assert library.clusters(good) != [None]
    assert library.clusters(faces) == [None] * 3  # one cluster more is not enough to try them again
    for seed in range(10, 20):
        library.photo(np.random.default_rng(seed).normal(0, 0.052, 128).astype(np.float32))
    library.recognise()
    assert library.clusters(faces) == library.clusters(good) * 3
    assert tried(library)


def test_poor_faces_are_tried_again_once_a_human_said_anything(library):
    stranger = np.random.default_rng(9).normal(0, 0.052, 128).astype(np.float32)
    poor = library.photo(stranger, width=350)
    library.recognise()
    good = library.photo(stranger)
    library.recognise()
    assert library.clusters(poor) == [None]
    name(library, library.clusters(good)[0], "Anna")
    library.recognise()
    assert library.clusters(poor) == library.clusters(good)


def test_a_poor_face_joins_a_cluster_of_the_same_first_night(tmp_path):
    with crowd(tmp_path, 3) as few:
        faces = few.everybody(3)
        poor = few.photo(few.encoding(0), width=350)
        few.recognise()
        assert few.clusters(poor) == few.clusters(faces[:1])
        alone = few.photo(np.random.default_rng(9).normal(0, 0.052, 128).astype(np.float32), width=350)
        few.recognise()
        assert few.clusters(alone) == [None]
        assert tried(few)


def test_a_cluster_of_poor_faces_alone_has_an_average_of_them(library):
    stranger = np.random.default_rng(9).normal(0, 0.052, 128).astype(np.float32)
    faces = [library.photo(stranger, width=350)[0] for _ in range(2)]
    library.recognise()
    averages.assign(library.db, dict.fromkeys(faces, library.clusters(library.faces)[0]))
    averages.assign(library.db, dict.fromkeys(library.faces[:3]))
    cluster = library.clusters(faces)[0]
    assert library.one("SELECT faces, counted, counted_total FROM average WHERE cluster_id = ?", cluster) == (
        2,
        0,
        None,
    )
    assert averages.check(library.db) == []


# near-copies


def test_near_copies_count_once(library):
    burst = library.encoding(0)
    for _ in range(5):
        library.photo((burst + np.random.default_rng(1).normal(0, 0.003, 128)).astype(np.float32))
    library.recognise()
    home = library.clusters(library.faces)[0]
    assert library.one("SELECT faces, counted FROM average WHERE cluster_id = ?", home) == (8, 4)
    assert averages.check(library.db) == []
    library.photo(burst)  # another night
    library.recognise()
    assert library.one("SELECT faces, counted FROM average WHERE cluster_id = ?", home) == (9, 4)


def test_near_copies_that_found_a_cluster_count_once(tmp_path):
    with crowd(tmp_path, 2) as few:
        face = few.encoding(0)
        for _ in range(4):
            few.photo(face)
        few.recognise()
        assert few.one("SELECT faces, counted FROM average") == (4, 1)


# dates


@pytest.mark.parametrize(
    ("born", "taken_at", "named"),
    [
        ("2010", "2009-12-31T10:00:00", False),
        ("2010", "2010-01-01T10:00:00", True),
        ("2010-06-15", "2010-06-14T23:00:00", False),
        ("2010-06-15", "2010-06-15T01:00:00", True),
        ("2010", None, True),
        (None, "1999-01-01T00:00:00", True),
    ],
)
def test_nobody_is_on_a_photo_from_before_their_birth(library, born, taken_at, named):
    home = library.clusters(library.faces)[0]
    person = name(library, home, "Anna")
    library.db.execute("UPDATE person SET born = ? WHERE person_id = ?", (born, person))
    library.db.commit()
    faces = library.photo(library.encoding(0), taken_at=taken_at)
    library.recognise()
    assert (library.clusters(faces) == [home]) is named
