"""One contract for every format of tags that reads and writes: what is written is read, and nothing makes it fall over.

A format is a row of FORMATS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tagged import ORIENTATIONS, canvases, rounded, tags

from faceindex.models import Box, Canvas, Reading, Tag
from faceindex.tags import NotTags, picasa, sidecar, xmp
from faceindex.tags.xmlentries import writable


@dataclass(frozen=True)
class Format:
    """A format of tags: of one picture, as bytes."""

    write: Callable[[Sequence[Tag], Canvas], bytes | None]  # None: nothing to say
    read: Callable[[bytes, Canvas], Reading]
    keeps: Callable[[Tag], Tag | None]  # what of a tag the format can hold; None: nothing


def _xmp_keeps(tag: Tag) -> Tag | None:
    name = writable(tag.name) or None
    nothing = name is None and tag.box in (None, Box(0, 0, 1, 1))
    return None if nothing else Tag(name, tag.box)


def _picasa_writes(some: Sequence[Tag], canvas: Canvas) -> bytes | None:
    return picasa.merge(None, {"a.jpg": some}, {"a.jpg": canvas})


def _picasa_reads(ini: bytes, canvas: Canvas) -> Reading:
    return picasa.read(ini, {"a.jpg": canvas}, {}).get("a.jpg", Reading())


def _picasa_keeps(tag: Tag) -> Tag | None:
    name = picasa.kept(tag.name or "")
    return Tag(name, tag.box) if name and tag.box else None


FORMATS = {
    "xmp": Format(sidecar.write, xmp.read, _xmp_keeps),
    "picasa": Format(_picasa_writes, _picasa_reads, _picasa_keeps),
}
each_format = pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)


def kept(form: Format, some: Sequence[Tag]) -> tuple[Tag, ...]:
    """What is to be read of these: each once, and a name alone only where it has no face."""
    whole = [tag for tag in map(form.keeps, some) if tag]
    placed = {tag.name for tag in whole if tag.box}
    return tuple(dict.fromkeys(tag for tag in whole if tag.box or tag.name not in placed))


@each_format
@given(some=tags(), canvas=canvases())
def test_what_is_written_is_read(form: Format, some: tuple[Tag, ...], canvas: Canvas) -> None:
    written = form.write(some, canvas)
    reading = form.read(written, canvas) if written is not None else Reading()
    assert rounded(reading.tags) == rounded(kept(form, some))
    assert reading.notes == ()


@each_format
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_face_is_where_it_was_however_the_picture_lies(form: Format, orientation: int) -> None:
    face, canvas = Tag("Anna", Box(0.1, 0.2, 0.3, 0.6)), Canvas(4000, 3000, orientation)
    written = form.write([face], canvas)
    assert written is not None
    assert rounded(form.read(written, canvas).tags) == rounded((face,))


@each_format
@given(some=tags(), canvas=canvases())
def test_the_same_tags_are_written_as_the_same_bytes(form: Format, some: tuple[Tag, ...], canvas: Canvas) -> None:
    assert form.write(some, canvas) == form.write(some, canvas)


@each_format
@given(content=st.binary(max_size=300), canvas=canvases())
def test_any_bytes_are_read_or_refused(form: Format, content: bytes, canvas: Canvas) -> None:
    try:
        reading = form.read(content, canvas)
    except NotTags:
        return
    assert all(tag.name != "" for tag in reading.tags)


@each_format
@given(some=tags(5), canvas=canvases(), cut=st.integers(0, 10_000), flips=st.lists(st.integers(0, 10_000), max_size=5))
def test_a_truncated_or_damaged_file_is_read_or_refused(
    form: Format, some: tuple[Tag, ...], canvas: Canvas, cut: int, flips: list[int]
) -> None:
    written = bytearray(form.write((*some, Tag("Anna", Box(0.1, 0.1, 0.5, 0.5))), canvas) or b"")
    for place in flips:
        written[place % len(written)] ^= 1 + place % 255
    try:
        reading = form.read(bytes(written[: max(1, cut % len(written))]), canvas)
    except NotTags:
        return
    for tag in reading.tags:
        assert tag.box is None or (0 <= tag.box.left < tag.box.right <= 1 and 0 <= tag.box.top < tag.box.bottom <= 1)
