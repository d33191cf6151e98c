"""Encodings that other programs pickled, read without unpickling them.

A pickle is a program for a small stack machine, and what it builds is up to whoever wrote it. Ours knows only the
instructions that a pickled numpy array is made of, and never calls anything: what would be called is written
down, and at the end that must have the form of one array of 128 numbers. Protocols 0 to 5, of Python 2 and 3.
"""

from __future__ import annotations

import codecs
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from faceindex.tags import NotTags

LARGEST = 16_384  # bytes of a pickle; the longest of 128 numbers, as text by Python 2, takes 4,300
LENGTH = 128  # numbers of an encoding
FARTHEST = 1e3  # the numbers of an encoding are all nearer to 0 than this, far nearer
ARRAY, DTYPE, FROM_BYTES, TO_BYTES = "_reconstruct", "dtype", "_frombuffer", "encode"
NAMES = {  # what such a pickle names: what that is
    **dict.fromkeys(("numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct"), ARRAY),
    **dict.fromkeys(("numpy.core.numeric _frombuffer", "numpy._core.numeric _frombuffer"), FROM_BYTES),
    "numpy ndarray": "ndarray",
    "numpy dtype": DTYPE,
    "_codecs encode": TO_BYTES,
}
FORMATS = {"f4": "f", "f8": "d"}
ORDERS = {"<": "<", ">": ">", "=": "<"}  # "=" is what the machine had that wrote it: none is known that was not "<"


@dataclass(frozen=True, slots=True)
class _Name:
    """Something a pickle names, one of NAMES."""

    means: str


@dataclass(slots=True)
class _Made:
    """What would come out if something named were called."""

    means: str
    arguments: tuple[Any, ...]
    state: tuple[Any, ...] | None = None


_MARK = object()


def vector(pickled: bytes | str) -> bytes:
    """128 little-endian float32 of a pickled array of 128 float64 or float32; raises NotTags with a clause."""
    data = pickled.encode("latin-1", "replace") if isinstance(pickled, str) else pickled
    if len(data) > LARGEST:
        raise NotTags("its encoding is no array of 128 numbers, it is too long for that")
    try:
        array = _Machine(data).run()
        numbers = _numbers(array)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise NotTags("its encoding is no pickled array that can be read") from error
    if not all(math.isfinite(number) and abs(number) < FARTHEST for number in numbers):
        raise NotTags("its encoding holds numbers that no encoding has")
    return struct.pack(f"<{LENGTH}f", *numbers)


# ------------------------------------------------------------------------------------ what it is


def _numbers(array: Any) -> tuple[float, ...]:
    if not isinstance(array, _Made):
        raise NotTags("its encoding is no array of numbers")
    if array.means == FROM_BYTES:
        raw, dtype, shape, _ = array.arguments
    elif array.means == ARRAY and array.state is not None:
        _, shape, dtype, _, raw = array.state
    else:
        raise NotTags("its encoding is no array of numbers")
    if shape not in ((LENGTH,), (1, LENGTH)):
        raise NotTags("its encoding is no array of 128 numbers")
    layout = _layout(dtype)
    raw = raw.encode("latin-1") if isinstance(raw, str) else raw  # Python 2 made no difference
    return struct.unpack(layout, raw)


def _layout(dtype: Any) -> str:
    """As struct wants it: the order of bytes, and 128 of f or d."""
    if not isinstance(dtype, _Made) or dtype.means != DTYPE:
        raise NotTags("its encoding is no array of numbers")
    kind = _text(dtype.arguments[0])
    order, kind = (kind[0], kind[1:]) if kind[:1] in ORDERS else ("<", kind)
    if kind not in FORMATS:
        raise NotTags("its encoding is no array of float64 or float32")
    if dtype.state is not None:
        order = _text(dtype.state[1])
        if any(dtype.state[2:5]):  # parts, names, fields
            raise NotTags("its encoding is no array of float64 or float32")
    return f"{ORDERS[order]}{LENGTH}{FORMATS[kind]}"


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("ascii")
    if not isinstance(value, str):
        raise TypeError
    return value


# ----------------------------------------------------------------------------------- the machine


class _Machine:
    """Runs a pickle's instructions, without doing what they say."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}  # not a list: a pickle may name place 4,000,000,000

    def run(self) -> Any:
        """What is left on the stack at the end, and nothing may follow."""
        while (code := self.take(1)) != b".":
            if code not in INSTRUCTIONS:
                raise NotTags("its encoding is a pickle of something that is no array")
            INSTRUCTIONS[code](self)
        (only,) = self.stack
        if self.at != len(self.data):
            raise ValueError
        return only

    def take(self, count: int) -> bytes:
        taken = self.data[self.at : self.at + count]
        if count < 0 or len(taken) < count:
            raise ValueError
        self.at += count
        return taken

    def skip(self, count: int) -> None:
        self.take(count)

    def sized(self, form: str) -> bytes:
        """Bytes with their number before them, as struct says it."""
        return self.take(self.number(form))

    def number(self, form: str) -> int:
        (found,) = struct.unpack(form, self.take(struct.calcsize(form)))
        return int(found)

    def line(self) -> str:
        end = self.data.index(b"\n", self.at)
        return self.take(end + 1 - self.at)[:-1].decode("latin-1")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def above_mark(self) -> tuple[Any, ...]:
        place = len(self.stack) - 1 - self.stack[::-1].index(_MARK)
        found = tuple(self.stack[place + 1 :])
        del self.stack[place:]
        return found

    def last(self, count: int) -> tuple[Any, ...]:
        if count > len(self.stack):
            raise IndexError
        found = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        return found


def _name(machine: _Machine, module: Any, name: Any) -> None:
    means = NAMES.get(f"{module} {name}") if isinstance(module, str) and isinstance(name, str) else None
    if means is None:
        raise NotTags("its encoding is a pickle that would run something else than make an array, so it was not read")
    machine.push(_Name(means))


def _call(machine: _Machine) -> None:
    what, arguments = machine.last(2)
    if not isinstance(what, _Name) or not isinstance(arguments, tuple):
        raise TypeError
    if what.means == TO_BYTES:  # Python 3 writes bytes so for Python 2
        text, coding = arguments
        if coding != "latin1" or not isinstance(text, str):
            raise ValueError
        machine.push(text.encode("latin-1"))
        return
    machine.push(_Made(what.means, arguments))


def _build(machine: _Machine) -> None:
    made, state = machine.last(2)
    if not isinstance(made, _Made) or made.state is not None or not isinstance(state, tuple):
        raise TypeError
    machine.push(made)
    made.state = state


def _quoted(machine: _Machine) -> None:
    """A string of Python 2, as it writes it into a source."""
    line = machine.line()
    if len(line) < 2 or line[0] != line[-1] or line[0] not in "'\"":
        raise ValueError
    raw, _ = codecs.escape_decode(line[1:-1].encode("latin-1"))
    machine.push(raw.decode("latin-1"))


def _whole(machine: _Machine) -> None:
    line = machine.line()
    machine.push({"00": False, "01": True}[line] if line in ("00", "01") else int(line.rstrip("L")[:20]))


def _keep(machine: _Machine, place: int) -> None:
    machine.memo[place] = machine.stack[-1]


def _pushed(read: Callable[[_Machine], Any]) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(read(machine))


INSTRUCTIONS: dict[bytes, Callable[[_Machine], None]] = {  # those of an array; what they do in a real unpickler:
    b"\x80": lambda m: m.skip(1),  # which protocol
    b"\x95": lambda m: m.skip(8),  # how much follows
    b"(": lambda m: m.push(_MARK),
    b")": lambda m: m.push(()),
    b"t": _pushed(_Machine.above_mark),  # a tuple of what is above the mark
    b"\x85": _pushed(lambda m: m.last(1)),  # of the last one, two, three
    b"\x86": _pushed(lambda m: m.last(2)),
    b"\x87": _pushed(lambda m: m.last(3)),
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"I": _whole,  # whole numbers
    b"L": _whole,
    b"J": _pushed(lambda m: m.number("<i")),
    b"K": _pushed(lambda m: m.number("<B")),
    b"M": _pushed(lambda m: m.number("<H")),
    b"\x8a": _pushed(lambda m: int.from_bytes(m.sized("<B"), "little", signed=True)),
    b"S": _quoted,  # text, or bytes by Python 2
    b"T": _pushed(lambda m: m.sized("<i").decode("latin-1")),
    b"U": _pushed(lambda m: m.sized("<B").decode("latin-1")),
    b"V": _pushed(lambda m: m.line().encode("latin-1").decode("raw-unicode-escape")),
    b"X": _pushed(lambda m: m.sized("<I").decode("utf-8")),
    b"\x8c": _pushed(lambda m: m.sized("<B").decode("utf-8")),
    b"\x8d": _pushed(lambda m: m.sized("<Q").decode("utf-8")),
    b"B": _pushed(lambda m: m.sized("<I")),  # bytes
    b"C": _pushed(lambda m: m.sized("<B")),
    b"\x8e": _pushed(lambda m: m.sized("<Q")),
    b"\x96": _pushed(lambda m: m.sized("<Q")),
    b"c": lambda m: _name(m, m.line(), m.line()),  # something of a module
    b"\x93": lambda m: _name(m, *m.last(2)),
    b"R": _call,
    b"b": _build,  # set the state of something made
    b"p": lambda m: _keep(m, int(m.line()[:20])),  # remember the last thing, and bring it back
    b"q": lambda m: _keep(m, m.number("<B")),
    b"r": lambda m: _keep(m, m.number("<I")),
    b"\x94": lambda m: _keep(m, len(m.memo)),
    b"g": lambda m: m.push(m.memo[int(m.line()[:20])]),
    b"h": lambda m: m.push(m.memo[m.number("<B")]),
    b"j": lambda m: m.push(m.memo[m.number("<I")]),
}  # fmt: skip
