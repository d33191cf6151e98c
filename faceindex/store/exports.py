"""What leaves the index: each picture with who is on it, in the order of the folders it lies in."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from faceindex.models import Box, Canvas
from faceindex.store.files import PATH_COLUMNS
from faceindex.store.paths import join, path_of

AT_ONCE = 500  # photos read from the index in one go: memory stays flat


@dataclass(frozen=True, slots=True)
class NamedFace:
    """A face with a name."""

    face_id: int
    name: str
    box: Box
    named_by: str  # "human", "tag" (a human, in another program) or "match" (the machine's guess)
    cluster_id: int | None


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that is present, every path it has, and who is on it from left to right."""

    photo_id: int
    digest: str  # SHA-256, 64 hex digits
    canvas: Canvas
    taken_at: str | None
    paths: tuple[str, ...]  # as the operating system wants them; at least one
    faces: tuple[NamedFace, ...]


def pictures(db: sqlite3.Connection, backend: str, *, matches: bool) -> Iterator[Picture]:
    """Every picture present, also those with nobody on them; with the machine's guesses only where asked for."""
    last = 0
    while rows := db.execute(
        """SELECT photo_id, lower(hex(digest)) AS digest, width, height, orientation, taken_at FROM photo
           WHERE photo_id > ? ORDER BY photo_id LIMIT ?""",
        (last, AT_ONCE),
    ).fetchall():
        last = rows[-1]["photo_id"]
        numbers = [row["photo_id"] for row in rows]
        paths, faces = _paths(db, numbers), faces_on(db, backend, numbers, matches)
        for row in rows:
            number = row["photo_id"]
            if paths[number]:
                canvas = Canvas(row["width"], row["height"], row["orientation"])
                yield Picture(
                    number, row["digest"], canvas, row["taken_at"], tuple(paths[number]), tuple(faces[number])
                )


def _paths(db: sqlite3.Connection, photo_ids: Sequence[int]) -> defaultdict[int, list[str]]:
    rows = db.execute(
        f"""SELECT {PATH_COLUMNS}, photo_id FROM json_each(?) AS wanted JOIN photo ON photo.photo_id = wanted.value
            JOIN file USING (digest) JOIN folder USING (folder_id) JOIN root USING (root_id)
            WHERE gone IS NULL AND removed_at IS NULL AND NOT stale ORDER BY root.path, folder.path, name""",
        (json.dumps(list(photo_ids)),),
    )
    found: defaultdict[int, list[str]] = defaultdict(list)
    for row in rows:
        found[row["photo_id"]].append(join(path_of(row[0], row[1]), path_of(row[2], row[3]), path_of(row[4], row[5])))
    return found


def faces_on(
    db: sqlite3.Connection, backend: str, photo_ids: Sequence[int], matches: bool
) -> defaultdict[int, list[NamedFace]]:
    """Who is on each of these photos, from left to right."""
    rows = db.execute(
        """SELECT photo_id, face.face_id, person.name, face."left", top, face."right", bottom,
                  coalesce(label.source, 'match') AS named_by, face.cluster_id
           FROM json_each(?) AS wanted JOIN face ON face.photo_id = wanted.value
           LEFT JOIN label ON label.face_id = face.face_id
           LEFT JOIN cluster ON cluster.cluster_id = face.cluster_id
           JOIN person ON person.person_id = coalesce(label.person_id, cluster.person_id)
           WHERE face.backend = ? AND (label.face_id IS NOT NULL OR ?)
             AND NOT EXISTS (SELECT 1 FROM ignored WHERE ignored.face_id = face.face_id)
           ORDER BY photo_id, face."left", top, face.face_id""",
        (json.dumps(list(photo_ids)), backend, matches),
    )
    found: defaultdict[int, list[NamedFace]] = defaultdict(list)
    for row in rows:
        box = Box(*row[3:7])
        found[row["photo_id"]].append(NamedFace(row["face_id"], row["name"], box, row["named_by"], row["cluster_id"]))
    return found
