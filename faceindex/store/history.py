"""What each row would be if only the entries that stand had been made: changes in, rows out, no SQL.

The journal tells every change of every entry in its order. Making again those that stand, and not those
that were taken back, gives the rows as they ought to be. So they follow from which entries stand, and from
nothing else: taken back in any order, everything is as at the start.

of_row      persons, clusters, roots: of each column the last word counts
of_set      pairs of different clusters; a merge took the pairs of a cluster along
of_face     where a face is, and what was said of it

A command on a whole cluster moves or names a face only if the face is in that cluster. In a history without
some merge it may not be, so a later merge or name leaves it alone, and it is back where it came from.
A word on the very face counts wherever the face is. What the machine did in between, between what one entry
left and the next one met, is done again where it can be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
Key = tuple[Any, ...]
ON_CLUSTERS, ON_PERSONS = "cluster", "person"  # first words of commands that speak of no single face


@dataclass(frozen=True, slots=True)
class Change:
    """One row that an entry changed."""

    journal_id: int
    command: str
    counts: bool  # the entry stands, and this is more than the taking back of another
    table: str
    key: Key  # of the row before, else after
    before: Row | None
    after: Row | None
    place: int | None  # the face's cluster when this was said of it

    @property
    def speaks_of(self) -> str:
        return self.command.partition(" ")[0]


@dataclass(frozen=True, slots=True)
class Merge:
    """What a standing entry made one of."""

    journal_id: int
    into: Mapping[int, int]  # cluster that is gone: the one that its faces went to


@dataclass(slots=True)
class Said:
    """A row as the standing entries say."""

    exists: bool
    row: Row
    spoken_of: bool = False  # since it was last gone, or without the entry that made it


@dataclass(slots=True)
class Place:
    """A face as the standing entries say."""

    cluster_id: int | None
    exists: bool = True
    image: Row | None = None  # of a face that a human added
    followed: bool = False  # a merge took it along that had never met it
    rows: dict[tuple[str, Key], Row | None] = field(default_factory=dict)  # None: there is none


UNSAID: dict[str, Row] = {"cluster": {"person_id": None, "ignored": 0}, "person": {"born": None}}


def of_row(chain: Sequence[Change]) -> Said:
    """A person, cluster or root. The columns are also told of one that does not exist: something may stand on it."""
    first = chain[0]
    # Of one that something stands on, though the entry that made it does not: only what others said of it.
    made = {**(first.after or {}), **UNSAID.get(first.table, {})}
    said = Said(first.before is not None, dict(first.before or made))
    for change in chain:
        if change.counts:
            _speak(said, change)
    return said


def _speak(said: Said, change: Change) -> None:
    if change.before is None:
        said.exists, said.row = True, {**said.row, **(change.after or {})}
    elif change.after is None:
        said.exists = said.spoken_of = False
    else:
        said.row |= _new_columns(said.row, change)
        said.spoken_of = any(said.row[name] != value for name, value in UNSAID.get(change.table, {}).items())


def _new_columns(row: Row, change: Change) -> Row:
    """What a change makes of a row's columns. A person merged into another is only replaced where they are."""
    before, after = change.before or {}, change.after or {}
    changed = {name: value for name, value in after.items() if before.get(name) != value}
    if change.speaks_of == ON_PERSONS:
        changed = {name: value for name, value in changed.items() if row.get(name) == before.get(name)}
    return changed


def of_set(chain: Sequence[Change], merges: Sequence[Merge]) -> dict[Key, Row | None]:
    """The pairs of different clusters: those that are there, and None for those that are not."""
    rows = _base(chain)
    pending = list(merges)
    for change in chain:
        while pending and pending[0].journal_id < change.journal_id:
            _take_pairs_along(rows, pending.pop(0))
        if change.counts:
            _say(rows, change.table, change)
    for merge in pending:
        _take_pairs_along(rows, merge)
    return {key: row for (_, key), row in rows.items()}


def _take_pairs_along(rows: dict[tuple[str, Key], Row | None], merge: Merge) -> None:
    for name, row in list(rows.items()):
        if row is not None and not merge.into.keys().isdisjoint(name[1]):
            rows[name] = None
            ends = sorted({merge.into.get(cluster, cluster) for cluster in name[1]})
            if len(ends) > 1:
                rows[name[0], tuple(ends)] = {**row, "one_id": ends[0], "other_id": ends[1]}


def _base(chain: Iterable[Change]) -> dict[tuple[str, Key], Row | None]:
    """The rows before the first entry spoke of them."""
    rows: dict[tuple[str, Key], Row | None] = {}
    for change in chain:
        if change.table != "face":
            rows.setdefault((change.table, change.key), change.before)
            if change.after is not None:
                rows.setdefault((change.table, key_of(change.table, change.after)), None)
    return rows


def _say(rows: dict[tuple[str, Key], Row | None], table: str, change: Change) -> None:
    """Add, change or take away one row."""
    name = (table, change.key)
    there = rows.get(name)
    if change.after is None:
        rows[name] = None
    elif change.before is None:
        rows[name] = change.after
    elif change.speaks_of == ON_PERSONS and there is None:
        return
    else:
        new = {**there, **_new_columns(there, change)} if there is not None else change.after
        moved = key_of(table, new)
        if moved != change.key:
            if there is None:
                return
            rows[name] = None
        rows[table, moved] = new


KEYS = {
    "label": ("face_id",),
    "ignored": ("face_id",),
    "encoding": ("face_id",),
    "rejection": ("face_id", "person_id", "cluster_id"),
    "different": ("one_id", "other_id"),
}


def key_of(table: str, row: Row) -> Key:
    return tuple(row[name] for name in KEYS[table])


def of_face(chain: Sequence[Change], merges: Sequence[Merge], now: int | None) -> Place:
    """One face. `now` is the cluster it is in: the machine may have moved it since the last entry."""
    place = _start(chain, now)
    place.rows = _base(chain)
    seen = place.cluster_id  # where the face really was, at each step
    pending = list(merges)
    for change in chain:
        while pending and pending[0].journal_id < change.journal_id:
            _follow(place, pending.pop(0))
        met = _met(change)
        if met is not None and met != seen:
            seen = _machine_moves(place, seen, met)
        if change.table == "face" and change.after is not None:
            seen = change.after["cluster_id"]
        if change.counts:
            _of_this_face(place, change)
    for merge in pending:
        _follow(place, merge)
    if now != seen and not (chain[-1].table == "face" and chain[-1].after is None):
        _machine_moves(place, seen, now)
    return place


def _start(chain: Sequence[Change], now: int | None) -> Place:
    moves = [change for change in chain if change.table == "face"]
    if not moves:
        return Place(now)
    image = next((whole for c in moves for whole in (c.before, c.after) if whole and "photo_id" in whole), None)
    first = moves[0].before
    return Place(first["cluster_id"] if first else None, first is not None, image)


def _met(change: Change) -> int | None:
    """The cluster in which an entry met a face, as far as it is known."""
    if change.table != "face":
        return change.place
    found: int | None = change.before["cluster_id"] if change.before else None
    return found


def _machine_moves(place: Place, seen: int | None, to: int | None) -> int | None:
    if place.cluster_id == seen:
        place.cluster_id = to
    return to


def _follow(place: Place, merge: Merge) -> None:
    if place.cluster_id is not None and place.cluster_id in merge.into:
        place.cluster_id, place.followed = merge.into[place.cluster_id], True


def _of_this_face(place: Place, change: Change) -> None:
    whole = change.speaks_of == ON_CLUSTERS
    if change.table != "face":
        if not whole or change.place is None or change.place == place.cluster_id:
            _say(place.rows, change.table, change)
    elif change.before is None:
        place.exists = True
    elif change.after is None:
        place.exists = False
    elif not whole or place.cluster_id == change.before["cluster_id"]:
        place.cluster_id, place.followed = change.after["cluster_id"], False


def merges_of(changes: Iterable[Change]) -> Iterator[Merge]:
    """Which clusters standing entries made one of."""
    gone: dict[int, set[int]] = {}
    went: dict[int, dict[int, int]] = {}
    for change in changes:
        if change.table == "cluster" and change.after is None and change.counts:
            gone.setdefault(change.journal_id, set()).add(change.key[0])
        if change.table == "face" and change.before and change.after and change.after["cluster_id"] is not None:
            went.setdefault(change.journal_id, {}).setdefault(change.before["cluster_id"], change.after["cluster_id"])
    for journal_id, clusters in sorted(gone.items()):
        into = {one: went[journal_id][one] for one in clusters if one in went.get(journal_id, {})}
        if into:
            yield Merge(journal_id, into)


def heirs_of(changes: Iterable[Change]) -> dict[int, int]:
    """Persons that standing entries merged into another: who is gone, and who they are now."""
    gone, became = set(), {}
    for change in changes:
        if change.command != "person merge" or not change.counts:
            continue
        if change.table == "person" and change.after is None:
            gone.add(change.key[0])
        elif change.before and change.after and change.before.get("person_id") != change.after.get("person_id"):
            became[change.before["person_id"]] = change.after["person_id"]
    return {one: other for one, other in became.items() if one in gone}
