"""One group of faces into parts, from arrays alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceindex import splitting
from faceindex.splitting import split


def crowd(*sizes, seed=1, spread=0.05):
    """(N, 8) faces around one middle for each size, mixed, and whose each is."""
    random = np.random.default_rng(seed)
    whose = np.repeat(np.arange(len(sizes)), sizes)
    random.shuffle(whose)
    faces = np.eye(8)[whose] + random.normal(size=(len(whose), 8)) * spread
    return faces.astype(np.float32), whose


def same(one, other):
    """Whether two divisions are the same, whatever their numbers."""
    return ((one[:, None] == one[None, :]) == (other[:, None] == other[None, :])).all()


@pytest.mark.parametrize("sizes", [(1, 1), (5, 2), (9, 1, 4), (3, 3, 3, 3)])
def test_people_who_are_far_apart_are_parted(sizes):
    faces, whose = crowd(*sizes)
    assert same(split(faces, range(len(faces)), len(sizes)), whose)


def test_two_faces_of_one_photo_go_to_different_parts_however_alike_they_are():
    faces = np.zeros((4, 8), np.float32)
    faces[2:] = 1
    parts = split(faces, [1, 1, 2, 3], 2)
    assert parts[0] != parts[1]


def test_where_a_photo_has_more_faces_than_there_are_parts_all_are_placed():
    parts = split(crowd(5)[0], [7] * 5, 2)
    assert set(parts.tolist()) == {0, 1}


def test_the_faces_of_a_large_group_beyond_those_linked_go_to_the_nearest_part(monkeypatch):
    monkeypatch.setattr(splitting, "MOST", 20)
    faces, whose = crowd(60, 30, 10)
    assert same(split(faces, range(100), 3), whose)
    assert same(split(faces, np.arange(100) // 2, 100), np.arange(100))


@given(st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n), st.integers(0, 9))))
def test_there_are_as_many_parts_as_were_asked_for_numbered_as_they_come(sizes):
    total, count, seed = sizes
    faces = np.random.default_rng(seed).normal(size=(total, 4)).astype(np.float32)
    parts = split(faces, np.arange(total) // 2, count).tolist()
    assert list(dict.fromkeys(parts)) == list(range(count))
    assert split(faces, np.arange(total) // 2, count).tolist() == parts


@pytest.mark.parametrize("count", [0, 4])
def test_a_number_of_parts_that_cannot_be_is_refused(count):
    with pytest.raises(ValueError, match="3 faces cannot be split"):
        split(crowd(3)[0], range(3), count)
