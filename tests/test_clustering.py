from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceindex import clustering, distance
from faceindex.distance import LEAST, drawn

ONES = np.ones(8, np.float32)


def group(faces, photos, weights, threshold=None):
    """The groups alone, by plain distances."""
    return clustering.group(faces, photos, weights, threshold, most_cohorts=0)[0]


@st.composite
def crowds(draw: st.DrawFn):
    """Faces of a few people, several to a photo, some of them exact copies."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    count, people = draw(st.integers(1, 40)), draw(st.integers(1, 6))
    centres = rng.normal(0, draw(st.sampled_from([0.05, 0.15, 0.5])), (people, 8))
    faces = centres[rng.integers(people, size=count)] + rng.normal(0, 0.08, (count, 8))
    faces[rng.random(count) < 0.2] = faces[0]
    return faces.astype(np.float32), rng.integers(draw(st.integers(1, 40)), size=count)


def as_sets(groups, faces, photos):
    """The groups without their numbers; equal faces of one photo cannot be told apart."""
    members = [sorted((photos[row], faces[row].tobytes()) for row in np.flatnonzero(groups == g)) for g in set(groups)]
    return sorted(members)


@given(crowds())
def test_two_faces_of_one_photo_are_never_in_one_group(crowd):
    faces, photos = crowd
    together = list(zip(group(faces, photos, ONES).tolist(), photos.tolist(), strict=True))
    assert len(set(together)) == len(together)


@given(crowds())
def test_each_face_is_in_one_group_and_groups_are_numbered_by_first_member(crowd):
    faces, photos = crowd
    groups = group(faces, photos, ONES)
    assert groups.shape == photos.shape
    assert list(dict.fromkeys(groups.tolist())) == list(range(groups.max() + 1))


@given(crowds(), st.integers(0, 2**32))
def test_the_order_of_faces_makes_no_difference(crowd, seed):
    faces, photos = crowd
    shuffled = np.random.default_rng(seed).permutation(len(faces))
    groups, again = group(faces, photos, ONES), group(faces[shuffled], photos[shuffled], ONES)
    assert as_sets(groups, faces, photos) == as_sets(again, faces[shuffled], photos[shuffled])


@given(crowds())
def test_faces_of_a_group_are_near_each_other_on_the_whole(crowd):
    faces, photos = crowd
    groups = group(faces, photos, ONES, threshold=0.4)
    for number in range(groups.max() + 1):
        mine = faces[groups == number].astype(np.float64)
        squared = ((mine[:, None] - mine) ** 2).sum(2)
        assert squared.mean() <= (0.4 * clustering.LOOSENESS) ** 2 + 1e-6


def test_no_faces_give_no_groups():
    assert len(group(np.zeros((0, 8), np.float32), np.zeros(0, np.int64), ONES)) == 0


def test_faces_farther_apart_than_the_threshold_stay_alone():
    faces = np.eye(8, dtype=np.float32)
    assert group(faces, np.arange(8), ONES, threshold=1.4).tolist() == list(range(8))
    assert group(faces, np.arange(8), ONES, threshold=1.42).tolist() == [0] * 8


def test_a_number_without_weight_does_not_keep_faces_apart():
    faces = np.zeros((2, 8), np.float32)
    faces[1, 3] = 5
    weights = ONES.copy()
    weights[3] = 0
    assert group(faces, np.arange(2), weights).tolist() == [0, 0]


def test_a_chain_of_neighbours_does_not_become_one_group():
    faces = np.zeros((30, 8), np.float32)
    faces[:, 0] = np.arange(30) * 0.3
    assert group(faces, np.arange(30), ONES, threshold=0.4).max() > 5


@settings(deadline=None, max_examples=20)
@given(crowds(), st.integers(1, 5), st.integers(1, 5))
def test_small_blocks_and_chunks_keep_the_promises(crowd, block, chunk):
    faces, photos = crowd
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distance, "BLOCK", block * len(faces))
        patch.setattr(clustering, "CHUNK", chunk)
        patch.setattr(clustering, "NEIGHBOURS", 3)
        groups = group(faces, photos, ONES)
    together = list(zip(groups.tolist(), photos.tolist(), strict=True))
    assert len(set(together)) == len(together)


def test_a_person_on_more_photos_than_neighbours_kept_is_one_group():
    rng = np.random.default_rng(0)
    faces = rng.normal(0, 0.05, (3 * clustering.NEIGHBOURS, 8)).astype(np.float32)
    assert group(faces, np.arange(len(faces)), ONES).max() == 0


def test_twins_in_one_photo_divide_the_other_photos_between_them():
    rng = np.random.default_rng(1)
    faces = rng.normal(0, 0.01, (6, 8)).astype(np.float32)
    groups = group(faces, np.array([0, 0, 1, 2, 3, 4]), ONES)
    assert groups[0] != groups[1]
    assert groups.max() == 1


# by a cohort


def crowd(people=80, photos=3, seed=0):
    """Faces (people * photos, 128) of many people, as a network would encode them, and whose they are."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 0.052, (people, 128))
    persons = np.repeat(np.arange(people), photos)
    return (centres[persons] + rng.normal(0, 0.021, (len(persons), 128))).astype(np.float32), persons


ALL = np.ones(128, np.float32)


def same_groups(one, other):
    return len(np.unique(one * 10_000 + other)) == one.max() + 1 == other.max() + 1


def test_a_library_without_clusters_draws_a_cohort_from_its_own_groups():
    faces, persons = crowd()
    groups, cohort = clustering.group(faces, np.arange(len(faces)), ALL)
    assert same_groups(groups, persons)
    assert cohort is not None
    assert len(cohort.faces) == len(np.unique(persons))


def test_too_few_people_for_a_cohort_are_grouped_by_plain_distances():
    faces, persons = crowd(LEAST - 1)
    groups, cohort = clustering.group(faces, np.arange(len(faces)), ALL)
    assert cohort is None
    assert (groups == group(faces, np.arange(len(faces)), ALL)).all()
    assert same_groups(groups, persons)


def test_a_cohort_that_is_given_judges_and_is_given_back():
    faces, persons = crowd()
    cohort = drawn(faces, persons, np.arange(len(faces)), ALL)
    groups, by = clustering.group(faces, np.arange(len(faces)), ALL, cohort=cohort)
    assert by is cohort
    assert same_groups(groups, persons)


def test_with_a_cohort_the_order_of_faces_makes_no_difference_either():
    faces, _ = crowd()
    shuffled = np.random.default_rng(1).permutation(len(faces))
    photos = np.arange(len(faces)) // 2
    one, first = clustering.group(faces, photos, ALL)
    other, second = clustering.group(faces[shuffled], photos[shuffled], ALL)
    assert same_groups(one[shuffled], other)
    assert np.array_equal(np.sort(first.faces, 0), np.sort(second.faces, 0))


def test_with_a_cohort_two_faces_of_one_photo_stay_apart():
    faces, _ = crowd(photos=6)
    photos = np.arange(len(faces)) // 2  # each photo shows one person twice
    groups, cohort = clustering.group(faces, photos, ALL)
    assert cohort is not None
    assert len(np.unique(groups * len(faces) + photos)) == len(faces)


def test_common_looks_must_be_nearer_than_rare_ones():
    """Two pairs of faces equally far apart: one amid a crowd of strangers, one with nobody around."""
    faces, persons = crowd(photos=1)
    cohort = drawn(faces, persons, np.full(len(faces), -1), ALL)
    apart = np.zeros(128, np.float32)
    apart[0] = 0.3
    common, rare = faces.mean(0), np.full(128, 0.2, np.float32)
    four = np.stack([common, common + apart, rare, rare + apart])
    halves = cohort.norms(four, ALL, np.arange(4)).halves()
    limit = 0.3 * (halves[0] + halves[2])  # between the two normalised distances
    groups, _ = clustering.group(four, np.arange(4), ALL, float(limit), cohort)
    assert groups.tolist() == [0, 1, 2, 2]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.floats(0.5, 1.1))
def test_normalised_pairs_are_those_of_a_slow_and_obvious_loop(seed, threshold):
    rng = np.random.default_rng(seed)
    faces, persons = crowd(60, 1, seed=1)
    cohort = drawn(faces, persons, np.full(len(faces), -1), ALL)
    some = (faces[rng.integers(60, size=12)] + rng.normal(0, 0.03, (12, 128))).astype(np.float32)
    mean = []
    for face in some:
        away = np.sort([np.linalg.norm(face - other) for other in cohort.faces])
        mean.append(away[away >= distance.TOO_NEAR][: distance.NEAREST].mean())
    away = [[np.linalg.norm(a - b) * 0.5 * (1 / m + 1 / n) for b, n in zip(some, mean, strict=True)]
            for a, m in zip(some, mean, strict=True)]  # fmt: skip
    expected = {(i, j) for i in range(12) for j in range(i + 1, 12) if away[i][j] < threshold}
    halves = cohort.norms(some, ALL, np.arange(12)).halves()
    one, other = clustering._near_pairs(clustering._scaled(some, ALL), threshold, halves)
    found = set(zip(one.tolist(), other.tolist(), strict=True))
    edge = {(i, j) for i in range(12) for j in range(i + 1, 12) if abs(away[i][j] - threshold) < 1e-4}
    assert found - edge == expected - edge
    order = [away[i][j] for i, j in zip(one, other, strict=True)]
    assert np.allclose(order, sorted(order), atol=1e-4)
