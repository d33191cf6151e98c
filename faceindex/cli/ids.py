"""Numbers of faces or clusters as arguments, or from another program on stdin."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from faceindex.errors import UsageProblem

KEYS = ("face", "face_id")


def faces(given: Sequence[str]) -> list[int]:
    """The numbers that were given, each once; for "-" those on stdin.

    There one stands on each line, or JSON: numbers or objects with a key "face", one a line or all in one list.
    Raises UsageProblem where something is no number of a face, or there is none.
    """
    found = [number for word in given for number in (_from_stdin() if word == "-" else [_number(word)])]
    if not found:
        raise UsageProblem("no face was named; give numbers of faces, as 'faceindex photo show' tells them")
    return list(dict.fromkeys(found))


def _from_stdin() -> Iterator[int]:
    text = sys.stdin.read().strip()
    if text.startswith("["):
        yield from map(_of, _parsed(text))
        return
    for line in filter(None, map(str.strip, text.splitlines())):
        yield _of(_parsed(line))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageProblem(f"stdin holds {text[:40]!r}, which is neither a number nor JSON") from error


def _of(value: Any) -> int:
    if isinstance(value, dict):
        value = next((value[key] for key in KEYS if key in value), None)
    if isinstance(value, bool) or not isinstance(value, int):
        raise UsageProblem('stdin must hold numbers of faces, or objects with a key "face"')
    return value


def _number(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise UsageProblem(f"{word[:40]!r} is no number of a face; 'faceindex photo show' tells them") from None
