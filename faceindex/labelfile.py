"""The file that holds all human work: a header, then a line for each person, face and pair of different people.

    {"faceindex_labels": 1}
    {"person": "Anna", "born": "1990"}
    {"photo": "9f2c…", "box": [0.31, 0.2045, 0.42, 0.35], "name": "Anna", "hint": "2019/beach.jpg"}
    {"different": [{"photo": …, "box": …}, {"photo": …, "box": …}]}

Each line is JSON (JSON Lines; docs/labels.md says what every key means). Lines are sorted by what they
speak of, so the same work gives the same bytes, and one more word is one more line in a diff. Nothing
here knows of the index: read() takes a stream of bytes apart, write() puts lines together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal, cast

from faceindex.errors import UsageProblem
from faceindex.models import Box

VERSION = 1
HEADER = "faceindex_labels"
LONGEST_LINE = 4 * 2**20  # bytes; a line of ours has some hundred
MOST_LINES = 10_000_000
LONGEST_TEXT = 1_000  # characters of a group or a hint
BORN = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
BOM = b"\xef\xbb\xbf"  # as some editors begin a file
DIGEST = re.compile(r"[0-9a-f]{64}")
TINY = 0.005  # of the picture: four digits would be too few for a face of less
EXACT = 17  # digits that lose nothing
SAME_PLACE = 0.5  # IoU above which a box of the file is a face of the index

Source = Literal["human", "tag", "cluster"]
Ignored = Literal["face", "group"]
SOURCES, IGNORED = ("human", "tag", "cluster"), ("face", "group")
Clean = Callable[[str], str]  # a name as it is stored; raises UsageProblem


@dataclass(frozen=True, slots=True, order=True)
class Spot:
    """Where a face is, in every index of the same pictures."""

    photo: str  # SHA-256 of the picture's bytes, 64 lower case hex digits
    left: float
    top: float
    right: float
    bottom: float

    @property
    def box(self) -> Box:
        return Box(self.left, self.top, self.right, self.bottom)


@dataclass(frozen=True, slots=True)
class Word:
    """What a human said of one face."""

    spot: Spot
    name: str | None = None
    source: Source = "human"  # "cluster": said of the cluster that holds this face, not of the face
    group: str | None = ""  # faces of one name and group are one cluster; None: it is in no cluster of its name
    not_names: tuple[str, ...] = ()
    not_with: tuple[Spot, ...] = ()  # it does not belong to the cluster that holds that face
    ignored: Ignored | None = None  # the face; or the whole cluster that its group is
    drawn: bool = False  # no detector found it, a human drew its box
    hint: str = ""  # a path, for people
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Work:
    """All that humans said."""

    people: dict[str, str | None]  # name: born
    words: list[Word]
    different: list[tuple[Spot, Spot]]  # the clusters that hold these two faces are two people


class _Wrong(Exception):
    """What is wrong with a line."""


# ------------------------------------------------------------------------------------------ writing


def write(work: Work) -> Iterator[str]:
    """The lines of the file, each with its end."""
    yield _line({HEADER: VERSION})
    for name, born in sorted(work.people.items()):
        yield _line({"person": name, **({"born": born} if born else {})})
    for word in sorted(work.words, key=lambda word: word.spot):
        yield _line(_as_dict(word))
    for pair in sorted(tuple(sorted(pair)) for pair in work.different):
        yield _line({"different": [_place(spot) for spot in pair]})


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"


def _place(spot: Spot) -> dict[str, Any]:
    return {"photo": spot.photo, "box": [spot.left, spot.top, spot.right, spot.bottom]}


def _as_dict(word: Word) -> dict[str, Any]:
    """Only what differs from the default, so that most lines are short."""
    made = _place(word.spot)
    if word.name is not None:
        made["name"] = word.name
    if word.source != "human":
        made["source"] = word.source
    if word.group != _usual_group(word.name):
        made["group"] = word.group
    if word.not_names:
        made["not"] = sorted(word.not_names)
    if word.not_with:
        made["not_with"] = [_place(spot) for spot in sorted(word.not_with)]
    if word.ignored:
        made["ignored"] = word.ignored
    if word.drawn:
        made["drawn"] = True
    if word.hint:
        made["hint"] = word.hint
    return made


def _usual_group(name: str | None) -> str | None:
    """A name's first cluster; a face without a name is in no group."""
    return None if name is None else ""


# ------------------------------------------------------------------------------------------ reading


def is_ours(stream: BinaryIO) -> bool:
    """Whether a file begins as one of ours, of whatever version."""
    try:
        first = _parsed(stream.readline(LONGEST_TEXT).removeprefix(BOM))
    except _Wrong:
        return False
    return HEADER in first


def read(stream: BinaryIO, called: str, clean_name: Clean) -> Work:
    """Take a file apart; raises UsageProblem, a sentence with the number of the line, at the first that is wrong."""
    work = Work({}, [], [])
    lines: dict[Any, int] = {}  # who or what a line is about: its number
    number = 0
    try:
        for number, text in _lines(stream):
            if not number:
                _check_header(_first(text))
                continue
            value = _parsed(text)
            about = _take(work, value, number + 1, clean_name)
            if about in lines:
                raise _Wrong(f"says again what line {lines[about]} is about; leave one of the two")
            lines[about] = number + 1
    except (_Wrong, UsageProblem) as error:
        raise UsageProblem(f"{called}, line {number + 1}: {error}") from error
    return work


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Each line and its number from 0; blank ones are passed over but for the first."""
    number = 0
    while text := stream.readline(LONGEST_LINE + 1):
        if number == 0:
            text = text.removeprefix(BOM)
        if number == 0 or text.strip():
            yield number, text
        number += 1
        if number > MOST_LINES:
            raise _Wrong(f"there are more than {MOST_LINES:,} lines; this is no file that faceindex wrote")
    if number == 0:
        raise _Wrong(_no_header("it is empty"))


def _parsed(text: bytes) -> dict[str, Any]:
    if len(text) > LONGEST_LINE:
        raise _Wrong(f"is longer than {LONGEST_LINE:,} bytes; this is no file that faceindex wrote")
    try:
        value = json.loads(text.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse, parse_int=_small)
    except UnicodeDecodeError as error:
        raise _Wrong(f"is not UTF-8 at byte {error.start + 1}; save the file as UTF-8") from error
    except json.JSONDecodeError as error:
        raise _Wrong(f"is not JSON ({error.msg} at column {error.colno})") from error
    except RecursionError as error:
        raise _Wrong("is nested too deeply") from error
    if not isinstance(value, dict):
        raise _Wrong("is not a JSON object, {…}")
    return value


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Wrong(f"has the key {_told(twice)} twice")
    return made


def _refuse(constant: str) -> Any:
    raise _Wrong(f"holds {constant}, which is no number")


def _small(digits: str) -> int:
    if len(digits) > 20:  # Python would take minutes over a million of them
        raise _Wrong("holds an absurdly long number")
    return int(digits)


def _told(value: Any) -> str:
    """A value in a message: short, in one line, whatever it holds."""
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _no_header(why: str) -> str:
    return f'this is no labels file of faceindex: {why}; it would begin with {{"{HEADER}": {VERSION}}}'


def _first(text: bytes) -> dict[str, Any]:
    """The first line taken apart; where it is no JSON, this is another kind of file."""
    if not text.strip():
        raise _Wrong(_no_header("it is empty, or begins with an empty line"))
    try:
        return _parsed(text)
    except _Wrong as error:
        if HEADER.encode() in text or len(text) > LONGEST_LINE or isinstance(error.__cause__, UnicodeDecodeError):
            raise
        raise _Wrong(_no_header("this line is no JSON object")) from error


def _check_header(value: dict[str, Any]) -> None:
    version = value.get(HEADER)
    if type(version) is not int or version < 1:
        raise _Wrong(_no_header("the header is missing"))
    if version > VERSION:
        raise _Wrong(f"the file has format {version}, and this faceindex knows {VERSION}; update faceindex")
    _only(value, {HEADER})


def _take(work: Work, value: dict[str, Any], number: int, clean_name: Clean) -> Any:
    """Add what a line says; returns what it is about, which no other line may be."""
    if "person" in value:
        _only(value, {"person", "born"})
        name = clean_name(_text(value, "person"))
        work.people[name] = _born(value)
        return name
    if "different" in value:
        _only(value, {"different"})
        pair = _spots(value, "different")
        if len(pair) != 2 or pair[0] == pair[1]:
            raise _Wrong('"different" needs two faces')
        work.different.append((pair[0], pair[1]))
        return frozenset(pair)
    if "photo" in value:
        word = _word(value, number, clean_name)
        work.words.append(word)
        return word.spot
    raise _Wrong('says nothing known: it has none of the keys "person", "photo", "different"')


def _only(value: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(set(value) - known)
    if unknown:
        raise _Wrong(f"has the unknown key {_told(unknown[0])}; there are: {', '.join(sorted(known))}")


def _text(value: dict[str, Any], key: str) -> str:
    text = value[key]
    if not isinstance(text, str):
        raise _Wrong(f'"{key}" must be a text, not {_told(text)}')
    if len(text) > LONGEST_TEXT:
        raise _Wrong(f'"{key}" has more than {LONGEST_TEXT:,} characters')
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise _Wrong(f'"{key}" holds half a character')
    return text


def _born(value: dict[str, Any]) -> str | None:
    if value.get("born") is None:
        return None
    born = _text(value, "born")
    if not BORN.fullmatch(born):
        raise _Wrong(f'"born" must be like 1990 or 1990-12-31, not {_told(born)}')
    return born


def _word(value: dict[str, Any], number: int, clean_name: Clean) -> Word:
    known = {"photo", "box", "name", "source", "group", "not", "not_with", "ignored", "drawn", "hint"}
    _only(value, known)
    name = clean_name(_text(value, "name")) if "name" in value else None
    group = _usual_group(name)
    if "group" in value:
        group = None if value["group"] is None else _text(value, "group")
    word = Word(
        _spot(value),
        name,
        cast(Source, _one_of(value, "source", SOURCES, "human")),
        group,
        tuple(sorted({clean_name(_text({"not": each}, "not")) for each in _list(value, "not")})),
        tuple(sorted(set(_spots(value, "not_with")))),
        cast("Ignored | None", _one_of(value, "ignored", IGNORED, None)),
        _drawn(value),
        _text(value, "hint") if "hint" in value else "",
        number,
    )
    _check_sense(word)
    return word


def _check_sense(word: Word) -> None:
    if word.name is None and (word.group == "" or word.source != "human"):
        raise _Wrong('"group": "" and "source" need a "name"')
    if word.ignored == "group" and word.group is None:
        raise _Wrong('"ignored": "group" needs a "group"')
    if word.spot in word.not_with:
        raise _Wrong("says that a face is not with itself")


def _one_of(value: dict[str, Any], key: str, allowed: Sequence[str], default: str | None) -> str | None:
    if key not in value:
        return default
    if value[key] not in allowed:
        raise _Wrong(f'"{key}" must be one of {", ".join(allowed)}, not {_told(value[key])}')
    return cast(str, value[key])


def _drawn(value: dict[str, Any]) -> bool:
    drawn = value.get("drawn", False)
    if not isinstance(drawn, bool):
        raise _Wrong(f'"drawn" must be true or false, not {_told(drawn)}')
    return drawn


def _list(value: dict[str, Any], key: str) -> list[Any]:
    found = value.get(key, [])
    if not isinstance(found, list):
        raise _Wrong(f'"{key}" must be a list, not {_told(found)}')
    return found


def _spots(value: dict[str, Any], key: str) -> list[Spot]:
    found = _list(value, key)
    for each in found:
        if not isinstance(each, dict):
            raise _Wrong(f'"{key}" must hold faces, {{"photo": …, "box": …}}, not {_told(each)}')
        _only(each, {"photo", "box"})
    return [_spot(each) for each in found]


def _spot(value: dict[str, Any]) -> Spot:
    if "photo" not in value or "box" not in value:
        raise _Wrong('a face needs "photo" and "box"')
    digest = value["photo"]
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
        raise _Wrong(f'"photo" must be a SHA-256 digest, 64 hex digits in lower case, not {_told(digest)}')
    box = value["box"]
    if not isinstance(box, list) or len(box) != 4 or not all(type(side) in (int, float) for side in box):
        raise _Wrong(f'"box" must be four numbers, left, top, right, bottom, not {_told(box)}')
    left, top, right, bottom = map(float, box)
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise _Wrong(f'"box" must lie between 0 and 1, left before right and top before bottom, not {_told(box)}')
    return Spot(digest, left, top, right, bottom)


# ------------------------------------------------------------------------------------------ places


def spots(photo: str, boxes: Sequence[Box]) -> list[Spot | None]:
    """A photo's faces as the file tells them apart: with four digits, or more where a face is tiny or two are alike.

    None for a box that another has to the last digit, or that lies beside the picture.
    """
    made: list[Spot | None] = []
    for place, box in enumerate(boxes):
        others = [other for i, other in enumerate(boxes) if i != place]
        spot = _told_apart(photo, box, others)
        made.append(None if spot in made or not spot.left < spot.right or not spot.top < spot.bottom else spot)
    return made


def _told_apart(photo: str, box: Box, others: Sequence[Box]) -> Spot:
    """The box with as few digits as tell it from the others, where that can be."""
    for digits in (6, EXACT) if min(box.width, box.height) < TINY else (4, 6, EXACT):
        spot = _rounded(photo, box, digits)
        if all(spot != _rounded(photo, other, digits) for other in others):
            break
    return spot


def _rounded(photo: str, box: Box, digits: int) -> Spot:
    """The box kept within the picture, which a detector's may leave by a little."""
    sides = (round(min(1.0, max(0.0, side)), digits) for side in (box.left, box.top, box.right, box.bottom))
    return Spot(photo, *(side + 0.0 for side in sides))


def pairs(one: Sequence[Box], other: Sequence[Box]) -> dict[int, int]:
    """Which box of `one` is which of `other`: those that overlap by more than half, best first, each once."""
    overlaps = sorted((-a.iou(b), i, j) for i, a in enumerate(one) for j, b in enumerate(other))
    found: dict[int, int] = {}
    for overlap, i, j in overlaps:
        if -overlap > SAME_PLACE and i not in found and j not in found.values():
            found[i] = j
    return found
