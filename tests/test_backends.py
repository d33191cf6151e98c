"""What every backend must do, and how they are found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeBackend, announce, draw
from PIL import Image

import faceindex
from faceindex import backends
from faceindex.backends.faces import faces_of
from faceindex.errors import UnknownBackend, UnreadablePicture, UsageProblem
from faceindex.image import open_picture
from faceindex.models import Box, DetectionSettings, ReadLimits

HOG = DetectionSettings(policy="hog")


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """The backend "fake", announced the way a third party announces its own."""
    monkeypatch.syspath_prepend(announce(tmp_path / "site"))


@pytest.fixture(params=["dlib", "fake"])
def backend(request, fake):
    return backends.load(request.param, HOG)


@pytest.fixture
def portrait(backend, astronaut):
    """A picture with at least one face in the eyes of this backend."""
    return draw((255, 0, 0), (0, 255, 0)) if backend.name == "fake" else astronaut


def test_boxes_are_fractions_sorted_by_top_then_left(backend, portrait):
    (found,) = backend.detect([portrait])
    assert found
    corners = [(face.box.top, face.box.left) for face in found]
    assert corners == sorted(corners)
    for face in found:
        assert 0 <= face.box.left < face.box.right <= 1
        assert 0 <= face.box.top < face.box.bottom <= 1
        assert face.detector


def test_each_picture_has_its_own_answer_in_order(backend, portrait):
    nothing = np.zeros((64, 64, 3), np.uint8)
    found = backend.detect([nothing, portrait, nothing])
    assert [bool(faces) for faces in found] == [False, True, False]
    assert found[1] == backend.detect([portrait])[0]


def test_no_pictures_no_answers(backend):
    assert backend.detect([]) == []
    assert backend.encode([], []) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (700, 1), (9, 9), (0, 0)])
def test_a_tiny_picture_has_no_faces(backend, shape):
    assert backend.detect([np.zeros((*shape, 3), np.uint8)]) == [[]]


def test_a_picture_found_twice_is_found_alike(backend, portrait):
    assert backend.detect([portrait]) == backend.detect([portrait.copy()])


def test_the_picture_is_left_as_it_was(backend, portrait):
    before = portrait.copy()
    found = backend.detect([portrait])
    backend.encode([portrait], [[face.box for face in found[0]]])
    assert np.array_equal(before, portrait)


def test_a_view_into_another_array_will_do(backend, portrait):
    wide = np.concatenate([portrait, portrait], axis=1)
    view = wide[:, : portrait.shape[1]]
    found = backend.detect([view])
    assert found == backend.detect([portrait])
    boxes = [[face.box for face in found[0]]]
    assert np.array_equal(backend.encode([view], boxes)[0], backend.encode([portrait], boxes)[0])


def test_a_box_gets_one_float32_encoding_of_the_announced_length(backend, portrait):
    boxes = [Box(0.1, 0.1, 0.6, 0.6), Box(0.3, 0.1, 0.6, 0.4)]
    none, both = backend.encode([portrait, portrait], [[], boxes])
    assert none.shape == (0, backend.dimensions)
    assert both.shape == (2, backend.dimensions)
    assert none.dtype == both.dtype == np.float32
    assert np.array_equal(both[1], backend.encode([portrait], [boxes[1:]])[0][0])


def test_a_score_too_low_is_no_face(backend, portrait):
    strict = backends.load(backend.name, DetectionSettings(policy="hog", min_score=1e6))
    assert strict.detect([portrait]) == [[]]


def test_a_backend_is_loaded_once_per_settings(backend):
    assert backends.load(backend.name, HOG) is backend
    assert backends.load(backend.name, DetectionSettings(policy="hog", size=800)) is not backend


def test_an_announced_backend_is_found_by_name(fake):
    assert {"dlib", "fake"} <= set(backends.names())
    assert isinstance(backends.load("fake"), FakeBackend)


def test_an_unknown_backend_is_answered_with_the_known_ones():
    with pytest.raises(UnknownBackend, match=r"no backend 'eigenfaces'; there are: .*dlib"):
        backends.load("eigenfaces")


def test_a_backend_that_lacks_a_library_says_so(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(announce(tmp_path / "site"))
    points = tmp_path / "site" / "faceindex_fake-1.0.dist-info" / "entry_points.txt"
    points.write_text("[faceindex.backends]\nlame = no_such_module:Backend\n")
    with pytest.raises(UnknownBackend, match=r"'lame' cannot start .*no_such_module.*; install"):
        backends.load("lame")


def test_asking_what_there_is_imports_no_numerics():
    asked = "import sys, faceindex.backends as b; b.names(); print({'numpy', 'dlib'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"


def picture_of(pixels, tmp_path: Path):
    path = tmp_path / "picture.png"
    Image.fromarray(pixels).save(path)
    return open_picture(path.read_bytes(), ReadLimits())


def test_narrow_faces_are_dropped_by_their_width_in_the_original(fake, tmp_path):
    picture = picture_of(draw((255, 0, 0), side=1000), tmp_path)
    for min_face, faces in [(950, 1), (1050, 0)]:
        settings = DetectionSettings(size=200, cnn_size=200, min_face=min_face)
        assert len(faces_of(picture, backends.load("fake", settings))) == faces


def test_a_small_face_is_encoded_from_the_full_picture(fake, tmp_path):
    striped = draw((255, 255, 255), side=1600)
    striped[::2] //= 2  # seen only at full resolution, where rows alternate
    picture = picture_of(striped, tmp_path)
    settings = DetectionSettings(size=100, cnn_size=100)
    seen = []

    class Watching(FakeBackend):
        def encode(self, pictures, boxes):
            seen.extend(pixels for pixels, found in zip(pictures, boxes, strict=True) if found)
            return super().encode(pictures, boxes)

    (face,) = faces_of(picture, Watching(settings))
    (cut_out,) = seen
    assert len(np.unique(cut_out[cut_out > 100])) > 1
    assert face.box.width == pytest.approx(0.5, abs=0.02)


def test_one_picture_in_one_list_of_faces_out(fake):
    (face,) = faceindex.find_faces(draw((255, 0, 0)), backend="fake")
    assert face.encoding == pytest.approx([1, 0, 0])
    assert face.encoding.dtype == np.float32


def test_a_list_in_a_list_for_each_out(fake, tmp_path):
    path = tmp_path / "two.png"
    Image.fromarray(draw((255, 0, 0), (0, 0, 255))).save(path)
    sources = [path, str(path), bytes(path), draw((0, 255, 0)), draw()] * 5
    assert [len(faces) for faces in faceindex.represent(sources, backend="fake")] == [2, 2, 2, 1, 0] * 5


def test_a_file_that_is_no_picture_is_named_in_one_sentence(fake, tmp_path):
    path = tmp_path / "notes.jpg"
    path.write_text("no picture at all")
    with pytest.raises(UnreadablePicture, match=r"notes\.jpg"):
        faceindex.find_faces(path, backend="fake")
    with pytest.raises(UnreadablePicture, match=r"cannot read .*gone.jpg .*; check the path"):
        faceindex.find_faces(tmp_path / "gone.jpg", backend="fake")


@pytest.mark.parametrize("array", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 4), np.uint8), np.zeros((9, 9, 3))])
def test_an_array_that_is_no_rgb_picture_is_refused(fake, array):
    with pytest.raises(UsageProblem, match="must be RGB"):
        faceindex.find_faces(array, backend="fake")
