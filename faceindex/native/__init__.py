"""Small C kernels, an optional speed-up: everything they do also runs without them, slower.

They are compiled when the package is installed (`hatch_build.py`); where there was no compiler, `library()`
is None and callers take their other way. ctypes lets go of the interpreter's lock while a kernel runs.
"""

from __future__ import annotations

import ctypes
import os
import zlib
from functools import lru_cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAME = "_kernels.so"  # on macOS too: ctypes asks for a path, not for a suffix
REBUILD = "install it again where there is a C compiler (uv sync --reinstall-package faceindex) for more speed"


def library() -> ctypes.CDLL | None:
    """The compiled kernels, or None where they are missing, stale or switched off by FACEINDEX_NATIVE=0."""
    return None if _is_off() else _load(HERE)[0]


def why_not() -> str | None:
    """One sentence that says why library() is None; None if all is well."""
    return "The C kernels are switched off by FACEINDEX_NATIVE=0." if _is_off() else _load(HERE)[1]


def fingerprint(folder: Path = HERE) -> int:
    """A number below 2^31 that changes with the sources: the library must bear the one of the sources beside it."""
    number = 0
    for source in sorted([*folder.glob("*.c"), *folder.glob("*.h")]):
        number = zlib.crc32(source.read_bytes(), zlib.crc32(source.name.encode(), number))
    return number & 0x7FFFFFFF


def _is_off() -> bool:
    return os.environ.get("FACEINDEX_NATIVE") == "0"


@lru_cache
def _load(folder: Path) -> tuple[ctypes.CDLL | None, str | None]:
    path = folder / NAME
    if not path.exists():
        return None, f"The C kernels were not built; {REBUILD}."
    try:
        found = ctypes.CDLL(str(path))
        version = int(found.fi_version())
    except (OSError, AttributeError) as error:
        return None, f"The C kernels cannot be loaded ({error}); {REBUILD}."
    if version != fingerprint(folder):
        return None, f"The C kernels are older than their source; {REBUILD}."
    return found, None
