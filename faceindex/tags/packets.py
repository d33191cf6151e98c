"""Where a picture's file holds its XMP packet: found by structure, and nothing else of the file is read.

embedded        the packet of a file
READERS         a format's first bytes, and how it is read
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from faceindex.tags import NotTags, packets_heif, xmltree
from faceindex.tags.reading import MAX_BYTES, exactly, go

MAX_PARTS = 10_000  # segments, chunks or entries looked at; no picture has so many before its pixels
JPEG_MAIN = b"http://ns.adobe.com/xap/1.0/\0"
JPEG_MORE = b"http://ns.adobe.com/xmp/extension/\0"
PNG_KEYWORD = b"XML:com.adobe.xmp\0"
TIFF_XMP = 700


def embedded(path: str) -> bytes | None:
    """The XMP packet in a picture's file; None where it has none, or is too broken to have one.

    Raises NotTags for a packet that is absurdly large, and OSError as it comes.
    """
    with open(path, "rb") as file:
        start = file.read(16)
        read = next((reader for mark, at, reader in READERS if start[at : at + len(mark)] == mark), None)
        if read is None:
            return None
        file.seek(0)
        try:
            packet = read(file)
        except (EOFError, struct.error, zlib.error):
            return None
    return packet or None


def _jpeg(file: BinaryIO) -> bytes | None:
    """Adobe's APP1, and the rest of it where one segment was too short."""
    main: bytes | None = None
    more: dict[bytes, list[tuple[int, int, bytes]]] = {}
    held = 0
    for length in _jpeg_segments(file):
        body = exactly(file, length)
        if body.startswith(JPEG_MAIN):
            main = main or body[len(JPEG_MAIN) :]
        elif body.startswith(JPEG_MORE) and (held := held + length) <= 2 * MAX_BYTES:
            rest = body[len(JPEG_MORE) :]
            total, offset = struct.unpack_from(">II", rest, 32)
            more.setdefault(rest[:32], []).append((offset, total, rest[40:]))
    return _extended(main, more) if main and more else main


def _jpeg_segments(file: BinaryIO) -> Iterator[int]:
    """Lengths of the APP1 segments before the pixels, the file standing at each one's start."""
    file.seek(2)
    for _ in range(MAX_PARTS):
        mark = exactly(file, 2)
        while mark == b"\xff\xff":  # any number of these may lead to a marker
            mark = b"\xff" + exactly(file, 1)
        if mark[0] != 0xFF or mark[1] in (0xD9, 0xDA):
            return
        if mark[1] == 0x01 or 0xD0 <= mark[1] <= 0xD8:  # markers that stand alone
            continue
        (length,) = struct.unpack(">H", exactly(file, 2))
        after = file.tell() + length - 2
        if mark[1] == 0xE1 and length > 2:
            yield length - 2
        file.seek(after)


def _extended(main: bytes, more: dict[bytes, list[tuple[int, int, bytes]]]) -> bytes:
    """A packet joined with its extension; alone where that is incomplete, or not the one it asks for."""
    try:
        root = xmltree.parse(main)
        rdf = xmltree.rdf_of(root)
        wanted = next((xmltree.text(value) for value in xmltree.every(rdf, "xmpNote:HasExtendedXMP")), "")
        parts = sorted(more.get(wanted.encode("ascii", "replace"), []))
        rest = b"".join(part for _, _, part in parts)
        whole = all(total == len(rest) for _, total, _ in parts) and parts == _in_place(parts)
        if not rest or not whole or hashlib.md5(rest, usedforsecurity=False).hexdigest().upper() != wanted.upper():
            return main
        for description in xmltree.elements(xmltree.rdf_of(xmltree.parse(rest))):
            rdf.append(description)
    except NotTags:
        return main
    return xmltree.serialised(root)


def _in_place(parts: list[tuple[int, int, bytes]]) -> list[tuple[int, int, bytes]]:
    """The parts as they would be without gaps and overlaps."""
    placed, at = [], 0
    for _, total, part in parts:
        placed.append((at, total, part))
        at += len(part)
    return placed


def _png(file: BinaryIO) -> bytes | None:
    """The iTXt chunk of Adobe's keyword, before or after the pixels, packed or not."""
    file.seek(8)
    for _ in range(MAX_PARTS):
        length, kind = struct.unpack(">I4s", exactly(file, 8))
        after = file.tell() + length + 4
        if kind == b"IEND":
            return None
        if kind == b"iTXt" and file.read(len(PNG_KEYWORD)) == PNG_KEYWORD:
            return _itxt(exactly(file, length - len(PNG_KEYWORD)))
        file.seek(after)
    return None


def _itxt(body: bytes) -> bytes | None:
    packed, rest = body[:1] == b"\1", body[2:]
    written = rest.split(b"\0", 2)[-1]  # after a language and a translated keyword
    if not packed:
        return written
    unpacking = zlib.decompressobj()
    packet = unpacking.decompress(written, MAX_BYTES + 1)
    if len(packet) > MAX_BYTES:
        raise NotTags(f"holds XMP of more than {MAX_BYTES // 2**20} MB")
    return packet


def _webp(file: BinaryIO) -> bytes | None:
    file.seek(12)
    for _ in range(MAX_PARTS):
        kind, length = struct.unpack("<4sI", exactly(file, 8))
        if kind == b"XMP ":
            return exactly(file, length)
        file.seek(length + length % 2, 1)
    return None


def _tiff(file: BinaryIO) -> bytes | None:
    """Tag 700 of the first page, in either byte order, plain TIFF or BigTIFF."""
    start = exactly(file, 16)
    order = "<" if start[:1] == b"I" else ">"
    big = struct.unpack_from(f"{order}H", start, 2)[0] == 43
    entry = struct.Struct(f"{order}HHQ8s" if big else f"{order}HHI4s")
    offset, count, place = (f"{order}Q", f"{order}Q", 8) if big else (f"{order}I", f"{order}H", 4)
    go(file, struct.unpack_from(offset, start, place)[0])
    (entries,) = struct.unpack(count, exactly(file, struct.calcsize(count)))
    for _ in range(min(entries, MAX_PARTS)):
        tag, kind, length, value = entry.unpack(exactly(file, entry.size))
        if tag == TIFF_XMP and kind in (1, 2, 7):
            if length <= len(value):
                return bytes(value[:length])
            go(file, struct.unpack(offset, value)[0])
            return exactly(file, length)
    return None


READERS: tuple[tuple[bytes, int, Callable[[BinaryIO], bytes | None]], ...] = (
    (b"\xff\xd8\xff", 0, _jpeg),
    (b"\x89PNG\r\n\x1a\n", 0, _png),
    (b"WEBP", 8, _webp),
    (b"II*\0", 0, _tiff),
    (b"MM\0*", 0, _tiff),
    (b"II+\0", 0, _tiff),
    (b"MM\0+", 0, _tiff),
    (b"ftyp", 4, packets_heif.find),
)
