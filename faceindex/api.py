"""What Python programs call: find and encode the faces of pictures, without any index."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from faceindex.backends import DEFAULTS, load
from faceindex.backends.faces import faces_of
from faceindex.errors import UnreadablePicture, UsageProblem
from faceindex.image import open_picture
from faceindex.models import ReadLimits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceindex.backends.faces import Picture
    from faceindex.models import Box, DetectionSettings, Face, Pixels

    Source = str | bytes | os.PathLike[str] | os.PathLike[bytes] | Pixels

LIMITS = ReadLimits()


@overload
def find_faces(source: Source, *, backend: str = "dlib", settings: DetectionSettings = DEFAULTS) -> list[Face]: ...
@overload
def find_faces(
    source: list[Any] | tuple[Any, ...], *, backend: str = "dlib", settings: DetectionSettings = DEFAULTS
) -> list[list[Face]]: ...
def find_faces(
    source: Source | list[Any] | tuple[Any, ...],
    *,
    backend: str = "dlib",
    settings: DetectionSettings = DEFAULTS,
) -> list[Face] | list[list[Face]]:
    """Find and encode the faces of a picture, or of each picture of a list.

    A source is the path of a file, or an upright RGB picture as a (H, W, 3) uint8 array.
    Each Face has its box (fractions of the upright picture), its score, the detector that
    found it, and its encoding, (D,) float32. Faces are sorted by top, then left.
    represent() is the same call.

    Raises UnreadablePicture if a file is no picture, UnknownBackend, ModelsMissing.
    """
    chosen = load(backend, settings)
    if isinstance(source, (list, tuple)):
        return [list(faces_of(opened(one), chosen)) for one in source]
    return list(faces_of(opened(source), chosen))


represent = find_faces  # under the name by which other libraries' users look for it


@dataclass(frozen=True)
class ArrayPicture:
    """A picture that is in memory already, at its only size."""

    array: Pixels
    says_how_it_lies = True  # upright, as find_faces() asks for

    @property
    def width(self) -> int:
        return int(self.array.shape[1])

    @property
    def height(self) -> int:
        return int(self.array.shape[0])

    @property
    def finest(self) -> int:
        return max(self.width, self.height)

    def pixels(self, longest: int) -> Pixels:
        return self.array

    def crops(self, boxes: Sequence[Box], margin: float) -> list[tuple[Pixels, Box]]:
        return [(self.array, box) for box in boxes]


def opened(source: Source) -> Picture:
    """The picture a caller means by a path or an array."""
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.ndim != 3 or source.shape[2] != 3:
            shown = f"{source.dtype} {source.shape}"
            raise UsageProblem(f"an array must be RGB, uint8 (height, width, 3), not {shown}; convert it")
        return ArrayPicture(source)
    path = Path(os.fsdecode(source))
    try:
        return open_picture(path.read_bytes(), LIMITS)
    except OSError as error:
        problem = f"cannot read {path} ({error.strerror}); check the path and its permissions"
        raise UnreadablePicture(problem, "unreadable") from error
    except UnreadablePicture as error:
        raise UnreadablePicture(f"{path}: {error}", error.kind) from error
