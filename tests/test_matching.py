from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from faceindex import distance, matching
from faceindex.distance import Cohort, distances
from faceindex.matching import Rules, fixed, match, mean, rules_for, variance_weights

D = 8
ONES = np.ones(D, np.float32)
encodings = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 30), st.just(D)),
    elements=st.floats(-1, 1, width=32),
)


def at(*places: float) -> np.ndarray:
    """Encodings on a line, where distances are differences."""
    faces = np.zeros((len(places), D), np.float32)
    faces[:, 0] = places
    return faces


RULES = Rules(named=0.4, unnamed=0.4, margin=0.06)


def decide(faces, photos, averages, persons=None, named=None, forbidden=(), rules=RULES, cohort=None):
    columns = len(averages)
    return match(
        faces,
        np.asarray(photos, np.int64),
        averages,
        np.arange(columns) if persons is None else np.asarray(persons),
        np.ones(columns, bool) if named is None else np.asarray(named),
        ONES,
        rules,
        np.array(forbidden, np.int64).reshape(-1, 2),
        cohort,
    )


# weights


def test_few_encodings_count_alike():
    few = np.random.default_rng(0).normal(size=(matching.MIN_ENCODINGS - 1, D)).astype(np.float32)
    assert (variance_weights([few], D) == 1).all()
    assert (variance_weights([], D) == 1).all()


def test_weights_grow_with_the_standard_deviation_and_average_one():
    faces = np.random.default_rng(0).normal(size=(2000, D)).astype(np.float32)
    faces[:, 2] *= 3
    weights = variance_weights([faces], D)
    assert weights.dtype == np.float32
    assert weights.mean() == pytest.approx(1, abs=1e-6)
    assert weights[2] == pytest.approx(weights[0] * 3, rel=0.1)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 9))
def test_blocks_in_any_order_give_the_same_weights(seed, blocks):
    rng = np.random.default_rng(seed)
    faces = rng.normal(0.1, 0.05, (1500, D)).astype(np.float32)
    shuffled = rng.permutation(faces)
    in_blocks = variance_weights(np.array_split(shuffled, blocks), D)
    assert np.allclose(variance_weights([faces], D), in_blocks, rtol=0, atol=1e-6)


def test_a_number_that_never_varies_does_not_count():
    faces = np.random.default_rng(0).normal(size=(2000, D)).astype(np.float32)
    faces[:, 5] = 0.25
    weights = variance_weights([faces], D)
    assert (weights[5], weights.mean()) == (0, pytest.approx(1, abs=1e-6))


def test_encodings_that_are_all_the_same_count_alike():
    assert (variance_weights([np.ones((2000, D), np.float32)], D) == 1).all()


# averages


@given(encodings, st.randoms(use_true_random=False))
def test_sums_are_equal_to_the_bit_in_any_order(faces, random):
    rows = list(range(len(faces)))
    random.shuffle(rows)
    total = np.zeros(D, np.int64)
    for row in rows:
        total += fixed(faces[[row]])[0]
    assert (total == fixed(faces).sum(0)).all()


@given(encodings, encodings)
def test_a_face_taken_out_again_leaves_no_trace(faces, others):
    total = fixed(faces).sum(0)
    assert (total + fixed(others).sum(0) - fixed(others).sum(0) == total).all()


@given(encodings)
def test_averages_are_those_of_double_precision(faces):
    exact = faces.astype(np.float64).mean(0)
    assert np.allclose(mean(fixed(faces).sum(0), len(faces)), exact, rtol=1e-6, atol=1e-9)


def test_averages_of_many_clusters_at_once():
    faces = np.random.default_rng(0).normal(size=(6, D)).astype(np.float32)
    totals = np.stack([fixed(faces[:2]).sum(0), fixed(faces[2:]).sum(0)])
    averages = mean(totals, np.array([2, 4]))
    assert averages.dtype == np.float32
    assert np.allclose(averages, [faces[:2].mean(0), faces[2:].mean(0)], atol=1e-6)


def test_two_million_of_the_largest_encodings_do_not_overflow():
    largest = np.nextafter(np.float32(matching.LARGEST), np.float32(0))
    one = int(fixed(np.full((1, 1), largest))[0, 0])
    assert one * 2_000_000 < 2**63


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, 1024, -5000])
def test_an_encoding_that_is_no_encoding_is_refused(number):
    with pytest.raises(ValueError, match="finite"):
        fixed(np.full((1, D), number, np.float32))


# decision


def test_a_face_joins_the_nearest_average_within_the_threshold():
    found = decide(at(0.1, 0.9, 5), [0, 1, 2], at(0, 1))
    assert found.cluster.tolist() == [0, 1, -1]
    assert found.nearest.tolist() == [0, 1, 1]
    assert found.distance.tolist() == pytest.approx([0.1, 0.1, 4], abs=1e-5)
    assert found.runner_up.tolist() == [1, 0, 0]
    assert found.runner_up_distance.tolist() == pytest.approx([0.9, 0.9, 5], abs=1e-5)


def test_a_distance_equal_to_the_threshold_is_too_far():
    assert decide(at(0.5), [0], at(0), rules=Rules(0.5, 0.5, 0)).cluster.tolist() == [-1]


def test_a_face_between_two_people_joins_neither():
    found = decide(at(0.22), [0], at(0, 0.4))
    assert (found.cluster[0], found.nearest[0], found.runner_up[0]) == (-1, 1, 0)


def test_a_face_between_two_clusters_of_one_person_joins_the_nearer():
    found = decide(at(0.22), [0], at(0, 0.4, 1), persons=[7, 7, 3])
    assert (found.cluster[0], found.runner_up[0]) == (1, 2)


def test_an_unnamed_cluster_needs_no_margin_over_unnamed_ones_but_over_named_ones():
    between_unnamed = decide(at(0.22), [0], at(0, 0.4), named=[False, False])
    nearer_unnamed = decide(at(0.22), [0], at(0, 0.4), named=[True, False])
    nearer_named = decide(at(0.22), [0], at(0, 0.4), named=[False, True])
    assert [found.cluster[0] for found in (between_unnamed, nearer_unnamed, nearer_named)] == [1, -1, -1]


def test_an_unnamed_cluster_far_from_named_ones_is_joined_whoever_runs_up():
    found = decide(at(0.22), [0], at(0, 0.4, 0.9), named=[False, False, True])
    assert (found.cluster[0], found.runner_up[0]) == (1, 0)


def test_a_rejected_pair_is_never_joined_and_is_no_rival():
    found = decide(at(0.15), [0], at(0.1, 0.2), forbidden=[(0, 0)])
    assert (found.cluster[0], found.runner_up[0]) == (1, -1)
    assert found.runner_up_distance[0] == np.inf


def test_a_face_forbidden_everywhere_sees_nobody():
    found = decide(at(0), [0], at(0, 1), forbidden=[(0, 0), (0, 1)])
    assert [array.tolist() for array in astuple(found)[:5]] == [[-1], [-1], [np.inf], [-1], [np.inf]]


def test_of_two_faces_of_a_photo_the_nearer_wins_and_the_other_goes_on():
    found = decide(at(0.1, 0.05), [4, 4], at(0, 0.45))
    assert found.cluster.tolist() == [1, 0]
    assert found.distance.tolist() == pytest.approx([0.35, 0.05], abs=1e-5)


def test_the_loser_may_not_join_another_cluster_of_the_same_named_person():
    assert decide(at(0.1, 0.05), [4, 4], at(0, 0.3), persons=[5, 5]).cluster.tolist() == [-1, 0]


def test_faces_of_different_photos_may_join_one_cluster():
    assert decide(at(0.1, 0.05), [4, 5], at(0, 9)).cluster.tolist() == [0, 0]


def test_a_person_who_is_on_the_photo_already_is_no_rival():
    assert decide(at(0.0, 0.22), [4, 4], at(0, 0.4)).cluster.tolist() == [0, 1]


@pytest.mark.parametrize(("faces", "averages"), [(0, 3), (3, 0), (0, 0)])
def test_nobody_to_match_is_no_error(faces, averages):
    found = decide(at(*[0.1] * faces), range(faces), at(*range(averages)))
    assert [len(array) for array in astuple(found)] == [faces] * 7
    assert averages or (found.cluster == -1).all()


@st.composite
def scenes(draw: st.DrawFn):
    """Faces several to a photo, averages of which some share a person, rejected pairs."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    count, columns = draw(st.integers(1, 30)), draw(st.integers(1, 12))
    averages = rng.normal(0, 0.12, (columns, D)).astype(np.float32)
    faces = averages[rng.integers(columns, size=count)] + rng.normal(0, 0.08, (count, D)).astype(np.float32)
    persons = rng.integers(max(1, columns // 2), size=columns)
    named = rng.random(columns) < 0.5
    persons[~named] = 100 + np.flatnonzero(~named)
    pairs = np.stack([rng.integers(count, size=count), rng.integers(columns, size=count)], axis=1)
    photos = rng.integers(draw(st.integers(1, 30)), size=count)
    return faces, photos, averages, persons, named, pairs


def plainly(faces, photos, averages, persons, named, pairs, rules=RULES, away=None):
    """The rules of match(), one face at a time."""
    away = distances(faces, averages, ONES) if away is None else away.copy()
    away[pairs[:, 0], pairs[:, 1]] = np.inf
    cluster = np.full(len(faces), -1)
    while True:
        wishes = []
        for face in np.flatnonzero(cluster < 0):
            nearest = away[face].argmin()
            rivals = persons != persons[nearest]
            if not named[nearest]:
                rivals &= named
            rival = away[face][rivals].min(initial=np.inf)
            near = np.float32(rules.named if named[nearest] else rules.unnamed)
            if away[face, nearest] < near and rival >= away[face, nearest] + np.float32(rules.margin):
                wishes.append((away[face, nearest], nearest, face))
        if not wishes:
            return cluster
        _, column, face = min(wishes)
        cluster[face] = column
        away[np.ix_(photos == photos[face], persons == persons[column])] = np.inf


@settings(deadline=None, max_examples=300)
@given(scenes())
def test_matches_are_those_of_the_rules_applied_face_by_face(scene):
    assert decide(*scene).cluster.tolist() == plainly(*scene).tolist()


@settings(deadline=None)
@given(scenes())
def test_small_blocks_change_nothing(scene):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distance, "BLOCK", 20)
        assert decide(*scene).cluster.tolist() == plainly(*scene).tolist()


@settings(deadline=None)
@given(scenes())
def test_no_photo_has_a_person_twice_and_nothing_rejected_is_joined(scene):
    _, photos, _, persons, _, pairs = scene
    found = decide(*scene)
    joined = np.flatnonzero(found.cluster >= 0)
    who = list(zip(photos[joined], persons[found.cluster[joined]], strict=True))
    assert len(set(who)) == len(who)
    assert not {(row, found.cluster[row]) for row in joined} & set(map(tuple, pairs.tolist()))
    assert (found.distance[joined] < 0.4).all()
    assert (found.cluster[joined] == found.nearest[joined]).all()


@settings(deadline=None)
@given(scenes(), st.integers(0, 2**32))
def test_the_order_of_faces_makes_no_difference_to_a_match(scene, seed):
    faces, photos, averages, persons, named, pairs = scene
    shuffled = np.random.default_rng(seed).permutation(len(faces))
    moved = np.stack([np.argsort(shuffled)[pairs[:, 0]], pairs[:, 1]], axis=1)
    found = decide(*scene)
    again = decide(faces[shuffled], photos[shuffled], averages, persons, named, moved)
    for one, other in zip(astuple(found), astuple(again), strict=True):
        assert np.array_equal(one[shuffled], other, equal_nan=True)


# rules


def test_without_a_cohort_the_plain_threshold_holds():
    rules = rules_for(None, 5000)
    assert rules == Rules(matching.MATCH_THRESHOLD, matching.MATCH_THRESHOLD, matching.MARGIN)


def a_cohort(typical=1.4, close=1.05):
    none = np.zeros(0, np.int64)
    return Cohort(np.zeros((0, D), np.float32), none, none, typical, close)


def test_the_more_people_the_nearer_a_face_must_be_to_get_a_name():
    few, some, many = (rules_for(a_cohort(), people).named for people in (2, matching.FEWEST_PEOPLE, 10_000))
    assert few == some > many


def test_an_unnamed_cluster_is_joined_from_farther_away_whoever_is_known():
    few, many = (rules_for(a_cohort(), people) for people in (10, 10_000))
    assert few.unnamed == many.unnamed > few.named


def test_threshold_and_margin_of_the_user_win():
    for cohort in (None, a_cohort()):
        assert rules_for(cohort, 100, 0.5, 0.01) == Rules(0.5, 0.5, 0.01)


def test_a_name_asks_for_less_distance_than_an_unnamed_cluster():
    rules = Rules(named=0.2, unnamed=0.4, margin=0)
    assert decide(at(0.3), [0], at(0), named=[True], rules=rules).cluster.tolist() == [-1]
    assert decide(at(0.3), [0], at(0), named=[False], rules=rules).cluster.tolist() == [0]


# by a cohort

JUDGED = Rules(named=0.6, unnamed=0.8, margin=0.05)


@st.composite
def judged_scenes(draw: st.DrawFn):
    """A scene, and a cohort of which some belong to people of the scene and stand on its photos."""
    scene = draw(scenes())
    _, photos, averages, persons, _, _ = scene
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    size = draw(st.integers(1, 12))
    strangers = rng.normal(0, 0.5, (size, D)).astype(np.float32)
    near = averages[rng.integers(len(averages), size=size)] + rng.normal(0, 0.3, (size, D)).astype(np.float32)
    owners = 1000 + np.arange(size)
    known = rng.permutation(size)[: distance.SPARE]  # a person whose more of the cohort are is judged by fewer
    owners[known] = rng.choice(persons, len(known))
    pictures = np.where(rng.random(size) < 0.3, rng.choice(photos, size), -1)
    return scene, Cohort(np.where(rng.random((size, 1)) < 0.5, strangers, near), owners, pictures)


def half(face, photo, person, cohort):
    """½/μ of one face, slowly: the cohort's nearest, but those of that person, that photo, and too near."""
    away = [
        float(np.linalg.norm(face.astype(float) - other))
        for other, whose, where in zip(cohort.faces, cohort.persons, cohort.photos, strict=True)
        if whose != person and (photo is None or where != photo)
    ]
    near = sorted(one for one in away if one >= distance.TOO_NEAR)[: distance.NEAREST]
    return 0.5 / np.mean(near) if near else distance.UNJUDGED


def judged(faces, photos, averages, persons, cohort):
    """Normalised distances, one by one."""
    return np.array([
        [
            np.linalg.norm(face.astype(float) - average)
            * (half(face, photo, person, cohort) + half(average, None, person, cohort))
            for average, person in zip(averages, persons, strict=True)
        ]
        for face, photo in zip(faces, photos, strict=True)
    ])  # fmt: skip


@settings(deadline=None, max_examples=100)
@given(judged_scenes())
def test_normalised_matches_are_those_of_a_slow_and_obvious_loop(scene_and_cohort):
    (faces, photos, averages, persons, named, pairs), cohort = scene_and_cohort
    away = judged(faces, photos, averages, persons, cohort)
    found = decide(faces, photos, averages, persons, named, pairs, JUDGED, cohort)
    expected = plainly(faces, photos, averages, persons, named, pairs, JUDGED, away)
    assert found.cluster.tolist() == expected.tolist()


@settings(deadline=None, max_examples=100)
@given(judged_scenes())
def test_both_distances_are_told_the_plain_and_the_normalised(scene_and_cohort):
    (faces, photos, averages, persons, named, pairs), cohort = scene_and_cohort
    away = judged(faces, photos, averages, persons, cohort)
    found = decide(faces, photos, averages, persons, named, pairs, JUDGED, cohort)
    rows = np.flatnonzero(found.nearest >= 0)
    columns = found.nearest[rows]
    assert np.allclose(found.normalised[rows], away[rows, columns], rtol=1e-3, atol=1e-3)
    assert np.allclose(found.distance[rows], np.linalg.norm(faces[rows] - averages[columns], axis=1), atol=1e-5)
    second = np.flatnonzero(found.runner_up >= 0)
    assert np.allclose(found.runner_up_normalised[second], away[second, found.runner_up[second]], rtol=1e-3, atol=1e-3)


@settings(deadline=None, max_examples=50)
@given(judged_scenes(), st.integers(0, 2**32))
def test_the_order_of_faces_makes_no_difference_with_a_cohort(scene_and_cohort, seed):
    (faces, photos, averages, persons, named, _), cohort = scene_and_cohort
    shuffled = np.random.default_rng(seed).permutation(len(faces))
    one = decide(faces, photos, averages, persons, named, rules=JUDGED, cohort=cohort)
    other = decide(faces[shuffled], photos[shuffled], averages, persons, named, rules=JUDGED, cohort=cohort)
    assert (one.cluster[shuffled] == other.cluster).all()


def test_without_a_cohort_there_is_no_normalised_distance():
    found = decide(at(0.1), [0], at(0, 1))
    assert np.isnan(found.normalised).all()
    assert np.isnan(found.runner_up_normalised).all()
