"""How far apart faces are, plainly and by a cohort."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceindex import distance
from faceindex.distance import (
    COHORT,
    LEAST,
    NEAREST,
    SPARE,
    TOO_NEAR,
    Cohort,
    calibrated,
    canonical,
    distances,
    drawn,
    normalised,
    paired,
)

D = 128
ONES = np.ones(D, np.float32)
NOWHERE = -1


def crowd(people: int, each: int = 1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Faces of people about 0.8 apart, no two of them nearer than 0.55, and whose they are."""
    rng = np.random.default_rng(seed)
    persons = np.repeat(np.arange(people), each)
    centres = rng.normal(0, 0.052, (people, D))
    return (centres[persons] + rng.normal(0, 0.005, (len(persons), D))).astype(np.float32), persons


def cohort_of(faces, persons=None, photos=None) -> Cohort:
    count = len(faces)
    return Cohort(
        np.asarray(faces, np.float32),
        np.arange(count) if persons is None else np.asarray(persons),
        np.full(count, NOWHERE) if photos is None else np.asarray(photos),
    )


def on_a_line(*places: float) -> np.ndarray:
    faces = np.zeros((len(places), D), np.float32)
    faces[:, 0] = places
    return faces


def mean_of(halves: np.ndarray) -> list[float]:
    """μ from ½/μ."""
    return (0.5 / halves).tolist()


# plain


@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_distances_are_those_of_double_precision(seed):
    rng = np.random.default_rng(seed)
    faces, averages = (rng.normal(0.1, 0.08, (rows, 128)).astype(np.float32) for rows in (17, 23))
    averages[0] = faces[0]
    weights = rng.uniform(0.5, 2, 128).astype(np.float32)
    wide = faces.astype(np.float64)[:, None] - averages
    exact = np.sqrt((weights * wide**2).sum(2))
    found = distances(faces, averages, weights)
    assert found.dtype == np.float32
    assert np.allclose(found[exact > 0.1], exact[exact > 0.1], atol=1e-5)
    assert np.allclose(found, exact, atol=3e-3)  # the square root enlarges rounding near 0
    assert np.allclose(paired(faces, averages[:17], weights), exact.diagonal(), atol=1e-6)


def test_blocks_do_not_show(monkeypatch):
    faces, persons = crowd(60)
    cohort = cohort_of(faces[:55], persons[:55])
    photos = np.arange(60)
    whole = distances(faces, faces[:7], ONES), cohort.norms(faces, ONES, photos).near
    monkeypatch.setattr(distance, "BLOCK", 30)
    assert np.allclose(distances(faces, faces[:7], ONES), whole[0], atol=1e-5)
    assert np.allclose(cohort.norms(faces, ONES, photos).near, whole[1], atol=1e-5)


@pytest.mark.parametrize(("faces", "averages"), [(0, 3), (3, 0), (0, 0)])
def test_nobody_is_no_error(faces, averages):
    assert distances(on_a_line(*range(faces)), on_a_line(*range(averages)), ONES).shape == (faces, averages)


@given(st.integers(0, 2**32))
def test_the_canonical_order_does_not_depend_on_the_order_given(seed):
    rng = np.random.default_rng(seed)
    faces = rng.integers(0, 2, (12, D)).astype(np.float32)  # some of them equal
    photos = rng.integers(0, 4, 12)
    shuffled = rng.permutation(12)
    one, other = canonical(faces, photos), canonical(faces[shuffled], photos[shuffled])
    assert (faces[one] == faces[shuffled][other]).all()
    assert (photos[one] == photos[shuffled][other]).all()
    assert sorted(one.tolist()) == list(range(12))


# norms


def test_a_face_is_judged_by_its_nearest_cohort_faces():
    cohort = cohort_of(on_a_line(1, 2, 3, 4, 5, 6, 7, 8))
    norms = cohort.norms(on_a_line(0), ONES, np.array([0]))
    assert mean_of(norms.halves()) == pytest.approx([3])  # of 1 to 5
    assert norms.persons[0, :NEAREST].tolist() == [0, 1, 2, 3, 4]


def test_faces_so_near_that_they_may_be_the_same_person_do_not_judge():
    cohort = cohort_of(on_a_line(TOO_NEAR - 0.01, 1, 2, 3, 4, 5))
    assert mean_of(cohort.norms(on_a_line(0), ONES, np.array([0])).halves()) == pytest.approx([3])


def test_a_face_is_not_judged_by_its_own_person():
    cohort = cohort_of(on_a_line(1, 2, 3, 4, 5, 6), persons=[9, 1, 2, 3, 4, 5])
    norms = cohort.norms(on_a_line(0, 0), ONES, np.array([0, 1]), np.array([9, 8]))
    assert mean_of(norms.halves()) == pytest.approx([4, 3])


def test_a_face_is_not_judged_by_others_of_its_photo():
    cohort = cohort_of(on_a_line(1, 2, 3, 4, 5, 6), photos=[7, 8, 8, 8, 8, 8])
    norms = cohort.norms(on_a_line(0, 0), ONES, np.array([7, NOWHERE - 1]))
    assert mean_of(norms.halves()) == pytest.approx([4, 3])


def test_a_face_that_nobody_can_judge_is_near_to_nobody():
    cohort = cohort_of(on_a_line(0.1, 0.2))
    norms = cohort.norms(on_a_line(0), ONES, np.array([0]))
    assert norms.halves().tolist() == [distance.UNJUDGED]


def test_a_small_cohort_judges_by_those_it_has():
    cohort = cohort_of(on_a_line(1, 2))
    assert mean_of(cohort.norms(on_a_line(0), ONES, np.array([0])).halves()) == pytest.approx([1.5])


def test_leaving_out_a_person_is_as_if_their_faces_were_not_in_the_cohort():
    rng = np.random.default_rng(0)
    faces, _ = crowd(40)
    persons = np.arange(40)
    persons[:SPARE] = 99  # one person with several faces
    probes = (faces[rng.integers(40, size=20)] + rng.normal(0, 0.05, (20, D))).astype(np.float32)
    photos = np.arange(20)
    norms = cohort_of(faces, persons).norms(probes, ONES, photos)
    without = norms.without()
    for place in range(NEAREST):
        for row in range(20):
            rest = persons != norms.persons[row, place]
            alone = cohort_of(faces[rest], persons[rest]).norms(probes[[row]], ONES, photos[[row]])
            assert without[row, place] == pytest.approx(alone.halves()[0], rel=1e-5)


def test_rows_of_norms_can_be_taken():
    faces, _ = crowd(30)
    norms = cohort_of(faces).norms(faces, ONES, np.arange(30))
    assert (norms[5:9].halves() == norms.halves()[5:9]).all()
    assert (norms[np.array([3, 1])].halves() == norms.halves()[[3, 1]]).all()


# normalised


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32))
def test_normalised_distances_are_those_of_a_slow_and_obvious_loop(seed):
    rng = np.random.default_rng(seed)
    people, _ = crowd(30, seed=seed % 100)
    cohort = cohort_of(people[:20], np.arange(20), rng.integers(-1, 5, 20))
    faces = (people[rng.integers(30, size=8)] + rng.normal(0, 0.05, (8, D))).astype(np.float32)
    photos, owners = rng.integers(0, 5, 8), np.arange(30)
    weights = rng.uniform(0.5, 2, D).astype(np.float32)
    found = normalised(
        faces, cohort.norms(faces, weights, photos), people,
        cohort.norms(people, weights, np.full(30, -2), owners), owners, weights,
    )  # fmt: skip

    def mu(face, photo, person):
        away = np.sqrt((weights * (cohort.faces.astype(float) - face) ** 2).sum(1))
        away = away[(away >= TOO_NEAR) & (cohort.photos != photo) & (cohort.persons != person)]
        return np.sort(away)[:NEAREST].mean()

    for i, (face, photo) in enumerate(zip(faces, photos, strict=True)):
        for j, (average, owner) in enumerate(zip(people, owners, strict=True)):
            plain = np.sqrt((weights * (face.astype(float) - average) ** 2).sum())
            expected = plain * 0.5 * (1 / mu(face, photo, owner) + 1 / mu(average, -2, owner))
            assert found[i, j] == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_faces_of_common_looks_are_farther_apart_than_they_seem():
    people, _ = crowd(200)
    apart = np.zeros(D, np.float32)
    apart[0] = 0.3
    cohort = cohort_of(people)
    common, rare = people.mean(0), on_a_line(2)[0]
    faces, others = np.stack([common, rare]), np.stack([common, rare]) + apart
    owners = np.array([1000, 1001])
    norms = cohort.norms(faces, ONES, np.array([0, 1]))
    away = normalised(faces, norms, others, cohort.norms(others, ONES, np.full(2, -2), owners), owners, ONES)
    assert away[0, 0] > 1.5 * away[1, 1]


# drawn


def test_too_few_people_give_no_cohort():
    for people, enough in ((LEAST - 1, False), (LEAST, True)):
        faces, persons = crowd(people, 2)
        assert (drawn(faces, persons, np.arange(len(faces)), ONES) is not None) == enough


def test_a_cohort_has_one_face_of_each_group_the_one_nearest_to_its_average():
    faces, persons = crowd(LEAST, 5)
    cohort = drawn(faces, persons, np.arange(len(faces)), ONES)
    assert sorted(cohort.persons.tolist()) == list(range(LEAST))
    for person, face in zip(cohort.persons, cohort.faces, strict=True):
        mine = faces[persons == person]
        off = np.linalg.norm(mine - mine.mean(0), axis=1)
        assert (face == mine[off.argmin()]).all()


def test_a_cohort_is_drawn_from_the_largest_groups_and_remembers_their_photos():
    faces, persons = crowd(LEAST + 20, 3)
    kept = (persons < LEAST) | (np.arange(len(faces)) % 3 == 0)  # the last 20 people have one photo only
    cohort = drawn(faces[kept], persons[kept], np.flatnonzero(kept), ONES, most=LEAST)
    assert sorted(cohort.persons.tolist()) == list(range(LEAST))
    assert (persons[cohort.photos] == cohort.persons).all()


def test_a_cohort_is_of_a_fixed_size_however_large_the_library():
    faces, persons = crowd(COHORT + 200)
    cohort = drawn(faces, persons, np.arange(len(faces)), ONES)
    assert len(cohort.faces) == COHORT


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32))
def test_the_order_of_the_faces_makes_no_difference_to_a_cohort_of_everybody(seed):
    faces, persons = crowd(LEAST + 5, 3)
    shuffled = np.random.default_rng(seed).permutation(len(faces))
    photos = np.arange(len(faces))
    one = drawn(faces, persons, photos, ONES)
    other = drawn(faces[shuffled], persons[shuffled], photos[shuffled], ONES)
    assert sorted(one.photos.tolist()) == sorted(other.photos.tolist())
    # of each pair of people one side is looked at, and which one does depend on the order
    assert (one.typical, one.close) == pytest.approx((other.typical, other.close), rel=5e-3)


def test_somebody_with_many_groups_is_in_a_cohort_once():
    faces, persons = crowd(LEAST + 10, 6)
    groups = np.where(persons < 10, np.arange(len(faces)) + 1000, persons)  # each face of ten people is alone
    cohort = drawn(faces, groups, np.arange(len(faces)), ONES)
    assert sorted(persons[cohort.photos].tolist()) == list(range(LEAST + 10))


def test_people_with_a_name_are_in_a_cohort_however_alike_they_are():
    faces, persons = crowd(LEAST + 10)
    faces[1] = faces[0] + np.float32(0.02)  # 0.23 away
    named = np.zeros(len(faces), bool)
    assert sorted(drawn(faces, persons, persons, ONES, named).persons.tolist()) == [0, *range(2, LEAST + 10)]
    named[:2] = True
    assert sorted(drawn(faces, persons, persons, ONES, named).persons.tolist()) == list(range(LEAST + 10))


def test_people_with_a_name_come_first_into_a_cohort():
    faces, persons = crowd(LEAST + 20, 2)
    named = persons >= 20
    assert sorted(drawn(faces, persons, persons, ONES, named, most=LEAST).persons.tolist()) == [*range(20, LEAST + 20)]


# calibrated


def test_a_cohort_knows_how_far_apart_different_people_are():
    faces, persons = crowd(200)
    cohort = calibrated(cohort_of(faces, persons, photos=persons), ONES)
    strangers, _ = crowd(300, seed=1)
    norms = cohort.norms(strangers, ONES, np.full(300, NOWHERE))
    away = normalised(strangers, norms, strangers, norms, np.full(300, NOWHERE), ONES)[np.triu_indices(300, 1)]
    assert np.quantile(away, 0.5) == pytest.approx(cohort.typical, rel=0.05)
    assert np.quantile(away, distance.CLOSE) == pytest.approx(cohort.close, rel=0.05)


def test_the_fewer_may_be_wrong_the_smaller_the_threshold():
    cohort = Cohort(on_a_line(), np.zeros(0, np.int64), np.zeros(0, np.int64), typical=1.4, close=1.05)
    assert cohort.threshold(distance.CLOSE) == pytest.approx(cohort.close)
    found = [cohort.threshold(rate) for rate in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)]
    assert np.allclose(np.diff(found), -distance.TAIL * (1.4 - 1.05))


def test_no_more_than_asked_for_are_nearer_than_a_threshold_where_nobody_is_like_anybody():
    faces, persons = crowd(300)
    cohort = calibrated(cohort_of(faces, persons, photos=persons), ONES)
    strangers, _ = crowd(1500, seed=2)
    norms = cohort.norms(strangers, ONES, np.full(1500, NOWHERE))
    away = normalised(strangers, norms, strangers, norms, np.full(1500, NOWHERE), ONES)[np.triu_indices(1500, 1)]
    for rate in (1e-3, 1e-4):
        assert (away < cohort.threshold(rate)).mean() <= 2 * rate
