"""What a file says of persons and single faces, said in the index."""

from __future__ import annotations

from collections.abc import Mapping

from faceindex.labelfile import Word, Work
from faceindex.store import averages
from faceindex.store.handwork.bench import Import, Known
from faceindex.store.paths import shown


def say_people(here: Import, work: Work) -> None:
    """Say of people when they were born. Whom nobody knows yet is made known once something is said of them."""
    known = {row[0]: (row[1], row[2]) for row in here.db.execute("SELECT name, person_id, born FROM person")}
    named = {name for word in work.words for name in (word.name, *word.not_names) if name is not None}
    everybody = sorted(named | set(work.people))
    here.people.update({name: number for name, (number, _) in known.items()})
    _number(here, {name: work.people.get(name) for name in everybody if name not in known})
    for name in everybody:
        born = work.people.get(name)
        if name not in known:
            if born:
                here.meet(here.people[name])
            continue
        _, before = known[name]
        if born in (None, before):
            here.out.already += 1
        elif before is None or _younger_word(here, name, before, born):
            here.db.execute("UPDATE person SET born = ? WHERE name = ?", (born, name))
            here.out.change("birth", f"{shown(name)} was born {born}")


def _number(here: Import, births: Mapping[str, str | None]) -> None:
    """Give people whom the index does not know the numbers that they will have."""
    row = here.db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'person'").fetchone()
    for number, (name, born) in enumerate(births.items(), 1 + (row[0] if row else 0)):
        here.people[name] = number
        here.new[number] = name, born


def unsaid(here: Import) -> set[int]:
    """People of whom nothing is said: they bear no name of a face or of a cluster with faces, and have no birth."""
    rows = here.db.execute(
        """SELECT person_id FROM person WHERE born IS NULL
           AND NOT EXISTS (SELECT 1 FROM label WHERE label.person_id = person.person_id)
           AND NOT EXISTS (SELECT 1 FROM rejection WHERE rejection.person_id = person.person_id)
           AND NOT EXISTS (SELECT 1 FROM cluster JOIN average USING (cluster_id)
                           WHERE cluster.person_id = person.person_id)"""
    )
    return {row[0] for row in rows}


def drop_unsaid(here: Import, before: set[int]) -> None:
    """Drop the names of people of whom nothing is said any more: all that was, is now said of others."""
    for person in sorted(unsaid(here) - before):
        here.db.execute("UPDATE cluster SET person_id = NULL WHERE person_id = ?", (person,))  # all are empty
        here.db.execute("DELETE FROM person WHERE person_id = ?", (person,))
        here.out.change("unsaid", f"{here.name(person)} is nobody any more")


def _younger_word(here: Import, name: str, before: str, born: str | None) -> bool:
    stays = "the file's word is taken" if here.prefer_file else "the index's word stays"
    here.out.contradictions.append(f"{shown(name)}: born {before}, and the file says {born}; {stays}")
    return here.prefer_file


def say(here: Import, word: Word) -> bool:
    """Say of one face what the file says; whether it may join the group that the file puts it in."""
    face = here.faces[word.spot]
    if not _may_be_seen(here, word, face):
        return False
    named = word.name is None or (_lend if word.source == "cluster" else _name)(here, word, face)
    for name in word.not_names:
        _reject(here, word, face, here.people[name])
    if word.ignored == "face":
        _ignore(here, word, face)
        return False
    return named


def _may_be_seen(here: Import, word: Word, face: Known) -> bool:
    """Whether nobody said to leave alone a face of which the file tells more than that."""
    tells = word.name is not None or word.group is not None
    if face.alone and word.ignored != "face" and tells:
        if not here.outranks(word.spot, "is to be left alone, and the file says more of it"):
            return False
        here.db.execute("DELETE FROM ignored WHERE face_id = ?", (face.face_id,))
        here.out.change("name", f"{here.at(word.spot)}: is no longer left alone")
    said = word.name is not None and face.person_id == here.people[word.name]
    if face.strangers and word.ignored != "group" and tells and not said:
        return here.outranks(word.spot, f"cluster {face.cluster_id} is to be left alone, and the file says more of it")
    return True


def _lend(here: Import, word: Word, face: Known) -> bool:
    """Whether a face may stand for a cluster of this name without bearing the name itself."""
    assert word.name is not None
    person = here.people[word.name]
    if face.person_id not in (None, person):
        return here.outranks(
            word.spot, f"is {here.name(face.person_id)}, and the file has it in a cluster of {shown(word.name)}"
        )
    if face.person_id is None and _is_rejected(here, face, person) and word.name not in word.not_names:
        return here.outranks(word.spot, f"is not {shown(word.name)}, and the file has it in a cluster of that name")
    return True


def _name(here: Import, word: Word, face: Known) -> bool:
    assert word.name is not None
    person = here.people[word.name]
    if face.person_id == person:
        if word.source == face.source or word.source == "tag":
            here.out.already += 1
            return True
    elif face.person_id is not None:
        if not here.outranks(word.spot, f"is {here.name(face.person_id)}, and the file says {shown(word.name)}"):
            return False
    elif _is_rejected(here, face, person) and word.name not in word.not_names:
        if not here.outranks(word.spot, f"is not {shown(word.name)}, and the file says it is"):
            return False
        here.db.execute("DELETE FROM rejection WHERE face_id = ? AND person_id = ?", (face.face_id, person))
    here.meet(person)
    here.db.execute(
        """INSERT INTO label (face_id, person_id, source, journal_id) VALUES (:face, :person, :source, :journal)
           ON CONFLICT (face_id) DO UPDATE
               SET person_id = :person, source = :source, journal_id = :journal, carried_from = NULL""",
        {"face": face.face_id, "person": person, "source": word.source, "journal": here.journal_id},
    )
    here.out.change("name", f"{here.at(word.spot)}: is {shown(word.name)}")
    return True


def _is_rejected(here: Import, face: Known, person: int) -> bool:
    row = here.db.execute("SELECT 1 FROM rejection WHERE face_id = ? AND person_id = ?", (face.face_id, person))
    return row.fetchone() is not None


def _reject(here: Import, word: Word, face: Known, person: int) -> None:
    name = here.name(person)
    if _is_rejected(here, face, person):
        here.out.already += 1
        return
    if face.person_id == person and word.name != name:
        if not here.outranks(word.spot, f"is {name}, and the file says it is not"):
            return
        here.db.execute("DELETE FROM label WHERE face_id = ? AND person_id = ?", (face.face_id, person))
    here.meet(person)
    here.db.execute(
        "INSERT INTO rejection (face_id, person_id, journal_id) VALUES (?, ?, ?)",
        (face.face_id, person, here.journal_id),
    )
    if face.owner_id == person and word.name != name:
        averages.assign(here.db, {face.face_id: None})
    here.out.change("rejection", f"{here.at(word.spot)}: is not {name}")


def _ignore(here: Import, word: Word, face: Known) -> None:
    if face.alone:
        here.out.already += 1
        return
    named = face.person_id is not None and word.name is None
    if named and not here.outranks(word.spot, f"is {here.name(face.person_id)}, and the file says to leave it alone"):
        return
    here.db.execute("INSERT INTO ignored (face_id, journal_id) VALUES (?, ?)", (face.face_id, here.journal_id))
    averages.assign(here.db, {face.face_id: None})
    here.out.change("ignored face", f"{here.at(word.spot)}: is left alone")
