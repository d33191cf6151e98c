"""Which questions are asked, how sure they are, and of what size a library may be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceindex import distance, suggesting
from faceindex.distance import Cohort, drawn
from faceindex.suggesting import LEAST, WIDEST, Against, Faces, Known, Measure, doubts, people, standing, twins

DIMENSIONS = 128
ONES = np.ones(DIMENSIONS, np.float32)
NONE = np.zeros((0, 2), np.int64)
APART, LIKENESS = 0.052, 0.021  # distances of about 0.8 and 0.33


class World:
    """People, and averages of their clusters."""

    def __init__(self, count: int, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.centres = self.rng.normal(0, APART, (count, DIMENSIONS))
        self.rows: list[tuple[int, int, np.ndarray, int]] = []  # person or -row, whose, mean, faces

    def face(self, whose: int, likeness: float = LIKENESS) -> np.ndarray:
        return (self.centres[whose] + self.rng.normal(0, likeness, DIMENSIONS)).astype(np.float32)

    def cluster(self, whose: int, *, named: bool = False, faces: int = 3, mean: np.ndarray | None = None) -> int:
        """The row of a new cluster of some faces of somebody."""
        if mean is None:
            mean = np.mean([self.face(whose) for _ in range(faces)], axis=0).astype(np.float32)
        row = len(self.rows)
        self.rows.append((whose + 1 if named else -row - 1, whose, mean, faces))
        return row

    @property
    def known(self) -> Known:
        persons = np.array([row[0] for row in self.rows], np.int64)
        faces = np.array([row[3] for row in self.rows], np.int64)
        means = np.stack([row[2] for row in self.rows]).astype(np.float32)
        return Known(np.arange(1, len(persons) + 1), persons, persons > 0, means, faces, faces)

    def measure(self) -> Measure:
        known = self.known
        return Measure(ONES, drawn(known.means, known.persons, np.arange(len(known.ids)), ONES))


PLAIN = Measure(ONES, None)


def pairs(asked):
    return {(int(a), int(b)) for a, b in zip(asked.subjects, asked.targets, strict=True)}


@pytest.fixture(params=["by a cohort", "plain"])
def world(request):
    """Two hundred named people, and strangers."""
    world = World(260)
    for whose in range(200):
        world.cluster(whose, named=True)
    world.plain = request.param == "plain"
    return world


def measure_of(world):
    return PLAIN if world.plain else world.measure()


def test_an_unnamed_cluster_like_a_person_is_asked_about_and_strangers_hardly_are(world):
    again = world.cluster(7)
    for whose in range(200, 230):
        world.cluster(whose)
    asked = people(world.known, measure_of(world), NONE).sure()
    assert (asked.subjects[0], asked.targets[0]) == (again, 7)
    assert asked.confidence[0] > 0.9
    assert all(asked.confidence[1:] < asked.confidence[0])
    assert len(asked.confidence) < 8  # of 31


def test_two_unnamed_clusters_that_are_alike_are_asked_about_once_the_larger_being_the_target(world):
    small, large = world.cluster(210, faces=2), world.cluster(210, faces=6)
    for whose in range(211, 240):
        world.cluster(whose)
    asked = twins(world.known, measure_of(world), NONE).sure()
    assert (asked.subjects[0], asked.targets[0]) == (small, large)
    assert asked.confidence[0] > 0.8
    assert all(asked.confidence[1:] < 0.7)
    assert (large, small) not in pairs(asked)


def test_what_may_not_be_is_not_asked_but_the_next_nearest_may_be(world):
    again = world.cluster(7)
    middle = (world.rows[again][2] + world.rows[8][2]) / 2
    between = world.cluster(8, mean=middle.astype(np.float32))
    assert (again, 7) not in pairs(people(world.known, measure_of(world), np.array([[again, 8]])).sure())
    asked = people(world.known, measure_of(world), np.array([[between, 9]]))  # that is person 8, row 8
    nearest = {int(s): int(t) for s, t in zip(asked.subjects, asked.targets, strict=True)}
    assert nearest[between] == 7 or nearest[between] != 8
    assert (again, between) not in pairs(twins(world.known, measure_of(world), np.array([
        [again, -between - 1], [between, -again - 1]])).sure())  # fmt: skip


def test_two_people_who_are_equally_near_share_the_confidence(world):
    one = world.cluster(7)
    alone = people(world.known, measure_of(world), NONE)
    twin = world.rows[7][2] + np.float32(1e-4)
    world.cluster(250, named=True, mean=twin)
    shared = people(world.known, measure_of(world), NONE)
    assert alone.confidence[list(alone.subjects).index(one)] > 0.9
    assert shared.confidence[list(shared.subjects).index(one)] < 0.51


def test_several_clusters_of_one_person_do_not_share_it(world):
    one = world.cluster(7)
    world.cluster(7, named=True)
    asked = people(world.known, measure_of(world), NONE)
    assert asked.confidence[list(asked.subjects).index(one)] > 0.9


def test_nobody_is_judged_by_his_own_face_in_the_cohort():
    world = World(200)
    for whose in range(199):
        world.cluster(whose)
    measure = world.measure()
    twin = world.cluster(3, mean=world.rows[3][2] + world.rng.normal(0, 0.04, DIMENSIONS).astype(np.float32))  # d 0.45
    asked = twins(world.known, measure, NONE)
    both = zip(asked.subjects.tolist(), asked.targets.tolist(), strict=True)
    found = dict(zip(map(frozenset, both), asked.away.tolist(), strict=True))
    known = world.known
    others = np.flatnonzero(~np.isin(np.arange(199), [3]))
    away = np.linalg.norm(known.means[[3, twin]][:, None] - known.means[others], axis=2)
    expected = np.linalg.norm(known.means[3] - known.means[twin]) * sum(0.5 / np.sort(row)[:5].mean() for row in away)
    assert found[frozenset({3, twin})] == pytest.approx(expected, rel=1e-4)


@given(st.floats(0, 3), st.floats(0, 3))
def test_nearer_is_never_less_sure(one, other):
    measure = Measure(
        ONES, Cohort(np.zeros((0, 128), np.float32), np.zeros(0, np.int64), np.zeros(0, np.int64), 1.4, 0.9)
    )
    for each in (measure, PLAIN):
        parts = each.part(np.array(sorted([one, other]), np.float32))
        assert 0 < parts[0] <= parts[1] <= 1


@pytest.mark.parametrize("part", [1e-6, 1e-4, 3e-3])
def test_the_part_of_pairs_is_what_the_cohort_takes_its_thresholds_from(part):
    cohort = Cohort(np.zeros((0, 128), np.float32), np.zeros(0, np.int64), np.zeros(0, np.int64), 1.4, 0.9)
    for measure in (Measure(ONES, cohort), PLAIN):
        assert measure.part(np.array([measure.within(part)], np.float32))[0] == pytest.approx(part, rel=1e-3)
    assert Measure(ONES, cohort).within(part) == cohort.threshold(part)
    assert PLAIN.within(WIDEST) == pytest.approx(suggesting.PLAIN)


def test_small_blocks_ask_the_same(world, monkeypatch):
    for whose in (*range(60), 210, 210, 211):
        world.cluster(whose)
    measure, never = measure_of(world), np.array([[200 + row, row + 1] for row in range(0, 60, 3)])
    whole = [people(world.known, measure, never), twins(world.known, measure, never)]
    monkeypatch.setattr(distance, "BLOCK", 700)
    for before, after in zip(
        whole, [people(world.known, measure, never), twins(world.known, measure, never)], strict=True
    ):
        assert pairs(before) == pairs(after)
        assert np.allclose(before.confidence, after.confidence)


@pytest.mark.parametrize("count", [0, 1])
def test_a_library_of_nobody_asks_nothing(count):
    known = World(2)
    for _ in range(count):
        known.cluster(0)
    empty = Known(*(np.zeros(0, np.int64),) * 2, np.zeros(0, bool), np.zeros((0, 128), np.float32),
                  *(np.zeros(0, np.int64),) * 2)  # fmt: skip
    for asked in (
        people(known.known if count else empty, PLAIN, NONE),
        twins(known.known if count else empty, PLAIN, NONE),
    ):
        assert pairs(asked.sure()) == set()


# --- single faces ---


def faces_of(world, rows):
    """Faces (vector, cluster's row), each on a photo of its own."""
    vectors = np.stack([vector for vector, _ in rows])
    photos = np.arange(10_000, 10_000 + len(rows))
    return Faces(vectors, photos, np.array([row for _, row in rows]), np.ones(len(rows), bool))


def test_a_face_of_somebody_else_is_doubted_and_whom_it_looks_like_is_told(world):
    right, wrong = world.face(5), world.face(9)
    mean = np.mean([right, world.face(5), world.face(5), wrong], axis=0).astype(np.float32)
    world.rows[5] = (6, 5, mean, 4)
    asked = doubts(world.known, measure_of(world), faces_of(world, [(right, 5), (wrong, 5)]), NONE)
    assert asked.confidence[0] < LEAST < 0.9 < asked.confidence[1]
    assert (asked.subjects[1], asked.targets[1]) == (1, 9)


def test_a_face_of_nobody_known_is_doubted(world):
    stranger = world.face(240)
    mean = np.mean([world.face(5), world.face(5), world.face(5), stranger], axis=0).astype(np.float32)
    world.rows[5] = (6, 5, mean, 4)
    asked = doubts(world.known, measure_of(world), faces_of(world, [(stranger, 5)]), NONE)
    assert asked.confidence[0] > 0.5
    assert asked.targets[0] != 5
    if world.plain:  # nobody is at all near
        assert asked.targets[0] == -1


def test_whom_it_cannot_be_it_does_not_look_like(world):
    wrong = world.face(9)
    world.rows[5] = (6, 5, np.mean([world.face(5), wrong], axis=0).astype(np.float32), 2)
    asked = doubts(world.known, measure_of(world), faces_of(world, [(wrong, 5)]), np.array([[0, 10]]))
    assert asked.targets[0] != 9


def test_a_face_is_left_out_of_its_own_average(world):
    mine, other = world.face(5), world.face(240)
    world.rows[5] = (6, 5, np.mean([mine, other], axis=0).astype(np.float32), 2)
    seen = standing(Against.of(world.known, PLAIN), faces_of(world, [(mine, 5)]), NONE)
    assert seen.own_distance[0] == pytest.approx(np.linalg.norm(mine - other), rel=1e-4)
    faces = faces_of(world, [(mine, 5)])
    uncounted = Faces(faces.vectors, faces.photos, faces.columns, np.zeros(1, bool))
    seen = standing(Against.of(world.known, PLAIN), uncounted, NONE)
    assert seen.own_distance[0] == pytest.approx(np.linalg.norm(mine - world.known.means[5]), rel=1e-4)


def test_a_face_alone_in_its_cluster_is_not_doubted_even_where_the_person_has_another(world):
    child = world.face(240)
    for person in (6, 999):
        lone = world.cluster(5, named=True, faces=1, mean=child)
        world.rows[lone] = (person, 5, child, 1)
        asked = doubts(world.known, measure_of(world), faces_of(world, [(child, lone)]), NONE)
        assert asked.confidence[0] == 0


def test_the_nearest_of_a_persons_clusters_counts(world):
    child = [world.face(240) for _ in range(3)]
    young = world.cluster(5, named=True, mean=np.mean(child, axis=0).astype(np.float32))
    world.rows[5] = (6, 5, np.mean([world.face(5), world.face(5), child[0]], axis=0).astype(np.float32), 3)
    assert world.known.persons[young] == world.known.persons[5]
    asked = doubts(world.known, measure_of(world), faces_of(world, [(child[0], 5)]), NONE)
    assert asked.confidence[0] < LEAST
