"""Clusters that a file says are different people, and faces that do not belong to one.

First everything is taken apart that the machine has together, then it is written down who is not whom: a
face that tells a cluster may itself have to go to another.
"""

from __future__ import annotations

from faceindex.labelfile import Spot, Work
from faceindex.store import averages
from faceindex.store.handwork.bench import Import
from faceindex.store.handwork.groups import cluster_of_face, new_cluster


def keep_apart(here: Import, work: Work, grouped: set[int]) -> None:
    """Bring back which clusters are different people, and which faces do not belong to which cluster.

    Faces in `grouped` are where the file wants them, and stay.
    """
    pairs = [pair for pair in work.different if pair[0] in here.faces and pair[1] in here.faces]
    strays = [(word.spot, other) for word in work.words for other in word.not_with
              if word.spot in here.faces and other in here.faces]  # fmt: skip
    pairs = [pair for pair in pairs if _part(here, work, *pair, grouped)]
    strays = [pair for pair in strays if _put_out(here, *pair, grouped)]
    for pair in pairs:
        _different(here, *pair)
    for pair in strays:
        _not_with(here, *pair)


def _part(here: Import, work: Work, one: Spot, other: Spot, grouped: set[int]) -> bool:
    """Have two faces be in two clusters; False where a human's word keeps them together."""
    if _home(here, one) != _home(here, other):
        return True
    for spot, stays in ((other, one), (one, other)):
        kin = _kin(here, work, spot)
        # A human took these faces out of those that the machine has together; they go as they came.
        if kin and here.faces[stays].face_id not in {*kin, *grouped}:
            cluster = new_cluster(here)
            averages.assign(here.db, dict.fromkeys(kin, cluster))
            here.out.change("move", f"{here.at(spot)}: goes to cluster {cluster}, with its group of {len(kin)}")
            return True
    leaving = next((spot for spot in (other, one) if _may_leave(here, spot, grouped)), None)
    if leaving is None:
        where = _home(here, one)
        here.out.contradictions.append(
            f"{here.at(one)} and {here.at(other)}: are both in cluster {where}, and the file says they are "
            "different people; the index's word stays"
        )
        return False
    _move_out(here, leaving)
    return True


def _kin(here: Import, work: Work, spot: Spot) -> list[int]:
    """The faces that the file has in one unnamed group with this one, itself among them, and that are in its cluster
    here; none where it is in no such group, or a human's word here holds one of them."""
    group = next((word.group for word in work.words if word.spot == spot and word.name is None), None)
    home = _home(here, spot)
    found = [
        here.faces[word.spot]
        for word in work.words
        if group and word.name is None and word.group == group and word.spot in here.faces
    ]
    kin = [face for face in found if cluster_of_face(here.db, face.face_id) == home]
    return [face.face_id for face in kin] if all(face.person_id is None or here.prefer_file for face in kin) else []


def _put_out(here: Import, spot: Spot, other: Spot, grouped: set[int]) -> bool:
    """Have a face be in another cluster than the one it does not belong to; False where a human's word keeps it."""
    cluster, face_id = _home(here, other), here.faces[spot].face_id
    if cluster is None or cluster_of_face(here.db, face_id) != cluster:
        return True
    if _may_leave(here, spot, grouped):
        averages.assign(here.db, {face_id: None})
    elif _may_leave(here, other, grouped):
        _move_out(here, other)
    else:
        here.out.contradictions.append(
            f"{here.at(spot)}: is in cluster {cluster}, and the file says that it does not belong there; "
            "the index's word stays"
        )
        return False
    return True


def _may_leave(here: Import, spot: Spot, grouped: set[int]) -> bool:
    """Whether no human's word that counts holds a face where it is."""
    face = here.faces[spot]
    return face.face_id not in grouped and (face.person_id is None or here.prefer_file)


def _home(here: Import, spot: Spot) -> int | None:
    """The cluster of a face, a new one if it is in none; None for a face that is left alone."""
    face_id = here.faces[spot].face_id
    if here.db.execute("SELECT 1 FROM ignored WHERE face_id = ?", (face_id,)).fetchone():
        return None
    cluster = cluster_of_face(here.db, face_id)
    return _move_out(here, spot) if cluster is None else cluster


def _move_out(here: Import, spot: Spot) -> int:
    """Give a face a cluster of its own."""
    cluster = new_cluster(here)
    averages.assign(here.db, {here.faces[spot].face_id: cluster})
    here.out.change("move", f"{here.at(spot)}: goes to cluster {cluster}")
    return cluster


def _different(here: Import, one: Spot, other: Spot) -> None:
    first, second = _home(here, one), _home(here, other)
    if first is None or second is None:
        here.out.no_face.append(f"{here.at(one if first is None else other)}: is left alone, so it tells no cluster")
        return
    pair = (min(first, second), max(first, second))
    if here.db.execute("SELECT 1 FROM different WHERE one_id = ? AND other_id = ?", pair).fetchone():
        here.out.already += 1
        return
    here.db.execute("INSERT INTO different VALUES (?, ?, ?)", (*pair, here.journal_id))
    here.out.change("different", f"clusters {pair[0]} and {pair[1]} are different people")


def _not_with(here: Import, spot: Spot, other: Spot) -> None:
    cluster, face_id = _home(here, other), here.faces[spot].face_id
    if cluster is None:
        here.out.no_face.append(f"{here.at(other)}: is left alone, so it tells no cluster")
        return
    row = here.db.execute("SELECT 1 FROM rejection WHERE face_id = ? AND cluster_id = ?", (face_id, cluster))
    if row.fetchone():
        here.out.already += 1
        return
    here.db.execute(
        "INSERT INTO rejection (face_id, cluster_id, journal_id) VALUES (?, ?, ?)", (face_id, cluster, here.journal_id)
    )
    here.out.change("rejection", f"{here.at(spot)}: does not belong to cluster {cluster}")
