"""What one browser is asked: a queue for each session, whose questions are found beside, so that nobody waits for that.

Queue     pipeline/asking.py, but the questions are found by a thread of their own
Sitting   a queue, which question has which number, what is asked now, and what came of the last answer
Sittings  those of all sessions, a bounded number
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

from faceindex.db import open_index, transaction
from faceindex.errors import FaceindexError, UsageProblem
from faceindex.pipeline import asking
from faceindex.pipeline.answering import Answer, Gained, Question
from faceindex.store import gallery, journal, people
from faceindex.wording import counted

PATIENCE = 0.1  # seconds that a page waits for questions before it says that they are being looked for
MOST_SITTINGS = 16
MOST_WAITING = 1000  # questions, the best: found anew long before they are all answered
MOST_NUMBERS = 500  # questions that a browser may still answer: it shows one and has the next ready
ANSWERS: dict[str, Answer] = {"yes": "yes", "no": "no", "other": "other", "ignore": "ignore"}
ONCE_MORE = "taken back; once more"
ELSEWHERE = "somebody changed that in the meantime, so nothing was done; here is the next question"


@dataclass(slots=True)
class Queue(asking.Queue):
    """Says that questions are wanted, where the command line's has them found while the user waits."""

    wanted: bool = True
    beyond: int = 0  # questions that are not waiting, because so many better ones are

    def _find(self) -> None:
        self.wanted, self.stale = True, 0

    @property
    def left(self) -> int:
        return len(self._ahead()) + self.beyond

    def take(self, found: list[Question]) -> None:
        """Have these wait, but for those that were dealt with."""
        twice = {key for key in self.skipped if self.skipped.count(key) > 1}
        fit = [each for each in found if each.key not in self.answered and each.key not in twice]
        self.waiting, self.beyond = fit[:MOST_WAITING], len(fit[MOST_WAITING:])

    def note(self) -> None:
        """Have questions be found anew where they should be by now; as `next`, which a browser may be ahead of."""
        if self.stale and (self.seconds < asking.QUICK or self.stale >= asking.SEVERAL):
            self._find()

    def after(self, question: Question) -> Question | None:
        """What is asked when this one is answered, unless the answer settles that too."""
        return next((each for each in self._ahead() if each.key != question.key and self.stands(each)), None)

    def is_open(self, question: Question) -> bool:
        """Whether it can be answered: nobody did so here, nor settled it elsewhere."""
        return question.key not in self.answered and self.stands(question)

    def forget_last(self) -> None:
        """Count the last answer no more: it was taken back elsewhere, or could not be kept."""
        self.forget(len(self.done) - 1)

    def forget(self, place: int) -> None:
        gone = self.done.pop(place)
        self.gained.add(gone.gained, -1)
        self.answered.discard(gone.question.key)


@dataclass(slots=True)
class Sitting:
    """One browser's review; whoever uses it holds its lock and has set the queue's connection."""

    queue: Queue
    lock: threading.Lock = field(default_factory=threading.Lock)
    found: threading.Event = field(default_factory=threading.Event)  # questions were found once
    finding: bool = False
    seen: str = ""  # the index's news, as of the last request
    trouble: Exception | None = None  # why they could not be found
    numbers: OrderedDict[Question, int] = field(default_factory=OrderedDict)
    given: int = 0  # the last number
    now: Question | None = None
    skipped_last: bool = False
    told: str = ""  # what the last answer did …
    wrong: str = ""  # … or why it could not be

    def number(self, question: Question) -> int:
        """By which a browser names this question."""
        if question not in self.numbers:
            self.given += 1
            self.numbers[question] = self.given
            if len(self.numbers) > MOST_NUMBERS:
                self.numbers.popitem(last=False)
        return self.numbers[question]

    def numbered(self, number: int) -> Question | None:
        """The question of this number."""
        return next((question for question, each in self.numbers.items() if each == number), None)


@dataclass(slots=True)
class Sittings:
    """By session; the one that was not used for longest makes place."""

    by_session: OrderedDict[Hashable, Sitting] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, session: Hashable, db: sqlite3.Connection, backend: str) -> Sitting:
        with self.lock:
            if session not in self.by_session:
                self.by_session[session] = Sitting(Queue(db, backend), seen=gallery.news(db))
            self.by_session.move_to_end(session)
            while len(self.by_session) > MOST_SITTINGS:
                self.by_session.popitem(last=False)
            return self.by_session[session]


# ----------------------------------------------------------------------------------------- finding


def look(sitting: Sitting, index: Path) -> None:
    """Have questions be found beside, if they are wanted and nobody is at it."""
    with sitting.lock:
        if not sitting.queue.wanted or sitting.finding:
            return
        sitting.finding, sitting.queue.wanted = True, False
    Thread(target=_find, args=(sitting, index), name="questions", daemon=True).start()


def _find(sitting: Sitting, index: Path) -> None:
    try:
        begun = time.monotonic()
        with closing(open_index(index)) as db:
            found = asking.suggestions(db, sitting.queue.backend)
        with sitting.lock:
            sitting.queue.take(found)
            sitting.queue.seconds = time.monotonic() - begun
            sitting.trouble = None
    except (FaceindexError, sqlite3.Error, OSError) as error:  # whoever asks next is told
        sitting.trouble = error
        sitting.queue.wanted = True
    finally:
        sitting.finding = False
        sitting.found.set()


# ----------------------------------------------------------------------------------- with the lock held


def now(sitting: Sitting) -> Question | None:
    """What is asked: the same as before while it can be answered, else what gains most."""
    if sitting.now is None or not sitting.queue.is_open(sitting.now):
        sitting.now = sitting.queue.next()
        sitting.queue.wanted |= sitting.now is None and sitting.queue.beyond > 0
    return sitting.now


def meet_trouble(sitting: Sitting) -> None:
    """Raise what went wrong while questions were looked for, once."""
    trouble, sitting.trouble = sitting.trouble, None
    if trouble is not None:
        raise trouble


def goes_on(sitting: Sitting) -> bool:
    """Whether questions are being looked for, or will be."""
    return sitting.finding or sitting.queue.wanted or not sitting.found.is_set()


def show(sitting: Sitting, number: int) -> None:
    """Let that be asked which a browser shows already, if it can be answered."""
    question = sitting.numbered(number)
    if question is not None and sitting.queue.is_open(question):
        sitting.now = question


def catch_up(sitting: Sitting) -> None:
    """Ask again what was answered here and taken back elsewhere; find anew where something changed elsewhere."""
    queue, news = sitting.queue, gallery.news(sitting.queue.db)
    if news == sitting.seen:
        return
    sitting.seen = news
    queue.wanted = queue.wanted or queue.seconds < asking.QUICK or sitting.now is None
    for place in range(len(queue.done) - 1, -1, -1):
        entry = journal.one(queue.db, queue.done[place].journal_id)
        if entry is not None and entry.undone_at is not None:
            sitting.now, sitting.told = queue.done[place].question, ONCE_MORE
            queue.forget(place)


def give(sitting: Sitting, number: int, answer: str, name: str, *, new: bool = False) -> None:
    """Answer a question; raises FaceindexError where that cannot be, and then nothing was done.

    `new` says that the name is somebody's who is not known, though one is whose name has other accents.
    """
    question = sitting.numbered(number)
    if question is None or question.key in sitting.queue.answered:
        raise UsageProblem("that question is no longer open; here is one that is")
    if answer == "skip":
        sitting.queue.skip(question)
        sitting.told = "skipped; comes last"
    elif answer in ANSWERS:
        sitting.told = _answer(sitting.queue, question, ANSWERS[answer], name, new=new)
    else:
        raise UsageProblem("that is no answer; choose one of those offered")
    sitting.skipped_last, sitting.now = answer == "skip", None
    sitting.queue.note()
    sitting.seen = gallery.news(sitting.queue.db)  # what was done here is no news


def _answer(queue: Queue, question: Question, answer: Answer, name: str, *, new: bool) -> str:
    """One entry, if what is asked about is still as it was: nobody can change it in between."""
    if answer == "other":
        typed = people.clean_name(name)
        name = (people.called if new else people.sounding)(queue.db, typed) or typed
    before = len(queue.done)
    try:
        with transaction(queue.db):
            if not queue.stands(question):
                raise UsageProblem(ELSEWHERE)
            queue.answer(question, answer, name)
    except BaseException:
        if len(queue.done) > before:
            queue.forget_last()
        raise
    return _in_short(question, answer, name, queue.done[-1].gained)


def _in_short(question: Question, answer: Answer, name: str, gained: Gained) -> str:
    """What an answer did, for somebody who sees the next question already."""
    person = name if answer == "other" else question.person
    if answer == "no":
        return f"not {person}; remembered" if person else "two people; remembered"
    if answer == "ignore" or not person:
        return in_words(gained)
    return f"{person}: {in_words(gained) or 'never doubted again'}"


def back(sitting: Sitting) -> None:
    """Take back the last answer, or have that asked again which was skipped last."""
    queue = sitting.queue
    if sitting.skipped_last and queue.skipped:
        key = queue.skipped.pop()
        sitting.now = next((each for each in queue.waiting if each.key == key), None)
        sitting.told = "once more"
    elif not queue.done:
        raise UsageProblem("there is no answer of this review to take back; Undo at the top goes further back")
    else:
        sitting.now, sitting.told = queue.undo(), ONCE_MORE
        sitting.seen = gallery.news(queue.db)
    sitting.skipped_last = False


def in_words(gained: Gained) -> str:
    """What answers did: 5 faces named, 1 cluster merged."""
    parts = (
        (gained.named, "face", "named"), (gained.merged, "cluster", "merged"),
        (gained.righted, "face", "put right"), (gained.ignored, "face", "left alone"),
    )  # fmt: skip
    return ", ".join(f"{counted(number, noun)} {what}" for number, noun, what in parts if number)
