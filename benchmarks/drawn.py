"""A family that never was, drawn: photos that may be shown to anybody, and an index of them.

python benchmarks/drawn.py FOLDER     draws FOLDER/Pictures and FOLDER/faces.db, for screenshots
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from faceindex import db as index_file
from faceindex.image import small
from faceindex.models import Box, Examination, Face, File
from faceindex.models import Photo as Picture
from faceindex.pipeline.options import ScanOptions
from faceindex.pipeline.recognising import recognise
from faceindex.pipeline.stop import Stop
from faceindex.store import acts, files, photos, roots, runs, thumbnails

WIDTH, HEIGHT, FINE = 1200, 800, 2  # pixels of a photo, and how much finer it is drawn


@dataclass(frozen=True)
class Person:
    name: str
    skin: str
    hair: str
    style: str  # of the hair: short, long, bun, bald, curls
    shirt: str
    glasses: bool = False
    small: bool = False  # a child


FAMILY = (
    Person("Anna", "#f2c9a0", "#5a3a22", "long", "#c8553d"),
    Person("Ben", "#e0ac7e", "#2e2018", "short", "#2f6690", glasses=True),
    Person("Mia", "#f2c9a0", "#8a5a2b", "bun", "#e9c46a", small=True),
    Person("Tom", "#e8b78c", "#2e2018", "curls", "#588157", small=True),
    Person("Grandma Rose", "#f0cfae", "#d9d9d6", "curls", "#8e6c88", glasses=True),
    Person("Grandpa Joe", "#dba77c", "#bfbfbc", "bald", "#457b9d", glasses=True),
    Person("Aunt Lily", "#b97a4f", "#1d1512", "long", "#bc4749"),
    Person("Uncle Max", "#8d5a38", "#1d1512", "short", "#6a994e"),
)
SCENES = {  # sky, ground
    "sea": ("#9bd1e5", "#e8d8a8"), "garden": ("#bfe3c0", "#7fb069"), "home": ("#f3e3d3", "#c9a27e"),
    "snow": ("#dfe9f2", "#ffffff"), "evening": ("#f6bd8b", "#6d597a"),
}  # fmt: skip
ALBUM = (  # folder, name, day, scene, who from left to right
    ("2019/Sea", "beach.jpg", "2019-07-06", "sea", (0, 1, 2, 3)),
    ("2019/Sea", "castle.jpg", "2019-07-07", "sea", (2, 3)),
    ("2019/Sea", "ice cream.jpg", "2019-07-09", "sea", (0, 2)),
    ("2019/Christmas", "tree.jpg", "2019-12-24", "home", (4, 5, 2, 3)),
    ("2019/Christmas", "all of us.jpg", "2019-12-25", "home", (5, 4, 0, 1, 2)),
    ("2020/Snow", "sledge.jpg", "2020-01-18", "snow", (1, 3)),
    ("2020/Snow", "snowman.jpg", "2020-01-18", "snow", (2, 1, 0)),
    ("2020/Garden", "picnic.jpg", "2020-06-14", "garden", (0, 6, 7)),
    ("2020/Garden", "apples.jpg", "2020-09-20", "garden", (5, 3)),
    ("2020/Garden", "roses.jpg", "2020-06-15", "garden", (4,)),
    ("2021/Birthday", "cake.jpg", "2021-05-02", "home", (2, 0, 3)),
    ("2021/Birthday", "candles.jpg", "2021-05-02", "home", (2,)),
    ("2021/Birthday", "guests.jpg", "2021-05-02", "home", (6, 7, 4, 2)),
    ("2021/Lake", "evening.jpg", "2021-08-11", "evening", (0, 1)),
    ("2021/Lake", "boat.jpg", "2021-08-12", "sea", (1, 3, 7)),
    ("2022/Hike", "summit.jpg", "2022-10-03", "garden", (0, 1, 2, 3, 6)),
    ("2022/Hike", "hut.jpg", "2022-10-03", "evening", (7, 1)),
    ("2022/Garden", "bench.jpg", "2022-05-21", "garden", (4, 5)),
    ("2023/Sea", "beach again.jpg", "2023-07-15", "sea", (0, 2, 3)),
    ("2023/Sea", "pier.jpg", "2023-07-16", "evening", (6, 0)),
)


def draw(scene: str, who: tuple[int, ...], seed: int) -> tuple[Image.Image, list[Box]]:
    """A photo of these people, and where their faces are, in its upright fractions."""
    rng = random.Random(seed)
    sky, ground = SCENES[scene]
    image = Image.new("RGB", (WIDTH * FINE, HEIGHT * FINE), sky)
    pen = ImageDraw.Draw(image)
    for row in range(HEIGHT * FINE):  # lighter towards the horizon
        light = 0.75 + 0.25 * row / (HEIGHT * FINE)
        pen.line([(0, row), (WIDTH * FINE, row)], fill=tuple(round(int(sky[i : i + 2], 16) * light) for i in (1, 3, 5)))
    horizon = round((0.62 + 0.06 * rng.random()) * HEIGHT * FINE)
    pen.rectangle((0, horizon, WIDTH * FINE, HEIGHT * FINE), fill=ground)
    _things(pen, scene, horizon, rng)
    boxes = []
    step = WIDTH * FINE / (len(who) + 0.4)
    for place, number in enumerate(who):
        person = FAMILY[number]
        size = min(step * 0.46, 170 * FINE) * (0.78 if person.small else 1) * (0.95 + 0.1 * rng.random())
        x = step * (place + 0.7) + rng.uniform(-0.05, 0.05) * step
        y = HEIGHT * FINE * (0.52 if person.small else 0.40) + rng.uniform(-0.03, 0.03) * HEIGHT * FINE
        boxes.append(_person(pen, person, x, y, size, rng))
    return image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS), boxes


def _things(pen: ImageDraw.ImageDraw, scene: str, horizon: int, rng: random.Random) -> None:
    wide = WIDTH * FINE
    if scene in ("sea", "evening"):
        pen.rectangle((0, horizon - 120 * FINE, wide, horizon), fill="#3d85a8" if scene == "sea" else "#4a4063")
        sun = rng.uniform(0.1, 0.9) * wide
        pen.ellipse((sun - 60 * FINE, 40 * FINE, sun + 60 * FINE, 160 * FINE), fill="#fff1c1")
    if scene in ("garden", "snow"):
        for _ in range(6):
            x, high = rng.uniform(0, 1) * wide, rng.uniform(150, 300) * FINE
            pen.rectangle((x - 10 * FINE, horizon - high / 3, x + 10 * FINE, horizon), fill="#6b4a2f")
            pen.ellipse((x - high / 3, horizon - high, x + high / 3, horizon - high / 4),
                        fill="#4f8a4b" if scene == "garden" else "#e9f1f7")  # fmt: skip
    if scene == "home":
        for x in (0.08, 0.5, 0.86):
            left, top = x * wide, 60 * FINE
            pen.rectangle(
                (left, top, left + 110 * FINE, top + 140 * FINE), fill="#fffaf2", outline="#8a6a4a", width=8 * FINE
            )


def _person(pen: ImageDraw.ImageDraw, who: Person, x: float, y: float, r: float, rng: random.Random) -> Box:
    """Draw head and shoulders; the box goes from brows to chin."""
    if who.style == "long":
        pen.rounded_rectangle((x - 0.98 * r, y - 1.0 * r, x + 0.98 * r, y + 1.35 * r), radius=0.8 * r, fill=who.hair)
    pen.rounded_rectangle((x - 1.25 * r, y + 0.95 * r, x + 1.25 * r, y + 6 * r), radius=0.7 * r, fill=who.shirt)
    pen.rectangle((x - 0.32 * r, y + 0.6 * r, x + 0.32 * r, y + 1.2 * r), fill=who.skin)
    if who.style == "bun":
        pen.ellipse((x - 0.4 * r, y - 1.6 * r, x + 0.4 * r, y - 0.85 * r), fill=who.hair)
    if who.style == "curls":
        for turn in range(-4, 5):
            cx, cy = x + turn * 0.24 * r, y - 0.72 * r + 0.035 * turn * turn * r
            pen.ellipse((cx - 0.36 * r, cy - 0.36 * r, cx + 0.36 * r, cy + 0.36 * r), fill=who.hair)
    pen.ellipse((x - 0.78 * r, y - 0.95 * r, x + 0.78 * r, y + 1.0 * r), fill=who.skin)
    if who.style in ("short", "long", "bun"):
        pen.chord((x - 0.82 * r, y - 1.08 * r, x + 0.82 * r, y + 0.55 * r), 190, 350, fill=who.hair)
    if who.style == "bald":
        pen.arc((x - 0.8 * r, y - 0.6 * r, x + 0.8 * r, y + 0.6 * r), 150, 200, fill=who.hair, width=round(0.16 * r))
        pen.arc((x - 0.8 * r, y - 0.6 * r, x + 0.8 * r, y + 0.6 * r), -20, 30, fill=who.hair, width=round(0.16 * r))
    look = rng.uniform(-0.05, 0.05) * r
    for side in (-1, 1):
        ex = x + side * 0.3 * r
        pen.ellipse((ex - 0.13 * r, y - 0.13 * r, ex + 0.13 * r, y + 0.11 * r), fill="#ffffff")
        pen.ellipse((ex - 0.07 * r + look, y - 0.08 * r, ex + 0.07 * r + look, y + 0.07 * r), fill="#2b2b2b")
        pen.arc(
            (ex - 0.2 * r, y - 0.36 * r, ex + 0.2 * r, y - 0.06 * r), 200, 340, fill=who.hair, width=round(0.06 * r)
        )
        if who.glasses:
            pen.ellipse(
                (ex - 0.24 * r, y - 0.24 * r, ex + 0.24 * r, y + 0.22 * r), outline="#333333", width=round(0.05 * r)
            )
    pen.arc((x - 0.12 * r, y + 0.05 * r, x + 0.12 * r, y + 0.38 * r), 30, 150, fill="#00000055", width=round(0.05 * r))
    smile = rng.uniform(0.28, 0.4) * r
    pen.chord((x - smile, y + 0.3 * r, x + smile, y + 0.78 * r), 10, 170, fill="#8c2f39")
    edges = (x - 0.72 * r, y - 0.5 * r, x + 0.72 * r, y + 0.94 * r)
    wide, high = WIDTH * FINE, HEIGHT * FINE
    return Box(edges[0] / wide, edges[1] / high, edges[2] / wide, edges[3] / high)


def make(folder: Path) -> Path:
    """Draw the library and its index; returns the index."""
    library, index = folder / "Pictures", folder / "faces.db"
    rng = np.random.default_rng(3)
    people = rng.normal(0, 0.052, (len(FAMILY), 128))
    grown = rng.normal(0, 0.036, 128)  # what makes Mia another cluster when she is older
    with contextlib.closing(index_file.open_index(index)) as db, thumbnails.opened(index) as cache:
        with index_file.transaction(db):
            root = roots.add(db, str(library))
            run = runs.begin(db, {})
        for number, (album, name, day, scene, who) in enumerate(ALBUM):
            image, boxes = draw(scene, who, number)
            path = library / album / name
            path.parent.mkdir(parents=True, exist_ok=True)
            image.save(path, quality=90)
            data = path.read_bytes()
            digest, pixels, status = hashlib.sha256(data).digest(), np.asarray(image), path.stat()
            found = tuple(
                Face(
                    box,
                    1.2,
                    "hog",
                    (people[i] + rng.normal(0, 0.02, 128) + grown * older(i, day)).astype(np.float32),
                    0.5,
                )
                for box, i in zip(boxes, who, strict=True)
            )
            picture = Picture(
                digest, len(data), "JPEG", WIDTH, HEIGHT, taken_at=f"{day}T12:{number:02}:00", camera="Drawn by hand"
            )
            with index_file.transaction(db):
                place = files.add_folder(db, root, album)
                stat = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_dev, status.st_ino)
                files.insert(db, place, File(name, "photo", *stat), digest)
                photos.add(db, run, "dlib", "{}", Examination(0, digest, picture, found))
            made = [(thumbnails.key(digest), small.photo_jpeg(pixels))]
            made += [(thumbnails.key(digest, face.box), small.face_jpeg(pixels, face.box)) for face in found]
            thumbnails.put(cache, made, 10**9)
        recognise(db, run, ScanOptions(), Stop().for_matching(), lambda count: None)
        with index_file.transaction(db):
            runs.count(
                db, run, photos_new=len(ALBUM), files_seen=len(ALBUM), files_new=len(ALBUM), files_read=len(ALBUM)
            )
            runs.end(db, run, "done")
    return index


def older(number: int, day: str) -> bool:
    return FAMILY[number].name == "Mia" and day > "2021"


def name(index: Path, *names: str) -> None:
    """Say who some of them are."""
    with contextlib.closing(index_file.open_index(index)) as db:
        for person in names:
            number = [each.name for each in FAMILY].index(person)
            at = next((album, file, who.index(number)) for album, file, _, _, who in ALBUM if number in who)
            row = db.execute(
                "SELECT cluster_id FROM face JOIN photo USING (photo_id) JOIN file USING (digest) WHERE name = ? "
                'ORDER BY "left" LIMIT 1 OFFSET ?',
                (at[1], at[2]),
            ).fetchone()
            acts.label_cluster(db, row[0], person)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    name(make(Path(sys.argv[1])), "Anna", "Ben", "Mia", "Grandma Rose", "Uncle Max")
