"""From an opened picture to its faces, whatever the backend: the way of one photo through a worker.

decode       once, fine enough to detect and to encode
look         at the whole, at a strip in pieces; where small faces are wanted at finer tiles; turned, where nothing
             was found
encode       each face where it is sharp: on the pixels it was found on, or on a cut-out of the full picture
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from faceindex import backends
from faceindex.backends.looks import NARROWEST, TILE, Look, piece_of, pieces, scaled, tiles, whole
from faceindex.image import turned, upright_box
from faceindex.models import Box, Detection, DetectionSettings, Face
from faceindex.sharpness import sharpness
from faceindex.stopwatch import stage

if TYPE_CHECKING:
    from faceindex.backends import Backend
    from faceindex.models import Encoding, Pixels, Policy

SHARP = 90  # pixels a face must be wide for its encoding to lose nothing (docs/detection.md)
MARGIN = 0.75  # of a face's size, kept on each side of a cut-out: 0.5 loses nothing of an upright face
CUT_AT_ONCE = 16  # cut-outs in memory together; each such group costs one full decoding
SMALL = 110  # pixels of a face at the size of the whole: there may be smaller ones that were missed
SAME_FACE = 0.3  # IoU above which boxes of two looks are one face …
MOSTLY_INSIDE = 0.7  # … or one that a tile's edge cut off
MOST_OF_STRIP = 40_000_000  # pixels of a strip that are decoded at once to be looked at
TURNED_SIZE = 1000  # longest side at which turned pictures are looked at
TURNED_SCORE = 0.3  # lower scores on turned pictures are not believed (docs/detection.md)


class Picture(Protocol):
    """What faces need of an image.Picture."""

    @property
    def width(self) -> int: ...

    @property
    def height(self) -> int: ...

    @property
    def says_how_it_lies(self) -> bool: ...

    @property
    def finest(self) -> int: ...

    def pixels(self, longest: int) -> Pixels: ...

    def crops(self, boxes: Sequence[Box], margin: float) -> Sequence[tuple[Pixels, Box]]: ...


@dataclass(frozen=True, eq=False)
class Sighting:
    """A face, the look it was found in, and its box on the picture."""

    look: Look
    found: Detection  # on the look
    box: Box


def faces_of(picture: Picture, backend: Backend) -> tuple[Face, ...]:
    """Find and encode the faces of one picture, sorted by top, then left."""
    settings = backend.settings
    with stage("decode"):
        pixels = picture.pixels(working_size(picture, settings))
    seen = seen_at_first(picture, pixels, backend)
    if may_lie_on_its_side(picture, seen, settings):
        # What is found both ways the turned look knows better: the right way up it can be encoded.
        seen = merged(sightings_when_turned(pixels, backend), seen)
    if finer := finer_scale(picture, seen, settings):
        seen = merged(seen, smaller(picture, seen, finer, backend))
    wide = [each for each in seen if each.box.width * picture.width >= settings.min_face]
    faces = encoded(picture, wide, backend)
    return tuple(sorted(faces, key=lambda face: (face.box.top, face.box.left)))


def working_size(picture: Picture, settings: DetectionSettings) -> int:
    """The longest side to decode to: what detectors ask for, and enough to encode what they find there."""
    sizes = {"hog": [settings.size], "cnn": [settings.cnn_size]}
    wanted = sizes.get(settings.policy, [settings.size, settings.cnn_size])
    longest = max(picture.width, picture.height)
    if not all(wanted):
        return longest
    enough = max(wanted) * SHARP // NARROWEST
    if (times := in_pieces(picture, settings)) == 1:
        return enough
    return min(round(enough * times), finest_of_strip(picture))


def finest_of_strip(picture: Picture) -> int:
    """The longest side to which a strip may be decoded; by halves, as a JPEG can be."""
    scale = 1
    while picture.width * picture.height > MOST_OF_STRIP * scale**2:
        scale *= 2
    return min(math.ceil(max(picture.width, picture.height) / scale), picture.finest)


def in_pieces(picture: Picture, settings: DetectionSettings) -> float:
    """How many times as long as one of its pieces a strip is; 1 for any other picture."""
    longest = max(picture.width, picture.height)
    return longest / piece_of(picture.width, picture.height, max(settings.size, settings.cnn_size))


def seen_at_first(picture: Picture, pixels: Pixels, backend: Backend) -> list[Sighting]:
    """What the whole picture shows, or the pieces of a strip."""
    times = in_pieces(picture, backend.settings)
    if times == 1:
        return sightings([whole(pixels)], backend)
    found = sightings(pieces(pixels, max(pixels.shape[:2]) / times), backend)
    return merged([], [each for each in found if not each.look.cuts(each.found.box)])


def sightings(looks: Iterable[Look], backend: Backend) -> list[Sighting]:
    """What the backend finds in each look."""
    return [seen_in(look, found) for look in looks for found in backend.detect([look.pixels()])[0]]


def seen_in(look: Look, found: Detection) -> Sighting:
    return Sighting(look, found, look.on_picture(found.box))


def may_lie_on_its_side(picture: Picture, seen: Sequence[Sighting], settings: DetectionSettings) -> bool:
    """Whether to try turns. The CNN sees some faces that lie on their side, but they cannot be encoded so."""
    return settings.turns and not picture.says_how_it_lies and all(each.found.detector == "cnn" for each in seen)


def sightings_when_turned(pixels: Pixels, backend: Backend) -> list[Sighting]:
    """What the picture shows when it lies on its side or head; the turn that shows the surest face."""
    settings = replace(backend.settings, policy="hog", size=TURNED_SIZE)
    surely = backends.like(backend, replace(settings, min_score=max(settings.min_score, TURNED_SCORE)))
    small = scaled(pixels, min(TURNED_SIZE / max(pixels.shape), 1.0))
    found = {turn: surely.detect([turned(small, turn)])[0] for turn in (6, 8, 3)}
    best = max(found, key=lambda turn: max((face.score for face in found[turn]), default=0.0))
    if not found[best]:
        return []
    look = whole(pixels, best)
    return [seen_in(look, face) for face in found[best]]


def finer_scale(picture: Picture, seen: Sequence[Sighting], settings: DetectionSettings) -> float | None:
    """How much larger than the original to look again for faces too small for the whole; None: do not."""
    original, so_far = max(picture.width, picture.height), seen_at(picture, settings)
    scale = 0.0
    if settings.faces:
        scale = min(NARROWEST / settings.faces, 2.0)
    elif settings.group and len(seen) >= settings.group and is_crowd(picture, seen, so_far):
        scale = min(2 * so_far / original, 1.0)
    return scale if scale * original > so_far else None


def seen_at(picture: Picture, settings: DetectionSettings) -> int:
    """The longest side that the whole has as it is looked at; a size of 0 means as it is."""
    size = max(settings.size, settings.cnn_size) or max(picture.width, picture.height)
    return round(size * in_pieces(picture, settings))


def is_crowd(picture: Picture, seen: Sequence[Sighting], so_far: int) -> bool:
    """True if a face is so small at that size of the picture that others may have been too small."""
    width = picture.width * so_far / max(picture.width, picture.height)
    return min(each.box.width for each in seen) * width < SMALL


def smaller(picture: Picture, seen: Sequence[Sighting], scale: float, backend: Backend) -> list[Sighting]:
    """Faces too small to be seen on the whole picture, from tiles of it."""
    settings = backend.settings
    original = max(picture.width, picture.height)
    with stage("decode"):
        pixels = picture.pixels(min(round(original * min(scale, 1.0)), picture.finest))
    # In most tiles is no face: a CNN that looks where HOG finds nothing would look at nearly all.
    policy: Policy = "cnn" if settings.policy == "cnn" else "hog"
    as_it_is = replace(settings, policy=policy, size=0, cnn_size=0, cnn_pixels=TILE * TILE)
    turn = seen[0].look.turn if seen else 1
    looks = tiles(pixels, turn, scale * original / max(pixels.shape[:2]), seen_at(picture, settings))
    return merged([], sightings(looks, backends.like(backend, as_it_is)))


def merged(known: list[Sighting], more: list[Sighting]) -> list[Sighting]:
    """Those known, and what is new among the others, surest first."""
    kept = list(known)
    for each in sorted(more, key=lambda sighting: -sighting.found.score):
        if not any(are_one(each.box, other.box) for other in kept):
            kept.append(each)
    return kept


def are_one(a: Box, b: Box) -> bool:
    return a.iou(b) > SAME_FACE or a.inside(b) > MOSTLY_INSIDE or b.inside(a) > MOSTLY_INSIDE


def encoded(picture: Picture, seen: Sequence[Sighting], backend: Backend) -> Iterator[Face]:
    """Encode each face where it is sharp."""
    blurred = [each for each in seen if is_blurred(each, picture)]
    sharp = [each for each in seen if not is_blurred(each, picture)]
    for look in dict.fromkeys(each.look for each in sharp):
        here = [each for each in sharp if each.look is look]
        encodings = backend.encode([look.pixels()], [[each.found.box for each in here]])[0]
        for each, encoding in zip(here, encodings, strict=True):
            yield as_face(each, encoding, sharpness(look.pixels(), each.found.box))
    for first in range(0, len(blurred), CUT_AT_ONCE):
        yield from encoded_cut_outs(picture, blurred[first : first + CUT_AT_ONCE], backend)


def is_blurred(seen: Sighting, picture: Picture) -> bool:
    """True if a face is small in its look and larger in the picture itself."""
    width = seen.found.box.width * seen.look.width
    height = seen.found.box.height * seen.look.height
    original = seen.box.width * picture.width * seen.box.height * picture.height
    return bool(width < SHARP and original > width * height)


def encoded_cut_outs(picture: Picture, seen: Sequence[Sighting], backend: Backend) -> Iterator[Face]:
    """Faces with encodings of what the full picture shows in their boxes."""
    with stage("decode"):
        cuts = picture.crops([each.box for each in seen], MARGIN)
    for each, (pixels, inside) in zip(seen, cuts, strict=True):
        turn = each.look.turn
        box = upright_box(inside, turn)
        yield as_face(each, backend.encode([turned(pixels, turn)], [[box]])[0][0], sharpness(pixels, inside))


def as_face(seen: Sighting, encoding: Encoding, sharp: float) -> Face:
    return Face(seen.box, seen.found.score, seen.found.detector, encoding, sharp)
