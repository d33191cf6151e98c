"""The human work of a labels file, brought into the index. Call bring_in() within journal.entry().

places     each place that the file names: which face of this index is it? Boxes of humans are drawn
words      what it says of people and single faces: births, names, rejections, ignored faces
groups     faces that were one cluster are one cluster again, and it bears their name
apart      clusters that are different people, faces that do not belong to one

Where a human has said otherwise in this index, that word stays and is told, or gives way where the file
is preferred. The machine's clusters are taken apart and put together as need be; a face that so has no
place any more is in no cluster, and the next scan finds it one.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict

from faceindex.labelfile import Word, Work
from faceindex.store.handwork.apart import keep_apart
from faceindex.store.handwork.bench import Import, Outcome
from faceindex.store.handwork.gathering import together
from faceindex.store.handwork.groups import Group, Groups
from faceindex.store.handwork.places import Drawings, locate
from faceindex.store.handwork.words import drop_unsaid, say, say_people, unsaid

NOTHING_DRAWN: Drawings = {}


def bring_in(
    db: sqlite3.Connection,
    journal_id: int,
    backend: str,
    work: Work,
    *,
    prefer_file: bool,
    drawings: Drawings = NOTHING_DRAWN,
) -> Outcome:
    """Have the index say what the file says. `drawings` are what boxes show that are to be drawn (places.blanks)."""
    out = Outcome()
    hints = {word.spot.photo: word.hint for word in work.words if word.hint}
    faces = locate(db, backend, work, hints, out, drawings)
    out.faces = {spot: face.face_id for spot, face in faces.items()}
    here = Import(db, journal_id, backend, prefer_file, out, faces, {}, {}, hints)
    before, nobody = together(db, backend), unsaid(here)
    say_people(here, work)
    members: defaultdict[Group, list[Word]] = defaultdict(list)
    for word in work.words:
        if word.spot in faces and say(here, word) and word.group is not None:
            members[word.name, word.group].append(word)
    Groups(here, members, before).place()
    grouped = {faces[word.spot].face_id for words in members.values() for word in words}
    keep_apart(here, work, grouped)
    drop_unsaid(here, nobody)
    return out
