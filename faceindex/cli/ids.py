"""Numbers of faces or clusters as arguments, or from another program on stdin."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from faceindex.errors import UsageProblem

KEYS = {"face": ("face", "face_id"), "cluster": ("cluster", "cluster_id")}
TELL = {"face": "'faceindex photo show' tells them", "cluster": "'faceindex cluster list' tells them"}
BETWEEN = re.compile(r"[\s,]+")


def faces(given: Sequence[str]) -> list[int]:
    """The numbers of faces that were given, each once; for "-" those on stdin.

    There they stand on one line or many, or JSON does: numbers, objects with a key "face", or lists of either.
    Raises UsageProblem where something is no number of a face, or there is none.
    """
    return _numbers(given, "face")


def clusters(given: Sequence[str]) -> list[int]:
    """The same of clusters; objects have a key "cluster"."""
    return _numbers(given, "cluster")


def _numbers(given: Sequence[str], what: str) -> list[int]:
    found = [number for word in given for number in (_from_stdin(what) if word == "-" else _typed(word, what))]
    if not found:
        raise UsageProblem(f"no {what} was named; give numbers of {what}s: {TELL[what]}")
    return list(dict.fromkeys(found))


def _typed(word: str, what: str) -> Iterator[int]:
    for part in filter(None, BETWEEN.split(word)):
        if not re.fullmatch(r"[+-]?\d{1,30}", part):
            raise UsageProblem(f"{part[:40]!r} is no number of a {what}; {TELL[what]}")
        yield int(part)


def _from_stdin(what: str) -> Iterator[int]:
    for value in _values(sys.stdin.read()):
        for each in value if isinstance(value, list) else [value]:
            yield _number(each, what)


def _values(text: str) -> Iterator[Any]:
    """JSON values, whatever blanks, ends of lines and commas are between them."""
    decoder = json.JSONDecoder()
    at = _gap(text, 0)
    while at < len(text):
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            value, end = None, at
        begins, at = at, _gap(text, end)
        if at == end < len(text):  # also where nothing could be read
            word = BETWEEN.split(text[begins : begins + 80])[0]
            raise UsageProblem(f"stdin holds {word[:40]!r}, which is neither a number nor JSON")
        yield value


def _gap(text: str, at: int) -> int:
    between = BETWEEN.match(text, at)
    return between.end() if between else at


def _number(value: Any, what: str) -> int:
    if isinstance(value, dict):
        value = next((value[key] for key in KEYS[what] if key in value), None)
    if isinstance(value, bool) or not isinstance(value, int):
        raise UsageProblem(f'stdin must hold numbers of {what}s, or objects with a key "{what}"')
    return value
