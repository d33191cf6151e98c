"""What the steps of an import share: faces as they were, and what is to be told in the end."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from faceindex.labelfile import Spot
from faceindex.store.paths import shown


@dataclass(slots=True)
class Outcome:
    """What an import did, a sentence each, and what it could not do."""

    changes: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)  # of changes: what changed
    already: int = 0  # words that were so already
    contradictions: list[str] = field(default_factory=list)
    no_face: list[str] = field(default_factory=list)  # the photo is known, and has no face there
    not_drawn: list[str] = field(default_factory=list)  # a box drawn by hand that could not be drawn again
    no_photo: dict[str, str] = field(default_factory=dict)  # digest: hint
    faces: dict[Spot, int] = field(default_factory=dict)  # which face of the index each place is

    def change(self, what: str, sentence: str) -> None:
        self.changes.append(sentence)
        self.counts[what] += 1


@dataclass(frozen=True, slots=True)
class Known:
    """A face as the index had it before."""

    face_id: int
    cluster_id: int | None
    person_id: int | None  # whose label it bears
    source: str | None
    owner_id: int | None  # whose cluster it is in
    alone: bool  # said to be left alone
    strangers: bool  # said so of its cluster
    match: bool  # the machine put it where it is

    @property
    def settled(self) -> bool:
        """Whether a human said that it is where it is."""
        return self.person_id is not None and self.person_id == self.owner_id


@dataclass(frozen=True, slots=True)
class Import:
    """What every step needs."""

    db: sqlite3.Connection
    journal_id: int
    backend: str
    prefer_file: bool
    out: Outcome
    faces: dict[Spot, Known]
    people: dict[str, int]  # all whom the index or the file names
    new: dict[int, tuple[str, str | None]]  # of these, those whom the index does not know yet: name and birth
    hints: dict[str, str]

    def name(self, person_id: int | None) -> str:
        return shown(next((name for name, i in self.people.items() if i == person_id), "nobody"))

    def meet(self, person_id: int) -> None:
        """Make somebody known, now that something is said of them."""
        if person_id in self.new:
            name, born = self.new.pop(person_id)
            self.db.execute("INSERT INTO person (person_id, name, born) VALUES (?, ?, ?)", (person_id, name, born))
            self.out.change("person", f"{shown(name)} is known now" + (f", born {born}" if born else ""))

    def at(self, spot: Spot) -> str:
        return told(spot, self.hints)

    def outranks(self, spot: Spot, contradiction: str) -> bool:
        """Tell a contradiction; whether the file's word counts."""
        stays = "the file's word is taken" if self.prefer_file else "the index's word stays"
        self.out.contradictions.append(f"{self.at(spot)}: {contradiction}; {stays}")
        return self.prefer_file


def told(spot: Spot, hints: Mapping[str, str]) -> str:
    """A face for people: the path, else the digest's beginning, and the box in hundredths."""
    box = " ".join(f"{100 * side:02.0f}" for side in (spot.left, spot.top, spot.right, spot.bottom))
    return f"{shown(hints.get(spot.photo) or spot.photo[:12])} ({box})"
