"""dlib's weight files: read to the last byte, or one sentence says what is wrong where."""

from __future__ import annotations

import importlib.util
import math
import re
from collections.abc import Callable
from pathlib import Path

import dlib_file
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceindex.errors import BadWeights, ModelsMissing
from faceindex.nets.layers import Add, Convolution, Dense, Metric, Mmod, Pool, Relu
from faceindex.nets.serialized import Cursor
from faceindex.nets.weights import parse_network, read_network

PACKAGE = importlib.util.find_spec("face_recognition_models")
MODELS = Path(PACKAGE.submodule_search_locations[0]) / "models"
DETECTOR = MODELS / "mmod_human_face_detector.dat"
ENCODER = MODELS / "dlib_face_recognition_resnet_model_v1.dat"
SMALL = dlib_file.detector()


def count(network, kind) -> int:
    return sum(isinstance(layer, kind) for layer in network.layers)


def complaint_about(read: Callable[[], object]) -> str | None:
    try:
        read()
    except BadWeights as error:
        return str(error)
    return None


def test_the_detector_is_read_to_its_last_byte():
    network = read_network(DETECTOR)
    assert [count(network, kind) for kind in (Convolution, Relu)] == [7, 6]
    assert network.loss == Mmod((80, 80), pytest.approx(0.33827613511), 1.0)
    assert network.input.mean == pytest.approx((122.782, 117.001, 104.298))
    assert (network.input.gap, network.input.border) == (10, 11)


def test_the_encoder_is_read_to_its_last_byte():
    network = read_network(ENCODER)
    assert [count(network, kind) for kind in (Convolution, Relu, Add, Pool, Dense)] == [29, 29, 14, 6, 1]
    assert [network.layers.count(mark) for mark in ("remember", "detour")] == [14, 4]
    assert network.loss == Metric(pytest.approx(0.04), pytest.approx(0.6))
    assert network.input.size == (150, 150)


@given(st.integers(-(2**64) + 1, 2**64 - 1))
def test_an_integer_comes_back(number):
    assert Cursor("file", dlib_file.integer(number)).integer() == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_floating_point_number_comes_back(number):
    assert Cursor("file", dlib_file.floating(number)).float() == number


@pytest.mark.parametrize(("exponent", "number"), [(32000, math.inf), (32001, -math.inf)])
def test_exponents_stand_for_infinities(exponent, number):
    assert Cursor("file", dlib_file.integer(0) + dlib_file.integer(exponent)).float() == number


@pytest.mark.parametrize("sign", [1, -1])
def test_a_matrix_is_read_row_by_row(sign):
    numbers = [1.0, -2.5, 0.0, 4.0, 5.0, 6e10]
    content = b"".join([*map(dlib_file.integer, (sign * 2, sign * 3)), *map(dlib_file.floating, numbers)])
    assert Cursor("file", content).matrix().tolist() == [numbers[:3], numbers[3:]]


@given(st.binary(max_size=60), st.sampled_from(["integer", "float", "boolean", "string", "matrix", "tensor", "shape"]))
def test_any_bytes_are_a_value_or_one_error(content, kind):
    complaint = complaint_about(getattr(Cursor("file", content), kind))
    assert complaint is None or "file" in complaint


def test_a_small_network_is_read():
    network = parse_network(Cursor("small", SMALL))
    assert [type(layer).__name__ for layer in network.layers] == [
        "Convolution", "Affine", "Relu", "Convolution", "Relu", "Convolution",
    ]  # fmt: skip


@given(st.integers(0, len(SMALL) - 1))
def test_a_file_cut_short_is_told_as_such(length):
    with pytest.raises(ModelsMissing, match=r"small .*at byte \d+"):
        parse_network(Cursor("small", SMALL[:length]))


@given(st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(1, 255)), min_size=1, max_size=3))
def test_changed_bytes_are_read_or_told_as_damage(changes):
    content = bytearray(SMALL)
    for place, change in changes:
        content[place] ^= change
    complaint = complaint_about(lambda: parse_network(Cursor("small", bytes(content))))
    assert complaint is None or re.search(r"small .*at byte \d+", complaint)


def test_an_unknown_layer_is_named_with_its_place():
    place = SMALL.index(b"\x01\x05relu_")
    with pytest.raises(BadWeights, match=rf"small .*at byte {place}: unknown layer 'xelu_'"):
        parse_network(Cursor("small", SMALL.replace(b"relu_", b"xelu_", 1)))


def test_bytes_after_the_end_are_noticed():
    with pytest.raises(BadWeights, match="3 bytes after the end"):
        parse_network(Cursor("small", SMALL + b"abc"))


def test_a_tensor_larger_than_the_file_is_refused_before_it_is_made():
    huge = b"".join(map(dlib_file.integer, (2, 2**31 - 1, 2**31 - 1, 2**31 - 1, 1)))
    with pytest.raises(BadWeights, match="ends within a tensor"):
        Cursor("file", huge).tensor()
    with pytest.raises(BadWeights, match="no room"):
        Cursor("file", dlib_file.integer(-(2**40)) * 2).matrix()


@pytest.mark.parametrize("name", ["missing.dat", "."])
def test_what_cannot_be_read_is_named(tmp_path, name):
    with pytest.raises(BadWeights, match="weight"):
        read_network(tmp_path / name)


def test_a_picture_is_no_network(tmp_path):
    (tmp_path / "face.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    with pytest.raises(BadWeights, match=r"face\.jpg .*at byte 0: 0xff where a number should begin"):
        read_network(tmp_path / "face.jpg")
