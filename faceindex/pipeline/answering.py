"""A question to a human, and what each answer to it does, as one entry in the journal.

change    which command an answer comes to, its summary, and the change itself
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from faceindex.errors import UsageProblem
from faceindex.store import ages, answers, averages, faces, guesses, parting, people

Kind = Literal["who", "same", "wrong", "name", "tagged"]
Answer = Literal["yes", "no", "other", "ignore"]
Key = tuple[str, int | None, int | None, int | str | None]  # what tells questions apart


@dataclass(frozen=True, slots=True)
class Question:
    """Is this cluster that person? Are these two clusters one? Is this face really that person? Who is this cluster?

    Or, tagged: is this face, or this whole cluster, whom another program takes it for?
    """

    kind: Kind
    cluster: int | None  # who, same: the smaller, unnamed one; wrong, tagged: where the face is; name: the unknown one
    face: int | None  # wrong; tagged, unless all of the cluster is meant
    other: int | None  # who: the person's nearest cluster; same: the larger one; wrong: whom it looks like; tagged: the
    # person's largest one, if there is any
    person: str | None  # who, tagged: whom it probably is; wrong: whom it is said to be
    likely: str | None  # wrong: whom it looks like
    distance: float | None  # name, tagged: None
    normalised: float | None
    confidence: float  # who, same, tagged: that yes is right; wrong: that no is; name: that there is an answer
    gain: int  # faces that an answer names or puts right
    photos: int
    source: str | None = None  # tagged: which programs say so

    @property
    def rank(self) -> float:
        return self.gain * self.confidence

    @property
    def key(self) -> Key:
        if self.kind == "tagged":  # two programs may guess two names for one face
            return self.kind, self.cluster, self.face, self.person
        return self.kind, self.cluster, self.face, self.other


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


Act = Callable[[sqlite3.Connection, int], Gained]


def change(db: sqlite3.Connection, question: Question, answer: Answer, name: str) -> tuple[str, str, Act]:
    """The journal's command and summary, and what to do."""
    if question.kind == "who" and answer == "yes" and ages.differ(db, question.cluster or 0, question.other or 0):
        # An average of each age says more than one of both.
        summary = f"cluster {question.cluster} is {question.person}, at another age"
        return "cluster label", summary, _naming(question.cluster or 0, question.person or "")
    about = {"who": _of_cluster, "same": _of_pair, "wrong": _of_face, "name": _of_unknown, "tagged": _of_guess}
    return about[question.kind](question, answer, name)


def _of_cluster(asked: Question, answer: Answer, name: str) -> tuple[str, str, Act]:
    cluster, into = asked.cluster or 0, asked.other or 0
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
    cluster = asked.cluster or 0
    if answer == "other":
        return "cluster label", f"cluster {cluster} named {name}", _naming(cluster, name)
    if answer == "ignore":
        return "cluster ignore", f"cluster {cluster} ignored", _ignoring(cluster)
    raise UsageProblem("who that is takes a name: press o and type it, or i for a stranger")


def _of_pair(asked: Question, answer: Answer, name: str) -> tuple[str, str, Act]:
    cluster, into = asked.cluster or 0, asked.other or 0
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


def _of_guess(asked: Question, answer: Answer, name: str) -> tuple[str, str, Act]:
    if asked.face is None:
        return _of_guessed_cluster(asked, answer, name)
    face, person = asked.face, name if answer == "other" else asked.person or ""
    if answer in ("yes", "other"):
        label = _act(lambda db, n: faces.label(db, n, [face], person), Gained(named=1))
        return "face label", f"face {face} is {person}", label
    if answer == "no":
        return (
            "face reject",
            f"face {face} is not {person}",
            _act(lambda db, n: guesses.refuse(db, n, [face], person)),
        )
    return _of_face(asked, answer, name)


def _of_guessed_cluster(asked: Question, answer: Answer, name: str) -> tuple[str, str, Act]:
    cluster, person = asked.cluster or 0, asked.person or ""
    if answer == "yes":
        # Named and not merged: how like each other they are is not known.
        return "cluster label", f"cluster {cluster} is {person}", _naming(cluster, person)
    if answer == "no":
        return (
            "cluster reject",
            f"cluster {cluster} is not {person}",
            _act(lambda db, n: guesses.refuse(db, n, averages.faces_of(db, cluster), person)),
        )
    return _of_cluster(asked, answer, name)


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
