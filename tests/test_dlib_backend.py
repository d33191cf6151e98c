"""dlib's faces are those of the package face_recognition, found with less memory and no surprises."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from faceindex import backends
from faceindex.backends import dlib_backend, dlib_models, runtimes
from faceindex.backends.faces import MARGIN, faces_of
from faceindex.errors import FaceindexError, ModelsMissing
from faceindex.image import box_from_pixels, open_picture, pixel_rect
from faceindex.models import Box, Detection, DetectionSettings, ReadLimits
from faceindex.native.preprocess import gray_shrink

RUNTIMES = ("onnx", "dlib")
PHOTOS = (
    "albums/face_recognition_tests/test_images/obama.jpg",
    "albums/ms_families/*/*.jpg",
    "albums/photonix/**/*.jpg",
    "detect/dlib_faces/*.jpg",
)


def as_it_is(policy, runtime="onnx") -> DetectionSettings:
    """Settings under which no picture is scaled."""
    return DetectionSettings(
        policy=policy, size=0, cnn_size=0, cnn_pixels=10**9, min_face=0, min_score=0, runtime=runtime
    )


@pytest.fixture(scope="module")
def photos(test_data) -> list[np.ndarray]:
    """A few real photos of each album, as arrays of at most 700 pixels."""
    paths = [path for pattern in PHOTOS for path in sorted(test_data.glob(pattern))[:3]]
    pictures = [Image.open(path).convert("RGB") for path in paths]
    for picture in pictures:
        picture.thumbnail((700, 700))
    large = [np.asarray(picture) for picture in pictures if min(picture.size) >= 200]
    assert len(large) > 5
    return large


@pytest.fixture(scope="module")
def face_recognition():
    return pytest.importorskip("face_recognition")


def gray_of(pixels) -> np.ndarray:
    """As HOG sees it."""
    return gray_shrink(pixels, pixels.shape[:2])


def as_css(detections: list[Detection], pixels) -> list[tuple[int, int, int, int]]:
    """Boxes the way face_recognition tells them: top, right, bottom, left."""
    height, width = pixels.shape[:2]
    rects = [pixel_rect(face.box, width, height) for face in detections]
    return sorted((top, right, bottom, left) for left, top, right, bottom in rects)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_hog_boxes_are_those_of_face_recognition_on_the_gray_picture(photos, face_recognition, runtime):
    found = backends.load("dlib", as_it_is("hog", runtime)).detect(photos)
    theirs = [sorted(face_recognition.face_locations(gray_of(pixels), 0)) for pixels in photos]
    assert [as_css(*each) for each in zip(found, photos, strict=True)] == theirs
    assert sum(map(len, found)) >= 5


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_cnn_boxes_are_those_of_face_recognition(photos, face_recognition, runtime):
    small = [np.ascontiguousarray(pixels[::2, ::2]) for pixels in photos[:4]]
    found = backends.load("dlib", as_it_is("cnn", runtime)).detect(small)
    theirs = [sorted(face_recognition.face_locations(pixels, 0, "cnn")) for pixels in small]
    assert [as_css(*each) for each in zip(found, small, strict=True)] == theirs
    assert any(theirs)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_encodings_are_those_of_face_recognition(photos, face_recognition, runtime):
    backend = backends.load("dlib", as_it_is("hog", runtime))
    shown = photos[:6]
    boxes = [[face.box for face in faces[:2]] for faces in backend.detect(shown)]
    for pixels, found, ours in zip(shown, boxes, backend.encode(shown, boxes), strict=True):
        height, width = pixels.shape[:2]
        rects = [pixel_rect(box, width, height) for box in found]
        css = [(top, right, bottom, left) for left, top, right, bottom in rects]
        theirs = face_recognition.face_encodings(pixels, css)
        assert np.allclose(ours, np.reshape(theirs, (-1, 128)), rtol=0, atol=1e-6)


def test_the_astronaut_has_the_face_face_recognition_gives_her(astronaut, face_recognition):
    backend = backends.load("dlib", as_it_is("hog"))
    (found,) = backend.detect([astronaut])
    places = face_recognition.face_locations(gray_of(astronaut), 0)
    assert as_css(found, astronaut) == places
    (ours,) = backend.encode([astronaut], [[face.box for face in found]])
    theirs = face_recognition.face_encodings(astronaut, places)
    assert np.allclose(ours, theirs, rtol=0, atol=1e-6)


sides = st.integers(1, 30_000)


@given(st.data(), sides, sides)
def test_whole_pixels_survive_being_fractions(data, width, height):
    left, right = sorted(data.draw(st.lists(st.integers(0, width), min_size=2, max_size=2, unique=True)))
    top, bottom = sorted(data.draw(st.lists(st.integers(0, height), min_size=2, max_size=2, unique=True)))
    rect = (left, top, right, bottom)
    assert pixel_rect(box_from_pixels(*rect, width, height), width, height) == rect


@given(sides, sides, st.integers(0, 4000), st.integers(1, 2_000_000))
def test_the_cnn_never_sees_more_pixels_than_allowed(width, height, cnn_size, cnn_pixels):
    settings = DetectionSettings(cnn_size=cnn_size, cnn_pixels=cnn_pixels)
    picture = np.broadcast_to(np.uint8(0), (height, width, 3))
    longest = dlib_backend.cnn_longest(picture, settings)
    # longest * shortest <= cnn_pixels, in whole numbers: rounding must not decide
    assert longest == 1 or min(width, height) * longest**2 <= cnn_pixels * max(width, height)
    assert cnn_size == 0 or longest <= cnn_size


def test_a_small_web_picture_grows_at_most_twofold(astronaut):
    assert dlib_backend.working_shape(astronaut[:300, :200], 1600) == (600, 400)


def test_the_cnn_runs_only_where_hog_finds_nothing(astronaut):
    looked = subprocess.run([sys.executable, "-c", LAZY, "hog-then-cnn"], capture_output=True, text=True, check=True)
    assert looked.stdout.split() == ["1", "False"]


LAZY = """
import sys
from skimage import data
from faceindex import backends
from faceindex.backends.runtimes import onnx_cnn
from faceindex.models import DetectionSettings
found = backends.load("dlib", DetectionSettings(policy=sys.argv[1], size=512)).detect([data.astronaut()])
print(len(found[0]), onnx_cnn.cache_info().currsize > 0)
"""


def test_both_keeps_one_box_of_a_face_and_prefers_hog(astronaut):
    settings = DetectionSettings(policy="both", size=512, cnn_size=512)
    (found,) = backends.load("dlib", settings).detect([astronaut])
    (by_cnn,) = backends.load("dlib", DetectionSettings(policy="cnn", cnn_size=512)).detect([astronaut])
    assert [face.detector for face in found] == ["hog"]
    assert [face.detector for face in by_cnn] == ["cnn"]
    assert found[0].box.iou(by_cnn[0].box) > dlib_backend.SAME_FACE


def test_a_face_only_the_cnn_sees_is_added(astronaut):
    tilted = np.ascontiguousarray(np.rot90(astronaut, 3))
    for policy in ("both", "hog-then-cnn"):
        settings = DetectionSettings(policy=policy, size=512, cnn_size=512)
        (found,) = backends.load("dlib", settings).detect([tilted])
        assert [face.detector for face in found] == ["cnn"]


@pytest.mark.parametrize("shape", [(1, 1), (1, 640), (640, 1), (3, 1600), (9, 640), (39, 640), (0, 4)])
def test_the_cnn_is_spared_pictures_it_breaks_on(shape):
    backend = backends.load("dlib", as_it_is("cnn"))
    assert backend.detect([np.zeros((*shape, 3), np.uint8)] * 3) == [[]] * 3


@pytest.mark.parametrize(
    "box", [Box(0.5, 0.5, 0.5, 0.5), Box(0, 0, 1, 1), Box(-0.5, -0.5, -0.1, -0.1), Box(-2, -2, 3, 3)]
)
def test_any_box_can_be_encoded(astronaut, box):
    (encodings,) = backends.load("dlib").encode([astronaut], [[box]])
    assert np.isfinite(encodings).all()


def test_a_cut_out_gives_the_encoding_of_the_whole_picture(astronaut, tmp_path):
    path = tmp_path / "astronaut.png"
    Image.fromarray(astronaut).save(path)
    picture = open_picture(path.read_bytes(), ReadLimits())
    backend = backends.load("dlib", as_it_is("hog"))
    box = backend.detect([astronaut])[0][0].box
    cut_out, inside = picture.crop(box, MARGIN)
    assert cut_out.size < astronaut.size
    (whole,), (part,) = (*backend.encode([astronaut], [[box]]),), (*backend.encode([cut_out], [[inside]]),)
    assert np.linalg.norm(whole - part) < 0.01


def test_small_and_large_faces_of_a_large_picture_are_encoded_alike(astronaut, tmp_path):
    enlarged = Image.fromarray(astronaut).resize((2048, 2048), Image.Resampling.LANCZOS)
    enlarged.save(tmp_path / "large.jpg", quality=95)
    picture = open_picture((tmp_path / "large.jpg").read_bytes(), ReadLimits())
    shrunk = DetectionSettings(policy="hog", size=512, min_score=0.5)
    (small,) = faces_of(picture, backends.load("dlib", shrunk))
    (large,) = faces_of(picture, backends.load("dlib", as_it_is("hog")))
    assert small.box.iou(large.box) > 0.7
    assert np.linalg.norm(small.encoding - large.encoding) < 0.25


def test_the_installed_models_are_whole():
    assert dlib_models.check_models() == []
    assert {file.role for file in dlib_models.model_files()} == {"landmarks", "encoder", "cnn"}


def test_a_damaged_or_missing_model_is_told_in_one_sentence(tmp_path):
    damaged = dlib_models.ModelFile("cnn", tmp_path / "cnn.dat", "00" * 32)
    assert "cannot read the model" in dlib_models.fault_of(damaged)
    damaged.path.write_bytes(b"half a model")
    assert "is damaged" in dlib_models.fault_of(damaged)


def test_models_that_are_not_installed_are_asked_for(monkeypatch):
    monkeypatch.setattr(dlib_models, "PACKAGE", "face_recognition_models_are_not_here")
    assert len(dlib_models.check_models()) == 1
    with pytest.raises(ModelsMissing, match="install the package"):
        dlib_models.model_files()


def test_a_full_graphics_card_is_a_memory_error():
    with pytest.raises(MemoryError, match="graphics card"), runtimes.memory_errors():
        raise RuntimeError("Error while calling cudaMalloc(), code: 2, reason: out of memory")
    with pytest.raises(RuntimeError, match="bug"), runtimes.memory_errors():
        raise RuntimeError("bug")


@pytest.mark.parametrize("load", [lambda: runtimes.onnx_cnn("broken", 6), lambda: runtimes.onnx_encoder("broken")])
def test_a_missing_onnxruntime_ends_the_run_with_a_sentence_and_blames_no_photo(monkeypatch, load):
    monkeypatch.setitem(sys.modules, "faceindex.nets.detector", None)
    monkeypatch.setitem(sys.modules, "faceindex.nets.encoder", None)
    with pytest.raises(FaceindexError, match=r"reinstall onnxruntime and onnx, or scan with --runtime dlib"):
        load()


def test_dlib_tells_its_version_and_build():
    facts = dlib_models.dlib_facts()
    assert facts["version"]
    assert {"CUDA", "BLAS"} <= facts.keys()


def test_face_recognition_itself_is_never_imported():
    looked = "import faceindex, sys; faceindex.find_faces; from faceindex import backends; "
    looked += "backends.load('dlib'); print([m for m in sys.modules if m.startswith('face_recognition')])"
    answer = subprocess.run([sys.executable, "-c", looked], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
