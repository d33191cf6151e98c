"""Networks run on the device asked for, and on the CPU where that fails: no photo is lost by it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import dlib_file
import numpy as np
import pytest

from faceindex.errors import UsageProblem
from faceindex.nets import devices, sessions
from faceindex.nets.detector import FaceDetector
from faceindex.nets.devices import CPU, DEVICES, Device, device_named
from faceindex.nets.sessions import Session, fallbacks, start_session


@pytest.fixture
def gpu(monkeypatch) -> Device:
    """A machine whose onnxruntime was built for CUDA, and a process that has seen nothing fail."""
    monkeypatch.setattr(devices, "_providers", lambda: frozenset({"CUDAExecutionProvider", CPU.provider}))
    monkeypatch.setattr(sessions, "_failed", set())
    monkeypatch.setattr(sessions, "_lines", [])
    return device_named("cuda")


class Adder:
    """Answers x + 1; fails from the given run on."""

    def __init__(self, last: int = 10**6) -> None:
        self.left = last

    def run(self, outputs, inputs):
        if not self.left:
            raise RuntimeError("CUDA failure 2:\n out of memory")
        self.left -= 1
        return [inputs["x"] + 1]


X = np.arange(3.0)


def test_the_cpu_is_always_there():
    assert "cpu" in devices.available()
    assert device_named("cpu") == CPU


def test_auto_takes_the_best_there_is(gpu):
    assert device_named("auto") == gpu
    assert devices.available() == ["cuda", "cpu"]


def test_auto_takes_the_cpu_before_what_may_compute_less_exactly(monkeypatch):
    providers = frozenset({"OpenVINOExecutionProvider", "CoreMLExecutionProvider", CPU.provider})
    monkeypatch.setattr(devices, "_providers", lambda: providers)
    assert device_named("auto") == CPU
    assert device_named("openvino").provider == "OpenVINOExecutionProvider"


def test_a_device_that_is_not_installed_is_told_with_what_to_install(gpu):
    with pytest.raises(UsageProblem, match=r"directml needs the package onnxruntime-directml .* auto, cuda, cpu"):
        device_named("directml")


def test_an_unknown_device_is_told_with_those_there_are(gpu):
    with pytest.raises(UsageProblem, match=r"no device 'abacus'; there are cuda, .*; usable here: auto, cuda, cpu"):
        device_named("abacus")


def test_names_of_devices_are_unique():
    assert len({device.name for device in DEVICES}) == len(DEVICES)


def test_a_device_that_fails_to_start_is_replaced_by_the_cpu(gpu):
    def start(graph, device):
        if device == gpu:
            raise RuntimeError("no driver")
        return Adder()

    session = Session(lambda: b"graph", "cuda", start)
    assert session.run(x=X).tolist() == [1, 2, 3]
    assert session.device == CPU
    assert fallbacks() == ["cuda failed (no driver); this worker goes on with the CPU"]


def test_a_device_that_fails_in_mid_run_loses_no_answer(gpu):
    session = Session(lambda: b"graph", "auto", lambda _, device: Adder(2 if device == gpu else 10**6))
    assert [session.run(x=X + n).tolist()[0] for n in range(5)] == [1, 2, 3, 4, 5]
    assert fallbacks() == ["cuda failed (CUDA failure 2: out of memory); this worker goes on with the CPU"]
    assert fallbacks() == []


def test_threads_that_share_a_failing_device_all_get_their_answer(gpu):
    together = threading.Barrier(4)

    class Failing:
        def run(self, outputs, inputs):
            together.wait(10)
            raise RuntimeError("CUDA failure")

    session = Session(lambda: b"graph", "cuda", lambda graph, device: Adder() if device == CPU else Failing())
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: session.run(x=X), range(4)))
    assert all(np.array_equal(answer, X + 1) for answer in answers)
    assert len(fallbacks()) == 1


@pytest.mark.parametrize("said", ["std::bad_alloc", "Failed to allocate memory for requested buffer of size 1"])
def test_memory_that_runs_out_on_the_cpu_is_a_memory_error(gpu, said):
    class Full:
        def run(self, outputs, inputs):
            raise RuntimeError(f"[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : {said}")

    with pytest.raises(MemoryError):
        Session(lambda: b"graph", "cpu", lambda graph, device: Full()).run(x=X)


def test_a_device_that_fails_again_is_told_of_once(gpu):
    for _ in range(3):
        Session(lambda: b"graph", "cuda", lambda _, device: Adder(0 if device == gpu else 1)).run(x=X)
    assert len(fallbacks()) == 1


def test_what_fails_on_the_cpu_too_is_raised(gpu):
    session = Session(lambda: b"graph", "cuda", lambda *_: Adder(0))
    with pytest.raises(RuntimeError, match="out of memory"):
        session.run(x=X)


def test_a_missing_device_is_noticed_and_nothing_is_printed(gpu, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("FACEINDEX_CACHE", str(tmp_path))
    (tmp_path / "small.dat").write_bytes(dlib_file.detector())
    picture = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    expected = FaceDetector(tmp_path / "small.dat", "cpu").detect(picture, -1e9)
    assert FaceDetector(tmp_path / "small.dat", "cuda").detect(picture, -1e9) == expected
    assert len(fallbacks()) == 1
    assert capfd.readouterr() == ("", "")


def test_a_graph_that_is_none_is_an_error_and_nothing_is_printed(capfd):
    with pytest.raises(Exception, match=r"(?i)protobuf"):
        start_session(b"no graph", CPU)
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif("openvino" not in devices.available(), reason="onnxruntime is not built for OpenVINO here")
def test_openvino_finds_what_the_cpu_finds(astronaut, tmp_path, monkeypatch):
    monkeypatch.setenv("FACEINDEX_CACHE", str(tmp_path))
    (tmp_path / "small.dat").write_bytes(dlib_file.detector())
    cpu, openvino = (FaceDetector(tmp_path / "small.dat", device) for device in ("cpu", "openvino"))
    found, expected = openvino.detect(astronaut, -1e9), cpu.detect(astronaut, -1e9)
    assert [one.score for one in found] == pytest.approx([one.score for one in expected], abs=1e-4)
    assert fallbacks() == []
