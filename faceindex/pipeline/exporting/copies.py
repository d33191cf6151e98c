"""Small copies of photos for an album: upright, without any metadata, made once.

Each is named by the photo's digest and by how it was made, so one that is there is right.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from faceindex.errors import UnreadablePicture
from faceindex.image import open_picture
from faceindex.models import Box
from faceindex.native.preprocess import shrink

if TYPE_CHECKING:
    from faceindex.models import Pixels

MEDIUM = 1600  # pixels of the longest side of what a photo's own page shows
TILE = 240  # of a face's tile, which is a square
AROUND = 0.35  # of a face's width and height, shown on every side
QUALITY = 82
VERSION = "a"  # another letter where copies are made otherwise: then all are made anew


@dataclass(frozen=True, slots=True)
class Wish:
    """Copies wanted of one photo."""

    photo_id: int
    digest: str
    paths: tuple[str, ...]  # of the photo, any of which will do
    sizes: tuple[tuple[str, int], ...] = ()  # where to, and the longest side
    tile: tuple[str, Box] | None = None  # where to, and whose face
    spare: str | None = None  # a copy of ours that will do while the photo cannot be read


def key(digest: str) -> str:
    """What copies of a photo and its page are called, in one of 256 folders."""
    return f"{digest[:2]}/{digest[2:26]}"


def picture_name(digest: str, size: int) -> str:
    return f"pictures/{key(digest)}-{size}{VERSION}.jpg"


def tile_name(digest: str, box: Box) -> str:
    """A face's tile, told by its place on the photo."""
    place = "-".join(f"{round(1000 * side)}" for side in (box.left, box.top, box.right, box.bottom))
    return f"faces/{digest[2:26]}-{place}-{TILE}{VERSION}.jpg"


def make_all(wishes: Iterable[Wish], workers: int) -> Iterator[tuple[Wish, bool]]:
    """Make copies, several photos at a time; with each wish, whether it was granted.

    Threads: decoding, scaling and compressing leave Python's lock alone. Few photos are in work at any time.
    """
    waiting: deque[tuple[Wish, Future[bool]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for wish in wishes:
                waiting.append((wish, pool.submit(make, wish)))
                if len(waiting) > 2 * workers:
                    first, done = waiting.popleft()
                    yield first, done.result()
            for first, done in waiting:
                yield first, done.result()
        finally:
            pool.shutdown(cancel_futures=True)


def make(wish: Wish) -> bool:
    """Make the copies of one photo from the first of its files that still is it; False if there is none."""
    data = next((data for path in wish.paths if (data := _bytes(path, wish.digest)) is not None), None)
    if data is None and wish.spare is not None:
        data = _bytes(wish.spare, None)
    if data is None:
        return False
    try:
        picture = open_picture(data)
        pixels = None
        for place, size in sorted(wish.sizes, key=lambda each: -each[1]):  # each from the one before
            pixels = _shrunk(picture.pixels(size) if pixels is None else pixels, size)
            _save(Image.fromarray(pixels), place)
        if wish.tile:
            _save(_square(picture.crop(wish.tile[1], AROUND)[0]), wish.tile[0])
    except UnreadablePicture:
        return False
    return True


def _bytes(path: str, digest: str | None) -> bytes | None:
    """A file's bytes, if they are the photo of that digest."""
    try:
        with open(path, "rb") as stream:
            data = stream.read()
    except OSError:
        return None
    return data if digest is None or hashlib.sha256(data).hexdigest() == digest else None


def _shrunk(pixels: Pixels, size: int) -> Pixels:
    """At most `size` pixels on the longest side; a smaller picture stays as it is."""
    height, width = pixels.shape[:2]
    scale = size / max(height, width)
    return shrink(pixels, (max(1, round(height * scale)), max(1, round(width * scale)))) if scale < 1 else pixels


def _square(pixels: Pixels) -> Image.Image:
    image = Image.fromarray(pixels)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.resize((TILE, TILE), Image.Resampling.BICUBIC, (left, top, left + side, top + side), reducing_gap=2.0)


def _save(image: Image.Image, place: str) -> None:
    """Whole or not at all; Pillow writes nothing but pixels."""
    unfinished = f"{place}.unfinished"
    image.save(unfinished, "JPEG", quality=QUALITY, optimize=True)
    os.replace(unfinished, place)
