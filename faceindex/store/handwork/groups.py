"""Faces that a file calls one cluster are one cluster again."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence

from faceindex.labelfile import Word
from faceindex.store import averages
from faceindex.store.handwork.bench import Import, Known
from faceindex.store.paths import shown

Group = tuple[str | None, str]  # the name its faces bear, and which of that name's clusters


class Groups:
    """Faces that the file calls one cluster, and the clusters of this index that become theirs.

    claims     each group and the cluster most of it is in already, where that is nobody else's
    move       the others of the group come there; who stays elsewhere by the index's word is told
    tidy       the machine's guesses give way: no two faces of one photo, none that was rejected
    """

    def __init__(self, here: Import, members: Mapping[Group, list[Word]], together: Mapping[int, int]) -> None:
        self.here = here
        self.members = members
        self.together = together
        self.cluster_of = {face.face_id: cluster_of_face(here.db, face.face_id) for face in here.faces.values()}
        self.named = {row[0] for row in here.db.execute("SELECT cluster_id FROM cluster WHERE person_id IS NOT NULL")}

    def place(self) -> None:
        claims = self._claims()
        grown = {self._settle(group, claims.get(group)) for group in sorted(self.members, key=_in_order)}
        _tidy(self.here, sorted(cluster for cluster in grown if cluster is not None), self._faces_of_groups())

    def _faces_of_groups(self) -> set[int]:
        return {self._face(word).face_id for words in self.members.values() for word in words}

    def _face(self, word: Word) -> Known:
        return self.here.faces[word.spot]

    def _now(self, word: Word) -> int | None:
        return self.cluster_of[self._face(word).face_id]

    def _stays(self, word: Word) -> bool:
        """Whether the index's word holds a face where it is."""
        face = self._face(word)
        named = word.name is None and face.person_id is not None
        return (face.settled or named) and not self.here.prefer_file

    def _claims(self) -> dict[Group, int]:
        wanted = []
        for group, words in self.members.items():
            held = Counter(cluster for word in words if (cluster := self._now(word)) is not None)
            fixed = Counter(self._now(word) for word in words if self._face(word).settled)
            wanted += [(-fixed[c], -n, _in_order(group), c, group) for c, n in held.items() if self._fits(c, group)]
        claims: dict[Group, int] = {}
        taken: set[int] = set()
        for *_, cluster, group in sorted(wanted, key=lambda each: each[:4]):
            if group not in claims and cluster not in taken:
                claims[group] = cluster
                taken.add(cluster)
        return claims

    def _fits(self, cluster: int, group: Group) -> bool:
        """Whether a cluster may become that of a group: it is nobody else's, nor left alone."""
        owner, ignored = self.here.db.execute(
            "SELECT person_id, ignored FROM cluster WHERE cluster_id = ?", (cluster,)
        ).fetchone()
        name, _ = group
        mine = owner is None or (name is not None and owner == self.here.people[name])
        return mine and (not ignored or self._of_strangers(group))

    def _of_strangers(self, group: Group) -> bool:
        return any(word.ignored == "group" for word in self.members[group])

    def _settle(self, group: Group, target: int | None) -> int | None:
        """Bring a group together; returns its cluster where anything in it changed."""
        unnamed = group[0] is None and not self._of_strangers(group)
        free = self._free(group, target)
        if not free or (unnamed and self._are_together(free)):
            self.here.out.already += 1
            return None
        target = new_cluster(self.here) if target is None else target
        movers = [word for word in free if self._now(word) != target]
        changed = self._call(target, group) + self._move(target, movers)
        if unnamed:
            self._note_together(target, free, movers)
        elif not changed:
            self.here.out.already += 1
            return None
        return target

    def _free(self, group: Group, target: int | None) -> list[Word]:
        """The faces of a group that no human's word keeps elsewhere; the others are told."""
        words = self.members[group]
        if group[0] is None and self._in_one_named(words) and not self._of_strangers(group):
            return []
        for word in words:
            if self._stays(word) and self._now(word) != target:
                self.here.outranks(word.spot, f"is in cluster {self._now(word)}, and the file has it in another")
        return [word for word in words if not self._stays(word) or self._now(word) == target]

    def _in_one_named(self, words: Sequence[Word]) -> bool:
        """Whether faces that the file calls one person were so in this index, which even knew a name."""
        clusters = {self._now(word) for word in words}
        return len(clusters) == 1 and clusters <= self.named

    def _are_together(self, words: Sequence[Word]) -> bool:
        """Whether the index knows already that a human put these into one cluster."""
        clusters = {self.together.get(self._face(word).face_id) for word in words}
        return len(clusters) == 1 and None not in clusters

    def _call(self, cluster: int, group: Group) -> int:
        """Give the cluster its name and have it left alone, as the file says; how much of that was new."""
        changed, name = 0, group[0]
        if name is not None:
            person = self.here.people[name]
            self.here.meet(person)
            changed += self.here.db.execute(
                "UPDATE cluster SET person_id = :person WHERE cluster_id = :cluster AND person_id IS NOT :person",
                {"person": person, "cluster": cluster},
            ).rowcount
            if changed:
                self.here.out.change("cluster", f"cluster {cluster} is {shown(name)}")
        if self._of_strangers(group):
            ignored = self.here.db.execute(
                "UPDATE cluster SET ignored = 1 WHERE cluster_id = ? AND NOT ignored", (cluster,)
            ).rowcount
            if ignored:
                self.here.out.change("ignored cluster", f"cluster {cluster} is left alone")
            changed += ignored
        return changed

    def _move(self, cluster: int, movers: Sequence[Word]) -> int:
        for word in movers:
            before = self._now(word)
            came = f" from cluster {before}" if before is not None else ""
            self.here.out.change("move", f"{self.here.at(word.spot)}: goes{came} to cluster {cluster}")
        self._assign({self._face(word).face_id: cluster for word in movers})
        return len(movers)

    def _note_together(self, cluster: int, words: Sequence[Word], movers: Sequence[Word]) -> None:
        """Have the journal hold that a human put an unnamed group together, also of those who were there already."""
        came = {word.spot for word in movers}
        there = [self._face(word).face_id for word in words if word.spot not in came]
        self._assign(dict.fromkeys(there))
        self._assign(dict.fromkeys(there, cluster))
        faces = f"{len(words)} face{'s' * (len(words) > 1)}"
        self.here.out.change("group", f"cluster {cluster} is one person, by a human's word: {faces}")

    def _assign(self, clusters: Mapping[int, int | None]) -> None:
        averages.assign(self.here.db, clusters)
        self.cluster_of.update(clusters)


def _in_order(group: Group) -> tuple[bool, str, str]:
    return (group[0] is None, group[0] or "", group[1])


def cluster_of_face(db: sqlite3.Connection, face_id: int) -> int | None:
    row = db.execute("SELECT cluster_id FROM face WHERE face_id = ?", (face_id,)).fetchone()
    return None if row[0] is None else int(row[0])


def new_cluster(here: Import) -> int:
    cursor = here.db.execute("INSERT INTO cluster (backend) VALUES (?)", (here.backend,))
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _tidy(here: Import, clusters: Sequence[int], grouped: set[int]) -> None:
    """Take out what the machine put into these clusters and what can no longer be there."""
    for cluster in clusters:
        leaving = sorted({*_misplaced(here, cluster), *_crowded(here, cluster, grouped)} - grouped)
        averages.assign(here.db, dict.fromkeys(leaving))
        for face_id in leaving:
            here.out.change("release", f"face {face_id} leaves cluster {cluster}; the next scan places it")


def _misplaced(here: Import, cluster: int) -> list[int]:
    """Faces of a cluster that were rejected from it, or that this import called somebody else."""
    rows = here.db.execute(
        """SELECT DISTINCT face.face_id FROM face JOIN cluster USING (cluster_id)
           LEFT JOIN label ON label.face_id = face.face_id
           LEFT JOIN rejection ON rejection.face_id = face.face_id
                AND (rejection.person_id = cluster.person_id OR rejection.cluster_id = cluster.cluster_id)
           WHERE cluster.cluster_id = :cluster AND label.person_id IS NOT cluster.person_id
             AND (rejection.face_id IS NOT NULL
                  OR (label.journal_id = :journal AND (cluster.person_id IS NOT NULL OR cluster.ignored)))""",
        {"cluster": cluster, "journal": here.journal_id},
    )
    return [row[0] for row in rows]


def _crowded(here: Import, cluster: int, grouped: set[int]) -> list[int]:
    """Faces that no human spoke of, on photos from which this cluster, or another of its person, has a better one."""
    rows = here.db.execute(
        """WITH own AS MATERIALIZED (
               SELECT mine.cluster_id FROM cluster JOIN cluster AS mine
                    ON mine.cluster_id = cluster.cluster_id
                    OR (mine.person_id = cluster.person_id AND mine.backend = cluster.backend)
               WHERE cluster.cluster_id = ?
           ), photos AS MATERIALIZED (
               SELECT photo_id FROM face WHERE cluster_id IN (SELECT cluster_id FROM own)
               GROUP BY photo_id HAVING count(*) > 1
           )
           SELECT face.photo_id, face.face_id, label.face_id IS NOT NULL AS named
           FROM face LEFT JOIN label ON label.face_id = face.face_id LEFT JOIN match ON match.face_id = face.face_id
           WHERE photo_id IN (SELECT photo_id FROM photos) AND face.cluster_id IN (SELECT cluster_id FROM own)
           ORDER BY face.photo_id, distance, face.face_id""",
        (cluster,),
    ).fetchall()
    said = {row["face_id"] for row in rows if row["named"] or row["face_id"] in grouped}
    taken = {row["photo_id"] for row in rows if row["face_id"] in said}
    leaving = []
    for row in rows:
        if row["face_id"] not in said:
            if row["photo_id"] in taken:
                leaving.append(row["face_id"])
            taken.add(row["photo_id"])
    return leaving
