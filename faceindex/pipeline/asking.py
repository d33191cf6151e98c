"""Questions for a human, those first whose answers gain most; and what the answers do.

suggestions   all there is to ask now, ranked
Queue         one after the other, each answer one entry in the journal
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

import numpy as np

from faceindex import suggesting
from faceindex.errors import FaceindexError
from faceindex.pipeline import guessing
from faceindex.pipeline.answering import Answer, Gained, Key, Question, change
from faceindex.store import answers, journal, people, questions, sides
from faceindex.suggesting import Asked, Known, Measure

QUICK = 1.0  # seconds; if finding the questions takes longer, not every answer has them found anew …
SEVERAL = 25  # … but every so many
WORTH = 3  # photos from which on an unknown cluster, of whom nothing can be guessed, is worth a name
SOMEBODY = 0.5  # of them are taken to be somebody whom the user knows; the others are strangers


def suggestions(db: sqlite3.Connection, backend: str) -> list[Question]:
    """All that is worth asking, what gains most first. Memory: the averages, and blocks."""
    with questions.at_one_moment(db):
        force = questions.in_force(db, backend)
        if force is None:
            return []
        known = questions.known(db, backend)
        found = [*_about_clusters(db, backend, known, force.measure), *_about_faces(db, backend, known, force.measure)]
        found += guessing.about_guesses(db, backend, found)
        whole = [each for each in found if each.kind != "tagged" or each.face is None]
        found += _about_nobody(db, backend, {cluster for each in whole for cluster in (each.cluster, each.other)})
    return sorted(found, key=lambda each: (-each.rank, each.kind, each.cluster or 0, each.face or 0, each.person or ""))


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
    answered: set[Key] = field(default_factory=set)
    skipped: list[Key] = field(default_factory=list)
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
        command, summary, act = change(self.db, question, answer, people.clean_name(name) if name else "")
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
    if question.kind == "tagged":
        return guessing.stands(db, backend, question)
    one, other = sides.group(db, question.cluster or 0), sides.group(db, question.other or 0)
    if question.kind == "name":
        return one is not None and one.name is None
    if one is None or other is None or one.name is not None or other.name != question.person:
        return False
    return questions.may_be(db, one.cluster_id, other.cluster_id, backend)
