"""When to stop: a deadline for the whole run, or a signal."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from types import FrameType
from typing import Literal

Reason = Literal["deadline", "stopped"]

# Matching and the report need the end of the night: this share of it, but never more than a minute.
RESERVE = 0.05
MOST_RESERVE = 60.0


class Stop:
    """Asked between any two steps; the clock that counts is monotonic, so a clock that jumps does no harm."""

    def __init__(self, seconds: float | None = None) -> None:
        self._start = time.monotonic()
        self._seconds = seconds
        self._signalled = False

    def reason(self) -> Reason | None:
        """Why the run must end now, or None."""
        if self._signalled:
            return "stopped"
        return "deadline" if self._over(0.0) else None

    def reading_over(self) -> Reason | None:
        """Why no further photo should be begun: as reason(), but in time for what comes after."""
        if self._seconds is None or self._signalled:
            return self.reason()
        return "deadline" if self._over(min(MOST_RESERVE, RESERVE * self._seconds)) else None

    def _over(self, reserve: float) -> bool:
        return self._seconds is not None and time.monotonic() - self._start >= self._seconds - reserve

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """Turn SIGTERM and the first SIGINT into a clean stop; a second Ctrl-C stops at once."""
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

        def asked(number: int, frame: FrameType | None) -> None:
            self._signalled = True
            signal.signal(signal.SIGINT, signal.default_int_handler)

        for number in before:
            signal.signal(number, asked)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def seconds_until(clock: str, now: datetime) -> float:
    """Seconds from now to the next HH:MM of the local clock, across a change to or from summer time.

    Raises ValueError if clock is no time of day.
    """
    hour, minute = map(int, clock.split(":"))
    target = now.replace(hour=hour, minute=minute, second=0, microsecond=0, tzinfo=None)
    if target <= now.replace(tzinfo=None):
        target += timedelta(days=1)
    return (target.astimezone() - now.astimezone()).total_seconds()
