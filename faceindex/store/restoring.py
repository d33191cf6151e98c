"""Writing rows as history says they ought to be, after entries were taken back or brought back.

Only what those entries spoke of is written. Beside it a few things follow: a person or cluster stays, or comes
back, while something that stands refers to it, and goes when nothing does; what a scan carried over to other
faces comes and goes with the words it was copied from.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from faceindex.db import now
from faceindex.errors import FaceindexError, UsageProblem
from faceindex.store import averages, constraints, history, labels, photos, roots
from faceindex.store.history import Change, Key, Merge, Place, Row, Said
from faceindex.store.paths import shown
from faceindex.store.recording import JOURNALLED, SAID_OF_FACES, UNDO

Chains = dict[Key, list[Change]]
OF_FACES = ("face", "encoding", *SAID_OF_FACES)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Which entries stand, and which others each has to do with by taking them back."""

    standing: set[int]
    answers: Mapping[int, frozenset[int]]  # entry that took others back: these, and those they had taken back


def restore(db: sqlite3.Connection, ledger: Ledger, flipped: Collection[int], fallen: Iterable[int]) -> None:
    """Have the rows that the flipped entries spoke of say what the standing entries say. Within an entry.

    Raises FaceindexError, UsageProblem or IntegrityError where that cannot be.
    """
    # Rows come back in an order in which one may still point to another that is not back yet.
    db.execute("PRAGMA defer_foreign_keys = ON")
    carried = [copy for journal_id in sorted(fallen) for copy in _withdraw_carried(db, journal_id)]
    people, clusters = (_chains(db, ledger, table) for table in ("person", "cluster"))
    merges = _merges(db, ledger)
    wanted_people = {key: history.of_row(chain) for key, chain in people.items()}
    wanted_clusters = {key: history.of_row(chain) for key, chain in clusters.items()}
    _write_people(db, {key: wanted_people[key] for key in _touched(people, flipped)})
    _write_clusters(db, {key: wanted_clusters[key] for key in _touched(clusters, flipped)})
    _restore_faces(db, ledger, flipped, merges, wanted_clusters)
    _restore_different(db, ledger, merges)
    for table, source, face_id in carried:
        photos.carry_over(db, table, source, face_id)
    _settle_clusters(db, wanted_clusters)
    _inherit(db, history.heirs_of(_of_person_merges(db, ledger)), wanted_people)
    _settle_people(db, wanted_people, wanted_clusters)
    _restore_roots(db, _chains(db, ledger, "root"), flipped)
    constraints.refuse_contradictions(db)


# --- what the journal tells ---


def _chains(db: sqlite3.Connection, ledger: Ledger, table: str) -> Chains:
    """Every change of one small table, row by row."""
    found = db.execute(f"{CHANGES} WHERE table_name = ? ORDER BY journal_id, change_no", (table,))
    return _grouped(ledger, found, JOURNALLED[table][0])


CHANGES = """SELECT journal_id, command, table_name, before, after, cluster_id
             FROM journal_change JOIN journal USING (journal_id)"""


def _grouped(ledger: Ledger, rows: Iterable[sqlite3.Row], key: Sequence[str]) -> Chains:
    """Changes by row, or by face."""
    told = [(row, _image(row["before"]), _image(row["after"])) for row in rows]
    spoke: defaultdict[tuple[str, Key], set[int]] = defaultdict(set)
    withdrew = set()  # (undo, face) where what a scan had carried over was taken away
    for row, before, after in told:
        spoke[_name(row["table_name"], before or after or {})].add(row["journal_id"])
        if row["table_name"] == "label" and after is None and _is_copy(before):
            withdrew.add((row["journal_id"], (before or {})["face_id"]))
    chains: Chains = defaultdict(list)
    for row, before, after in told:
        name = _name(row["table_name"], before or after or {})
        counts = row["journal_id"] in ledger.standing
        if counts and row["command"] == UNDO:
            answer = not ledger.answers.get(row["journal_id"], frozenset()).isdisjoint(spoke[name])
            moved = name[0] == "face" and (row["journal_id"], name[1][0]) in withdrew
            counts = not answer and (moved or _is_of_the_machine(name[0], before, after))
        change = Change(row["journal_id"], row["command"], counts, *name, before, after, row["cluster_id"])
        chains[tuple((before or after or {})[part] for part in key)].append(change)
    return chains


def _is_of_the_machine(table: str, before: Row | None, after: Row | None) -> bool:
    """Whether an undo changed what a scan had made.

    That alone it says itself. All else that it did follows from which entries stand.
    """
    if table == "cluster":  # founded in the name of somebody who is no longer known
        return before is not None and after is not None and after["person_id"] is None
    return _is_copy(before) or _is_copy(after)


def _is_copy(row: Row | None) -> bool:
    return row is not None and row.get("carried_from") is not None


def _name(table: str, row: Row) -> tuple[str, Key]:
    return table, tuple(row[part] for part in JOURNALLED[table][0])


def _image(text: str | None) -> Row | None:
    if text is None:
        return None
    row = json.loads(text)
    return {name: bytes.fromhex(v["hex"]) if isinstance(v, dict) else v for name, v in row.items()}


def _merges(db: sqlite3.Connection, ledger: Ledger) -> list[Merge]:
    found = db.execute(
        f"""{CHANGES} WHERE table_name IN ('cluster', 'face') AND journal_id IN (
                SELECT journal_id FROM journal_change WHERE table_name = 'cluster' AND after IS NULL)
            ORDER BY journal_id, change_no"""
    )
    return list(history.merges_of(change for chain in _grouped(ledger, found, ()).values() for change in chain))


def _of_person_merges(db: sqlite3.Connection, ledger: Ledger) -> list[Change]:
    found = db.execute(f"{CHANGES} WHERE command = 'person merge' ORDER BY journal_id, change_no")
    return [change for chain in _grouped(ledger, found, ()).values() for change in chain]


def _touched(chains: Chains, flipped: Collection[int]) -> list[Key]:
    return [key for key, chain in chains.items() if any(change.journal_id in flipped for change in chain)]


# --- rows ---


def _write_people(db: sqlite3.Connection, wanted: Mapping[Key, Said]) -> None:
    """Put names right. Who is not there yet comes when they are spoken of."""
    there = {key: said.row for key, said in wanted.items() if _is_there(db, "person", key)}
    names = {row["name"] for row in there.values()}
    for key in there:
        _delete(db, "person", key)
    for name in sorted(names):
        if db.execute("SELECT 1 FROM person WHERE name = ?", (name,)).fetchone():
            raise UsageProblem(
                f"there is another {shown(name)} by now; rename one of them with 'faceindex person rename'"
            )
    for row in there.values():
        _insert(db, "person", row)


def _write_clusters(db: sqlite3.Connection, wanted: Mapping[Key, Said]) -> None:
    """Bring clusters that ought to be there, and the columns of those that are."""
    for key, said in wanted.items():
        if _is_there(db, "cluster", key):
            _update(db, "cluster", key, said.row)
        elif said.exists:
            _insert(db, "cluster", said.row)


def _write_rows(db: sqlite3.Connection, table: str, wanted: Mapping[Key, Row]) -> None:
    """Have these rows be so. All go before any comes: two may have exchanged what only one can bear."""
    for key in wanted:
        _delete(db, table, key)
    for row in wanted.values():
        _insert(db, table, row)


def _is_there(db: sqlite3.Connection, table: str, key: Key) -> bool:
    condition = " AND ".join(f'"{name}" IS ?' for name in JOURNALLED[table][0])
    return db.execute(f"SELECT 1 FROM {table} WHERE {condition}", key).fetchone() is not None


def _insert(db: sqlite3.Connection, table: str, row: Row) -> None:
    names = ", ".join(f'"{column}"' for column in row)
    marks = ", ".join(f":{column}" for column in row)
    db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", row)


def _update(db: sqlite3.Connection, table: str, key: Key, row: Row) -> None:
    values = ", ".join(f'"{column}" = :{column}' for column in row)
    condition = " AND ".join(f'"{name}" IS :key_{name}' for name in JOURNALLED[table][0])
    keys = {f"key_{name}": value for name, value in zip(JOURNALLED[table][0], key, strict=True)}
    db.execute(f"UPDATE {table} SET {values} WHERE {condition}", {**row, **keys})


def _delete(db: sqlite3.Connection, table: str, key: Key) -> None:
    condition = " AND ".join(f'"{name}" IS ?' for name in JOURNALLED[table][0])
    db.execute(f"DELETE FROM {table} WHERE {condition}", key)


# --- faces ---

LIST = "(SELECT value FROM json_each(?))"


def _restore_faces(
    db: sqlite3.Connection,
    ledger: Ledger,
    flipped: Collection[int],
    merges: Sequence[Merge],
    clusters: Mapping[Key, Said],
) -> None:
    """Put faces, and what was said of them, where they ought to be."""
    face_ids = json.dumps(_faces_of(db, flipped))
    there = dict(map(tuple, db.execute(f"SELECT face_id, cluster_id FROM face WHERE face_id IN {LIST}", (face_ids,))))
    chains = _face_chains(db, ledger, face_ids)
    wanted = {face_id: history.of_face(chain, merges, there.get(face_id)) for face_id, chain in chains.items()}
    for face_id, place in wanted.items():
        if place.exists and face_id not in there:
            _bring_face(db, face_id, place)
    _bring_clusters(db, {place.cluster_id for place in wanted.values() if place.exists}, clusters)
    averages.assign(
        db,
        {i: place.cluster_id if place.exists else None for i, place in wanted.items()
         if place.exists or i in there},
    )  # fmt: skip
    for face_id, place in wanted.items():
        _say(db, place.rows, but=() if place.exists else ("encoding",))
        if not place.exists:
            db.execute("DELETE FROM encoding WHERE face_id = ?", (face_id,))
            db.execute("DELETE FROM face WHERE face_id = ?", (face_id,))
    constraints.let_go(db, [face_id for face_id, place in wanted.items() if place.followed])


def _faces_of(db: sqlite3.Connection, flipped: Collection[int]) -> list[int]:
    """Faces that these entries spoke of, or that had to do with clusters they merged away."""
    rows = db.execute(
        f"""WITH spoken AS MATERIALIZED (
                SELECT table_name, before, after, coalesce(before, after) AS image FROM journal_change
                WHERE journal_id IN {LIST}),
            merged AS MATERIALIZED (
                SELECT json_extract(image, '$.cluster_id') FROM spoken WHERE table_name = 'cluster' AND after IS NULL)
            SELECT json_extract(image, '$.face_id') FROM spoken WHERE table_name IN {TABLES}
            UNION
            SELECT json_extract(coalesce(before, after), '$.face_id') FROM journal_change
            WHERE table_name = 'face' AND (json_extract(before, '$.cluster_id') IN merged
                                           OR json_extract(after, '$.cluster_id') IN merged)""",
        (json.dumps(sorted(flipped)),),
    )
    return [row[0] for row in rows]


TABLES = f"({', '.join(repr(table) for table in OF_FACES)})"


def _face_chains(db: sqlite3.Connection, ledger: Ledger, face_ids: str) -> dict[int, list[Change]]:
    rows = db.execute(
        f"""{CHANGES} WHERE table_name IN {TABLES}
              AND json_extract(coalesce(before, after), '$.face_id') IN {LIST} ORDER BY journal_id, change_no""",
        (face_ids,),
    )
    return {key[0]: chain for key, chain in _grouped(ledger, rows, ("face_id",)).items()}


def _bring_face(db: sqlite3.Connection, face_id: int, place: Place) -> None:
    """A face that a human added, with its encoding."""
    if place.image is None:
        raise FaceindexError(f"face {face_id} is no longer in the index, so what was said of it cannot come back")
    _insert(db, "face", {**place.image, "cluster_id": None})
    _say(db, {name: row for name, row in place.rows.items() if name[0] == "encoding"})


def _bring_clusters(db: sqlite3.Connection, wanted: Iterable[int | None], clusters: Mapping[Key, Said]) -> None:
    """Clusters that are needed, with what was said of them last."""
    for cluster_id in wanted:
        if cluster_id is not None and not _is_there(db, "cluster", (cluster_id,)):
            if (cluster_id,) not in clusters:
                raise FaceindexError(f"cluster {cluster_id} is no longer in the index, so nothing can go back to it")
            _insert(db, "cluster", clusters[(cluster_id,)].row)


def _say(db: sqlite3.Connection, rows: Mapping[tuple[str, Key], Row | None], but: Sequence[str] = ()) -> None:
    """Write what ought to be said, row by row; first what is not to be said any more."""
    for (table, key), row in rows.items():
        if row is None and table not in but:
            _delete(db, table, key)
    for (table, key), row in rows.items():
        if row is None or table in but:
            continue
        if _is_there(db, table, key):
            _update(db, table, key, row)
        else:
            _insert(db, table, row)


# --- what follows ---


def _restore_different(db: sqlite3.Connection, ledger: Ledger, merges: Sequence[Merge]) -> None:
    found = db.execute(f"{CHANGES} WHERE table_name = 'different' ORDER BY journal_id, change_no")
    chain = _grouped(ledger, found, ()).get((), [])  # all in one: a merge made other pairs of them
    _say(db, {("different", key): row for key, row in history.of_set(chain, merges).items()})


def _inherit(db: sqlite3.Connection, heirs: Mapping[int, int], people: Mapping[Key, Said]) -> None:
    """What came back with the name of a person who was merged into another is that other's."""
    for gone in heirs:
        if not people[(gone,)].exists:
            heir = heirs[gone]
            while heir in heirs and not people[(heir,)].exists:
                heir = heirs[heir]
            _replace_person(db, gone, heir)


def _replace_person(db: sqlite3.Connection, old: int, new: int) -> None:
    db.execute("UPDATE cluster SET person_id = ? WHERE person_id = ?", (new, old))
    db.execute("UPDATE label SET person_id = ? WHERE person_id = ?", (new, old))
    db.execute("UPDATE OR IGNORE rejection SET person_id = ? WHERE person_id = ?", (new, old))
    db.execute("DELETE FROM rejection WHERE person_id = ?", (old,))


def _settle_clusters(db: sqlite3.Connection, clusters: Mapping[Key, Said]) -> None:
    """Have those clusters be there that a standing entry made, or of which anything is said, and no others."""
    for key, said in clusters.items():
        wanted = said.exists or said.spoken_of or _is_referred_to(db, key[0])
        there = _is_there(db, "cluster", key)
        if wanted and not there:
            _insert(db, "cluster", said.row)
        elif there and not wanted:
            _delete(db, "cluster", key)


def _is_referred_to(db: sqlite3.Connection, cluster_id: int) -> bool:
    row = db.execute(
        """SELECT EXISTS (SELECT 1 FROM face WHERE cluster_id = :cluster)
               OR EXISTS (SELECT 1 FROM different WHERE one_id = :cluster OR other_id = :cluster)
               OR EXISTS (SELECT 1 FROM rejection WHERE cluster_id = :cluster)""",
        {"cluster": cluster_id},
    ).fetchone()
    return bool(row[0])


def _settle_people(db: sqlite3.Connection, people: Mapping[Key, Said], clusters: Mapping[Key, Said]) -> None:
    """Have those persons be there who are spoken of, and no others.

    A cluster counts that a human named; one that a scan founded in the name of somebody who is no longer
    known loses the name.
    """
    named = {said.row["person_id"] for key, said in clusters.items() if _is_there(db, "cluster", key)}
    for (person_id,), said in people.items():
        standing = said.exists and (said.row["born"] is not None or _bears(db, person_id))
        wanted = standing or person_id in named or _is_spoken_of(db, person_id)
        there = _is_there(db, "person", (person_id,))
        if wanted and not there:
            _bring_person(db, person_id, said.row)
        elif there and not wanted:
            db.execute("UPDATE cluster SET person_id = NULL WHERE person_id = ?", (person_id,))
            db.execute("DELETE FROM person WHERE person_id = ?", (person_id,))
    db.execute("UPDATE cluster SET person_id = NULL WHERE person_id NOT IN (SELECT person_id FROM person)")


def _bears(db: sqlite3.Connection, person_id: int) -> bool:
    """Whether any cluster has that name."""
    return db.execute("SELECT 1 FROM cluster WHERE person_id = ? LIMIT 1", (person_id,)).fetchone() is not None


def _is_spoken_of(db: sqlite3.Connection, person_id: int) -> bool:
    row = db.execute(
        """SELECT EXISTS (SELECT 1 FROM label WHERE person_id = :person)
               OR EXISTS (SELECT 1 FROM rejection WHERE person_id = :person)""",
        {"person": person_id},
    ).fetchone()
    return bool(row[0])


def _bring_person(db: sqlite3.Connection, person_id: int, row: Row) -> None:
    """Somebody who is spoken of again; who bears that name now is the same person."""
    namesake = db.execute("SELECT person_id FROM person WHERE name = ?", (row["name"],)).fetchone()
    if namesake is None:
        _insert(db, "person", row)
    else:
        _replace_person(db, person_id, namesake[0])


def _restore_roots(db: sqlite3.Connection, chains: Chains, flipped: Collection[int]) -> None:
    touched = _touched(chains, flipped)
    wanted = {key: history.of_row(chains[key]) for key in touched}
    for key, said in wanted.items():
        if not said.exists:
            _remove_root(db, key)
    _write_rows(db, "root", {key: said.row for key, said in wanted.items() if said.exists})
    if touched and (pair := roots.overlap(db)) is not None:
        raise UsageProblem(f"that cannot be undone: {pair[0]} lies inside {pair[1]}, a root added since")


def _remove_root(db: sqlite3.Connection, key: Key) -> None:
    """Forget a root; where a scan found files below it, it is taken out of use instead."""
    below = "EXISTS (SELECT 1 FROM folder WHERE folder.root_id = root.root_id)"
    db.execute(f"UPDATE root SET removed_at = coalesce(removed_at, ?) WHERE root_id = ? AND {below}", (now(), *key))
    db.execute(f"DELETE FROM root WHERE root_id = ? AND NOT {below}", key)


def _withdraw_carried(db: sqlite3.Connection, journal_id: int) -> list[tuple[str, int, int]]:
    """Delete this entry's words from faces a scan carried them over to; (table, from, to), oldest first.

    Copies that the entry itself changed are written down, and come back like any other row. Faces that
    only a label put where they are leave their clusters.
    """
    found = []
    labelled = db.execute(
        "SELECT face_id FROM label WHERE journal_id = ? AND carried_from IS NOT NULL", (journal_id,)
    ).fetchall()
    for table in photos.WORDS:
        rows = db.execute(
            f"""DELETE FROM {table} WHERE journal_id = :entry AND carried_from IS NOT NULL AND face_id NOT IN (
                    SELECT json_extract(after, '$.face_id') FROM journal_change
                    WHERE journal_id = :entry AND table_name = :table AND after IS NOT NULL)
                RETURNING carried_from, face_id""",
            {"entry": journal_id, "table": table},
        ).fetchall()
        found += [(table, source, face_id) for source, face_id in sorted(set(map(tuple, rows)), key=lambda r: r[1])]
    labels.release(db, [row[0] for row in labelled])
    return found
