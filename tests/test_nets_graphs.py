"""dlib's networks as graphs find and encode what dlib itself does; the graphs are built once and kept."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dlib
import dlib_file
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from faceindex.errors import BadWeights
from faceindex.nets import cache
from faceindex.nets.detector import FaceDetector
from faceindex.nets.encoder import BATCH, FaceEncoder
from faceindex.nets.pyramid import level_sizes, tile_of, without_overlaps

PACKAGE = importlib.util.find_spec("face_recognition_models")
MODELS = Path(PACKAGE.submodule_search_locations[0]) / "models"
DETECTOR = MODELS / "mmod_human_face_detector.dat"
ENCODER = MODELS / "dlib_face_recognition_resnet_model_v1.dat"


@pytest.fixture(scope="module", autouse=True)
def graphs(tmp_path_factory):
    """A cache that all workers of a test run share, as workers of a scan do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEINDEX_CACHE", str(tmp_path_factory.getbasetemp().parent / "graphs"))
        yield


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector(DETECTOR, "cpu")


@pytest.fixture(scope="module")
def encoder() -> FaceEncoder:
    return FaceEncoder(ENCODER, "cpu")


@pytest.fixture(scope="module")
def dlibs_detector():
    return dlib.cnn_face_detection_model_v1(str(DETECTOR))


@pytest.fixture(scope="module")
def dlibs_encoder():
    return dlib.face_recognition_model_v1(str(ENCODER))


def assert_same(found, dlibs) -> None:
    expected = [(d.rect.left(), d.rect.top(), d.rect.right(), d.rect.bottom(), d.confidence) for d in dlibs]
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one[:4] == pytest.approx(other[:4], abs=1)
        assert one.score == pytest.approx(other[4], abs=1e-3)


CROPS = {
    "square": np.s_[20:220, 110:310],
    "wide": np.s_[50:180, 0:400],
    "high": np.s_[0:399, 130:303],
    "cut off": np.s_[100:250, 190:350],
    "faceless": np.s_[350:450, 10:61],
}


@pytest.mark.parametrize("crop", CROPS.values(), ids=CROPS)
def test_a_face_is_found_where_dlib_finds_it(astronaut, detector, dlibs_detector, crop):
    pixels = np.ascontiguousarray(astronaut[crop])
    assert_same(detector.detect(pixels), dlibs_detector(pixels, 0))


def test_the_astronaut_is_found(astronaut, detector):
    (face,) = detector.detect(astronaut)
    assert face[:4] == (168, 69, 263, 164)  # as dlib says
    assert face.score == pytest.approx(1.06251, abs=1e-3)


def scaled(path: Path, side: int) -> np.ndarray:
    with Image.open(path) as picture:
        picture = picture.convert("RGB")
        picture.thumbnail((side, side))
        return np.asarray(picture)


@pytest.mark.parametrize("part", range(3))
def test_faces_on_photos_are_found_where_dlib_finds_them(test_data, detector, dlibs_detector, part):
    paths = sorted((test_data / "detect" / "facemask").rglob("*.png"))[part::7]
    photos = [scaled(path, 300) for path in paths]
    found = [detector.detect(photo) for photo in photos]
    assert any(found)
    for one, photo in zip(found, photos, strict=True):
        assert_same(one, dlibs_detector(photo, 0))


@pytest.mark.parametrize("part", range(4))
def test_real_chips_are_encoded_as_dlib_encodes_them(test_data, encoder, dlibs_encoder, part):
    landmarks = dlib.shape_predictor(str(MODELS / "shape_predictor_5_face_landmarks.dat"))
    middle = dlib.rectangle(75, 75, 175, 175)  # where every face of this collection is
    photos = [scaled(path, 250) for path in sorted((test_data / "lfw").rglob("*.jpg"))[part::48][:26]]
    chips = [dlib.get_face_chip(photo, landmarks(photo, middle), 150, 0.25) for photo in photos]
    theirs = np.array(dlibs_encoder.compute_face_descriptor(chips))
    assert len(chips) == 26
    assert np.abs(encoder.encode(np.stack(chips)) - theirs).max() < 1e-5


def test_the_astronaut_is_encoded_as_dlib_does(astronaut, encoder, dlibs_encoder):
    chip = np.ascontiguousarray(astronaut[40:190, 145:295])
    theirs = np.array(dlibs_encoder.compute_face_descriptor(chip))
    (ours,) = encoder.encode(chip[None])
    assert ours.dtype == np.float32
    assert np.abs(ours - theirs).max() < 1e-5


def test_many_chips_are_encoded_like_each_alone(astronaut, encoder):
    chips = np.stack([astronaut[i : i + 150, i : i + 150] for i in range(BATCH + 3)])
    together = encoder.encode(chips)
    assert together.shape == (BATCH + 3, 128)
    for chip, encoding in zip(chips[-4:], together[-4:], strict=True):
        np.testing.assert_allclose(encoder.encode(chip[None])[0], encoding, atol=1e-5)


def test_no_chips_have_no_encodings(encoder):
    assert encoder.encode(np.zeros((0, 150, 150, 3), np.uint8)).shape == (0, 128)


def test_chips_of_another_size_are_a_bug(encoder):
    with pytest.raises(ValueError, match="150"):
        encoder.encode(np.zeros((1, 100, 100, 3), np.uint8))


@pytest.mark.parametrize("shape", [(1, 1), (9, 500), (500, 9), (0, 0), (10, 10), (10, 3000), (3000, 10)])
def test_tiny_and_absurd_pictures_have_no_faces(detector, shape):
    assert detector.detect(np.zeros((*shape, 3), np.uint8)) == []


def test_pictures_of_any_memory_layout_are_seen(astronaut, detector):
    mirrored = astronaut[:, ::-1]
    assert detector.detect(mirrored) == detector.detect(np.ascontiguousarray(mirrored))
    (face,) = detector.detect(mirrored)
    assert face[:4] == pytest.approx((511 - 263, 69, 511 - 168, 164), abs=24)  # cells lie otherwise


def test_a_lower_threshold_finds_more_and_a_higher_one_less(astronaut, detector):
    assert len(detector.detect(astronaut, -1.5)) > 1
    assert detector.detect(astronaut, 2.0) == []


def test_a_coarser_pyramid_finds_the_face_in_fewer_levels(astronaut, detector):
    (fine,), (coarse,) = detector.detect(astronaut), FaceDetector(DETECTOR, "cpu", step=3).detect(astronaut)
    assert coarse[:4] == pytest.approx(fine[:4], abs=25)
    assert len(level_sizes(600, 800, 3)) < len(level_sizes(600, 800, 6)) / 2


@given(st.integers(10, 4000), st.integers(10, 4000), st.integers(2, 9))
def test_every_level_lies_within_the_tile_and_none_on_the_picture(height, width, step):
    tile = tile_of(height, width, step, gap=10, border=11)
    assert (tile.places[0].width, tile.places[0].height) == (width, height)
    for place in tile.places[1:]:
        assert 11 <= place.left <= tile.width - 11 - place.width
        assert 11 + height <= place.top <= tile.height - 11 - place.height


def test_of_boxes_that_overlap_the_best_is_kept():
    boxes = np.array([[0, 0, 79, 79], [10, 10, 89, 89], [80, 80, 159, 159], [20, 20, 40, 40]])
    assert without_overlaps(boxes, most_shared=0.34, most_covered=1.0) == [0, 2, 3]
    assert without_overlaps(boxes, most_shared=0.34, most_covered=0.9) == [0, 2]
    assert without_overlaps(boxes[:0], 0.34, 1.0) == []


@pytest.mark.parametrize(("network", "file"), [(FaceDetector, ENCODER), (FaceEncoder, DETECTOR)])
def test_weights_of_the_wrong_network_are_refused(network, file):
    with pytest.raises(BadWeights, match=file.name):
        network(file, "cpu")


@pytest.fixture
def small(tmp_path, monkeypatch) -> Path:
    """A small detector's weights, and a cache of its own."""
    monkeypatch.setenv("FACEINDEX_CACHE", str(tmp_path / "cache"))
    (tmp_path / "small.dat").write_bytes(dlib_file.detector())
    return tmp_path / "small.dat"


def answer(weights: Path) -> list:
    picture = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    return FaceDetector(weights, "cpu").detect(picture, -1e9)


def test_graphs_are_built_once(small, tmp_path):
    first = answer(small)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}
    assert first
    assert answer(small) == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()} == kept


@pytest.mark.parametrize("damage", [lambda old: b"", lambda old: old[:-5], lambda old: old[:99] + b"\0" + old[100:]])
def test_a_damaged_graph_is_built_anew(small, tmp_path, damage):
    first = answer(small)
    for path in (tmp_path / "cache").iterdir():
        path.write_bytes(damage(path.read_bytes()))
    assert answer(small) == first


def test_other_weights_have_other_graphs(small, tmp_path):
    answer(small)
    before = len(list((tmp_path / "cache").iterdir()))
    small.write_bytes(dlib_file.detector().replace(dlib_file.floating(122.75), dlib_file.floating(100.5)))
    answer(small)
    assert len(list((tmp_path / "cache").iterdir())) == 2 * before


def test_without_a_cache_graphs_are_built_in_memory(small, tmp_path, monkeypatch):
    first = answer(small)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FACEINDEX_CACHE", str(tmp_path / "file" / "cache"))
    assert answer(small) == first


def test_workers_that_build_at_once_do_not_disturb_each_other(small, tmp_path):
    with ThreadPoolExecutor(8) as pool:
        graphs = list(pool.map(lambda _: cache.cached_graph("name", small, lambda: b"graph" * 10_000), range(64)))
    assert {Path(graph).read_bytes()[:50_000] for graph in graphs} == {b"graph" * 10_000}
    assert [path.name[:4] for path in (tmp_path / "cache").iterdir()] == ["name"]


def test_a_worker_that_finds_its_graphs_loads_no_builder(small):
    answer(small)
    code = f"""
import sys
from pathlib import Path
from faceindex.nets.detector import FaceDetector
FaceDetector(Path({str(small)!r}), "cpu")
assert "onnx" not in sys.modules and "dlib" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
