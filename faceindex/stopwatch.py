"""Where the time of the work in this process goes, stage by stage.

    with stage("decode"):
        …

What a stage within a stage takes counts for the inner one only. Every thread has its own nesting; their
seconds add up. drain() gives the sums and begins anew. A Profile is what they come to in a run.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from time import perf_counter

# A photo's way through a worker, in this order; what none of them takes is "other".
STAGES = ("read", "hash", "decode", "resize", "hog", "cnn", "landmarks", "encode", "thumbnails", "other")
# What a night is for: decoding, detection with the scaling for it, encoding with the alignment for it.
# The rest, reading and waiting above all, is the price.
WORK = ("decode", "resize", "hog", "cnn", "landmarks", "encode")

Spent = tuple[tuple[str, float], ...]  # (stage, seconds)


class _Nesting(threading.local):
    inner = 0.0  # seconds that the running stage gave to stages within it


_nesting = _Nesting()
_spent: dict[str, float] = {}
_lock = threading.Lock()


class _Stage:
    __slots__ = ("_began", "_name", "_outer")

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._outer, _nesting.inner = _nesting.inner, 0.0
        self._began = perf_counter()

    def __exit__(self, *_: object) -> None:
        took = perf_counter() - self._began
        with _lock:
            _spent[self._name] = _spent.get(self._name, 0.0) + took - _nesting.inner
        _nesting.inner = self._outer + took


def stage(name: str) -> AbstractContextManager[None]:
    """Count what the block takes for this stage, less what stages within it take."""
    return _Stage(name)


def drain() -> Spent:
    """The seconds of each stage since the last call, in all threads; what still runs counts next time."""
    with _lock:
        spent = tuple(_spent.items())
        _spent.clear()
    return spent


def whole(spent: Spent, seconds: float) -> Spent:
    """The same with what no stage took of these seconds as "other"."""
    return (*spent, ("other", max(0.0, seconds - sum(each for _, each in spent))))


@dataclass(frozen=True, slots=True)
class Profile:
    """Where the time of a run went, or of a part of it."""

    photos: int = 0  # looked at
    workers: int = 0
    seconds: float = 0.0  # that the clock on the wall went on while they read
    stages: Mapping[str, float] = field(default_factory=dict)  # seconds of all workers together

    def plus(self, more: Profile) -> Profile:
        """This part and a later one, stages in the order in which a photo meets them."""
        names = dict.fromkeys((*STAGES, *self.stages, *more.stages))
        return Profile(
            self.photos + more.photos,
            max(self.workers, more.workers),
            self.seconds + more.seconds,
            {
                name: self.stages.get(name, 0.0) + more.stages.get(name, 0.0)
                for name in names
                if name in self.stages or name in more.stages
            },
        )
