"""Numbers as sentences have them."""

from __future__ import annotations

from collections.abc import Sequence

FEW = 5  # numbers that a sentence repeats


def counted(number: int, noun: str) -> str:
    """A number and what it counts: 1 photo, 1,200 photos."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def told(numbers: Sequence[int], what: str) -> str:
    """Numbers for a sentence, or how many there are: face 3; clusters 4, 5; 12 faces."""
    if len(numbers) > FEW:
        return counted(len(numbers), what)
    return f"{what}{'s' * (len(numbers) != 1)} {', '.join(map(str, numbers))}"
