"""Pictures and the faces on them: saving what a worker found out."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from faceindex import matching
from faceindex.models import Box, Examination, Face, Photo, Problem
from faceindex.store import moves, problems
from faceindex.store.paths import shown


@dataclass(frozen=True, slots=True)
class KnownFace:
    """A face in the index."""

    face_id: int
    box: Box
    vector: bytes  # little-endian float32; empty: its person was forgotten
    cluster_id: int | None


@dataclass(frozen=True, slots=True)
class Saved:
    """What one examination changed."""

    photo_new: bool = False
    faces: int = 0
    changed: bool = False  # the path held other bytes before
    elsewhere: str | None = None  # a new path of known bytes: "moved" or "copied"
    followed: bool = False  # moved from a path that was counted as vanished in this run
    problem: bool = False
    replaced: int | None = None  # photo_id of the last other picture this path held
    photo_id: int | None = None


def settled_digests(db: sqlite3.Connection, size: int, backend: str, run_id: int) -> frozenset[bytes]:
    """Digests of this size that need no examination: done, or damaged and given up or tried in this run."""
    rows = db.execute(
        """SELECT digest FROM photo JOIN examination USING (photo_id) WHERE photo.size = :size AND backend = :backend
           UNION
           SELECT digest FROM file CROSS JOIN problem USING (file_id)
           WHERE file.size = :size AND file.stale AND digest IS NOT NULL AND problem.stage = 'examine'
             AND (NOT problem.retry OR problem.run_id = :run_id)""",
        {"size": size, "backend": backend, "run_id": run_id},
    )
    return frozenset(row[0] for row in rows)


def save(db: sqlite3.Connection, run_id: int, backend: str, settings: str, found: Examination) -> Saved:
    """Record what a worker found out about one file. A photo that came in twice is kept once."""
    if found.digest is None:
        assert found.problem is not None
        news = problems.record(db, run_id, found.problem, file_id=found.file_id)
        return Saved(problem=news or not _is_log(db, found))
    before, held, kind = db.execute(
        "SELECT digest, held_id, kind FROM file WHERE file_id = ?", (found.file_id,)
    ).fetchone()
    elsewhere, followed = _elsewhere(db, found.file_id, found.digest) if before is None else (None, False)
    trouble = found.problem
    if trouble is None and found.photo is None and kind == "photo":
        trouble = _trouble_of_copy(db, run_id, found)
    new = found.photo is not None and add(db, run_id, backend, settings, found)
    number = photo_id(db, found.digest)
    db.execute(
        """UPDATE file SET digest = ?, stale = ?, ctime_ns = iif(?, 0, ctime_ns), held_id = coalesce(?, held_id)
           WHERE file_id = ?""",
        (found.digest, trouble is not None, found.racy, number, found.file_id),
    )
    _note(db, run_id, found, trouble)
    return Saved(
        photo_new=new,
        faces=len(found.faces) if new else 0,
        changed=before is not None and before != found.digest,
        elsewhere=elsewhere,
        followed=followed,
        problem=trouble is not None,
        # Not the last digest: it may be that of half a picture, caught while an editor wrote it.
        replaced=held if number not in (None, held) else None,
        photo_id=number,
    )


def _is_log(db: sqlite3.Connection, found: Examination) -> bool:
    """Whether this is no photo and changes whenever it is read: to be told once, not every night."""
    (kind,) = db.execute("SELECT kind FROM file WHERE file_id = ?", (found.file_id,)).fetchone()
    return kind == "other" and found.problem is not None and found.problem.kind == "changing"


def _note(db: sqlite3.Connection, run_id: int, found: Examination, trouble: Problem | None) -> None:
    """Remember a file's problem, or forget it."""
    if trouble is not None:
        problems.record(db, run_id, trouble, file_id=found.file_id)
        return
    problems.solved(db, found.file_id)
    if found.photo is not None:
        problems.solved_copies(db, found.photo.digest)


def _elsewhere(db: sqlite3.Connection, file_id: int, digest: bytes) -> tuple[str | None, bool]:
    """Whether other paths hold, or held, these bytes, and whether one of them vanished in this run."""
    if moves.follow_bytes(db, digest):
        return "moved", True
    row = db.execute(
        "SELECT max(gone IS NULL) FROM file WHERE digest = ? AND file_id <> ? AND size > 0", (digest, file_id)
    ).fetchone()
    return {None: None, 1: "copied", 0: "moved"}[row[0]], False


def _trouble_of_copy(db: sqlite3.Connection, run_id: int, found: Examination) -> Problem | None:
    """A copy of a damaged picture is damaged too, and need not be tried to know it."""
    row = db.execute(
        """SELECT stage, problem.kind, message FROM problem JOIN file USING (file_id)
           WHERE digest = ? AND file_id <> ? AND stage = 'examine' AND (NOT retry OR problem.run_id = ?)""",
        (found.digest, found.file_id, run_id),
    ).fetchone()
    return Problem(*row) if row else None


def photo_id(db: sqlite3.Connection, digest: bytes) -> int | None:
    """Id of the photo with this digest, if it is one."""
    row = db.execute("SELECT photo_id FROM photo WHERE digest = ?", (digest,)).fetchone()
    return row[0] if row else None


def digest(db: sqlite3.Connection, photo_id: int) -> bytes:
    """SHA-256 of a photo that is known."""
    (found,) = db.execute("SELECT digest FROM photo WHERE photo_id = ?", (photo_id,)).fetchone()
    return bytes(found)


def add(db: sqlite3.Connection, run_id: int, backend: str, settings: str, found: Examination) -> bool:
    """Record a photo and its faces; False if this backend's examination of it is there already."""
    assert found.photo is not None
    number = _photo(db, found.photo)
    done = db.execute(
        """INSERT INTO examination (photo_id, backend, run_id, settings, seconds) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT DO NOTHING""",
        (number, backend, run_id, settings, found.seconds),
    )
    if not done.rowcount:
        return False
    for face in found.faces:
        _face(db, run_id, number, found.photo.width, backend, face)
    return True


def _photo(db: sqlite3.Connection, photo: Photo) -> int:
    (number,) = db.execute(
        """INSERT INTO photo (digest, size, format, width, height, orientation, taken_at, camera, latitude, longitude)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (digest) DO UPDATE SET taken_at = excluded.taken_at RETURNING photo_id""",
        (
            photo.digest, photo.size, photo.format, photo.width, photo.height, photo.orientation,
            photo.taken_at, photo.camera and shown(photo.camera), photo.latitude, photo.longitude,
        ),
    ).fetchone()  # fmt: skip
    return int(number)


def _face(db: sqlite3.Connection, run_id: int, photo: int, width: int, backend: str, face: Face) -> None:
    box = face.box
    counts = not matching.is_poor(box.width * width, face.score, face.detector, face.sharpness)
    cursor = db.execute(
        """INSERT INTO face (photo_id, backend, detector, score, "left", top, "right", bottom, run_id,
                             counts, sharpness)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            photo,
            backend,
            face.detector,
            face.score,
            box.left,
            box.top,
            box.right,
            box.bottom,
            run_id,
            counts,
            face.sharpness,
        ),
    )
    vector = face.encoding.astype("<f4").tobytes()
    db.execute("INSERT INTO encoding (face_id, vector) VALUES (?, ?)", (cursor.lastrowid, vector))


def faces(db: sqlite3.Connection, photo_id: int, backend: str) -> list[KnownFace]:
    """The faces one backend found on a photo."""
    rows = db.execute(
        """SELECT face_id, "left", top, "right", bottom, coalesce(vector, x''), cluster_id
           FROM face LEFT JOIN encoding USING (face_id) WHERE photo_id = ? AND backend = ? ORDER BY face_id""",
        (photo_id, backend),
    )
    return [KnownFace(r[0], Box(*r[1:5]), r[5], r[6]) for r in rows]


def other_backends(db: sqlite3.Connection, photo_id: int, backend: str) -> list[str]:
    """Whose faces a photo has beside this backend's."""
    rows = db.execute(
        "SELECT DISTINCT backend FROM face WHERE photo_id = ? AND backend <> ? ORDER BY backend", (photo_id, backend)
    )
    return [row[0] for row in rows]


def human_words(db: sqlite3.Connection, photo_id: int) -> bool:
    """Whether a human said anything about a face of this photo."""
    row = db.execute(
        """SELECT EXISTS (
               SELECT 1 FROM face WHERE photo_id = ? AND (
                   EXISTS (SELECT 1 FROM label WHERE label.face_id = face.face_id)
                   OR EXISTS (SELECT 1 FROM rejection WHERE rejection.face_id = face.face_id)
                   OR EXISTS (SELECT 1 FROM ignored WHERE ignored.face_id = face.face_id)))""",
        (photo_id,),
    ).fetchone()
    return bool(row[0])


def carry(db: sqlite3.Connection, pairs: Sequence[tuple[int, int]]) -> None:
    """Copy what humans said from each old face to the new face of an edited photo."""
    for old, new in pairs:
        for table in WORDS:
            carry_over(db, table, old, new)


WORDS = {  # table of what a human said of a face: what is said
    "label": "person_id, source, journal_id",
    "rejection": "person_id, cluster_id, journal_id",
    "ignored": "journal_id",
}


def carry_over(db: sqlite3.Connection, table: str, old: int, new: int) -> None:
    """Say of the new face what one of WORDS says of the old, unless something is said already."""
    db.execute(
        f"""INSERT INTO {table} (face_id, carried_from, {WORDS[table]})
            SELECT :new, :old, {WORDS[table]} FROM {table} WHERE face_id = :old
            ON CONFLICT DO NOTHING""",
        {"old": old, "new": new},
    )
