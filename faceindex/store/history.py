"""What each row would be if only the entries that stand had been made: changes in, rows out, no SQL.

The journal tells every change of every entry in its order. Making again those that stand, and not those
that were taken back, gives the rows as they ought to be. So they follow from which entries stand, and from
nothing else: taken back in any order, everything is as at the start.

of_row      clusters, roots: of each column the last word counts (persons: persons.py)
of_set      pairs of different clusters; a merge took the pairs of a cluster along
of_face     where a face is, and what was said of it

A command on a whole cluster moves or names a face only if the face is in that cluster. In a history without
some merge it may not be, so a later merge or name leaves it alone, and it is back where it came from.
A word on the very face counts wherever the face is. What the machine did in between, between what one entry
left and the next one met, is done again where it can be. What an undo did follows from what it left standing,
so its own changes count for nothing, but for those of what a scan had made.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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
    counts: bool  # the entry stands, and this does not follow from others that stand
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
    spoken_of: bool = False  # by a human, since it was last gone, or without the entry that made it


One = Mapping[int, int]  # person: whom they are one with; who is not named is themselves


@dataclass(slots=True)
class Place:
    """A face as the standing entries say."""

    cluster_id: int | None
    exists: bool = True
    image: Row | None = None  # of a face that a human added
    followed: bool = False  # a merge took it along that had never met it
    rows: dict[tuple[str, Key], Row | None] = field(default_factory=dict)  # None: there is none


UNSAID: dict[str, Row] = {"cluster": {"person_id": None, "ignored": 0}, "person": {"born": None}}


def at_first(first: Change) -> Said:
    """Before anything was said of it.

    Of one that something stands on, though the entry that made it does not: only what others said of it.
    """
    made = {**(first.after or {}), **UNSAID.get(first.table, {})}
    return Said(first.before is not None, dict(first.before or made))


def of_row(chain: Sequence[Change], one: One) -> Said:
    """A cluster or root. The columns are also told of one that does not exist: something may stand on it."""
    said = at_first(chain[0])
    for change in chain:
        if change.counts:
            _speak(said, change, one)
    if "person_id" in said.row:
        said.row = as_one(said.row, one)
    return said


def as_one(row: Row, one: One) -> Row:
    """A row that speaks of a person."""
    return {**row, "person_id": one.get(row["person_id"], row["person_id"])}


def _speak(said: Said, change: Change, one: One) -> None:
    if change.before is None:
        said.exists, said.row = True, {**said.row, **(change.after or {})}
    elif change.after is None:
        said.exists = False
    else:
        said.row |= _new_columns(said.row, change, one)
    columns = UNSAID.get(change.table, {}) if change.after is not None else {}
    said.spoken_of = any(said.row[name] != value for name, value in columns.items())


def _new_columns(row: Row, change: Change, one: One) -> Row:
    """What a change makes of a row's columns. A person merged into another is only replaced where they are."""
    before, after = change.before or {}, change.after or {}
    changed = {name: value for name, value in after.items() if before.get(name) != value}
    if change.speaks_of == ON_PERSONS and "person_id" in changed and not _alike(row, before, one):
        del changed["person_id"]
    return changed


def _alike(row: Row, other: Row, one: One) -> bool:
    """Whether two rows speak of one person."""
    return bool(as_one(row, one)["person_id"] == as_one(other, one)["person_id"])


def of_set(chain: Sequence[Change], merges: Sequence[Merge]) -> dict[Key, Row | None]:
    """The pairs of different clusters: those that are there, and None for those that are not."""
    rows = _base(chain)
    pending = list(merges)
    for change in chain:
        while pending and pending[0].journal_id < change.journal_id:
            _take_pairs_along(rows, pending.pop(0))
        if change.counts:
            _say(rows, change, {})
    for merge in pending:
        _take_pairs_along(rows, merge)
    return {key: row for (_, key), row in rows.items()}


def _take_pairs_along(rows: dict[tuple[str, Key], Row | None], merge: Merge) -> None:
    for name, row in list(rows.items()):
        if row is not None and not merge.into.keys().isdisjoint(name[1]):
            rows[name] = None
            ends = sorted({merge.into.get(cluster, cluster) for cluster in name[1]})
            if len(ends) > 1:
                _unless_said(rows, name[0], {**row, "one_id": ends[0], "other_id": ends[1]})


def _base(chain: Iterable[Change]) -> dict[tuple[str, Key], Row | None]:
    """The rows before the first entry spoke of them."""
    rows: dict[tuple[str, Key], Row | None] = {}
    for change in chain:
        if change.table != "face":
            rows.setdefault((change.table, change.key), change.before)
            if change.after is not None:
                rows.setdefault((change.table, key_of(change.table, change.after)), None)
    return rows


def _say(rows: dict[tuple[str, Key], Row | None], change: Change, one: One) -> None:
    """Add, change or take away one row."""
    table, name = change.table, _spoken_of(rows, change, one)
    there = rows.get(name)
    if change.after is None:
        rows[name] = None
    elif change.before is None:
        rows[name] = change.after
    elif change.speaks_of == ON_PERSONS and there is None:
        return
    else:
        new = {**there, **_new_columns(there, change, one)} if there is not None else change.after
        moved = table, key_of(table, new)
        if moved != name:
            if there is None:
                return
            rows[name] = None
        if moved == name or rows.get(moved) is None:
            rows[moved] = new


def _spoken_of(rows: Mapping[tuple[str, Key], Row | None], change: Change, one: One) -> tuple[str, Key]:
    """The row that a change speaks of; of a person, it may have been said by another number of theirs."""
    name, before = (change.table, change.key), change.before
    if rows.get(name) is not None or before is None or before.get("person_id") is None:
        return name
    meant = key_of(change.table, as_one(before, one))
    for (table, key), row in rows.items():
        if table == change.table and row is not None and key_of(table, as_one(row, one)) == meant:
            return table, key
    return name


KEYS = {
    "label": ("face_id",),
    "ignored": ("face_id",),
    "encoding": ("face_id",),
    "rejection": ("face_id", "person_id", "cluster_id"),
    "different": ("one_id", "other_id"),
}


def _unless_said(rows: dict[tuple[str, Key], Row | None], table: str, row: Row) -> None:
    """Add a row, unless the like is there."""
    if rows.get((table, key_of(table, row))) is None:
        rows[table, key_of(table, row)] = row


def key_of(table: str, row: Row) -> Key:
    return tuple(row[name] for name in KEYS[table])


def of_face(chain: Sequence[Change], merges: Sequence[Merge], one: One, now: int | None) -> Place:
    """One face. `now` is the cluster it is in: the machine may have moved it since the last entry.

    A merge made before anything was said of the face was none of its clusters, even if that was undone and is now
    made again.
    """
    place = _start(chain, now)
    place.rows = _base(chain)
    seen = place.cluster_id  # where the face really was, at each step
    pending = [merge for merge in merges if merge.journal_id >= chain[0].journal_id]
    for change in chain:
        while pending and pending[0].journal_id < change.journal_id:
            _follow(place, pending.pop(0))
        met = _met(change)
        if met is not None and met != seen:
            seen = _machine_moves(place, seen, met)
        if change.table == "face" and change.after is not None:
            seen = change.after["cluster_id"]
        if change.counts:
            _of_this_face(place, change, one)
    for merge in pending:
        _follow(place, merge)
    if now != seen and not (chain[-1].table == "face" and chain[-1].after is None):
        _machine_moves(place, seen, now)
    place.rows = _of_one(place.rows, one)
    return place


def _of_one(rows: Mapping[tuple[str, Key], Row | None], one: One) -> dict[tuple[str, Key], Row | None]:
    """Words of persons who are one with others, as words of those, who keep what was said of themselves."""
    found = {name: row if row is None or row.get("person_id") not in one else None for name, row in rows.items()}
    for (table, _), row in rows.items():
        if row is not None and row.get("person_id") in one:
            _unless_said(found, table, as_one(row, one))
    return found


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
    """Go along with a merge, and take along what was said of a cluster that it made another of."""
    for name, row in list(place.rows.items()):
        if name[0] == "rejection" and row is not None and row["cluster_id"] in merge.into:
            new = {**row, "cluster_id": merge.into[row["cluster_id"]]}
            place.rows[name] = None
            _unless_said(place.rows, name[0], new)
    if place.cluster_id is not None and place.cluster_id in merge.into:
        place.cluster_id, place.followed = merge.into[place.cluster_id], True
        if _is_rejected(place):
            place.cluster_id = None


def _is_rejected(place: Place) -> bool:
    """Whether a face that nobody named was said not to be of its cluster."""
    said = [(name[0], row) for name, row in place.rows.items() if row is not None]
    named = any(table == "label" for table, _ in said)
    return not named and any(table == "rejection" and row["cluster_id"] == place.cluster_id for table, row in said)


def _of_this_face(place: Place, change: Change, one: One) -> None:
    whole = change.speaks_of == ON_CLUSTERS
    if change.table != "face":
        if not whole or change.place is None or change.place == place.cluster_id:
            _say(place.rows, change, one)
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


def ways_into(merges: Sequence[Merge], flipped: Collection[int]) -> set[int]:
    """Clusters whose faces may have come by merges to where one of these entries merged them away."""
    found = {cluster for merge in merges if merge.journal_id in flipped for cluster in merge.into}
    reached = -1
    while reached < len(found):
        reached = len(found)
        found |= {one for merge in merges for one, other in merge.into.items() if other in found}
    return found
