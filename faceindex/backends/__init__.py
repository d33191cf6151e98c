"""What finds and encodes faces: the interface, and the registry of what is installed.

A backend is a class that takes DetectionSettings, announced under the entry point group
`faceindex.backends`. It gets upright RGB pictures of any size and scales them as it likes; boxes go in
and come out as fractions. It may have a method notes() -> list[str], sentences for the morning's report.
Importing this module imports no backend and no numpy.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Protocol

from faceindex.errors import UnknownBackend
from faceindex.models import DetectionSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from importlib.metadata import EntryPoint

    import numpy as np
    from numpy.typing import NDArray

    from faceindex.models import Box, Detection, Pixels

    Encodings = NDArray[np.float32]  # (n, D)

GROUP = "faceindex.backends"
DEFAULTS = DetectionSettings()


class Backend(Protocol):
    """What every backend can do; tests/test_backends.py is the contract in full."""

    name: str
    dimensions: int  # of one encoding
    settings: DetectionSettings

    def __init__(self, settings: DetectionSettings) -> None: ...

    def detect(self, pictures: Sequence[Pixels]) -> list[list[Detection]]:
        """Faces of at least settings.min_score on each (H, W, 3) picture, by top, then left.

        How narrow a face may be is the caller's to judge: only it knows the original's size.
        """

    def encode(self, pictures: Sequence[Pixels], boxes: Sequence[Sequence[Box]]) -> list[Encodings]:
        """For each picture the encodings of its boxes, in order; (0, D) where it has none."""


def load(name: str, settings: DetectionSettings = DEFAULTS) -> Backend:
    """The backend of that name; one per process and settings."""
    return _build(name, settings)


@cache
def _build(name: str, settings: DetectionSettings) -> Backend:
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            backend: Backend = _factory(entry)(settings)
            return backend
    raise UnknownBackend(f"no backend {name!r}; there are: {', '.join(names())}")


@cache
def _another(kind: type[Backend], settings: DetectionSettings) -> Backend:
    return kind(settings)


def _factory(entry: EntryPoint) -> type[Backend]:
    try:
        factory: type[Backend] = entry.load()
    except ImportError as error:
        problem = f"backend {entry.name!r} cannot start ({error}); install what it needs"
        raise UnknownBackend(problem) from error
    return factory


def like(backend: Backend, settings: DetectionSettings) -> Backend:
    """A backend of the same kind with other settings; one per process and settings."""
    return backend if settings == backend.settings else _another(type(backend), settings)


def notes(backend: Backend) -> tuple[str, ...]:
    """What a backend has to say about its work since last asked, a sentence each; most have nothing."""
    told: Callable[[], Iterable[str]] | None = getattr(backend, "notes", None)
    return tuple(told()) if told else ()


def names() -> list[str]:
    """What is installed, in alphabetical order."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def check_name(name: str) -> None:
    """Raise UnknownBackend unless a backend of that name is installed; starts none."""
    if name not in names():
        raise UnknownBackend(f"no backend {name!r}; there are: {', '.join(names())}")
