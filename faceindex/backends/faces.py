"""From an opened picture to its faces, whatever the backend: the way of one photo through a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from faceindex.models import Face

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from faceindex.backends import Backend
    from faceindex.models import Box, Detection, DetectionSettings, Encoding, Pixels

SHARP = 100  # pixels a face must be wide for its encoding to lose nothing (docs/detection.md)
MARGIN = 0.75  # of a face's size, kept on each side of a cut-out: 0.5 loses nothing of an upright face
CUT_AT_ONCE = 16  # cut-outs in memory together; each such group costs one full decoding


class Picture(Protocol):
    """What faces need of an image.Picture."""

    @property
    def width(self) -> int: ...

    @property
    def height(self) -> int: ...

    def pixels(self, longest: int) -> Pixels: ...

    def crops(self, boxes: Sequence[Box], margin: float) -> Sequence[tuple[Pixels, Box]]: ...


def faces_of(picture: Picture, backend: Backend) -> tuple[Face, ...]:
    """Find and encode the faces of one picture."""
    return faces_of_each([picture], backend)[0]


def faces_of_each(pictures: Sequence[Picture], backend: Backend) -> list[tuple[Face, ...]]:
    """Find and encode the faces of a few pictures, whose pixels are all in memory at once."""
    settings = backend.settings
    decoded = [picture.pixels(working_size(picture, settings)) for picture in pictures]
    return [
        encoded(picture, pixels, wide_enough(found, picture.width, settings.min_face), backend)
        for picture, pixels, found in zip(pictures, decoded, backend.detect(decoded), strict=True)
    ]


def working_size(picture: Picture, settings: DetectionSettings) -> int:
    """The longest side to decode to: the largest that any of its detectors asks for."""
    sizes = {"hog": [settings.size], "cnn": [settings.cnn_size]}
    wanted = sizes.get(settings.policy, [settings.size, settings.cnn_size])
    return max(wanted) if all(wanted) else max(picture.width, picture.height)


def wide_enough(found: Sequence[Detection], width: int, min_face: int) -> list[Detection]:
    """Those at least min_face pixels wide in the original picture."""
    return [face for face in found if face.box.width * width >= min_face]


def encoded(picture: Picture, pixels: Pixels, found: Sequence[Detection], backend: Backend) -> tuple[Face, ...]:
    """Encode each face where it is sharp: on these pixels, or on a cut-out of the full picture."""
    seen = pixels.shape[1]
    small = [face.box for face in found if seen < picture.width and face.box.width * seen < SHARP]
    large = [face.box for face in found if face.box not in small]
    encodings = dict(zip(large, backend.encode([pixels], [large])[0], strict=True))
    encodings.update(encoded_cut_outs(picture, small, backend))
    return tuple(Face(face.box, face.score, face.detector, encodings[face.box]) for face in found)


def encoded_cut_outs(picture: Picture, boxes: Sequence[Box], backend: Backend) -> Iterator[tuple[Box, Encoding]]:
    """Each box with the encoding of what the full picture shows there."""
    for first in range(0, len(boxes), CUT_AT_ONCE):
        group = boxes[first : first + CUT_AT_ONCE]
        for box, (pixels, inside) in zip(group, picture.crops(group, MARGIN), strict=True):
            yield box, backend.encode([pixels], [[inside]])[0][0]
