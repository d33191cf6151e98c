"""Remembers who is on which photo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faceindex.api import find_faces as find_faces
    from faceindex.api import represent as represent

__all__ = ["__version__", "find_faces", "represent"]


def __getattr__(name: str) -> Any:
    """Import what is asked for only then: `faceindex --help` needs no numpy."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415

        return version("faceindex")
    if name in __all__:
        from faceindex import api  # noqa: PLC0415

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
