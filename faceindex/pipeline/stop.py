"""When to stop: a deadline for the whole run, or a signal."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from types import FrameType
from typing import Literal

Reason = Literal["deadline", "stopped"]

# Matching and the report need the end of the night: this share of it, but never more than a minute.
RESERVE = 0.05
MOST_RESERVE = 60.0
GRACE = 5.0  # seconds that photos in work get to finish when the run must stop
MATCHING = 60.0  # seconds after a signal during which batches of faces may still be begun to be matched
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# Counts on while the machine sleeps, and does not jump when its clock is set.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def clock() -> float:
    """Seconds since some moment in the past."""
    return time.clock_gettime(CLOCK)


class Stop:
    """Asked between any two steps whether to end."""

    def __init__(self, seconds: float | None = None, heard: Callable[[], object] = lambda: None) -> None:
        self._heard = heard  # called when a signal came, within its handler
        self._start = clock()
        self._seconds = seconds
        self._reserve = min(MOST_RESERVE, RESERVE * (seconds or 0.0))
        self._signalled: float | None = None  # when

    def reason(self) -> Reason | None:
        """Why the run must end now, or None."""
        if self._signalled is not None:
            return "stopped"
        return "deadline" if self._over(0.0) else None

    def for_matching(self) -> Stop:
        """The same, but that a signal leaves a minute for matching what was found until then."""
        return _Later(self)

    def reading_over(self) -> Reason | None:
        """Why no further photo should be begun: as reason(), but in time for what comes after."""
        return self.reason() or ("deadline" if self._over(self._reserve) else None)

    def crawling_over(self) -> Reason | None:
        """Why no further folder should be crawled while files wait to be read: they get half of the time."""
        return self.reading_over() or ("deadline" if self._over((self._seconds or 0.0) / 2) else None)

    def grace(self) -> float:
        """Seconds that photos in work may still take once reading is over."""
        return GRACE if self._seconds is None or self._signalled is not None else min(GRACE, self._reserve / 2)

    def _over(self, reserve: float) -> bool:
        return self._seconds is not None and clock() - self._start >= self._seconds - reserve

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """Turn a first signal to end into a clean stop; a second one stops at once.

        A hang-up is never the second: a terminal that closes sends it twice, a machine that stops after SIGTERM.
        """
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread may hear signals
            return
        before = {number: signal.getsignal(number) for number in SIGNALS}

        def asked(number: int, frame: FrameType | None) -> None:
            if self._signalled is None:
                self._signalled = clock()
                self._heard()
            elif number != signal.SIGHUP:
                raise KeyboardInterrupt

        for number, handler in before.items():
            if handler is not signal.SIG_IGN:  # as under nohup
                signal.signal(number, asked)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Later(Stop):
    """Asked by what may go on for a while after a signal."""

    def __init__(self, night: Stop) -> None:
        self._night = night

    def reason(self) -> Reason | None:
        since = self._night._signalled
        if since is not None and clock() - since >= MATCHING:
            return "stopped"
        return "deadline" if self._night._over(0.0) else None


def seconds_until(clock: str, now: datetime) -> float:
    """Seconds from now to the next HH:MM of the local clock, across a change to or from summer time.

    Raises ValueError if clock is no time of day.
    """
    hour, minute = map(int, clock.split(":"))
    today = now.replace(hour=hour, minute=minute, second=0, microsecond=0, tzinfo=None)
    seconds = [
        moment.timestamp() - now.timestamp() for day in (today, today + timedelta(days=1)) for moment in _moments(day)
    ]
    return min(left for left in seconds if left > 0)


def _moments(shown: datetime) -> list[datetime]:
    """When the local clock shows this: twice where it is set back over it."""
    first, second = shown.replace(fold=0), shown.replace(fold=1)
    twice = second.timestamp() > first.timestamp()  # earlier, where the clock skips this time
    return [first, second] if twice else [first]
