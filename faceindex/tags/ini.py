"""Lines of an ini file as they stand there, byte by byte, so that all but a few can stay as they are.

rows        every line, with the section it stands in
Names       whom of a folder's files a section means
rewritten   the file with a few lines changed

configparser cannot: it knows no section twice, no file that is broken off, and writes everything anew.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the file."""

    raw: bytes  # with its line end
    section: bytes  # the name in brackets above it; empty: none, or a broken one
    key: bytes  # small letters; empty: a heading, or no setting at all
    value: bytes

    @property
    def heads(self) -> bool:
        return self.raw.removeprefix(BOM).lstrip().startswith(b"[")


def rows(ini: bytes) -> Iterator[Row]:
    """Every line, with the section it stands in."""
    section = b""
    for match in LINE.finditer(ini):
        raw = match[0]
        text = raw.removeprefix(BOM).strip()
        if text.startswith(b"["):
            section = text[1 : max(1, text.rfind(b"]"))]  # a name may hold brackets itself
            yield Row(raw, section, b"", b"")
        else:
            key, equals, value = text.partition(b"=")
            yield Row(raw, section, key.strip().lower() if equals else b"", value.strip())


def decoded(line: bytes) -> str:
    """Text of a line: UTF-8 where it is, else of the code page of western Europe."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode("latin-1")


class Names:
    """The files of a folder, as a section may name them: exactly, or but for case and the form of accents."""

    def __init__(self, names: Iterable[str]) -> None:
        self._exact = set(names)
        self._folded = {_folded(name): name for name in sorted(self._exact, reverse=True)}

    def of(self, section: bytes) -> str | None:
        """Whom of them a section means."""
        for name in (section.decode("utf-8", "surrogateescape"), decoded(section)):
            if name in self._exact:
                return name
        return self._folded.get(_folded(decoded(section)))


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def is_name(name: str) -> bool:
    """Whether this can be the name of a file in its folder, and of a section."""
    return name not in ("", ".", "..") and not set(name) & set("/\0\r\n")


def rewritten(old: Sequence[Row], instead: Mapping[int, bytes], after: Mapping[int, bytes], tail: bytes = b"") -> bytes:
    """The file with some lines replaced, others put in after a line or at the end; no section is left empty by it.

    What is new comes with plain line ends and gets those of the line it replaces, or of the file.
    """
    end = next((_end(row) for row in old), b"") or b"\r\n"
    emptied = _emptied(old, instead, after)
    parts: list[bytes] = []
    for number, row in enumerate(old):
        if number not in emptied:
            new = instead.get(number)
            parts.append(row.raw if new is None else new.replace(b"\n", _end(row) or end))
            parts.append(after.get(number, b"").replace(b"\n", end))
    parts = [part for part in [*parts, tail.replace(b"\n", end)] if part]
    whole = [part if part.endswith((b"\n", b"\r")) else part + end for part in parts[:-1]]
    return b"".join([*whole, *parts[-1:]])


def _end(row: Row) -> bytes:
    return row.raw[len(row.raw.rstrip(b"\r\n")) :]


def _emptied(old: Sequence[Row], instead: Mapping[int, bytes], after: Mapping[int, bytes]) -> set[int]:
    """Lines of sections that held nothing but what is taken out now."""
    found: set[int] = set()
    part: list[int] = []
    for number in range(len(old) + 1):
        if number == len(old) or old[number].heads:
            left = any(instead.get(n, old[n].raw).strip() for n in part[1:]) or any(n in after for n in part)
            if not left and any(instead.get(n) == b"" for n in part):
                found |= set(part)
            part = []
        part.append(number)
    return found
