"""Deadlines, signals and clocks: a scan that must stop has saved what it finished, and goes on next night."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nights import BLUE, GREEN, RED, YELLOW
from test_kill import finished, wait_for

from faceindex import db as index_file
from faceindex import report
from faceindex.pipeline import Progress, ScanOptions, Stop, examine, recognising, scan, stop

COLOURS = (RED, GREEN, BLUE, YELLOW)


@pytest.fixture
def library(home):
    for number in range(30):
        home.photo(f"{number % 5}/{number}.png", COLOURS[number % 4], COLOURS[(number + 1) % 4])
    return home


@pytest.fixture
def ticking(monkeypatch):
    """A clock that goes on by a second whenever it is read."""
    seconds = iter(range(10**9))
    monkeypatch.setattr(stop, "clock", lambda: float(next(seconds)))


@pytest.mark.parametrize("limit", [25, 28, 35, 45])
def test_nights_with_a_deadline_come_to_the_same_index(library, ticking, limit, monkeypatch):
    monkeypatch.setattr(recognising, "BATCH", 7)
    other = library.undisturbed()
    other.scan()
    nights = 0
    while True:
        night = library.scan(stop=Stop(limit))
        nights += 1
        if night.result.outcome == "done":
            break
        assert night.result.outcome == "deadline"
        assert nights < 40
    assert nights > 1
    assert library.examinations() == 30
    clusters = library.dump()["cluster"]
    assert clusters == other.dump()["cluster"]
    assert library.dump() == other.dump()


def test_a_deadline_during_the_crawl_is_told_though_nothing_is_left_to_read(library, ticking):
    library.scan()
    assert library.scan(stop=Stop(2)).result.outcome == "deadline"
    assert library.scan().result.outcome == "done"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_stops_a_scan_cleanly_and_the_next_goes_on_exactly(home, name):
    for number in range(150):
        home.photo(f"{number}.png", COLOURS[number % 4])
    other = home.undisturbed()
    process = home.command("scan", home.library, "--backend", "slow", "--engine", "processes:2")
    wait_for(home, "SELECT count(*) > 0 FROM file WHERE stale", process)
    wait_for_workers(process)
    process.send_signal(getattr(signal, name))
    code, said = finished(process)
    assert code == 4, said
    ((outcome,),) = home.rows("SELECT outcome FROM run")
    assert outcome == "stopped"
    saved = home.examinations()
    night = home.scan(backend="slow", engine="processes:2")
    assert night.counts["photos_new"] == 150 - saved
    assert night.counts["files_read"] == 150 - saved
    other.scan(backend="slow", engine="processes:2")
    assert home.dump() == other.dump()


def signalling(*signals, at=10):
    """Sends this process these signals once so many files are read."""
    numbers = iter(range(1, 10**6))

    def read(found, kind):
        if next(numbers) == at:
            for number in signals:
                os.kill(os.getpid(), number)

    return Progress(read=read)


def stopped_night(library, progress):
    options = ScanOptions((str(library.library),), engine="serial", backend="fake")
    return scan(library.index, options, Stop(), progress)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_what_was_found_until_a_signal_is_matched(library, number):
    night = stopped_night(library, signalling(number))
    assert (night.outcome, night.left_faces) == ("stopped", 0)
    assert 0 < night.left_photos < 30
    assert library.rows("SELECT count(*), sum(cluster_id IS NULL) FROM face WHERE cluster_id IS NULL") == [(0, None)]
    assert library.rows("SELECT count(*) > 0 FROM face") == [(1,)]


def test_what_cannot_be_matched_in_time_after_a_signal_is_told_and_matched_by_the_next_scan(library, monkeypatch):
    monkeypatch.setattr(stop, "MATCHING", 0.0)
    night = stopped_night(library, signalling(signal.SIGTERM))
    assert night.outcome == "stopped"
    ((faces,),) = library.rows("SELECT count(*) FROM face")
    assert night.left_faces == faces > 0
    with library.open() as db:
        told = report.text(report.summary(db, night))
    assert f"Left     {faces} faces to be matched by the next scan" in told
    assert library.scan().result.left_faces == 0


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_a_scan_at_once(library, second):
    with pytest.raises(KeyboardInterrupt):
        stopped_night(library, signalling(signal.SIGTERM, second))
    assert library.rows("SELECT outcome FROM run") == [("stopped",)]


def test_a_hang_up_is_no_second_signal(library):
    assert stopped_night(library, signalling(signal.SIGHUP, signal.SIGHUP)).left_faces == 0


@given(seconds=st.floats(0, 1e4), signalled=st.floats(0, 1e4), elapsed=st.floats(0, 1e4))
def test_matching_may_begin_for_a_minute_after_a_signal_and_never_after_the_deadline(seconds, signalled, elapsed):
    moment = 0.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stop, "clock", lambda: moment)
        night = Stop(seconds)
        matching = night.for_matching()
        assert matching.reason() == ("deadline" if seconds == 0 else None)
        with night.on_signals():
            moment = signalled
            os.kill(os.getpid(), signal.SIGTERM)
        moment = signalled + elapsed
        over = signalled + elapsed >= seconds or moment - signalled >= stop.MATCHING
        assert (matching.reason() is not None) == over


def wait_for_workers(process) -> None:
    import psutil  # noqa: PLC0415

    while len(psutil.Process(process.pid).children(recursive=True)) < 2:
        assert process.poll() is None


def test_a_scan_may_run_in_a_thread_where_no_signal_is_heard(library):
    nights = []
    thread = threading.Thread(target=lambda: nights.append(library.scan()))
    thread.start()
    thread.join()
    assert nights[0].result.outcome == "done"


def test_handlers_are_put_back(library):
    before = [signal.getsignal(number) for number in stop.SIGNALS]
    library.scan()
    assert [signal.getsignal(number) for number in stop.SIGNALS] == before


def test_a_clock_that_jumps_does_no_harm(library, monkeypatch):
    times = iter(["2031-01-01T00:00:00Z", "1999-01-01T00:00:00Z", "1970-01-01T00:00:00Z"] * 1000)
    for module in list(sys.modules.values()):
        if getattr(module, "now", None) is index_file.now:
            monkeypatch.setattr(module, "now", lambda: next(times))
    night = library.scan(stop=Stop(3600))
    assert night.result.outcome == "done"
    assert night.counts["photos_new"] == 30
    assert library.scan().counts == {"files_seen": 30}


@pytest.mark.parametrize(("behind", "again"), [(3600, 30), (30 * 86400, 0)])
def test_a_clock_set_back_makes_a_scan_read_again_for_a_day_at_most(library, monkeypatch, behind, again):
    clock = time.time_ns
    monkeypatch.setattr(examine.time, "time_ns", lambda: clock() - behind * 10**9)
    monkeypatch.setattr("nights.settle", lambda folder: None)
    library.scan()
    night = library.scan()
    assert night.counts.get("files_read", 0) == again
    assert night.news == {}


def test_a_crawl_longer_than_the_night_leaves_half_of_it_to_read_and_goes_on_behind_its_last_folder(home, ticking):
    for number in range(30):
        home.photo(f"{number:02}/a.png", RED)
    nights = []
    while home.examinations() < 30:
        nights.append(home.scan(stop=Stop(30)))
        assert len(nights) < 20
    assert {night.result.outcome for night in nights} == {"deadline"}
    assert all(night.counts["files_seen"] < 15 for night in nights)
    assert nights[0].news["photos_new"] > 0
    assert "files_read" not in home.scan().counts
    assert home.rows("SELECT count(*) FROM setting WHERE name LIKE 'crawl%'") == [(0,)]


def test_a_crawl_that_waited_for_reading_goes_on_and_is_complete(home, ticking):
    for number in range(30):
        home.photo(f"{number:02}/a.png", RED)
    home.scan()
    for name in ("00", "29"):
        home.photo(f"{name}/b.png", GREEN)
    (home.library / "15/a.png").unlink()
    night = home.scan(stop=Stop(150))
    assert night.result.outcome == "done"
    assert night.news["photos_new"] == 2
    assert night.news["files_vanished"] == 1


def test_of_two_roots_the_one_that_waited_is_crawled_first(home, ticking):
    other = home.folder / "other"
    for number in range(20):
        home.photo(f"{number:02}/a.png", RED)
        home.photo(other / f"{number:02}/a.png", GREEN)
    for _ in range(20):
        home.scan(home.library, other, stop=Stop(30))
    assert home.examinations() == 40


@given(seconds=st.floats(0.1, 1e6), elapsed=st.floats(0, 2e6))
def test_reading_is_over_before_the_night_is(seconds, elapsed):
    moment = 0.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stop, "clock", lambda: moment)
        night = Stop(seconds)
        moment = elapsed
        assert (night.reason() == "deadline") == (elapsed >= seconds)
        assert night.reading_over() == "deadline" or night.reason() is None
        assert night.reading_over() is None or elapsed >= seconds - stop.MOST_RESERVE
        assert night.grace() <= seconds * stop.RESERVE


# Berlin: at 02:00 on 28 March 2027 the clock goes to 03:00, at 03:00 on 31 October 2027 back to 02:00.
NIGHTS = {  # now, fold, until: hours
    ("2027-01-10T23:00", 0, "06:30"): 7.5,
    ("2027-01-10T06:30", 0, "06:30"): 24,
    ("2027-01-10T06:00", 0, "06:30"): 0.5,
    ("2027-03-27T23:00", 0, "06:30"): 6.5,
    ("2027-10-30T23:00", 0, "06:30"): 8.5,
    ("2027-03-27T23:00", 0, "02:30"): 3.5,  # is skipped: as long as it would have been
    ("2027-10-31T01:00", 0, "02:30"): 1.5,
    ("2027-10-31T02:40", 0, "02:30"): 5 / 6,  # comes a second time
    ("2027-10-31T02:10", 1, "02:30"): 1 / 3,
    ("2027-10-31T02:40", 1, "02:30"): 24 - 1 / 6,
}
SCRIPT = f"""
from datetime import datetime
from faceindex.pipeline.stop import seconds_until
for now, fold, until in {list(NIGHTS)!r}:
    print(seconds_until(until, datetime.fromisoformat(now).replace(fold=fold)) / 3600)
"""


def test_until_holds_across_summer_time():
    told = subprocess.run([sys.executable, "-c", SCRIPT], env={**os.environ, "TZ": "Europe/Berlin"},
                          capture_output=True, text=True, check=True).stdout  # fmt: skip
    assert [float(line) for line in told.split()] == pytest.approx(list(NIGHTS.values()))
