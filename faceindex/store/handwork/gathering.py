"""All that humans said, gathered from the index as it stands; not what the machine thinks.

A face is told by its picture's digest and its box, a cluster by faces in it, so nothing here depends on
the ids of this index.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from faceindex.labelfile import Ignored, Source, Spot, Word, Work, pairs, spots
from faceindex.models import Box
from faceindex.store.paths import shown

IMPORT = "labels import"  # how the journal calls one


@dataclass(frozen=True, slots=True)
class Face:
    """A face, and what was said of it."""

    face_id: int
    photo_id: int
    digest: str
    backend: str
    drawn: bool
    box: Box
    cluster_id: int | None
    name: str | None
    source: Source | None
    owner: str | None  # whose cluster it is in
    alone: bool  # a human said: leave it alone
    strangers: bool  # a human said so of its cluster


def gather(db: sqlite3.Connection, backend: str) -> Work:
    """All that stands, said of one backend's faces; and of another's where this one has nothing to say."""
    pairs_apart = _different(db, backend)
    not_of = _not_of(db, backend)
    grouped = {**together(db, backend), **_of_strangers(db, backend)}
    lent = _lent_names(db, backend)
    stands_for = _representatives(db, {c for pair in pairs_apart for c in pair} | {c for _, c in not_of}, grouped)
    said = _said(db, backend) | set(grouped) | set(lent)
    faces = _faces(db, said | {face for chosen in stands_for.values() for face in chosen})
    spot_of = _spots(faces.values())
    words = _words(db, {i: faces[i] for i in said if i in spot_of}, spot_of, grouped, set(lent))
    words = _add_not_with(words, faces, spot_of, not_of, stands_for)
    words = [word for word in [*words, *_others(db, backend, words)] if _says_something(word)]
    named = {name for word in words for name in (word.name, *word.not_names)}
    people = {row[0]: row[1] for row in db.execute("SELECT name, born FROM person") if row[1] or row[0] in named}
    return Work(people, sorted(words, key=lambda word: word.spot), _pairs(pairs_apart, stands_for, spot_of))


# ------------------------------------------------------------------------------- whom it is about


def _said(db: sqlite3.Connection, backend: str) -> set[int]:
    """Faces of which a human said something, or that a human drew."""
    rows = db.execute(
        """SELECT face_id FROM face JOIN label USING (face_id) WHERE backend = :backend
           UNION SELECT face_id FROM face JOIN rejection USING (face_id)
                 WHERE backend = :backend AND person_id IS NOT NULL
           UNION SELECT face_id FROM face JOIN ignored USING (face_id) WHERE backend = :backend
           UNION SELECT face_id FROM face WHERE backend = :backend AND detector = 'human'
           UNION SELECT face_id FROM face JOIN rejection USING (face_id)
                 JOIN average ON average.cluster_id = rejection.cluster_id
                 WHERE backend = :backend""",
        {"backend": backend},
    )
    return {row[0] for row in rows}


def together(db: sqlite3.Connection, backend: str) -> dict[int, int]:
    """Faces of unnamed clusters that a human put together (face: cluster).

    Those that a human moved there and, where the machine made the cluster, those it had put there before
    them. An import moved all it speaks of.
    """
    rows = db.execute(
        """WITH moved AS MATERIALIZED (
               SELECT face.face_id, face.cluster_id, journal.at, journal.command
               FROM journal JOIN journal_change USING (journal_id)
               JOIN face ON face.face_id = json_extract(after, '$.face_id')
                        AND face.cluster_id = json_extract(after, '$.cluster_id')
               JOIN cluster ON cluster.cluster_id = face.cluster_id
               WHERE table_name = 'face' AND undone_at IS NULL AND command <> 'undo'
                 AND cluster.person_id IS NULL AND cluster.backend = :backend
           ), made AS MATERIALIZED (  -- by a human
               SELECT json_extract(after, '$.cluster_id') AS cluster_id
               FROM journal JOIN journal_change USING (journal_id)
               WHERE table_name = 'cluster' AND before IS NULL AND undone_at IS NULL AND command <> 'undo'
           )
           SELECT face_id, cluster_id FROM moved
           UNION
           SELECT face.face_id, face.cluster_id
           FROM (SELECT cluster_id, max(at) AS at FROM moved
                 WHERE command <> :import AND cluster_id NOT IN (SELECT cluster_id FROM made)
                 GROUP BY cluster_id) AS merged
           JOIN face ON face.cluster_id = merged.cluster_id
           JOIN match ON match.face_id = face.face_id AND match.cluster_id = face.cluster_id
           JOIN run ON run.run_id = match.run_id AND run.started_at <= merged.at""",
        {"backend": backend, "import": IMPORT},
    )
    return {row[0]: row[1] for row in rows}


def _of_strangers(db: sqlite3.Connection, backend: str) -> dict[int, int]:
    """Faces of unnamed clusters that a human said to leave alone (face: cluster)."""
    rows = db.execute(
        """SELECT face_id, face.cluster_id FROM cluster JOIN face ON face.cluster_id = cluster.cluster_id
           WHERE cluster.ignored AND person_id IS NULL AND cluster.backend = ?""",
        (backend,),
    )
    return {row[0]: row[1] for row in rows}


def _lent_names(db: sqlite3.Connection, backend: str) -> list[int]:
    """For each named cluster in which no face was called so: one of its faces, to speak for it."""
    rows = db.execute(
        """SELECT face_id, min(hex(digest) || printf(' %.17g %.17g', top, "left"))
           FROM cluster JOIN face ON face.cluster_id = cluster.cluster_id JOIN photo USING (photo_id)
           WHERE cluster.person_id IS NOT NULL AND cluster.backend = ?
             AND NOT EXISTS (SELECT 1 FROM label WHERE label.face_id = face.face_id)
             AND NOT EXISTS (
                 SELECT 1 FROM face AS mate JOIN label USING (face_id)
                 WHERE mate.cluster_id = cluster.cluster_id AND label.person_id = cluster.person_id)
           GROUP BY cluster.cluster_id""",
        (backend,),
    )
    return [row[0] for row in rows]


def _different(db: sqlite3.Connection, backend: str) -> list[tuple[int, int]]:
    rows = db.execute(
        "SELECT one_id, other_id FROM different JOIN cluster ON cluster_id = one_id WHERE backend = ?", (backend,)
    )
    return [(row[0], row[1]) for row in rows]


def _not_of(db: sqlite3.Connection, backend: str) -> list[tuple[int, int]]:
    """(face, cluster) where a human said that the face does not belong there."""
    rows = db.execute(
        """SELECT face_id, rejection.cluster_id FROM rejection JOIN face USING (face_id)
           WHERE rejection.cluster_id IS NOT NULL AND backend = ?""",
        (backend,),
    )
    return [(row[0], row[1]) for row in rows]


def _representatives(
    db: sqlite3.Connection, clusters: Iterable[int], grouped: Mapping[int, int]
) -> dict[int, list[int]]:
    """Two faces (or one, if there is one) of each cluster that tell which it is: those a human spoke of first."""
    chosen = {}
    for cluster in sorted(clusters):
        rows = db.execute(
            """SELECT face_id FROM face JOIN cluster USING (cluster_id) JOIN photo USING (photo_id)
               LEFT JOIN label USING (face_id)
               WHERE face.cluster_id = ?
               ORDER BY coalesce(label.person_id = cluster.person_id, 0) DESC, label.face_id IS NOT NULL,
                        digest, "left", top""",
            (cluster,),
        )
        faces = [row[0] for row in rows]
        faces.sort(key=lambda face: grouped.get(face) != cluster)
        chosen[cluster] = faces[:2]
    return chosen


# --------------------------------------------------------------------------------- what was said


def _faces(db: sqlite3.Connection, face_ids: Iterable[int]) -> dict[int, Face]:
    rows = db.execute(
        """SELECT face.face_id, photo_id, lower(hex(digest)), face.backend, detector = 'human',
                  "left", top, "right", bottom, face.cluster_id, person.name, source, owner.name,
                  ignored.face_id IS NOT NULL, coalesce(cluster.ignored, 0)
           FROM json_each(?) AS wanted JOIN face ON face.face_id = wanted.value JOIN photo USING (photo_id)
           LEFT JOIN label ON label.face_id = face.face_id LEFT JOIN person ON person.person_id = label.person_id
           LEFT JOIN ignored ON ignored.face_id = face.face_id
           LEFT JOIN cluster ON cluster.cluster_id = face.cluster_id
           LEFT JOIN person AS owner ON owner.person_id = cluster.person_id""",
        (json.dumps(sorted(face_ids)),),
    )
    return {row[0]: _face(row) for row in rows}


def _face(row: sqlite3.Row) -> Face:
    face_id, photo_id, digest, backend, drawn, *box = row[:9]
    cluster_id, name, source, owner, alone, strangers = row[9:15]
    return Face(face_id, photo_id, digest, backend, bool(drawn), Box(*box), cluster_id, name, source, owner,
                bool(alone), bool(strangers))  # fmt: skip


def _spots(faces: Iterable[Face]) -> dict[int, Spot]:
    """How the file tells these faces."""
    on_photo = defaultdict(list)
    for face in sorted(faces, key=lambda face: face.face_id):
        on_photo[face.digest].append(face)
    return {
        face.face_id: spot
        for digest, found in on_photo.items()
        for face, spot in zip(found, spots(digest, [face.box for face in found]), strict=True)
        if spot is not None
    }


def _words(
    db: sqlite3.Connection,
    faces: Mapping[int, Face],
    spot_of: Mapping[int, Spot],
    grouped: Mapping[int, int],
    lent: set[int],
) -> list[Word]:
    rejected = _rejected_persons(db, faces)
    hints = _hints(db, {face.photo_id for face in faces.values()})
    group_of = _groups(faces.values(), spot_of, grouped, lent)
    return [
        Word(
            spot_of[face.face_id],
            face.owner if face.face_id in lent else face.name,
            "cluster" if face.face_id in lent else face.source or "human",
            group_of.get(face.face_id),
            tuple(rejected.get(face.face_id, ())),
            (),
            _ignored(face, group_of),
            face.drawn,
            hints.get(face.photo_id, ""),
        )
        for face in faces.values()
    ]


def _ignored(face: Face, group_of: Mapping[int, str]) -> Ignored | None:
    if face.alone:
        return "face"
    return "group" if face.strangers and face.face_id in group_of else None


def _groups(
    faces: Iterable[Face], spot_of: Mapping[int, Spot], grouped: Mapping[int, int], lent: set[int]
) -> dict[int, str]:
    """Which faces are one cluster: a person's first is "", the others "2", "3" …; unnamed ones have made-up names."""
    clusters: defaultdict[tuple[str | None, int], list[int]] = defaultdict(list)
    for face in faces:
        if face.cluster_id is not None and face.owner is not None and (face.owner == face.name or face.face_id in lent):
            clusters[face.owner, face.cluster_id].append(face.face_id)
        elif face.face_id in grouped and face.name is None:
            clusters[None, grouped[face.face_id]].append(face.face_id)
    found: dict[int, str] = {}
    counted: defaultdict[str, int] = defaultdict(int)
    for (name, _), members in sorted(clusters.items(), key=lambda each: min(spot_of[i] for i in each[1])):
        if name is None:
            group = _made_up(min(spot_of[i] for i in members))
        else:
            counted[name] += 1
            group = str(counted[name]) if counted[name] > 1 else ""
        found.update(dict.fromkeys(members, group))
    return found


def _made_up(spot: Spot) -> str:
    """A name for a group that follows from its first face, so that it is the same in every index."""
    return hashlib.sha256(repr(spot).encode()).hexdigest()[:12]


def _rejected_persons(db: sqlite3.Connection, face_ids: Iterable[int]) -> dict[int, list[str]]:
    rows = db.execute(
        """SELECT face_id, name FROM rejection JOIN person USING (person_id)
           WHERE face_id IN (SELECT value FROM json_each(?)) ORDER BY name""",
        (json.dumps(sorted(face_ids)),),
    )
    found: defaultdict[int, list[str]] = defaultdict(list)
    for face_id, name in rows:
        found[face_id].append(name)
    return found


def _hints(db: sqlite3.Connection, photo_ids: Iterable[int]) -> dict[int, str]:
    """A path below its root for each photo, there or gone."""
    rows = db.execute(
        """SELECT photo.photo_id, min((state <> 'present') || substr(files.path, length(rtrim(files.root, '/')) + 2))
           FROM json_each(?) AS wanted JOIN photo ON photo.photo_id = wanted.value
           JOIN file ON file.digest = photo.digest JOIN files ON files.file_id = file.file_id
           GROUP BY photo.photo_id""",
        (json.dumps(sorted(photo_ids)),),
    )
    return {row[0]: shown(row[1][1:])[:1000] for row in rows}


def _add_not_with(
    words: list[Word],
    faces: Mapping[int, Face],
    spot_of: Mapping[int, Spot],
    not_of: Iterable[tuple[int, int]],
    stands_for: Mapping[int, list[int]],
) -> list[Word]:
    """Say of faces that were rejected from a cluster that they are not with a face of it."""
    found: defaultdict[Spot, list[Spot]] = defaultdict(list)
    for face, cluster in not_of:
        other = next((spot_of[i] for i in stands_for[cluster] if i != face and i in spot_of), None)
        if face in faces and face in spot_of and other is not None:
            found[spot_of[face]].append(other)
    return [_with(word, tuple(sorted(set(found.get(word.spot, ()))))) for word in words]


def _with(word: Word, not_with: tuple[Spot, ...]) -> Word:
    return Word(word.spot, word.name, word.source, word.group, word.not_names, not_with, word.ignored,
                word.drawn, word.hint)  # fmt: skip


def _says_something(word: Word) -> bool:
    return bool(word.name or word.group or word.not_names or word.not_with or word.ignored or word.drawn)


def _pairs(
    different: Iterable[tuple[int, int]], stands_for: Mapping[int, list[int]], spot_of: Mapping[int, Spot]
) -> list[tuple[Spot, Spot]]:
    """Pairs of clusters as pairs of faces; a cluster that all its faces left is told by none."""
    found = []
    for pair in different:
        one, other = (next((spot_of[i] for i in stands_for[c] if i in spot_of), None) for c in pair)
        if one is not None and other is not None:
            found.append((min(one, other), max(one, other)))
    return sorted(found)


def _others(db: sqlite3.Connection, backend: str, words: list[Word]) -> list[Word]:
    """What was said of other backends' faces, in places of which nothing is said yet; of faces, not of clusters."""
    rows = db.execute("SELECT DISTINCT backend FROM face WHERE backend <> ? ORDER BY backend", (backend,)).fetchall()
    found: list[Word] = []
    taken = defaultdict(list)
    for word in words:
        taken[word.spot.photo].append(word.spot.box)
    for (other,) in rows:
        faces = _faces(db, _said(db, other))
        spot_of = _spots(faces.values())
        for word in _words(db, {i: face for i, face in faces.items() if i in spot_of}, spot_of, {}, set()):
            here = taken[word.spot.photo]
            if not pairs([word.spot.box], here):
                here.append(word.spot.box)
                found.append(Word(word.spot, word.name, word.source, None, word.not_names, (),
                                  word.ignored and "face", word.drawn, word.hint))  # fmt: skip
    return found
