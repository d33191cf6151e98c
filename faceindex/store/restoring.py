"""Writing rows as history says they ought to be, after entries were taken back or brought back.

Only what those entries spoke of is written. Beside it a few things follow: a person or cluster stays, or comes
back, while something that stands refers to it, and goes when nothing does; what a scan carried over to other
faces comes and goes with the words it was copied from.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence

from faceindex.db import now
from faceindex.errors import FaceindexError, UsageProblem
from faceindex.store import averages, constraints, history, labels, photos, roots, telling
from faceindex.store.history import Key, Merge, One, Place, Row, Said
from faceindex.store.paths import shown
from faceindex.store.persons import People
from faceindex.store.recording import JOURNALLED
from faceindex.store.telling import Chains, Ledger


def restore(db: sqlite3.Connection, ledger: Ledger, flipped: Collection[int], fallen: Iterable[int]) -> None:
    """Have the rows that the flipped entries spoke of say what the standing entries say. Within an entry.

    Raises FaceindexError, UsageProblem or IntegrityError where that cannot be.
    """
    # Rows come back in an order in which one may still point to another that is not back yet.
    db.execute("PRAGMA defer_foreign_keys = ON")
    carried = [copy for journal_id in sorted(fallen) for copy in _withdraw_carried(db, journal_id)]
    merges, people, former = telling.merges(db, ledger), telling.people(db, ledger), ledger.without(flipped)
    strangers = {number for number, _ in people.one.items() ^ telling.people(db, former).one.items()}
    carriers = history.ways_into([*merges, *telling.merges(db, former)], flipped)
    clusters = telling.chains(db, ledger, "cluster")
    wanted_clusters = {key: history.of_row(chain, people.one) for key, chain in clusters.items()}
    touched = telling.touched(clusters, flipped, strangers)
    settled = _empty(db, wanted_clusters.keys() - set(touched))
    _write_people(db, people)
    _write_clusters(db, {key: wanted_clusters[key] for key in touched})
    _restore_faces(db, ledger, telling.faces_of(db, flipped, carriers, strangers), merges, people.one, wanted_clusters)
    _restore_different(db, ledger, merges)
    for table, source, face_id in carried:
        photos.carry_over(db, table, source, face_id)
    _settle_clusters(db, wanted_clusters, leave=settled)
    for number, other in people.one.items():
        _replace_person(db, number, other)
    _settle_people(db, people, wanted_clusters)
    _restore_roots(db, telling.chains(db, ledger, "root"), flipped)
    constraints.refuse_contradictions(db)


# --- rows ---


def _write_people(db: sqlite3.Connection, people: People) -> None:
    """Put names right. Who is not there yet comes when they are spoken of."""
    there = {row["person_id"]: dict(row) for row in db.execute("SELECT * FROM person")}
    wrong = {
        number: {**there[number], **said.row}
        for number, said in people.said.items()
        if number in there and number not in people.one and there[number] != {**there[number], **said.row}
    }
    for number in wrong.keys() | people.one.keys():  # who is one with another leaves them the name
        _delete(db, "person", (number,))
    for row in wrong.values():
        _make_way(db, people, row["name"])
        _bring_person(db, row)


def _make_way(db: sqlite3.Connection, people: People, name: str) -> None:
    """Who bears a name, and was made by no entry that stands, goes; they come back if they are still spoken of."""
    for (number,) in db.execute("SELECT person_id FROM person WHERE name = ?", (name,)).fetchall():
        if number in people.said and not people.said[number].exists:
            _delete(db, "person", (number,))


def _bring_person(db: sqlite3.Connection, row: Row) -> None:
    """Raises UsageProblem where somebody who was known apart from them bears that name by now."""
    if db.execute("SELECT 1 FROM person WHERE name = ?", (row["name"],)).fetchone():
        raise UsageProblem(
            f"there is another {shown(row['name'])} by now; rename one of them with 'faceindex person rename'"
        )
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
    spoken_of: Sequence[int],
    merges: Sequence[Merge],
    one: One,
    clusters: Mapping[Key, Said],
) -> None:
    """Put faces, and what was said of them, where they ought to be."""
    face_ids = json.dumps(spoken_of)
    there = dict(map(tuple, db.execute(f"SELECT face_id, cluster_id FROM face WHERE face_id IN {LIST}", (face_ids,))))
    chains = telling.face_chains(db, ledger, face_ids)
    wanted = {face_id: history.of_face(chain, merges, one, there.get(face_id)) for face_id, chain in chains.items()}
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
    found = db.execute(f"{telling.CHANGES} WHERE table_name = 'different' ORDER BY journal_id, change_no")
    chain = telling.grouped(ledger, found, ()).get((), [])  # all in one: a merge made other pairs of them
    _say(db, {("different", key): row for key, row in history.of_set(chain, merges).items()})


def _replace_person(db: sqlite3.Connection, old: int, new: int) -> None:
    db.execute("UPDATE cluster SET person_id = ? WHERE person_id = ?", (new, old))
    db.execute("UPDATE label SET person_id = ? WHERE person_id = ?", (new, old))
    db.execute("UPDATE OR IGNORE rejection SET person_id = ? WHERE person_id = ?", (new, old))
    db.execute("DELETE FROM rejection WHERE person_id = ?", (old,))


def _settle_clusters(db: sqlite3.Connection, clusters: Mapping[Key, Said], leave: Collection[Key]) -> None:
    """Have those clusters be there that a standing entry made, or of which anything is said, and no others.

    Those to be left were empty already and are none of this undo's business.
    """
    words = _spoken_of_clusters(db)
    for key, said in clusters.items():
        wanted = said.exists or said.spoken_of or key[0] in words or _holds_faces(db, key[0])
        there = _is_there(db, "cluster", key)
        if wanted and not there:
            _insert(db, "cluster", said.row)
        elif there and not wanted and key not in leave:
            _delete(db, "cluster", key)


def _empty(db: sqlite3.Connection, keys: Iterable[Key]) -> set[Key]:
    """Clusters that all faces left, and of which nothing is said."""
    words = _spoken_of_clusters(db)
    return {
        key for key in keys if key[0] not in words and _is_there(db, "cluster", key) and not _holds_faces(db, key[0])
    }


def _spoken_of_clusters(db: sqlite3.Connection) -> set[int]:
    rows = db.execute(
        """SELECT cluster_id FROM rejection WHERE cluster_id IS NOT NULL
           UNION SELECT one_id FROM different UNION SELECT other_id FROM different"""
    )
    return {row[0] for row in rows}


def _holds_faces(db: sqlite3.Connection, cluster_id: int) -> bool:
    return db.execute("SELECT 1 FROM face WHERE cluster_id = ? LIMIT 1", (cluster_id,)).fetchone() is not None


def _settle_people(db: sqlite3.Connection, people: People, clusters: Mapping[Key, Said]) -> None:
    """Have those persons be there who are spoken of, and no others.

    A cluster counts that a human named; one that a scan founded in the name of somebody who is no longer
    known loses the name.
    """
    named = {
        said.row["person_id"] for key, said in clusters.items() if said.spoken_of and _is_there(db, "cluster", key)
    }
    absent = []
    for person_id, said in people.said.items():
        standing = said.spoken_of or (said.exists and _bears(db, person_id))
        if person_id not in people.one and (standing or person_id in named or _is_spoken_of(db, person_id)):
            absent += [] if _is_there(db, "person", (person_id,)) else [said.row]
        else:
            db.execute("UPDATE cluster SET person_id = NULL WHERE person_id = ?", (person_id,))
            db.execute("DELETE FROM person WHERE person_id = ?", (person_id,))
    for row in absent:
        _bring_person(db, row)
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


def _restore_roots(db: sqlite3.Connection, chains: Chains, flipped: Collection[int]) -> None:
    touched = telling.touched(chains, flipped)
    wanted = {key: history.of_row(chains[key], {}) for key in touched}
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
