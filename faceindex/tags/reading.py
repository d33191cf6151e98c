"""Bytes out of a file that may be hostile: never too many, never from nowhere."""

from __future__ import annotations

from typing import BinaryIO

from faceindex.tags import NotTags, xmltree

MAX_BYTES = xmltree.MAX_BYTES
FARTHEST = 2**62  # no file is that long, and no system seeks there


def exactly(file: BinaryIO, length: int) -> bytes:
    """So many bytes; EOFError where the file ends before."""
    if length > MAX_BYTES:
        raise NotTags(f"holds XMP of more than {MAX_BYTES // 2**20} MB")
    read = file.read(max(length, 0))
    if len(read) != length:
        raise EOFError
    return read


def go(file: BinaryIO, place: int) -> None:
    """Stand at this place of the file; EOFError where no file has one."""
    if not 0 <= place < FARTHEST:
        raise EOFError
    file.seek(place)
