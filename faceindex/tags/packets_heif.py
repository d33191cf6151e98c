"""The XMP packet of a HEIF or AVIF file: an item of type mime, found by the boxes `iinf` and `iloc`.

ISO/IEC 14496-12: a file is boxes in boxes, each with its length and a name of four letters; `meta` at the top
lists the items, `iinf` says what they are, `iloc` where their bytes lie.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from faceindex.tags.reading import MAX_BYTES, exactly, go

MIME = b"application/rdf+xml"
MAX_META = 4 * 2**20  # bytes of the box `meta`; a large tiled picture has some 100 kB
MAX_BOXES = 10_000


def find(file: BinaryIO) -> bytes | None:
    """The packet; EOFError where the file ends within it."""
    meta = _meta(file)
    boxes = dict(_boxes(meta[4:])) if meta else {}
    wanted = next((number for number, mime in _items(boxes.get(b"iinf", b"")) if mime == MIME), None)
    if wanted is None:
        return None
    idat = boxes.get(b"idat", b"")
    for number, method, extents in _places(boxes.get(b"iloc", b"")):
        if number == wanted and sum(length for _, length in extents) <= MAX_BYTES:
            return b"".join(_part(file, idat, method, offset, length) for offset, length in extents)
    return None


def _part(file: BinaryIO, idat: bytes, method: int, offset: int, length: int) -> bytes:
    """One extent of an item: from the file, or from the box `idat`."""
    if method == 1:
        return idat[offset : offset + length]
    go(file, offset)
    return exactly(file, length)


def _meta(file: BinaryIO) -> bytes | None:
    for _ in range(MAX_BOXES):
        start = file.tell()
        length, name = struct.unpack(">I4s", exactly(file, 8))
        if length == 1:
            (length,) = struct.unpack(">Q", exactly(file, 8))
        inside = start + length - file.tell()
        if name == b"meta":
            return exactly(file, inside) if 0 < inside <= MAX_META else None
        go(file, start + max(length, 8))
    return None


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(content):
        length, name = struct.unpack_from(">I4s", content, at)
        if length < 8:
            return
        yield name, content[at + 8 : at + length]
        at += length


def _items(iinf: bytes) -> Iterator[tuple[int, bytes]]:
    """(number, MIME type) of the items that have one."""
    for name, infe in _boxes(iinf[6 if iinf[:1] == b"\0" else 8 :]):
        if name != b"infe" or infe[:1] not in (b"\2", b"\3"):
            continue
        number = struct.unpack_from(">H" if infe[:1] == b"\2" else ">I", infe, 4)[0]
        kind = 8 if infe[:1] == b"\2" else 10
        if infe[kind : kind + 4] == b"mime":
            yield number, infe[kind + 4 :].split(b"\0")[1:2][0] if b"\0" in infe[kind + 4 :] else b""


def _places(iloc: bytes) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """(number, method, [(offset, length)]) of the items; method 0: in the file, 1: in `idat`."""
    version = iloc[0] if iloc else 0
    if len(iloc) < 8 or version > 2:
        return
    sizes = [iloc[4] >> 4, iloc[4] & 15, iloc[5] >> 4, iloc[5] & 15 if version else 0]
    number_size = 4 if version == 2 else 2
    at = 6 + number_size
    for _ in range(min(int.from_bytes(iloc[6:at], "big"), MAX_BOXES)):
        number, at = _number(iloc, at, number_size)
        method = 0
        if version:
            method, at = _number(iloc, at, 2)
        base, at = _number(iloc, at + 2, sizes[2])
        count, at = _number(iloc, at, 2)
        extents = []
        for _ in range(min(count, MAX_BOXES)):
            offset, at = _number(iloc, at + sizes[3], sizes[0])
            length, at = _number(iloc, at, sizes[1])
            extents.append((base + offset, length))
        yield number, method & 15, extents


def _number(content: bytes, at: int, size: int) -> tuple[int, int]:
    """A number of `size` bytes, and where the next one starts."""
    if at + size > len(content):
        raise EOFError
    return int.from_bytes(content[at : at + size], "big"), at + size
