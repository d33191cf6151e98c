"""What is built once from weights, graphs above all, kept in the user's cache folder; or built anew where that fails.

A file's name holds the digest of the weights and the version of our graphs, so that it is never out of date.
The file is an ordinary ONNX model whose last field, its description, is a checksum of all before it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from faceindex.errors import BadWeights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GRAPH_VERSION = 2  # to be raised whenever the same weights make other graphs
PIECE = 2**20  # bytes read at once
DESCRIPTION = bytes([6 << 3 | 2, 8])  # how protobuf begins ModelProto.doc_string with eight characters in it
SEAL = len(DESCRIPTION) + 8  # bytes


def cache_folder() -> Path:
    """Where graphs are kept; FACEINDEX_CACHE overrides it."""
    return Path(os.environ.get("FACEINDEX_CACHE") or platformdirs.user_cache_dir("faceindex"))


def cached_graph(name: str, weights: Path, build: Callable[[], bytes]) -> Path | bytes:
    """The graph of that name made from those weights: the file it is kept in, or itself where nothing can be kept."""
    place = cache_folder() / f"{name}-{GRAPH_VERSION}-{weights_digest(weights)}.onnx"
    if _is_whole(place):
        return place
    graph = build()
    return place if _write(place, graph) else graph


def cached_bytes(name: str, build: Callable[[], bytes]) -> bytes:
    """What build() gives, kept in a file of that name, which has to change when the bytes would."""
    place = cache_folder() / name
    with contextlib.suppress(OSError):
        kept = place.read_bytes()
        if kept[-SEAL:] == _seal(zlib.crc32(kept[:-SEAL])):
            return kept[:-SEAL]
    built = build()
    _write(place, built)
    return built


def weights_digest(weights: Path) -> str:
    """SHA-256 of a weight file, in hexadecimal; raises BadWeights if it cannot be read."""
    digest = hashlib.sha256()
    try:
        for piece in _pieces(weights):
            digest.update(piece)
    except OSError as error:
        why = error.strerror
        raise BadWeights(f"cannot read the weights {weights} ({why}); reinstall what they came with") from None
    return digest.hexdigest()


def _is_whole(place: Path) -> bool:
    checksum, end = 0, b""
    try:
        for piece in _pieces(place):
            checksum = zlib.crc32((end + piece)[:-SEAL], checksum)
            end = (end + piece)[-SEAL:]
    except OSError:
        return False
    return end == _seal(checksum)


def _write(place: Path, graph: bytes) -> bool:
    """Put a graph in its place, whole or not at all; False where that is not possible."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".building-", dir=place.parent)
    except OSError:
        return False
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(graph)
            file.write(_seal(zlib.crc32(graph)))
        os.replace(name, place)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(name)
        return False
    return True


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _seal(checksum: int) -> bytes:
    return DESCRIPTION + f"{checksum:08x}".encode()
