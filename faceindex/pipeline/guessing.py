"""Questions about what other programs guessed: one for a cluster where all say one name, else one for each face."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray

from faceindex.pipeline.answering import Question
from faceindex.store import guesses, questions
from faceindex.store.guesses import Guess

EVEN = 0.5  # how likely the other program is right: how it came by its guess is not known


def about_guesses(db: sqlite3.Connection, backend: str, asked: Collection[Question]) -> Iterator[Question]:
    """What nothing that is asked already is about: the same cluster or face, and the same person."""
    found = guesses.of_all(db, backend)
    if not found:
        return
    largest, never = guesses.largest(db, backend), questions.never(db, backend)
    clusters = _agreed(found, never)
    photos = questions.photos_of(db, list(clusters))
    sizes = questions.sizes_of(db, list(clusters))
    known = {(each.cluster, each.person) for each in asked if each.kind == "who"}
    for cluster, guess in clusters.items():
        if (cluster, guess.name) not in known:
            other = largest.get(guess.person_id or 0)
            yield _question(guess, None, other, sizes.get(cluster, 1), photos.get(cluster, 1))
    doubted = {each.face for each in asked}
    for guess in found:
        if guess.cluster_id not in clusters and guess.face_id not in doubted:
            yield _question(guess, guess.face_id, largest.get(guess.person_id or 0), 1, 1)


def _question(guess: Guess, face: int | None, other: int | None, gain: int, photos: int) -> Question:
    return Question(
        "tagged", guess.cluster_id, face, other, guess.name, None, None, None, EVEN, gain, photos, guess.source
    )


def _agreed(found: Collection[Guess], never: NDArray[np.int64]) -> dict[int, Guess]:
    """Unnamed clusters of whose faces one name alone is guessed, and that may be that person; with one such guess."""
    said: defaultdict[int, list[Guess]] = defaultdict(list)
    for guess in found:
        if guess.cluster_id is not None and not guess.owned:
            said[guess.cluster_id].append(guess)
    ruled_out = set(map(tuple, never.tolist()))
    return {
        cluster: some[0]
        for cluster, some in said.items()
        if len({guess.name for guess in some}) == 1 and (cluster, some[0].person_id) not in ruled_out
    }


def stands(db: sqlite3.Connection, backend: str, question: Question) -> bool:
    """Whether such a question is still one."""
    cluster, face = question.cluster, question.face
    if face is not None:
        found = guesses.of_face(db, backend, face)
        return any((guess.name, guess.cluster_id) == (question.person, cluster) for guess in found)
    if cluster is None:
        return False
    agreed = _agreed(guesses.of_cluster(db, backend, cluster), questions.never(db, backend, cluster))
    return cluster in agreed and agreed[cluster].name == question.person
