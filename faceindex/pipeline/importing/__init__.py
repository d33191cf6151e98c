"""Tags of another program become Labels: one entry of the journal, which can be run again and taken back.

                 to do                              work                              save
plan         what a source tells (sources/)     which face each tag means         –
missing      tags where no face was found       draw the box, encode it           –
homes        tagged faces                       which are one cluster             –
say          all of it                          as a labels file (handwork/)      faces, labels, clusters, tags

What a human said in this index stays where it is the later word: a tag that an earlier import brought is older than
whatever was said since, and one that was changed in the other program since then is newer.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from faceindex.labelfile import Word, Work
from faceindex.pipeline.importing import homes, missing
from faceindex.pipeline.importing.plan import Plan, Said, plan
from faceindex.pipeline.sources import Heading, Missed, Tagged
from faceindex.store import journal, people, tagging
from faceindex.store.handwork import bringing
from faceindex.store.handwork.bench import Outcome
from faceindex.store.paths import shown

Prefer = Literal["index", "import"]
Step = Callable[[int, int], None]  # told how many are done, of how many


@dataclass(slots=True)
class Report:
    """What an import found, did, and could not do."""

    photos: int = 0  # that have tags
    tags: int = 0
    unnamed: int = 0  # boxes nobody named
    guessed: int = 0  # names that the other program gave by itself, or that are on a photo without a box
    already: int = 0  # names that their faces have
    older: int = 0  # tags of an earlier import, and the index has been told otherwise since
    gone: int = 0  # tags of an earlier import that the other program no longer has
    renamed: list[str] = field(default_factory=list)  # given another name there since the last import
    turned: list[str] = field(default_factory=list)  # photos whose boxes fit only once turned
    doubled: list[str] = field(default_factory=list)  # two names for one face in the same source
    refused: list[str] = field(default_factory=list)  # no name, no place
    alike: list[str] = field(default_factory=list)  # names that differ in capitals only: mostly one person
    missed: dict[Heading, list[str]] = field(default_factory=dict)
    said: Outcome = field(default_factory=Outcome)


class _Rehearsed(Exception):
    """Everything was done that would be done; now it is rolled back."""


def run(
    db: sqlite3.Connection,
    backend: str,
    source: str,
    told: str,
    found: Iterable[Tagged | Missed],
    *,
    prefer: Prefer = "index",
    dry_run: bool = False,
    complete: bool = True,
    step: Step = lambda done, whole: None,
) -> Report:
    """Have the index say what a source tells. `complete`: what it does not tell of a photo is not there any more.

    Raises ModelsMissing or UnknownBackend where a box is to be drawn and nothing here can encode it.
    """
    report = Report()
    plans = _plans(db, backend, source, _by_photo(found, report), prefer, report)
    drawings = missing.drawn(db, backend, plans, step)
    work = _work(db, plans, drawings)
    with contextlib.suppress(_Rehearsed), journal.entry(db, f"import {source}", f"names from {told}") as journal_id:
        for face in (said.face for each in plans for said in each.said if said.newer):
            if face is not None:
                tagging.unname(db, face.face_id)
        report.said = bringing.bring_in(
            db, journal_id, backend, work, prefer_file=prefer == "import", drawings=drawings
        )
        _remember(db, journal_id, source, plans, report, complete)
        report.alike = [", ".join(map(shown, names)) for names in people.alike(db, {word.name for word in work.words})]
        if dry_run:
            raise _Rehearsed
    return report


def _by_photo(found: Iterable[Tagged | Missed], report: Report) -> dict[int, list[Tagged]]:
    """What is told of each photo, the latest word first."""
    photos: defaultdict[int, list[Tagged]] = defaultdict(list)
    for each in found:
        if isinstance(each, Tagged):
            photos[each.photo_id].append(each)
        else:
            line = shown(each.path) + (f": {each.why}" if each.why else "")
            report.missed.setdefault(each.heading, []).append(line)
    for tagged in photos.values():
        tagged.sort(key=lambda each: -each.modified)
    return photos


def _plans(
    db: sqlite3.Connection,
    backend: str,
    source: str,
    photos: dict[int, list[Tagged]],
    prefer: Prefer,
    report: Report,
) -> list[Plan]:
    plans = []
    for photo_id, tagged in photos.items():
        photo = tagging.photo(db, photo_id, backend)
        if photo is None:
            why = f"{backend} has not looked at it yet; scan, and import again"
            report.missed.setdefault("unindexed", []).append(f"{shown(tagged[0].path)}: {why}")
            continue
        known = {} if prefer == "import" else tagging.known(db, photo_id, source)
        plans.append(plan(photo, tagged, known))
        _count(report, plans[-1])
    return plans


def _count(report: Report, made: Plan) -> None:
    report.photos += bool(made.said)
    report.tags += len(made.said)
    report.unnamed += sum(said.tag.name is None for said in made.said)
    report.already += sum(said.known for said in made.said)
    report.older += sum(said.older for said in made.said)
    for lines, more in ((report.renamed, made.renamed), (report.turned, made.turned), (report.doubled, made.doubled),
                        (report.refused, made.refused)):  # fmt: skip
        lines += [f"{shown(made.path)}: {line}" for line in more]


def _work(db: sqlite3.Connection, plans: list[Plan], drawings: missing.Drawings) -> Work:
    """All of it as a labels file would say it."""
    words = []
    for name, said in _named(plans).items():
        group_of = homes.groups(db, name, said, drawings)
        words += [_word(each, group_of[each.spot]) for each in said if each.spot is not None]
    words += [
        _word(said, None)
        for made in plans
        for said in made.said
        if said.tag.word == "ignored" and said.spot is not None
    ]
    return Work({}, words, [])


def _named(plans: list[Plan]) -> dict[str, list[Said]]:
    """What is said of each person."""
    found: defaultdict[str, list[Said]] = defaultdict(list)
    for made in plans:
        for said in made.said:
            if said.speaks and said.spot is not None and said.tag.name is not None:
                found[said.tag.name].append(said)
    return dict(sorted(found.items()))


def _word(said: Said, group: str | None) -> Word:
    assert said.spot is not None
    if said.tag.word == "ignored":
        return Word(said.spot, group=None, ignored="face", hint=said.path)
    return Word(said.spot, said.tag.name, "tag", group, drawn=said.face is None, hint=said.path)


def _remember(
    db: sqlite3.Connection, journal_id: int, source: str, plans: list[Plan], report: Report, complete: bool
) -> None:
    for made in plans:
        for said in (said for said in made.said if not said.forgotten):
            face = report.said.faces.get(said.spot) if said.spot is not None else None
            face = said.face.face_id if face is None and said.face is not None else face
            report.guessed += said.asks
            tagging.remember(db, journal_id, made.photo_id, source, said.tag, face)
        if complete and made.gone:
            report.gone += len(made.gone)
            tagging.drop(db, made.gone)
    if not report.said.changes and not any(made.news for made in plans):
        tagging.detach(db, journal_id)
