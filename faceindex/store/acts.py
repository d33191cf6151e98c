"""What a human does: each act is one entry of the journal, whoever asks for it, the command line or the page.

Every function raises UsageProblem or FaceindexError, one sentence, where that cannot be; then nothing was changed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from faceindex.db import transaction
from faceindex.errors import UsageProblem
from faceindex.store import faces, journal, nights, parting, people, problems
from faceindex.store.kept import kept
from faceindex.wording import counted
from faceindex.wording import told as in_words


@dataclass(frozen=True, slots=True)
class Act:
    """What came of it."""

    journal_id: int
    told: str  # a sentence
    changed: bool = True  # False: all was so already, and there is no entry
    cluster_id: int | None = None  # where faces went
    new: tuple[int, ...] = ()  # clusters made


def _act(db: sqlite3.Connection, journal_id: int, done: str, so_already: str) -> Act:
    changed = kept(db, journal_id)
    return Act(journal_id, done if changed else f"{so_already}; nothing changed", changed)


def _as_it_is(db: sqlite3.Connection, cluster_id: int) -> str:
    found = people.cluster(db, cluster_id)
    return f"cluster {cluster_id}: {found.name or 'no name'}, {counted(found.faces, 'face')}"


# --------------------------------------------------------------------------------------------- clusters


def label_cluster(db: sqlite3.Connection, cluster_id: int, name: str) -> Act:
    """Name a cluster, and so every face in it."""
    name = people.clean_name(name)
    with journal.entry(db, "cluster label", f"cluster {cluster_id} named {name}") as journal_id:
        people.label(db, journal_id, cluster_id, name)
        count = counted(people.cluster(db, cluster_id).faces, "face")
    line = f"cluster {cluster_id} is {name}"
    return _act(db, journal_id, f"{line} ({count})", f"{line} already ({count})")


def unlabel_cluster(db: sqlite3.Connection, cluster_id: int) -> Act:
    """Take the name of a cluster away."""
    with journal.entry(db, "cluster unlabel", f"name of cluster {cluster_id} taken away") as journal_id:
        name = people.unlabel(db, cluster_id)
    return Act(journal_id, f"cluster {cluster_id} is no longer {name}")


def merge_clusters(db: sqlite3.Connection, into: int, others: Sequence[int]) -> Act:
    """Make one cluster of several."""
    with journal.entry(db, "cluster merge", f"{in_words(others, 'cluster')} merged into {into}") as journal_id:
        people.merge(db, journal_id, into, others)
    return Act(journal_id, _as_it_is(db, into), cluster_id=into)


def part_clusters(db: sqlite3.Connection, one: int, other: int) -> Act:
    """Say that two clusters are different people."""
    told = f"clusters {one} and {other} are different people"
    with journal.entry(db, "cluster different", told) as journal_id:
        parting.different(db, journal_id, one, other)
    return _act(db, journal_id, told, f"clusters {one} and {other} are known to be different people already")


def split_cluster(db: sqlite3.Connection, cluster_id: int, face_ids: Sequence[int] | None, into: int = 0) -> Act:
    """Have these faces leave a cluster, or None: part it by likeness `into` so many."""
    with journal.entry(db, "cluster split", f"cluster {cluster_id} split") as journal_id:
        if face_ids is None:
            new = parting.split_into(db, journal_id, cluster_id, into)
        else:
            new = [parting.split_off(db, journal_id, cluster_id, face_ids)]
    told = "\n".join(_as_it_is(db, number) for number in (cluster_id, *new))
    return Act(journal_id, told, cluster_id=cluster_id, new=tuple(new))


def ignore_clusters(db: sqlite3.Connection, clusters: Sequence[int]) -> Act:
    """Put strangers out of the way."""
    told = in_words(clusters, "cluster")
    with journal.entry(db, "cluster ignore", f"{told} ignored") as journal_id:
        count = parting.ignore(db, clusters)
    so_already = f"{told}: ignored already" if clusters else "there is no such cluster without a name"
    return _act(db, journal_id, f"{counted(count, 'cluster')} ignored", so_already)


def unignore_clusters(db: sqlite3.Connection, clusters: Sequence[int]) -> Act:
    """Show ignored clusters again."""
    told = in_words(clusters, "cluster")
    with journal.entry(db, "cluster unignore", f"{told} no longer ignored") as journal_id:
        count = parting.unignore(db, clusters)
    so_already = f"{told}: not ignored" if clusters else "no cluster is ignored"
    return _act(db, journal_id, f"{counted(count, 'cluster')} no longer ignored", so_already)


# ------------------------------------------------------------------------------------------------ faces


def move_faces(db: sqlite3.Connection, face_ids: Sequence[int], cluster_id: int | None) -> Act:
    """Put faces into a cluster; None: into a new one."""
    told = in_words(face_ids, "face")
    with transaction(db):
        target = parting.next_cluster(db) if cluster_id is None else cluster_id
        where = f"the new cluster {target}" if cluster_id is None else f"cluster {target}"
        with journal.entry(db, "face move", f"{told} moved to {where}") as journal_id:
            faces.move(db, journal_id, face_ids, cluster_id)
    act = _act(db, journal_id, _as_it_is(db, target), f"{told}: in cluster {target} already")
    return Act(act.journal_id, act.told, act.changed, target)


def reject_faces(db: sqlite3.Connection, face_ids: Sequence[int]) -> Act:
    """Say that faces are not who they are taken for, or not of their cluster; remembered for ever."""
    told = in_words(face_ids, "face")
    with journal.entry(db, "face reject", f"{told} rejected") as journal_id:
        faces.reject(db, journal_id, face_ids)
    return Act(journal_id, f"{told}: rejected; the next scan places {'it' if len(face_ids) == 1 else 'them'} anew")


def ignore_faces(db: sqlite3.Connection, face_ids: Sequence[int]) -> Act:
    """Leave faces alone from now on."""
    told = in_words(face_ids, "face")
    with journal.entry(db, "face ignore", f"{told} ignored") as journal_id:
        count = faces.ignore(db, journal_id, face_ids)
    return _act(db, journal_id, f"{counted(count, 'face')} ignored", f"{told}: ignored already")


def unignore_faces(db: sqlite3.Connection, face_ids: Sequence[int]) -> Act:
    """Have ignored faces count again."""
    told = in_words(face_ids, "face")
    with journal.entry(db, "face unignore", f"{told} no longer ignored") as journal_id:
        count = faces.unignore(db, face_ids)
    return _act(db, journal_id, f"{counted(count, 'face')} no longer ignored", f"{told}: not ignored")


def label_faces(db: sqlite3.Connection, face_ids: Sequence[int], name: str) -> Act:
    """Say who single faces are, whatever their cluster."""
    name, told = people.clean_name(name), in_words(face_ids, "face")
    with journal.entry(db, "face label", f"{told} named {name}") as journal_id:
        faces.label(db, journal_id, face_ids, name)
    return _act(db, journal_id, f"{told}: {name}", f"{told}: named {name} already")


# ----------------------------------------------------------------------------------------------- people


def rename_person(db: sqlite3.Connection, old: str, new: str) -> Act:
    """Give a person another name."""
    new = people.clean_name(new)
    with journal.entry(db, "person rename", f"{old} renamed to {new}") as journal_id:
        people.rename(db, old, new)
    return _act(db, journal_id, f"{old} is now {new}", f"{old} is that name already")


def set_born(db: sqlite3.Connection, name: str, day: str) -> Act:
    """Say when somebody was born: a year, a month, a day, or "unknown"."""
    known = people.birthday(day)
    with journal.entry(db, "person born", f"{name} born {known or 'at an unknown time'}") as journal_id:
        people.set_born(db, name, known)
    done = f"{name} was born {known}" if known else f"it is not known when {name} was born"
    return _act(db, journal_id, done, f"{done}: that is known already" if known else done)


def merge_people(db: sqlite3.Connection, into: str, others: Sequence[str]) -> Act:
    """Make one person of several; their clusters keep an average each."""
    told = ", ".join(others)
    with journal.entry(db, "person merge", f"{told} merged into {into}") as journal_id:
        count = people.merge_people(db, into, others)
    return Act(journal_id, f"{told} and {into} are one person, {into}; {counted(count, 'cluster')} more")


# --------------------------------------------------------------------------------------------- problems


def retry_problems(db: sqlite3.Connection, problem_ids: Sequence[int]) -> Act:
    """Have the next scan try these again, or all for none given. Says nothing of anybody, so it is no entry."""
    with transaction(db):
        if len(nights.troubles_there(db, list(problem_ids))) < len(set(problem_ids)):
            raise UsageProblem("not all of these problems are there; 'faceindex problem list' shows those that are")
        count = problems.retry(db, list(problem_ids) or None)
    return Act(0, f"the next scan will try {count} again", changed=False)
