"""What every engine promises, and what only worker processes can."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from concurrent.futures import TimeoutError as TaskTimeout
from pathlib import Path
from typing import Any

import psutil
import pytest
import work
from work import Job

from faceindex import engines
from faceindex.engines import NoWorker, ProcessExecutor, WorkerDied, engine, usable_cores, workers
from faceindex.errors import UsageProblem

PATIENCE = 120  # seconds until a test gives up; nothing here takes long on a machine with time to spare


@pytest.fixture(params=["serial", "processes:2"])
def pool(request: pytest.FixtureRequest) -> Iterator[Executor]:
    """Every engine in turn."""
    with engine(request.param)() as executor:
        yield executor


@pytest.fixture
def processes() -> Iterator[Executor]:
    with engine("processes:2")() as executor:
        yield executor
        executor.shutdown(wait=False, cancel_futures=True)


def error_of(future: Future[Any]) -> BaseException | None:
    return future.exception(PATIENCE)


def eventually(condition: Callable[[], bool]) -> None:
    """Wait for something another process does."""
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def pid_in(file: Path) -> int:
    """Wait for the process id that a task writes when it runs."""
    eventually(lambda: file.exists() and file.read_text() != "")
    return int(file.read_text())


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


# ── the contract ──────────────────────────────────────────────────────────────────────────────────────


def test_a_result_arrives(pool: Executor) -> None:
    assert pool.submit(work.double, Job(4)).result(PATIENCE) == 8


def test_every_result_belongs_to_its_task(pool: Executor) -> None:
    futures = [pool.submit(work.double, Job(number)) for number in range(100)]
    assert [future.result(PATIENCE) for future in futures] == [2 * number for number in range(100)]


def test_an_exception_arrives_in_the_future(pool: Executor) -> None:
    error = error_of(pool.submit(work.fail, Job(4)))
    assert isinstance(error, ValueError)
    assert str(error) == "no 4"


def test_leaving_python_fails_only_the_task_that_tried(pool: Executor) -> None:
    error = error_of(pool.submit(work.quit_python, Job()))
    assert isinstance(error, WorkerDied)
    assert "no models" in str(error)
    assert pool.submit(work.double, Job(1)).result(PATIENCE) == 2


def test_results_may_be_large(pool: Executor) -> None:
    futures = [pool.submit(work.return_much, Job()) for _ in range(4)]
    assert [len(future.result(PATIENCE)) for future in futures] == [10_000_000] * 4


def test_a_time_limit_that_is_kept_does_no_harm(pool: Executor) -> None:
    assert pool.submit(work.double, Job(1, time_limit=float(PATIENCE))).result(PATIENCE) == 2


def test_shutdown_waits_for_what_was_submitted(pool: Executor) -> None:
    futures = [pool.submit(work.double, Job(number)) for number in range(10)]
    pool.shutdown(wait=True)
    assert all(future.done() for future in futures)


def test_nothing_is_taken_after_shutdown(pool: Executor) -> None:
    pool.shutdown()
    with pytest.raises(RuntimeError, match="shut down"):
        pool.submit(work.double, Job())


def test_shutdown_may_be_repeated(pool: Executor) -> None:
    for _ in range(2):
        pool.shutdown(wait=False, cancel_futures=True)
        pool.shutdown(wait=True)


def test_an_unused_engine_ends(pool: Executor) -> None:
    pool.shutdown(wait=True)


# ── names ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("spec", ["", "Serial", "serial:2", "processes:", "processes:0", "processes:-1", "dask"])
def test_an_unknown_engine_is_refused_with_the_names_there_are(spec: str) -> None:
    with pytest.raises(UsageProblem, match="serial, processes, processes:N"):
        engine(spec)


def test_the_number_of_workers_is_the_one_asked_for() -> None:
    assert (workers("serial"), workers("processes:7")) == (1, 7)
    assert 1 <= workers("processes") == usable_cores() <= (os.cpu_count() or 1)


def test_engines_start_without_numpy_and_dlib() -> None:
    code = "import sys, faceindex.engines; sys.exit(bool({'numpy', 'dlib', 'PIL'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ── worker processes ──────────────────────────────────────────────────────────────────────────────────

DEATHS = [
    (work.segfault, -signal.SIGSEGV, "signal 11"),
    (work.kill_itself, -signal.SIGKILL, "signal 9"),
    (work.exit_badly, 3, "code 3"),
    (work.exit_well, 0, "code 0"),
]


@pytest.mark.parametrize(("death", "exitcode", "words"), DEATHS)
def test_a_dead_worker_is_named_with_its_exit_code(
    processes: Executor, death: Callable[[Job], None], exitcode: int, words: str
) -> None:
    error = error_of(processes.submit(death, Job()))
    assert isinstance(error, WorkerDied)
    assert error.exitcode == exitcode
    assert error.signal == (-exitcode if exitcode < 0 else None)
    assert words in str(error)
    assert processes.submit(work.double, Job(1)).result(PATIENCE) == 2


def test_a_traceback_comes_with_the_exception(processes: Executor) -> None:
    error = error_of(processes.submit(work.fail, Job()))
    assert error is not None
    assert "in fail" in str(error.__cause__)


def test_an_interrupt_within_a_task_does_not_interrupt_the_parent(processes: Executor) -> None:
    assert isinstance(error_of(processes.submit(work.raise_interrupt, Job())), WorkerDied)


def test_an_exception_that_cannot_travel_arrives_as_its_text(processes: Executor) -> None:
    for function, words in (
        (work.fail_unpicklably, "NeedsTwo: one"),
        (work.fail_with_a_lock, "ValueError: <work"),
    ):
        error = error_of(processes.submit(function, Job()))
        assert isinstance(error, RuntimeError)
        assert words in str(error)


def test_a_result_that_cannot_travel_is_the_tasks_failure(processes: Executor) -> None:
    with pytest.raises(ValueError, match="I stay here"):
        processes.submit(work.return_something_unpicklable, Job()).result(PATIENCE)


def test_a_task_that_cannot_travel_fails_alone(processes: Executor) -> None:
    with pytest.raises(ValueError, match="I stay here"):
        processes.submit(work.double, work.Unpicklable()).result(PATIENCE)  # type: ignore[arg-type]
    assert processes.submit(work.double, Job(1)).result(PATIENCE) == 2


def test_a_task_that_kills_while_it_is_read_fails_alone(processes: Executor) -> None:
    error = error_of(processes.submit(work.double, work.Deadly()))  # type: ignore[arg-type]
    assert isinstance(error, WorkerDied)
    assert error.exitcode == 9


@pytest.mark.parametrize("function", [work.hang, work.spin, work.hang_ignoring_signals])
def test_a_task_over_its_time_limit_is_killed(processes: Executor, function: Callable[[Job], None]) -> None:
    error = error_of(processes.submit(function, Job(time_limit=0.5)))
    assert isinstance(error, TaskTimeout)
    assert "0.5 seconds" in str(error)
    assert processes.submit(work.double, Job(1)).result(PATIENCE) == 2


def test_waiting_for_a_worker_does_not_count_against_the_time_limit() -> None:
    with engine("processes:1")() as executor:
        first = executor.submit(work.hang, Job(time_limit=1.5))
        second = executor.submit(work.double, Job(1, time_limit=1.0))
        assert second.result(PATIENCE) == 2
        assert isinstance(error_of(first), TaskTimeout)


def test_ten_misdeeds_cost_no_other_task_its_result(processes: Executor) -> None:
    arrived: list[int] = []

    def note(future: Future[int]) -> None:
        if not future.exception():
            arrived.append(future.result())

    futures = [processes.submit(work.misbehave_sometimes, Job(number, 2.0)) for number in range(200)]
    for future in futures:
        future.add_done_callback(note)
    processes.shutdown(wait=True)
    assert sorted(arrived) == sorted(set(range(200)) - work.MISDEEDS.keys())
    assert all(error_of(futures[number]) for number in work.MISDEEDS)


def test_an_idle_worker_that_is_killed_costs_nothing() -> None:
    with engine("processes:1")() as executor:
        for number in range(5):
            os.kill(executor.submit(work.pid, Job()).result(PATIENCE), signal.SIGKILL)
            assert executor.submit(work.double, Job(number)).result(PATIENCE) == 2 * number


@pytest.mark.parametrize("request_to_leave", [signal.SIGTERM, signal.SIGHUP])
def test_a_worker_asked_to_leave_from_outside_costs_nothing(
    processes: Executor, tmp_path: Path, request_to_leave: signal.Signals
) -> None:
    file = tmp_path / "pid"
    future = processes.submit(work.finish_at_the_second_attempt, Job(5, file=str(file)))
    os.kill(pid_in(file), request_to_leave)
    assert future.result(PATIENCE) == 5


def test_an_engine_whose_workers_cannot_start_says_so_for_every_task() -> None:
    with ProcessExecutor(2, memory=2**20) as executor:
        futures = [executor.submit(work.double, Job(number)) for number in range(5)]
        assert all(isinstance(error_of(future), NoWorker) for future in futures)
        with pytest.raises(NoWorker, match="serial"):
            executor.submit(work.double, Job())


def test_an_engine_without_a_process_to_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(engines, "_Worker", refuse)
    with ProcessExecutor(2) as executor, pytest.raises(NoWorker, match="temporarily unavailable"):
        executor.submit(work.double, Job()).result(PATIENCE)


def test_workers_are_replaced_after_their_share_of_tasks() -> None:
    with ProcessExecutor(1, recycle_after=3) as executor:
        pids = [executor.submit(work.pid, Job()).result(PATIENCE) for _ in range(9)]
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 3]


def test_idle_executors_start_no_worker_and_busy_ones_no_more_than_needed() -> None:
    with ProcessExecutor(8) as executor:
        assert not executor._workers
        executor.submit(work.double, Job()).result(PATIENCE)
        assert len(executor._workers) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux binds address space")
def test_a_decompression_bomb_is_a_memory_error(processes: Executor) -> None:
    with pytest.raises(MemoryError):
        processes.submit(work.eat_memory, Job()).result(PATIENCE)


def test_workers_run_single_threaded_and_deaf_to_interrupts(
    processes: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    expected = {"threads": "1", "interrupt": True, "terminate": True, "core": 0, "numpy": False}
    assert processes.submit(work.settings, Job()).result(PATIENCE) == expected


def test_a_users_own_thread_setting_is_kept(processes: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert processes.submit(work.settings, Job()).result(PATIENCE)["threads"] == "3"


def test_an_interrupt_to_the_whole_group_leaves_workers_alone(processes: Executor) -> None:
    worker = processes.submit(work.pid, Job()).result(PATIENCE)
    os.kill(worker, signal.SIGINT)
    assert processes.submit(work.pid, Job()).result(PATIENCE) == worker


def test_a_callback_may_submit() -> None:
    done, second = threading.Event(), []
    with engine("processes:1")() as executor:

        def go_on(_: Future[int]) -> None:
            second.append(executor.submit(work.double, Job(2)))
            done.set()

        executor.submit(work.double, Job(1)).add_done_callback(go_on)
        assert done.wait(PATIENCE)
        assert second[0].result(PATIENCE) == 4


def test_shutdown_can_stop_running_tasks_at_once(tmp_path: Path) -> None:
    executor = engine("processes:1")()
    running = executor.submit(work.hang_ignoring_signals, Job(file=str(tmp_path / "pid")))
    queued = executor.submit(work.double, Job())
    pid = pid_in(tmp_path / "pid")
    executor.shutdown(wait=False, cancel_futures=True)
    assert is_gone(pid)
    assert isinstance(error_of(running), CancelledError)
    assert queued.cancelled()


def test_shutdown_can_wait_for_running_tasks_and_cancel_queued_ones(tmp_path: Path) -> None:
    executor = engine("processes:1")()
    running = executor.submit(work.hang, Job(time_limit=1.0, file=str(tmp_path / "pid")))
    queued = executor.submit(work.double, Job())
    eventually((tmp_path / "pid").exists)
    executor.shutdown(wait=True, cancel_futures=True)
    assert isinstance(error_of(running), TaskTimeout)
    assert queued.cancelled()


def test_a_callback_may_submit_even_while_the_engine_closes() -> None:
    refused = threading.Event()
    executor = engine("processes:1")()

    def go_on(_: Future[int]) -> None:
        with pytest.raises(RuntimeError, match="shut down"):
            executor.submit(work.double, Job())
        refused.set()

    executor.submit(work.hang, Job())
    executor.submit(work.double, Job()).add_done_callback(go_on)
    executor.shutdown(wait=False, cancel_futures=True)
    assert refused.wait(PATIENCE)


def test_a_cancelled_task_never_runs() -> None:
    with engine("processes:1")() as executor:
        executor.submit(work.hang, Job(time_limit=0.5))
        queued = executor.submit(work.segfault, Job())
        assert queued.cancel()
        assert executor.submit(work.double, Job(1)).result(PATIENCE) == 2


@pytest.mark.parametrize("function", ["hang", "hang_holding_the_gil"])
def test_workers_die_with_a_parent_that_was_killed(tmp_path: Path, function: str) -> None:
    code = f"import sys; sys.path[:0] = {sys.path!r}; import work; work.run_for_ever(*sys.argv[1:])"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path), function]) as parent:
        pids = [pid_in(tmp_path / "0"), pid_in(tmp_path / "1")]
        parent.kill()
    eventually(lambda: all(map(is_gone, pids)))
