"""A group photo of 40 megapixels, put together from real faces: python benchmarks/group_photo.py

80 portraits, their faces 60 to 400 pixels wide (as many small as large ones), on photos without a face.
Prints what HOG finds on the whole picture at several sizes, and in tiles of 1600 pixels that overlap by 400.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import recall
from PIL import Image

from faceindex.models import Box

GROUP_SIZE = (7300, 5500)
CELLS = (10, 8)
FACE_WIDTHS = (60, 400)  # pixels
PORTRAITS = "lfw/*/*_0001.jpg"


def main() -> None:
    """Whole at several sizes, and in tiles of the full-size picture and of half of it."""
    picture, photo = collage(np.random.default_rng(3))
    widths = [face.width * photo.width for face in photo.faces]
    edges = (85, 120, 170, 240, 340)
    each = np.bincount(np.digitize(widths, edges), minlength=len(edges) + 1)
    print(f"{len(widths)} faces; {' '.join(map(str, each))} by width in the original, limits {edges} px")
    for size in (1600, 2400, 3200):
        report(f"whole at {size}", photo, recall.detect(shrunk(picture, size), recall.Look("hog", size)), edges)
    for size in (2400, 3650, 5000, 7300):
        report(f"tiles of 1600 at {size}", photo, tiled(shrunk(picture, size)), edges)


def report(name: str, photo: recall.Checked, seen: recall.Seen, edges: Sequence[float]) -> None:
    sure = [face for face in seen.found if face.score >= 0.15]
    verdict = recall.judge(photo, sure)
    hits = [photo.faces[place].width * photo.width for place in verdict.found]
    by_width = np.bincount(np.digitize(hits, edges), minlength=len(edges) + 1)
    print(f"{name:24} {len(hits):3} found, by width {' '.join(map(str, by_width)):20} {len(verdict.false)} false, "
          f"{verdict.again} again, {seen.ms:6.0f} ms")  # fmt: skip


def shrunk(picture: Image.Image, size: int) -> Image.Image:
    scale = size / max(picture.size)
    return picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BOX)


def tiled(picture: Image.Image, side: int = 1600, overlap: int = 400) -> recall.Seen:
    found: list[recall.Found] = []
    ms = 0.0
    for top in range(0, max(1, picture.height - overlap), side - overlap):
        for left in range(0, max(1, picture.width - overlap), side - overlap):
            part = (left, top, min(left + side, picture.width), min(top + side, picture.height))
            seen = recall.detect(picture.crop(part), recall.Look("hog", side))
            ms += seen.ms
            found = recall.union(
                found, [recall.Found(on_whole(face.box, part, picture.size), face.score) for face in seen.found]
            )
    return recall.Seen(tuple(found), ms)


def on_whole(box: Box, part: tuple[int, int, int, int], size: tuple[int, int]) -> Box:
    left, top, right, bottom = part
    across, down = right - left, bottom - top
    return Box(
        (left + box.left * across) / size[0], (top + box.top * down) / size[1],
        (left + box.right * across) / size[0], (top + box.bottom * down) / size[1],
    )  # fmt: skip


def collage(rng: np.random.Generator) -> tuple[Image.Image, recall.Checked]:
    """Portraits of 60 to 400 pixels a face on faceless photos, each in a cell of its own."""
    width, height = GROUP_SIZE
    picture = background()
    cell = width // CELLS[0], height // CELLS[1]
    portraits = sorted(recall.PHOTOS.glob(PORTRAITS))
    chosen = iter(rng.permutation(len(portraits)))
    faces = []
    for place in range(CELLS[0] * CELLS[1]):
        wide = float(np.exp(rng.uniform(*np.log(FACE_WIDTHS))))
        head, box = next(each for number in chosen if (each := portrait(portraits[number], wide)))
        left = place % CELLS[0] * cell[0] + int(rng.integers(0, max(1, cell[0] - head.width)))
        top = place // CELLS[0] * cell[1] + int(rng.integers(0, max(1, cell[1] - head.height)))
        picture.paste(head, (left, top))
        faces.append(on_whole(box, (left, top, left + head.width, top + head.height), picture.size))
    return picture, recall.Checked("collage", "", width, height, tuple(faces))


def background() -> Image.Image:
    picture = Image.new("RGB", GROUP_SIZE)
    empty = [path for path in sorted((recall.PHOTOS / "nofaces").rglob("*.jpg")) if "clowns" not in path.name]
    wide, high = GROUP_SIZE[0] // 4, GROUP_SIZE[1] // 3
    for place, path in enumerate(empty[:12]):
        with Image.open(path) as image:
            tile = image.convert("RGB").resize((wide, high))
        picture.paste(tile, (place % 4 * wide, place // 4 * high))
    return picture


def portrait(path: Path, wide: float) -> tuple[Image.Image, Box] | None:
    """Head and shoulders with a face `wide` pixels wide; None unless HOG is sure of exactly one face."""
    with Image.open(path) as image:
        large = image.convert("RGB").resize((1000, 1000), Image.Resampling.LANCZOS)
    seen = recall.detect(large, recall.Look("hog", 1000)).found
    if len(seen) != 1 or seen[0].score < 1:
        return None
    box = seen[0].box
    room = 0.3 * box.width
    head = Box(
        *(min(1.0, max(0.0, side)) for side in (box.left - room, box.top - room, box.right + room, box.bottom + room))
    )
    scale = wide / box.width
    shape = round(head.width * scale), round(head.height * scale)
    cut = large.resize(shape, Image.Resampling.LANCZOS, box=tuple(1000 * side for side in recall.sides(head)))
    inside = Box(
        (box.left - head.left) / head.width, (box.top - head.top) / head.height,
        (box.right - head.left) / head.width, (box.bottom - head.top) / head.height,
    )  # fmt: skip
    return cut, inside


if __name__ == "__main__":
    main()
