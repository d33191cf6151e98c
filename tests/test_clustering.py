from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceindex import clustering
from faceindex.clustering import group

ONES = np.ones(8, np.float32)


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
        patch.setattr(clustering, "BLOCK", block * len(faces))
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
