"""Which face a box of another program means, however large it was drawn and however it was turned."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from faceindex import placing
from faceindex.models import Box

ANNA, BEN, CARL = Box(0.1, 0.1, 0.2, 0.25), Box(0.5, 0.3, 0.6, 0.45), Box(0.8, 0.7, 0.95, 0.9)
FACES = (ANNA, BEN, CARL)


def larger(box, by=1.4):
    across, down = box.width * (by - 1) / 2, box.height * (by - 1) / 2
    return Box(box.left - across, box.top - down, box.right + across, box.bottom + down)


fractions = st.floats(0, 1, allow_nan=False)
boxes = st.builds(
    lambda x, y, w, h: Box(x * 0.9, y * 0.9, x * 0.9 + 0.01 + w * 0.09, y * 0.9 + 0.01 + h * 0.09),
    fractions, fractions, fractions, fractions,
)  # fmt: skip


def test_boxes_that_are_larger_than_the_faces_still_mean_them():
    placed = placing.place([larger(CARL), larger(ANNA), larger(BEN)], FACES, doubtful=False)
    assert (placed.faces, placed.turn) == ((2, 0, 1), 0)


def test_a_box_beside_a_face_means_none():
    assert placing.place([Box(0.2, 0.1, 0.3, 0.25)], FACES, doubtful=False).faces == (None,)


def test_a_box_around_a_whole_group_means_none_of_them():
    assert placing.place([Box(0, 0, 1, 1)], FACES, doubtful=False).faces == (None,)


def test_two_boxes_on_one_face_mean_it_once():
    placed = placing.place([larger(ANNA, 1.6), larger(ANNA, 1.1)], FACES, doubtful=False)
    assert placed.faces == (None, 0)


@given(st.integers(1, 3))
def test_boxes_of_a_picture_that_was_taken_for_turned_are_turned_back(turn):
    wrong = [placing.turned(larger(face), 4 - turn) for face in FACES]
    placed = placing.place(wrong, FACES, doubtful=False)
    assert (placed.faces, placed.turn) == ((0, 1, 2), turn)
    assert placed.boxes[0].iou(larger(ANNA)) > 0.999


def test_one_box_is_turned_only_where_the_picture_lies_otherwise_than_it_is_stored():
    left, right = Box(0.2, 0.45, 0.3, 0.55), Box(0.7, 0.45, 0.8, 0.55)  # two people side by side, one not found
    assert placing.place([left], [right], doubtful=False).faces == (None,)
    assert placing.place([left], [right], doubtful=True).faces == (0,)


def test_boxes_that_fit_as_they_are_are_never_turned():
    assert placing.place([ANNA], [ANNA, placing.turned(ANNA, 2)], doubtful=True).turn == 0


@given(boxes, st.integers(0, 8))
def test_four_quarter_turns_are_none(box, turn):
    back = placing.turned(placing.turned(box, turn), 4 - turn % 4)
    assert max(abs(back.left - box.left), abs(back.bottom - box.bottom)) < 1e-12


@given(st.lists(boxes, max_size=6), st.lists(boxes, max_size=6), st.booleans())
def test_no_face_is_meant_twice_and_nothing_is_made_up(said, faces, doubtful):
    placed = placing.place(said, faces, doubtful=doubtful)
    meant = [face for face in placed.faces if face is not None]
    assert len(meant) == len(set(meant))
    assert len(placed.faces) == len(placed.boxes) == len(said)
    assert all(0 <= face < len(faces) for face in meant)


@given(st.lists(boxes, min_size=1, max_size=6, unique=True))
def test_every_face_is_meant_by_its_own_box(faces):
    apart = [face for i, face in enumerate(faces) if all(face.iou(other) < 0.1 for other in faces[:i])]
    assert placing.place(apart, apart, doubtful=False).faces == tuple(range(len(apart)))
