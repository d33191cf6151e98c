"""Questions for a human, those first whose answers gain most; and what the answers do.

suggestions   all there is to ask now, ranked
Queue         one after the other, each answer one entry in the journal
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from faceindex import suggesting
from faceindex.errors import FaceindexError, UsageProblem
from faceindex.store import ages, answers, faces, journal, parting, people, questions
from faceindex.suggesting import Asked, Known, Measure

Kind = Literal["who", "same", "wrong", "name"]
Answer = Literal["yes", "no", "other", "ignore"]
QUICK = 1.0  # seconds; if finding the questions takes longer, not every answer has them found anew …
SEVERAL = 25  # … but every so many
WORTH = 3  # photos from which on an unknown cluster, of whom nothing can be guessed, is worth a name
SOMEBODY = 0.5  # of them are taken to be somebody whom the user knows; the others are strangers


@dataclass(frozen=True, slots=True)
class Question:
    """Is this cluster that person? Are these two clusters one? Is this face really that person? Who is this cluster?"""

    kind: Kind
    cluster: int  # who, same: the smaller, unnamed one; wrong: where the face is; name: the unknown one
    face: int | None
    other: int | None  # who: the person's nearest cluster; same: the larger one; wrong: whom it looks like
    person: str | None  # who: whom it probably is; wrong: whom it is said to be
    likely: str | None  # wrong: whom it looks like
    distance: float | None  # name: None
    normalised: float | None
    confidence: float  # who, same: that yes is right; wrong: that no is; name: that there is an answer
    gain: int  # faces that an answer names or puts right
    photos: int

    @property
    def rank(self) -> float:
        return self.gain * self.confidence

    @property
    def key(self) -> tuple[str, int, int | None, int | None]:
        return self.kind, self.cluster, self.face, self.other


def suggestions(db: sqlite3.Connection, backend: str) -> list[Question]:
    """All that is worth asking, what gains most first. Memory: the averages, and blocks."""
    with questions.at_one_moment(db):
        force = questions.in_force(db, backend)
        if force is None:
            return []
        known = questions.known(db, backend)
        found = [*_about_clusters(db, backend, known, force.measure), *_about_faces(db, backend, known, force.measure)]
        found += _about_nobody(db, backend, {cluster for each in found for cluster in (each.cluster, each.other)})
    return sorted(found, key=lambda each: (-each.rank, each.kind, each.cluster, each.face or 0))


def _about_clusters(db: sqlite3.Connection, backend: str, known: Known, measure: Measure) -> Iterator[Question]:
    if not len(known.ids):
        return
    never = questions.in_rows(questions.never(db, backend), known.ids)
    who = suggesting.people(known, measure, never).sure()
    same = suggesting.twins(known, measure, never).sure()
    ids = known.ids[np.concatenate([who.subjects, same.subjects])].tolist()
    photos, names = questions.photos_of(db, ids), questions.names_of(db, known.ids[who.targets].tolist())
    for asked, kind in ((who, "who"), (same, "same")):
        for row in range(len(asked.subjects)):
            cluster, other = int(known.ids[asked.subjects[row]]), int(known.ids[asked.targets[row]])
            yield Question(
                "who" if kind == "who" else "same", cluster, None, other, names.get(other), None,
                *_measured(asked, row, measure), int(known.faces[asked.subjects[row]]), photos.get(cluster, 0),
            )  # fmt: skip


def _measured(asked: Asked, row: int, measure: Measure) -> tuple[float, float | None, float]:
    normalised = float(asked.away[row]) if measure.cohort is not None else None
    return float(asked.distance[row]), normalised, float(asked.confidence[row])


def _about_faces(db: sqlite3.Connection, backend: str, known: Known, measure: Measure) -> Iterator[Question]:
    named = known.only(known.named)
    if not len(named.ids):
        return
    names = questions.names_of(db, named.ids.tolist())
    for members in questions.to_doubt(db, backend, named):
        never = questions.in_rows(questions.never_of_faces(db, members.ids.tolist()), members.ids)
        asked = suggesting.doubts(named, measure, members.faces, never).sure()
        for row, place in enumerate(asked.subjects.tolist()):
            cluster = int(named.ids[members.faces.columns[place]])
            other = int(named.ids[asked.targets[row]]) if asked.targets[row] >= 0 else None
            yield Question(
                "wrong", cluster, int(members.ids[place]), other, names[cluster], names.get(other or 0),
                *_measured(asked, row, measure), 1, 1,
            )  # fmt: skip


def _about_nobody(db: sqlite3.Connection, backend: str, asked: Collection[int | None]) -> Iterator[Question]:
    """Who the unknown are that no other question is about."""
    for cluster, count, photos in questions.unknown(db, backend, WORTH):
        if cluster not in asked:
            yield Question("name", cluster, None, None, None, None, None, None, SOMEBODY, count, photos)


# ------------------------------------------------------------------------------------------- answers


@dataclass(slots=True)
class Gained:
    """What the answers so far have done."""

    answers: int = 0
    named: int = 0  # faces that got a name
    merged: int = 0  # clusters that became one with another
    righted: int = 0  # faces put right
    ignored: int = 0  # faces left alone

    def add(self, other: Gained, sign: int = 1) -> None:
        for name in ("answers", "named", "merged", "righted", "ignored"):
            setattr(self, name, getattr(self, name) + sign * getattr(other, name))


@dataclass(frozen=True, slots=True)
class _Done:
    journal_id: int
    question: Question
    gained: Gained
    summary: str


@dataclass(slots=True)
class Queue:
    """Asks what stands, asks nothing twice but what was skipped, and that last."""

    db: sqlite3.Connection
    backend: str
    clock: Callable[[], float] = time.monotonic
    gained: Gained = field(default_factory=Gained)
    waiting: list[Question] = field(default_factory=list)
    answered: set[tuple[str, int, int | None, int | None]] = field(default_factory=set)
    skipped: list[tuple[str, int, int | None, int | None]] = field(default_factory=list)
    done: list[_Done] = field(default_factory=list)
    seconds: float = 0.0
    stale: int = 0  # answers since the questions were found

    def __post_init__(self) -> None:
        self._find()

    def _find(self) -> None:
        begun = self.clock()
        self.waiting = suggestions(self.db, self.backend)
        self.seconds, self.stale = self.clock() - begun, 0

    def _ahead(self) -> list[Question]:
        """What is still to be asked: what was skipped once comes last, what was skipped twice not again."""
        times = {key: self.skipped.count(key) for key in set(self.skipped)}
        ahead = [q for q in self.waiting if q.key not in self.answered and times.get(q.key, 0) < 2]
        return sorted(ahead, key=lambda q: q.key in times)

    @property
    def left(self) -> int:
        return len(self._ahead())

    def next(self) -> Question | None:
        """The question that gains most; None when nothing is left."""
        if self.stale and (self.seconds < QUICK or self.stale >= SEVERAL):
            self._find()
        while True:
            for question in self._ahead():
                if stands(self.db, self.backend, question):
                    return question
                self.waiting.remove(question)
            if not self.stale:
                return None
            self._find()

    def stands(self, question: Question) -> bool:
        return stands(self.db, self.backend, question)

    def skip(self, question: Question) -> None:
        self.skipped.append(question.key)

    def answer(self, question: Question, answer: Answer, name: str = "") -> str:
        """Do what the answer says, as one entry; returns a sentence. Raises FaceindexError where that cannot be."""
        command, summary, act = _change(self.db, question, answer, people.clean_name(name) if name else "")
        with journal.entry(self.db, command, summary) as number:
            answers.refuse_gone(self.db, question.cluster, question.face)
            gained = act(self.db, number)
            gained.answers = 1
        self.done.append(_Done(number, question, gained, summary))
        self.gained.add(gained)
        self.answered.add(question.key)
        self.stale += 1
        return summary

    def undo(self) -> Question:
        """Take back the last answer; returns its question, to be asked again."""
        if not self.done:
            raise FaceindexError("there is no answer of this review to take back; 'faceindex undo' goes further back")
        last = self.done[-1]
        journal.take_back(self.db, [last.journal_id])
        self.done.pop()
        self.gained.add(last.gained, -1)
        self.answered.discard(last.question.key)
        self._find()
        return last.question


def stands(db: sqlite3.Connection, backend: str, question: Question) -> bool:
    """Whether the question is still one: what it is about may have been merged, named or answered elsewhere."""
    if question.kind == "wrong":
        face = questions.face(db, question.face or 0)
        return face is not None and (face.cluster_id, face.name) == (question.cluster, question.person)
    one, other = questions.side(db, question.cluster), questions.side(db, question.other or 0)
    if question.kind == "name":
        return one is not None and one.name is None
    if one is None or other is None or one.name is not None or other.name != question.person:
        return False
    return questions.may_be(db, one.cluster_id, other.cluster_id, backend)


Act = Callable[[sqlite3.Connection, int], Gained]


def _change(db: sqlite3.Connection, question: Question, answer: Answer, name: str) -> tuple[str, str, Act]:
    """The journal's command and summary, and what to do."""
    if question.kind == "who" and answer == "yes" and ages.differ(db, question.cluster, question.other or 0):
        # An average of each age says more than one of both.
        summary = f"cluster {question.cluster} is {question.person}, at another age"
        return "cluster label", summary, _naming(question.cluster, question.person or "")
    about = {"who": _of_cluster, "same": _of_pair, "wrong": _of_face, "name": _of_unknown}
    return about[question.kind](question, answer, name)


def _of_cluster(asked: Question, answer: Answer, name: str) -> tuple[str, str, Act]:
    cluster, into = asked.cluster, asked.other or 0
    if answer == "yes":
        # One average of many faces is better than many averages of few.
        return (
            "cluster merge",
            f"cluster {cluster} is {asked.person}, merged into {into}",
            _merging(into, cluster, True),
        )
    if answer == "no":
        return (
            "cluster reject",
            f"cluster {cluster} is not {asked.person}",
            _act(lambda db, number: answers.not_of(db, number, cluster, into)),
        )
    if answer == "other":
        return "cluster label", f"cluster {cluster} named {name}", _naming(cluster, name)
    return "cluster ignore", f"cluster {cluster} ignored", _ignoring(cluster)


def _of_unknown(asked: Question, answer: Answer, name: str) -> tuple[str, str, Act]:
    if answer == "other":
        return "cluster label", f"cluster {asked.cluster} named {name}", _naming(asked.cluster, name)
    if answer == "ignore":
        return "cluster ignore", f"cluster {asked.cluster} ignored", _ignoring(asked.cluster)
    raise UsageProblem("who that is takes a name: press o and type it, or i for a stranger")


def _of_pair(asked: Question, answer: Answer, name: str) -> tuple[str, str, Act]:
    cluster, into = asked.cluster, asked.other or 0
    if answer == "yes":
        return "cluster merge", f"cluster {cluster} merged into {into}", _merging(into, cluster, False)
    if answer == "no":
        return (
            "cluster different",
            f"clusters {cluster} and {into} are different people",
            _act(lambda db, number: parting.different(db, number, cluster, into)),
        )
    if answer == "other":
        return "cluster merge", f"cluster {cluster} merged into {into}, named {name}", _both(into, cluster, name)
    return "cluster ignore", f"clusters {cluster} and {into} ignored", _ignoring(cluster, into)


def _of_face(asked: Question, answer: Answer, name: str) -> tuple[str, str, Act]:
    face, person = asked.face or 0, asked.person or ""
    if answer == "yes":
        return "face label", f"face {face} is {person}", _act(lambda db, n: faces.label(db, n, [face], person))
    righted = Gained(righted=1)
    if answer == "no":
        return "face reject", f"face {face} is not {person}", _act(lambda db, n: faces.reject(db, n, [face]), righted)
    if answer == "other":
        return "face label", f"face {face} is {name}", _act(lambda db, n: faces.label(db, n, [face], name), righted)
    return "face ignore", f"face {face} ignored", _act(lambda db, n: faces.ignore(db, n, [face]), Gained(ignored=1))


def _act(do: Callable[[sqlite3.Connection, int], object], gained: Gained | None = None) -> Act:
    def act(db: sqlite3.Connection, number: int) -> Gained:
        do(db, number)
        return replace(gained) if gained else Gained()

    return act


def _merging(into: int, cluster: int, named: bool) -> Act:
    def act(db: sqlite3.Connection, number: int) -> Gained:
        count = people.cluster(db, cluster).faces
        people.merge(db, number, into, [cluster])
        return Gained(named=count if named else 0, merged=1)

    return act


def _naming(cluster: int, name: str) -> Act:
    def act(db: sqlite3.Connection, number: int) -> Gained:
        people.label(db, number, cluster, name)
        return Gained(named=people.cluster(db, cluster).faces)

    return act


def _both(into: int, cluster: int, name: str) -> Act:
    def act(db: sqlite3.Connection, number: int) -> Gained:
        people.merge(db, number, into, [cluster])
        people.label(db, number, into, name)
        return Gained(named=people.cluster(db, into).faces, merged=1)

    return act


def _ignoring(*clusters: int) -> Act:
    def act(db: sqlite3.Connection, number: int) -> Gained:
        count = sum(people.cluster(db, cluster).faces for cluster in clusters)
        parting.ignore(db, clusters)
        return Gained(ignored=count)

    return act
