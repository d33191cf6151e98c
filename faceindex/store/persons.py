"""Who each person would be if only the entries that stand had been made: as history.py, but all of them at once.

A person is told by a name, and a name is given to one person only. In a history without some entry, two may
have been given one name: they are one person then, as two are who were merged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from faceindex.store.history import Change, One, Row, Said, at_first

UNBORN: Row = {"name": None, "born": None}


@dataclass(slots=True)
class People:
    """Persons as the standing entries say."""

    said: dict[int, Said] = field(default_factory=dict)
    one: dict[int, int] = field(default_factory=dict)
    bearers: dict[str, int] = field(default_factory=dict)  # of each name
    present: set[int] = field(default_factory=set)  # who really was there, whatever stands now

    def who(self, number: int) -> int:
        while number in self.one:
            number = self.one[number]
        return number

    def unite(self, number: int, other: int) -> None:
        self.one[number] = other
        self.release(number)

    def release(self, number: int) -> None:
        name = self.said[number].row["name"]
        if self.bearers.get(name) == number:
            del self.bearers[name]


def of_people(chain: Iterable[Change], merged: Mapping[int, One]) -> People:
    """All persons. `merged` tells of each entry that merged persons, who went into whom.

    A name is given to one person only. Where two have it, as the standing entries tell, they are one, but for
    two who were there at the same time: a human knew them by different names.
    """
    people = People()
    for change in chain:
        number = change.key[0]
        if number not in people.said:
            _first_heard_of(people, change)
        if change.counts and change.after is None:
            _part_from(people, people.who(number), merged.get(change.journal_id, {}).get(number))
        elif change.counts:
            _speak_of_person(people, people.who(number), change)
        (people.present.discard if change.after is None else people.present.add)(number)
    people.one = {number: people.who(number) for number in people.one}
    return people


def _first_heard_of(people: People, change: Change) -> None:
    """They bear their name even if the entry that made them does not stand: others may have spoken of them."""
    number = change.key[0]
    said = people.said[number] = at_first(change)
    other = people.bearers.setdefault(said.row["name"], number)
    if other != number and other not in people.present and not change.counts:
        people.unite(number, other)


def _part_from(people: People, number: int, into: int | None) -> None:
    """Nothing is said of them any more: they were forgotten, or merged into somebody."""
    people.said[number].exists = people.said[number].spoken_of = False
    if into in people.said and people.who(into) != number:
        people.unite(number, people.who(into))


def _speak_of_person(people: People, number: int, change: Change) -> None:
    said, before, after = people.said[number], change.before, change.after or {}
    if before is None:
        said.exists = True
    if before is None or before["name"] != after["name"]:
        _name(people, number, after["name"])
    said.row |= {
        name: value for name, value in after.items() if name != "person_id" and (before or UNBORN)[name] != value
    }
    said.spoken_of = said.row["born"] is not None


def _name(people: People, number: int, name: str) -> None:
    """Have a person bear a name. Who bore it, and was not there, is one with them."""
    other = people.bearers.get(name, number)
    if other != number and other not in people.present:
        people.unite(other, number)
    people.release(number)
    people.bearers[name] = number


def merged_people(changes: Iterable[Change]) -> dict[int, dict[int, int]]:
    """Of each entry that merged persons: who is gone, and whose is now what was theirs."""
    merged: dict[int, dict[int, int]] = {}
    for change in changes:
        if change.before and change.after and change.before.get("person_id") != change.after.get("person_id"):
            merged.setdefault(change.journal_id, {})[change.before["person_id"]] = change.after["person_id"]
    return merged
