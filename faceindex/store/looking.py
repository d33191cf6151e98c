"""One photo as a page shows it: where it lies, what lies beside it, what other programs said; and who is with whom."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceindex.models import Box
from faceindex.store.files import PATH_COLUMNS
from faceindex.store.gallery import SHOWN
from faceindex.store.listings import on_photo
from faceindex.store.paths import join, path_of, shown


@dataclass(frozen=True, slots=True)
class Photo:
    """What is known of a photo, its faces aside."""

    photo_id: int
    digest: str  # as sha256sum prints it
    format: str
    width: int  # pixels, upright
    height: int
    size: int  # bytes
    taken_at: str | None
    camera: str | None
    latitude: float | None
    longitude: float | None


@dataclass(frozen=True, slots=True)
class Copy:
    """A path at which a photo is, or was."""

    path: str  # as a person reads it
    folder: str
    folder_id: int
    state: str  # present, vanished, excluded, removed: its root was taken out
    gone_at: str | None
    modified: str  # a day


@dataclass(frozen=True, slots=True)
class Face:
    """A face on the photo, with what can be said of it."""

    face_id: int
    box: Box
    name: str  # "" is nobody known
    person_id: int | None
    cluster_id: int | None
    named_by: str | None  # human, tag, match, ignored
    distance: float | None
    mates: int  # faces in its cluster, itself included
    detector: str


@dataclass(frozen=True, slots=True)
class OtherTag:
    """What another program says of the photo."""

    source: str
    name: str | None
    box: Box | None
    word: str
    face_id: int | None


def photo(db: sqlite3.Connection, photo_id: int) -> Photo | None:
    """A photo by its number."""
    row = db.execute(
        """SELECT photo_id, lower(hex(digest)), format, width, height, size, taken_at, camera, latitude, longitude
           FROM photo WHERE photo_id = ?""",
        (photo_id,),
    ).fetchone()
    return None if row is None else Photo(*row)


def copies(db: sqlite3.Connection, photo_id: int) -> list[Copy]:
    """Every path that holds the photo or held it last, those that are there first."""
    rows = db.execute(
        f"""SELECT {PATH_COLUMNS}, folder_id,
                   iif(removed_at IS NOT NULL, 'removed', coalesce(gone, 'present')) AS state,
                   coalesce(removed_at, gone_at) AS gone_at, date(mtime_ns / 1000000000, 'unixepoch') AS modified
            FROM photo CROSS JOIN file ON file.digest = photo.digest
            JOIN folder USING (folder_id) JOIN root USING (root_id)
            WHERE photo_id = ? ORDER BY state <> 'present', root.path, folder.path, name""",
        (photo_id,),
    )
    found = []
    for row in rows:
        path = shown(join(*(path_of(row[i], row[i + 1]) for i in (0, 2, 4))))
        found.append(
            Copy(path, path.rpartition("/")[0], row["folder_id"], row["state"], row["gone_at"], row["modified"])
        )
    return found


def faces(db: sqlite3.Connection, photo_id: int) -> list[Face]:
    """The faces on a photo, from left to right."""
    rows = on_photo(db, photo_id)
    persons = dict(
        db.execute(
            "SELECT name, person_id FROM person WHERE name IN (SELECT value FROM json_each(?))",
            (json.dumps([row["person"] for row in rows]),),
        ).fetchall()
    )
    mates = dict(
        db.execute(
            "SELECT cluster_id, faces FROM average WHERE cluster_id IN (SELECT value FROM json_each(?))",
            (json.dumps([row["cluster"] for row in rows]),),
        ).fetchall()
    )
    found = []
    for row in rows:
        box = Box(row["left"], row["top"], row["right"], row["bottom"])
        name, cluster = row["person"], row["cluster"]
        found.append(
            Face(row["face"], box, name, persons.get(name), cluster, row["named_by"], row["distance"],
                 mates.get(cluster, 0), row["detector"])
        )  # fmt: skip
    return found


def tags(db: sqlite3.Connection, photo_id: int) -> list[OtherTag]:
    """What other programs say of a photo, as imports that stand brought it in."""
    rows = db.execute(
        """SELECT source, name, word, face_id, "left", top, "right", bottom
           FROM tag LEFT JOIN journal USING (journal_id) WHERE photo_id = ? AND undone_at IS NULL
           ORDER BY source, name, tag_id""",
        (photo_id,),
    )
    return [
        OtherTag(row[0], row[1], None if row["left"] is None else Box(*row[4:8]), row["word"], row["face_id"])
        for row in rows
    ]


def photo_of(db: sqlite3.Connection, face_id: int) -> int | None:
    """The photo that a face is on."""
    row = db.execute("SELECT photo_id FROM face WHERE face_id = ?", (face_id,)).fetchone()
    return None if row is None else row[0]


def name_of(db: sqlite3.Connection, person_id: int) -> str | None:
    """What a person is called."""
    row = db.execute("SELECT name FROM person WHERE person_id = ?", (person_id,)).fetchone()
    return None if row is None else row[0]


def beside(db: sqlite3.Connection, folder_id: int, photo_id: int) -> tuple[int | None, int | None]:
    """The photos before and after this one in a folder, by name; those that are there."""
    here = db.execute(
        """SELECT name, raw_name FROM photo CROSS JOIN file USING (digest) WHERE photo_id = ? AND folder_id = ?
           ORDER BY gone IS NOT NULL, name, raw_name LIMIT 1""",
        (photo_id, folder_id),
    ).fetchone()
    if here is None:
        return None, None
    found = [
        db.execute(
            f"""SELECT photo_id FROM file CROSS JOIN photo USING (digest)
                WHERE folder_id = ? AND (name, raw_name) {beyond} (?, ?) AND gone IS NULL AND photo_id <> ?
                ORDER BY name {order}, raw_name {order} LIMIT 1""",
            (folder_id, here[0], here[1], photo_id),
        ).fetchone()
        for beyond, order in (("<", "DESC"), (">", "ASC"))
    ]
    before, after = (None if row is None else row[0] for row in found)
    return before, after


# ------------------------------------------------------------------------------------- who is with whom


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person, by a face that stands for them."""

    person_id: int
    name: str
    face_id: int


def frequent(db: sqlite3.Connection, count: int) -> list[Somebody]:
    """Those with most faces, as the averages count them, the most frequent first."""
    rows = db.execute(
        f"""SELECT person_id, name, cluster_id, max(faces), sum(faces) AS count
            FROM person JOIN cluster USING (person_id) JOIN average USING (cluster_id)
            WHERE backend = {SHOWN} AND faces > 0 GROUP BY person_id ORDER BY count DESC, name LIMIT ?""",
        (count,),
    ).fetchall()
    found = []
    for person_id, name, cluster_id, *_ in rows:
        face = db.execute(
            """SELECT face_id FROM (SELECT * FROM face WHERE cluster_id = ? LIMIT 50)
               ORDER BY counts DESC, ("right" - "left") * (bottom - top) * (1 + coalesce(sharpness, 0)) DESC, face_id
               LIMIT 1""",
            (cluster_id,),
        ).fetchone()
        if face is not None:
            found.append(Somebody(person_id, name, face[0]))
    return found


def together(db: sqlite3.Connection, people: Sequence[int]) -> NDArray[np.int64]:
    """On how many photos two of these people are, (N, N); on the diagonal, each of them at all."""
    row_of = {person: row for row, person in enumerate(people)}
    matched, said = _matched(db, row_of), _said(db, row_of)
    spoken_of = np.array([row[0] for row in db.execute("SELECT face_id FROM label UNION SELECT face_id FROM ignored")])
    matched = matched[~np.isin(matched[:, 2], spoken_of)]
    photos = np.concatenate([matched[:, 0], said[:, 0]])
    there = np.zeros(photos.max(initial=0) + 1, bool)
    there[photos] = True
    seen = np.zeros((len(people), there.sum()), np.float32)
    seen[np.concatenate([matched[:, 1], said[:, 1]]), (np.cumsum(there) - 1)[photos]] = 1
    counts: NDArray[np.int64] = np.rint(seen @ seen.T).astype(np.int64)
    return counts


def _matched(db: sqlite3.Connection, row_of: dict[int, int]) -> NDArray[np.int64]:
    """Faces in the clusters of these people, (F, 3): photo, row of the person, face."""
    clusters = db.execute(
        f"""SELECT cluster_id, person_id FROM cluster
            WHERE person_id IN (SELECT value FROM json_each(?)) AND backend = {SHOWN} ORDER BY cluster_id""",
        (json.dumps(list(row_of)),),
    ).fetchall()
    known = np.array([row[0] for row in clusters], np.int64)
    # All in one text, and the table read from end to end: rows fetched singly take four times as long.
    (text,) = db.execute(
        """SELECT group_concat(photo_id || ' ' || cluster_id || ' ' || face_id, ' ') FROM face NOT INDEXED
           WHERE cluster_id IN (SELECT value FROM json_each(?))""",
        (json.dumps(known.tolist()),),
    ).fetchone()
    found = np.fromstring(text or "", np.int64, sep=" ").reshape(-1, 3)
    rows = np.array([row_of[row[1]] for row in clusters], np.int64)
    if len(found):
        found[:, 1] = rows[np.searchsorted(known, found[:, 1])]
    return found


def _said(db: sqlite3.Connection, row_of: dict[int, int]) -> NDArray[np.int64]:
    """Faces that a human called one of these people, (F, 2): photo, row of the person."""
    found = db.execute(
        f"""SELECT photo_id, person_id FROM label JOIN face USING (face_id)
            WHERE person_id IN (SELECT value FROM json_each(?)) AND backend = {SHOWN}
              AND NOT EXISTS (SELECT 1 FROM ignored WHERE ignored.face_id = face.face_id)""",
        (json.dumps(list(row_of)),),
    )
    return np.array([(photo, row_of[person]) for photo, person in found], np.int64).reshape(-1, 2)
