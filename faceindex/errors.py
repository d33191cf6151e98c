"""Everything a user can be told about, each with the exit code it ends the program with.

FaceindexError              1  something went wrong; the message says what to do
├── UsageProblem            2  the command cannot mean what was asked
├── ScanRunning             3  another scan holds the lock
├── IndexProblem            6  the index file cannot be used, and was left untouched
│   ├── NotAnIndex
│   ├── NewerIndex
│   └── CorruptIndex
├── DiskFull                7
├── UnknownBackend          2
└── ModelsMissing           8  a model file is missing or damaged
    └── BadWeights

Two more codes are outcomes of a scan, not errors: 4, stopped at the deadline or by a signal
with everything finished so far saved; 5, finished, but with problems or with a root offline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faceindex.models import ProblemKind

STOPPED_EARLY = 4
WITH_PROBLEMS = 5


class FaceindexError(Exception):
    """A sentence for the user that says what to do."""

    exit_code = 1


class UsageProblem(FaceindexError):
    exit_code = 2


class ScanRunning(FaceindexError):
    exit_code = 3


class IndexProblem(FaceindexError):
    exit_code = 6


class NotAnIndex(IndexProblem):
    pass


class NewerIndex(IndexProblem):
    pass


class CorruptIndex(IndexProblem):
    pass


class DiskFull(FaceindexError):
    exit_code = 7


class UnknownBackend(FaceindexError):
    exit_code = 2


class ModelsMissing(FaceindexError):
    exit_code = 8


class BadWeights(ModelsMissing):
    pass


class UnreadablePicture(FaceindexError):
    """Bytes that are no picture we can decode; `kind` is the ProblemKind to remember it by."""

    def __init__(self, message: str, kind: ProblemKind = "corrupt") -> None:
        super().__init__(message)
        self.kind = kind
