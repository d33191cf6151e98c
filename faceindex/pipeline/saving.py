"""What happens to the index when files have been read."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from faceindex import engines
from faceindex.models import Examination
from faceindex.pipeline.changes import same_place
from faceindex.pipeline.options import ScanOptions
from faceindex.stopwatch import Profile
from faceindex.store import photos, runs, thumbnails
from faceindex.store.photos import KnownFace, Saved

SAME_PLACE = 0.5  # IoU of a face before and after its photo was edited
SAME_FACE = 0.45  # distance between their encodings; brightness, colour and recompression move them by 0.1 to 0.3


def save_all(
    db: sqlite3.Connection, run_id: int, options: ScanOptions, results: Sequence[Examination], seconds: float
) -> None:
    """Record what was found out in these seconds of reading, where they went, and what workers remarked."""
    for found in results:
        save(db, run_id, options, found)
    runs.add_profile(db, run_id, profile_of(results, engines.workers(options.engine), seconds))
    runs.add_notes(db, run_id, (note for found in results for note in found.notes))


def save_thumbnails(options: ScanOptions, results: Sequence[Examination]) -> None:
    """Keep the small pictures that came with the results, in their own file; an index in memory has none."""
    made = [
        (thumbnails.key(found.digest, box), jpeg)
        for found in results
        if found.digest is not None
        for box, jpeg in zip((None, *(face.box for face in found.faces)), found.thumbnails, strict=False)
    ]
    if made and options.index:
        with thumbnails.opened(Path(options.index)) as cache:
            thumbnails.put(cache, made, options.thumbnails * 10**6)


def profile_of(results: Sequence[Examination], workers: int, seconds: float) -> Profile:
    """Where the workers' time went while they found this out."""
    stages: defaultdict[str, float] = defaultdict(float)
    for found in results:
        for stage, spent in found.profile:
            stages[stage] += spent
    return Profile(sum(found.photo is not None for found in results), workers, seconds, stages)


def save(db: sqlite3.Connection, run_id: int, options: ScanOptions, found: Examination) -> Saved:
    """Record one examination, carry human words over to the new version of an edited photo, and count."""
    saved = photos.save(db, run_id, options.backend, options.detection_text(), found)
    if saved.replaced is not None and saved.photo_id is not None:
        _carry(db, saved.replaced, saved.photo_id, options.backend)
    if saved.photo_new and saved.photo_id is not None:
        _carry_between_backends(db, saved.photo_id, options.backend)
    runs.count(
        db,
        run_id,
        files_read=found.digest is not None,
        bytes_read=found.bytes_read,
        photos_new=saved.photo_new,
        faces_found=saved.faces,
        files_changed=saved.changed,
        files_moved=saved.elsewhere == "moved",
        files_copied=saved.elsewhere == "copied",
        files_vanished=-saved.followed,
        files_new=-(saved.elsewhere is not None),
        problems=saved.problem,
    )
    return saved


def _carry(db: sqlite3.Connection, old_photo: int, new_photo: int, backend: str) -> None:
    if photos.human_words(db, old_photo):
        old, new = photos.faces(db, old_photo, backend), photos.faces(db, new_photo, backend)
        photos.carry(db, [(a.face_id, b.face_id) for a, b in _pairs(old, new) if _alike(a, b)])


def _carry_between_backends(db: sqlite3.Connection, photo: int, backend: str) -> None:
    """Another backend's faces on the same photo: the place must do, their encodings are never compared."""
    if photos.human_words(db, photo):
        new = photos.faces(db, photo, backend)
        for other in photos.other_backends(db, photo, backend):
            photos.carry(db, [(a.face_id, b.face_id) for a, b in _pairs(photos.faces(db, photo, other), new)])


def _pairs(old: list[KnownFace], new: list[KnownFace]) -> list[tuple[KnownFace, KnownFace]]:
    places = same_place([face.box for face in old], [face.box for face in new], SAME_PLACE)
    return [(old[i], new[j]) for i, j in places]


def _alike(one: KnownFace, other: KnownFace) -> bool:
    if not (one.vector and other.vector):
        return True  # of somebody who was forgotten only the place is known
    a, b = (np.frombuffer(face.vector, "<f4") for face in (one, other))
    return bool(np.linalg.norm(a - b) < SAME_FACE)
