"""What `eval` says of labels whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceindex.distance import distances, drawn
from faceindex.errors import UsageProblem
from faceindex.evaluating import evaluate
from faceindex.evaluating.figures import Rate, confused, figures, recommended, thresholds
from faceindex.evaluating.seen import Answers, Averages, Labelled, Measure, as_known, as_strangers, of_people
from faceindex.matching import Rules, fixed, match

D = 128
ONES = np.ones(D, np.float32)
PLAIN = Measure(ONES, None)
NOBODY = Labelled(np.zeros((0, D), np.float32), *(np.zeros(0, np.int64) for _ in range(3)))


def crowd(people: int, each: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Faces about 0.33 apart of people about 0.83 apart."""
    rng = np.random.default_rng(seed)
    persons = np.repeat(np.arange(people), each)
    centres = rng.normal(0, 0.052, (people, D))
    return (centres[persons] + rng.normal(0, 0.021, (len(persons), D))).astype(np.float32), persons


def named(persons: np.ndarray) -> list[str]:
    return [f"person {person:03}" for person in persons]


def at(*places: float) -> np.ndarray:
    faces = np.zeros((len(places), D), np.float32)
    faces[:, 0] = places
    return faces


def labelled(faces: np.ndarray, *persons: int, columns: tuple[int, ...] | None = None) -> Labelled:
    owners = np.array(persons)
    plain = Labelled.of_people(faces, owners)
    return plain if columns is None else Labelled(faces, plain.photos, owners, np.array(columns))


# leave-one-out


def test_a_face_is_held_against_its_own_average_without_it():
    faces = labelled(at(0, 0.2, 1, 1.4), 5, 5, 6, 6)
    seen = as_known(faces, Averages.of(faces), PLAIN)
    assert seen.person.tolist() == [5, 5, 6, 6]
    assert seen.distance.tolist() == pytest.approx([0.2, 0.2, 0.4, 0.4], abs=1e-4)  # to the other face, not the mean
    assert seen.rival.tolist() == pytest.approx([1.2, 1.0, 0.9, 1.3], abs=1e-4)


def test_somebody_with_one_face_only_cannot_be_recognised_by_it_but_can_be_a_stranger():
    faces = labelled(at(0, 0.2, 5), 1, 1, 2)
    averages = Averages.of(faces)
    assert as_known(faces, averages, PLAIN).truth.tolist() == [1, 1]
    assert as_strangers(faces, averages, PLAIN).truth.tolist() == [1, 1, 2]


def test_the_only_face_of_one_cluster_is_held_against_the_persons_other_cluster():
    faces = labelled(at(0, 0.3, 0.4), 1, 1, 1, columns=(0, 1, 1))
    other = labelled(at(9), 2, columns=(2,))
    everybody = Labelled(*(np.concatenate([getattr(faces, name), getattr(other, name)])
                           for name in ("faces", "photos", "persons", "columns")))  # fmt: skip
    seen = as_known(everybody, Averages.of(everybody), PLAIN)
    assert seen.truth.tolist() == [1, 1, 1]
    assert seen.distance.tolist() == pytest.approx([0.35, 0.1, 0.1], abs=1e-4)
    assert (seen.rival > 8).all()  # another cluster of the same person is no rival


def test_a_face_that_moves_no_average_is_held_against_all_as_they_are():
    faces = labelled(at(0, 0.2, 0.1, 3), 1, 1, 1, 2, columns=(0, 0, -1, 1))
    moving = faces.columns >= 0
    averages = Averages.of(labelled(faces.faces[moving], *faces.persons[moving]))
    seen = as_known(faces, averages, PLAIN)
    assert seen.truth.tolist() == [1, 1, 1]
    assert seen.distance[2] == pytest.approx(0, abs=3e-3)  # the average of the two others


def test_a_stranger_is_held_against_everybody_else():
    faces = labelled(at(0, 0.2, 1, 1.4, 3), 5, 5, 6, 6, 7)
    seen = as_strangers(faces, Averages.of(faces), PLAIN)
    assert seen.person.tolist() == [6, 6, 5, 5, 6]
    assert seen.distance.tolist() == pytest.approx([1.2, 1.0, 0.9, 1.3, 1.8], abs=1e-4)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32), st.booleans())
def test_what_is_seen_is_what_a_library_without_the_face_would_see(seed, by_cohort):
    faces, persons = crowd(60, 3, seed=seed % 1000)
    faces += np.random.default_rng(seed).normal(0, 0.02, faces.shape).astype(np.float32)
    known = Labelled.of_people(faces, persons)
    cohort = drawn(faces, persons, known.photos, ONES) if by_cohort else None
    measure, averages = Measure(ONES, cohort), Averages.of(known)
    seen = as_known(known, averages, measure)
    for row in (0, 50, 179):
        rest = np.arange(len(faces)) != row
        means = np.array([faces[rest & (persons == person)].mean(0) for person in range(60)])
        photos, every = np.array([row]), np.arange(60)
        found = match(faces[[row]], photos, means, every, every >= 0, ONES, Rules(9, 9, 0), None, cohort)
        assert seen.person[row] == found.nearest[0]
        expected = found.normalised if by_cohort else found.distance
        rival = found.runner_up_normalised if by_cohort else found.runner_up_distance
        # the average without it may be judged by other cohort faces than the whole one
        assert seen.distance[row] == pytest.approx(expected[0], rel=1e-3)
        assert seen.rival[row] == pytest.approx(rival[0], rel=1e-3)


def test_a_person_who_is_a_stranger_is_not_judged_by_their_own_faces():
    faces, persons = crowd(60)
    known = Labelled.of_people(faces, persons)
    cohort = drawn(faces, persons, known.photos, ONES)
    seen = as_strangers(known, Averages.of(known), Measure(ONES, cohort))
    for person in (0, 59):
        others = persons != person
        without = drawn(faces[others], persons[others], known.photos[others], ONES)
        rest = Labelled.of_people(faces[others], persons[others])
        alone = as_strangers(Labelled(faces[~others], known.photos[~others], persons[~others], persons[~others]),
                             Averages.of(rest), Measure(ONES, without))  # fmt: skip
        assert np.allclose(seen.distance[~others], alone.distance, rtol=1e-4)


def test_blocks_do_not_show(monkeypatch):
    faces, persons = crowd(55)
    answers = of_people(faces, named(persons))
    whole = evaluate(answers, 0.001)
    monkeypatch.setattr("faceindex.distance.BLOCK", 200)
    again = evaluate(answers, 0.001)
    assert (again.in_force, again.persons) == (whole.in_force, whole.persons)
    assert (again.at, again.contributions) == (whole.at, whole.contributions)


def test_several_averages_of_a_person_can_be_joined():
    faces = labelled(at(0, 0.2, 1), 4, 4, 4, columns=(0, 0, 1))
    single, same = Averages.of(faces).joined(), faces.joined(Averages.of(faces))
    assert (single.totals == fixed(faces.faces).sum(0)).all()
    assert (single.counts.tolist(), single.persons.tolist(), same.columns.tolist()) == ([3], [4], [0, 0, 0])


# figures


@given(st.integers(0, 500), st.integers(1, 500))
def test_an_interval_holds_the_rate_and_stays_between_0_and_1(part, more):
    rate = Rate(part, part + more)
    assert 0 <= rate.low <= rate.value <= rate.high <= 1


def test_intervals_are_wilsons():
    assert (Rate(5, 50).low, Rate(5, 50).high) == pytest.approx((0.0435, 0.2136), abs=1e-4)
    assert (Rate(0, 100).low, Rate(0, 100).high) == pytest.approx((0, 0.0370), abs=1e-4)
    assert (Rate(0, 0).value, Rate(0, 0).low, Rate(0, 0).high) == (None, 0, 1)


def test_figures_count_names_that_are_right_and_names_that_are_wrong():
    faces = labelled(at(0, 0.1, 1, 1.1, 1.3), 1, 1, 2, 2, 3)  # 3 is a stranger to 2's average, and near it
    averages = Averages.of(faces)
    seen = as_known(faces, averages, PLAIN), as_strangers(faces, averages, PLAIN)
    found = figures(*seen, 0.26, 0.0)
    assert (found.recall.part, found.recall.whole) == (4, 4)
    assert (found.wrong.part, found.wrong.whole) == (2, 5)  # 3 for 2, and the nearer of 2 for 3
    assert (found.precision.part, found.precision.whole) == (4, 6)


def test_a_margin_leaves_faces_between_two_people_without_a_name():
    faces = labelled(at(0, 0.2, 0.5, 0.7), 1, 1, 2, 2)
    averages = Averages.of(faces)
    seen = as_known(faces, averages, PLAIN), as_strangers(faces, averages, PLAIN)
    assert [figures(*seen, 0.3, margin).recall.part for margin in (0.0, 0.15, 0.3)] == [4, 4, 2]


def test_the_recommended_threshold_is_the_largest_that_keeps_the_target():
    rng = np.random.default_rng(0)
    centres = np.arange(100) * 1.0
    places = (centres[:, None] + rng.uniform(0.0, 0.3, (100, 40))).ravel()
    faces = Labelled.of_people(at(*places), np.repeat(np.arange(100), 40))
    averages = Averages.of(faces)
    known, unknown = as_known(faces, averages, PLAIN), as_strangers(faces, averages, PLAIN)
    best = recommended(known, unknown, 0.0, 0.01)
    assert figures(known, unknown, best, 0.0).wrong.high <= 0.01
    assert best == pytest.approx(known.distance.max(), abs=1e-3)  # nobody needs more
    assert recommended(known, unknown, 0.0, 0.0005) is None  # 4,000 strangers cannot show that


def test_with_few_strangers_no_threshold_is_recommended_and_it_is_said_how_many_it_takes():
    faces, persons = crowd(10)
    found = evaluate(of_people(faces, named(persons)), 0.001)
    assert found.recommended is None
    assert found.needed == pytest.approx(3838, abs=2)
    assert Rate(0, found.needed).high <= 0.001 < Rate(0, found.needed - 2).high


def test_thresholds_stand_on_both_sides_of_the_one_in_force():
    found = thresholds(0.7)
    assert found == sorted(set(found))
    assert found[0] < 0.6
    assert found[-1] > 0.9


def test_the_pairs_most_often_confused_come_first():
    places = [0, 0.1, 0.2, 0.35, 0.45, 5, 5.1, 9, 9.1]
    faces = labelled(at(*places), 1, 1, 1, 2, 2, 3, 3, 4, 4)
    averages = Averages.of(faces)
    known, unknown = as_known(faces, averages, PLAIN), as_strangers(faces, averages, PLAIN)
    pairs = confused(known, unknown, Rules(0.36, 0.36, 0.0), {1, 2, 3, 4})
    assert [(p.person, p.taken_for, p.unknown) for p in pairs[:2]] == [(1, 2, 2), (2, 1, 2)]
    assert all(p.unknown == 0 for p in pairs[2:])


# all of it


def test_in_a_library_of_clear_cases_everybody_is_recognised_and_no_stranger_is():
    faces, persons = crowd(80, 4)
    found = evaluate(of_people(faces, named(persons)), 0.01)
    assert (found.people, found.faces, found.known, found.strangers, found.cohort) == (80, 320, 320, 320, 80)
    assert found.in_force.recall.value > 0.95
    assert found.in_force.wrong.part == 0
    assert {c.name for c in found.contributions} == {"all in force", "without margin", "without cohort"}
    assert len(found.persons) == 80


def test_the_least_recognised_come_first():
    faces, persons = crowd(30, 4)
    faces[persons == 7] += np.random.default_rng(1).normal(0, 0.08, (4, D)).astype(np.float32)
    found = evaluate(of_people(faces, named(persons)), 0.01)
    assert found.persons[0].person == 7
    assert found.persons[0].recall.value < 0.5


def test_faces_of_strangers_are_tested_as_strangers_only():
    faces, persons = crowd(30, 4)
    answers = of_people(faces, named(persons))
    near = faces[persons == 0] + np.float32(0.001)
    none = np.full(4, -1)
    strangers = Labelled(near, np.arange(1000, 1004), none - 50, none)
    found = evaluate(Answers(answers.labelled, answers.averages, strangers, answers.measure, answers.names), 0.01)
    assert (found.known, found.strangers) == (120, 124)
    assert found.in_force.wrong.part == 4
    assert [p.others for p in found.persons if p.person == 0] == [4]
    assert all(pair.person >= 0 for pair in found.pairs)


def test_weights_contribute_where_they_are_not_all_one():
    faces, persons = crowd(80, 15)
    found = evaluate(of_people(faces, named(persons)), 0.01)
    assert {"without weights", "without cohort", "without both"} <= {c.name for c in found.contributions}


def test_several_averages_of_a_person_are_set_against_one():
    faces, persons = crowd(40, 4)
    answers = of_people(faces, named(persons))
    columns = np.arange(160) // 2  # two averages each
    several = Labelled(faces, answers.labelled.photos, persons, columns)
    found = evaluate(Answers(several, Averages.of(several), NOBODY, answers.measure, answers.names), 0.01)
    assert found.contributions[-1].name == "one average a person"
    assert found.people == 40


@pytest.mark.parametrize(
    ("people", "each", "some"),
    [(1, 30, "30 faces of 1 person"), (5, 3, "15 faces of 5 people"), (1, 1, "1 face of 1 person"),
     (40, 1, "0 faces of 40 people"), (0, 0, "0 faces of 0 people")],
)  # fmt: skip
def test_too_few_labels_are_refused_with_a_sentence(people, each, some):
    faces, persons = crowd(people, each)
    known = Labelled.of_people(faces, persons)
    answers = Answers(known, Averages.of(known), NOBODY, PLAIN, {})
    with pytest.raises(UsageProblem, match=f"^only {some} can be tested; .*name more faces first"):
        evaluate(answers, 0.001)


def test_threshold_and_margin_can_be_tried():
    faces, persons = crowd(60)
    answers = of_people(faces, named(persons))
    loose, strict = evaluate(answers, 0.01, 2.0, 0.0), evaluate(answers, 0.01, 0.1, 0.0)
    assert (loose.rules.named, loose.rules.margin) == (2.0, 0.0)
    assert loose.in_force.wrong.value == 1
    assert strict.in_force.recall.part == 0
    assert strict.in_force.precision.value is None


def test_plain_distances_are_those_of_the_distance_module():
    faces, persons = crowd(12, 2)
    known = Labelled.of_people(faces, persons)
    averages = Averages.of(known)
    away = distances(faces, averages.means(), ONES)
    away[persons[:, None] == averages.persons] = np.inf
    assert np.allclose(as_strangers(known, averages, PLAIN).distance, away.min(1))
