"""What `faceindex eval` finds, counted beside the pages: it may take minutes, and no page waits for it."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, current_app

from faceindex.db import open_index
from faceindex.errors import FaceindexError
from faceindex.store import gallery, settings

if TYPE_CHECKING:
    from faceindex.evaluating import Evaluation

TARGET = 0.001  # part of strangers that may get a name, as the command has it


@dataclass(frozen=True, slots=True)
class Found:
    """What came of it."""

    stamp: str  # the index's news when it was counted
    names: dict[int, str]
    evaluation: Evaluation | None
    sentence: str = ""  # why there is none


@dataclass(slots=True)
class Evaluating:
    """One at a time; the last result is kept until somebody asks for another."""

    last: Found | None = None
    running: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


def of_app(app: Flask | None = None) -> Evaluating:
    """The one of this server."""
    state: Evaluating = (app or current_app).extensions.setdefault("faceindex.eval", Evaluating())
    return state


def begin(state: Evaluating, path: Path) -> threading.Thread | None:
    """Start to count, unless that is being done."""
    with state.lock:
        if state.running:
            return None
        state.running = True
    thread = threading.Thread(target=_count, args=(state, path), daemon=True)
    thread.start()
    return thread


def _count(state: Evaluating, path: Path) -> None:
    try:
        state.last = _evaluated(path)
    finally:
        state.running = False


def _evaluated(path: Path) -> Found:
    from faceindex import evaluating  # noqa: PLC0415  (loads numpy)
    from faceindex.store import evaluation  # noqa: PLC0415

    with contextlib.closing(open_index(path)) as db:
        stamp = gallery.news(db)
        try:
            answers = evaluation.answers(db, settings.get(db, "backend") or "dlib")
            return Found(stamp, answers.names, evaluating.evaluate(answers, TARGET))
        except FaceindexError as error:
            return Found(stamp, {}, None, str(error))
