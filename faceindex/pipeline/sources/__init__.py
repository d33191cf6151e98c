"""Where tags come from: each source reads what one program left, and says of which photos of the index it speaks.

A source is a function that yields Tagged and Missed, in any order, and writes nothing. pipeline.importing
makes faces and labels of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from faceindex.models import Tag

Heading = Literal["unindexed", "absent", "unreadable", "refused", "foreign"]


@dataclass(frozen=True, slots=True)
class Tagged:
    """What a source says of one photo."""

    photo_id: int
    path: str  # for people
    tags: tuple[Tag, ...]
    modified: float = 0.0  # seconds since 1970: when that was last written; the later word wins


@dataclass(frozen=True, slots=True)
class Missed:
    """What could not be taken, for the report."""

    # unindexed: there, but no photo of the index; absent: not there; refused: a tag or its box; foreign: of no photo
    heading: Heading
    path: str
    why: str = ""
