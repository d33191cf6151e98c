"""dlib's network files as plain layers, read in Python to the last byte.

A file nests: every node writes its version, then the network below it, then itself. So first come the loss and
the versions of all nodes, outermost first, then the input, then what each node holds, from the input side out.
Nodes of version 1 are marks and hold nothing: one alone remembers what flows there (dlib's tag1), two in a row
put it aside and go back to what was last remembered (tag2, skip1); `layers.Add` adds what waits.

Source of the format: dlib/dnn/core.h of dlib 19 and 20.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from faceindex.nets.layers import INPUTS, LAYERS, LOSSES
from faceindex.nets.serialized import Cursor, open_weights

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from faceindex.nets.layers import Input, Layer, Loss

    Mark = Literal["remember", "detour"]

MARK, NODE, INNERMOST = 1, 2, 3  # versions; the innermost node is of the last or, in older files, the second
MOST_NODES = 10_000

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Network:
    """What a file holds, from the input side out."""

    name: str
    input: Input
    layers: tuple[Layer | Mark, ...]
    loss: Loss


def read_network(path: Path) -> Network:
    """Read a network of dlib's from its file; raises BadWeights, and nothing else."""
    return parse_network(open_weights(path))


def parse_network(cursor: Cursor) -> Network:
    """Read a network from where the cursor stands to the end of the file."""
    cursor.one_of("network version", 1)
    loss = _chosen(cursor, LOSSES, "loss")
    versions = _versions(cursor)
    source = _chosen(cursor, INPUTS, "input")
    layers: list[Layer | Mark] = [_innermost(cursor, versions.pop())]
    while versions:
        layers.append(_mark(cursor, versions) if versions[-1] == MARK else _node(cursor, versions.pop()))
    cursor.finish()
    return Network(cursor.name, source, tuple(layers), loss)


def _versions(cursor: Cursor) -> list[int]:
    """The versions of all nodes, outermost first; they end where the length of the input's name begins."""
    versions: list[int] = []
    before = cursor.at
    while (number := cursor.integer()) in (MARK, NODE, INNERMOST):
        versions.append(number)
        before = cursor.at
    cursor.at = before
    if not versions or versions[-1] == MARK or INNERMOST in versions[:-1] or len(versions) > MOST_NODES:
        raise cursor.unexpected(f"{len(versions)} nodes that make no network")
    return versions


def _mark(cursor: Cursor, versions: list[int]) -> Mark:
    count = 0
    while versions and versions[-1] == MARK:
        versions.pop()
        count += 1
    if count > len(("tag2", "skip1")):
        raise cursor.unexpected(f"{count} marks in a row")
    return "remember" if count == 1 else "detour"


def _innermost(cursor: Cursor, version: int) -> Layer:
    layer = _node(cursor, NODE)
    if version == INNERMOST:
        cursor.count("as an expansion")
    return layer


def _node(cursor: Cursor, version: int) -> Layer:
    layer = _chosen(cursor, LAYERS, "layer")
    for _ in ("setup called", "gradient stale", "output disabled"):
        cursor.boolean()
    for _ in ("gradient of the input", "output", "gradient of the numbers"):
        cursor.tensor()
    return layer


def _chosen(cursor: Cursor, readers: dict[str, Callable[[Cursor], Read]], what: str) -> Read:
    """Read the name of something, then the thing itself."""
    before = cursor.at
    name = cursor.string()
    if name not in readers:
        raise cursor.unexpected(f"unknown {what} {name!r}", back=cursor.at - before)
    return readers[name](cursor)
