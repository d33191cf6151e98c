"""A labels file, brought into the index: boxes that a human drew are drawn again where no face is.

What they show is encoded first, while nobody waits; then all is said in one entry (store.handwork).
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from faceindex import backends
from faceindex.errors import FaceindexError
from faceindex.labelfile import Spot, Work
from faceindex.pipeline.adding import NO_FACE, SMALLEST, encoded, held
from faceindex.store import files, journal
from faceindex.store.handwork import bringing
from faceindex.store.handwork.bench import Outcome
from faceindex.store.handwork.gathering import IMPORT
from faceindex.store.handwork.places import Blank, blanks, length

ROUNDED = 1e-4  # of the picture: so much narrower may a box be in a file than it was drawn


def bring_in(
    db: sqlite3.Connection, backend: str, work: Work, called: str, *, prefer_file: bool = False, dry_run: bool = False
) -> Outcome:
    """Have the index say what the file says, in one entry; a dry run encodes nothing and takes all back.

    Raises ModelsMissing or UnknownBackend where a box is to be drawn and nothing here can encode it.
    """
    out = None
    drawn = dict(_blind(db, backend, work) if dry_run else drawings(db, backend, work))
    with contextlib.suppress(_Rehearsed), journal.entry(db, IMPORT, f"labels imported from {called}") as journal_id:
        out = bringing.bring_in(db, journal_id, backend, work, prefer_file=prefer_file, drawings=drawn)
        if dry_run:
            raise _Rehearsed
    assert out is not None
    return out


class _Rehearsed(Exception):
    """Everything was done that would be done; now it is rolled back."""


Drawn = Iterator[tuple[Spot, NDArray[np.float32] | str]]


def drawings(db: sqlite3.Connection, backend: str, work: Work) -> Drawn:
    """What each box shows that is to be drawn, or why that is not known."""
    for path, data, boxes in _photos(db, backend, work):
        if isinstance(data, str):
            yield from ((blank.spot, data) for blank in boxes)
            continue
        backends.load(backend)  # here: that it is missing is no fault of the photo
        try:
            found = encoded(path, data, backend, [blank.spot.box for blank in boxes])
        except FaceindexError as error:
            yield from ((blank.spot, str(error)) for blank in boxes)
            continue
        for blank, encoding in zip(boxes, found, strict=True):
            yield blank.spot, NO_FACE if encoding is None else encoding


def _blind(db: sqlite3.Connection, backend: str, work: Work) -> Drawn:
    """The same for a rehearsal, with nothing in place of what they show."""
    nothing = np.zeros(length(db, backend), np.float32)
    for _, data, boxes in _photos(db, backend, work):
        yield from ((blank.spot, data if isinstance(data, str) else nothing) for blank in boxes)


def _photos(db: sqlite3.Connection, backend: str, work: Work) -> Iterator[tuple[str, bytes | str, list[Blank]]]:
    """Each photo to draw on: its path, its bytes, the boxes; or instead of the bytes why it cannot be."""
    on_photo: defaultdict[int, list[Blank]] = defaultdict(list)
    for blank in blanks(db, backend, work):
        on_photo[blank.place.photo_id].append(blank)
    for photo_id, boxes in on_photo.items():
        small = [blank for blank in boxes if _is_small(blank)]
        if small:
            yield "", f"that box is smaller than {SMALLEST} pixels; no face can be told in it", small
        rest = [blank for blank in boxes if blank not in small]
        if rest:
            yield *held(files.copies(db, photo_id), rest[0].spot.photo), rest


def _is_small(blank: Blank) -> bool:
    """As in adding.boxed(), but for what the file's rounding takes."""
    box, place = blank.spot.box, blank.place
    return min((box.width + ROUNDED) * place.width, (box.height + ROUNDED) * place.height) < SMALLEST
