"""The primitives of dlib's file format, read from bytes; anything unexpected is one BadWeights sentence.

integer   a control byte (low half: how many bytes follow, 1 to 8; 0x80: negative), then the magnitude, little endian
float     two integers, mantissa and exponent: mantissa · 2^exponent; exponents from 32000 on are inf, -inf and nan
boolean   one ASCII digit
string    its length, then its bytes
matrix    -rows, -columns, then floats row by row
tensor    2, then samples, channels, rows, columns, then raw little-endian float32

Source of the format: dlib/serialize.h, dlib/matrix/matrix.h and dlib/cuda/tensor.h of dlib 19 and 20.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceindex.errors import BadWeights

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MAX_BYTES = 2**30  # no weight file of dlib's comes near
NEGATIVE = 0x80
UNUSED_BITS = 0x70
SPECIAL = {32000: math.inf, 32001: -math.inf, 32002: math.nan}  # exponents that mean no number
LEAST_FLOAT = 4  # bytes that a written float takes at least


@dataclass(slots=True)
class Cursor:
    """A place in a file of dlib's; every method reads one value and moves on, or raises BadWeights."""

    name: str  # what error messages call the file
    content: bytes
    at: int = 0

    def integer(self) -> int:
        """A whole number of up to 64 bits and a sign."""
        control = self.take(1, "a number")[0]
        width = control & 0x0F
        if not 1 <= width <= 8 or control & UNUSED_BITS:
            raise self.unexpected(f"0x{control:02x} where a number should begin", back=1)
        magnitude = int.from_bytes(self.take(width, "a number"), "little")
        return -magnitude if control & NEGATIVE else magnitude

    def count(self, what: str, most: int = 2**31 - 1) -> int:
        """A whole number from 0 to most."""
        number = self.integer()
        if not 0 <= number <= most:
            raise self.unexpected(f"{number} {what}")
        return number

    def one_of(self, what: str, *wanted: int) -> int:
        """A whole number that must be one of those."""
        number = self.integer()
        if number not in wanted:
            raise self.unexpected(f"{what} {number} where {' or '.join(map(str, wanted))} is known")
        return number

    def float(self) -> float:
        """A floating point number."""
        mantissa, exponent = self.integer(), self.integer()
        if exponent in SPECIAL:
            return SPECIAL[exponent]
        try:
            return math.ldexp(mantissa, exponent)
        except OverflowError:
            raise self.unexpected(f"the number {mantissa}·2^{exponent}") from None

    def boolean(self) -> bool:
        digit = self.take(1, "yes or no")
        if digit not in b"01":
            raise self.unexpected(f"0x{digit[0]:02x} where yes or no should be", back=1)
        return digit == b"1"

    def string(self, most: int = 1000) -> str:
        """A text; bytes that are not ASCII are kept as escapes."""
        length = self.count("characters of text", most)
        return self.take(length, "a text").decode("ascii", "backslashreplace")

    def matrix(self) -> NDArray[np.float64]:
        """A matrix of floats, (rows, columns) float64."""
        rows, columns = abs(self.integer()), abs(self.integer())
        if rows * columns * LEAST_FLOAT > len(self.content) - self.at:
            raise self.unexpected(f"a matrix of {rows} × {columns} that the file has no room for")
        numbers = [self.float() for _ in range(rows * columns)]
        return np.array(numbers, np.float64).reshape((rows, columns) if numbers else (0, 0))

    def tensor(self) -> NDArray[np.float32]:
        """A tensor, (samples, channels, rows, columns) float32, writable and the caller's own."""
        self.one_of("tensor version", 2)
        shape = self._four()
        raw = self.take(4 * math.prod(shape), f"a tensor of {shape}")
        return np.frombuffer(raw, "<f4").astype(np.float32).reshape(shape if raw else (0, 0, 0, 0))

    def shape(self) -> tuple[int, int, int, int]:
        """The shape of a tensor kept elsewhere (dlib's alias_tensor)."""
        self.one_of("shape version", 1)
        return self._four()

    def _four(self) -> tuple[int, int, int, int]:
        return self.count("samples"), self.count("channels"), self.count("rows"), self.count("columns")

    def take(self, size: int, what: str) -> bytes:
        """The next bytes, as they are."""
        if size > len(self.content) - self.at:
            raise BadWeights(f"{self.name} ends within {what} at byte {self.at}; reinstall what it came with")
        self.at += size
        return self.content[self.at - size : self.at]

    def finish(self) -> None:
        """Make sure that nothing is left."""
        if self.at != len(self.content):
            raise self.unexpected(f"{len(self.content) - self.at} bytes after the end")

    def unexpected(self, found: str, back: int = 0) -> BadWeights:
        """The error to raise when what was just read cannot be."""
        return BadWeights(
            f"{self.name} is damaged or not a file of dlib's: at byte {self.at - back}: {found}; "
            "reinstall what it came with"
        )


def open_weights(path: Path) -> Cursor:
    """A cursor at the start of a file; raises BadWeights if it cannot be read."""
    try:
        size = path.stat().st_size
        if not path.is_file() or size > MAX_BYTES:
            raise BadWeights(f"{path} is no weight file of dlib's ({size} bytes)")
        return Cursor(str(path), path.read_bytes())
    except OSError as error:
        raise BadWeights(f"cannot read the weights {path} ({error.strerror}); reinstall what they came with") from None
