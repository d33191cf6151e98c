"""A network that runs: on its device, and where that fails on the CPU, so that no photo is lost by it.

One thread and no spinning per session: a worker per core is faster than threads that wait for each other.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import threading
from typing import TYPE_CHECKING, Any, Protocol

import onnxruntime

from faceindex.nets.devices import CPU, Device, device_named

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from faceindex.nets.layers import Floats

SILENT = 4  # log nothing but what ends the process
NO_MEMORY = ("bad_alloc", "Failed to allocate", "!= nullptr was false")  # in onnxruntime's messages
LONGEST = 200  # characters of a driver's message


class Running(Protocol):
    """The part of onnxruntime.InferenceSession that is used here."""

    def run(self, outputs: None, inputs: dict[str, NDArray[Any]]) -> list[Any]: ...


class Session:
    """A graph on a device. Threads may share it."""

    def __init__(
        self,
        load: Callable[[], Path | bytes],
        device: str,
        start: Callable[[Path | bytes, Device], Running] | None = None,
    ) -> None:
        """`load` gives the graph, again if the device fails; raises UsageProblem if there is no such device."""
        self._load = load
        self._start = start or start_session
        self.device = device_named(device)
        graph = load()
        try:
            self._running = self._start(graph, self.device)
        except Exception as error:  # drivers fail with whatever they like
            if self.device == CPU:
                raise
            self._fall_back(error)

    def run(self, **inputs: NDArray[np.generic]) -> Floats:
        """The graph's first output; raises MemoryError if the CPU's memory does not suffice."""
        device, running = self.device, self._running
        try:
            return _output(running, inputs)
        except Exception as error:  # drivers fail with whatever they like
            if device == CPU:
                raise _as_memory_error(error) from error
            with _lock:
                if self.device != CPU:  # another thread may have been here first
                    self._fall_back(error)
        return self.run(**inputs)

    def _fall_back(self, error: Exception) -> None:
        _remember(self.device.name, error)
        self._running = self._start(self._load(), CPU)
        self.device = CPU


def _output(running: Running, inputs: dict[str, NDArray[Any]]) -> Floats:
    output: Floats = running.run(None, inputs)[0]
    return output


def _as_memory_error(error: Exception) -> Exception:
    """onnxruntime says in many words that memory ran out, and raises RuntimeError."""
    is_memory = any(sign in str(error) for sign in NO_MEMORY)
    return MemoryError("memory ran out in a network; use fewer workers") if is_memory else error


def start_session(graph: Path | bytes, device: Device) -> Running:
    """Start onnxruntime on a device; raises RuntimeError if it would run elsewhere."""
    onnxruntime.set_default_logger_severity(SILENT)
    providers = [(device.provider, device.options)] + ([] if device == CPU else [(CPU.provider, {})])
    if device.name == "cuda":
        _find_cuda()
    source = graph if isinstance(graph, bytes) else str(graph)
    # onnxruntime has a fallback of its own that prints, and hides that it happened.
    session = onnxruntime.InferenceSession(source, _options(), providers=providers, enable_fallback=0)
    if device.provider not in session.get_providers():
        raise RuntimeError("onnxruntime found no such device")
    _give_back_memory()
    running: Running = session
    return running


def _find_cuda() -> None:
    """Load CUDA's libraries from the packages of the index, where they are; onnxruntime tells of others on stdout."""
    with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
        onnxruntime.preload_dlls()


def _give_back_memory() -> None:
    """Give the system back what loading a graph took and no longer needs: 50 MB of the encoder's, with glibc."""
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)


def _options() -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = SILENT
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # Photos have many shapes: what was needed for the largest would be kept for ever, and planned for each.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    return options


_lock = threading.RLock()
_failed: set[str] = set()  # devices that this process has told about
_lines: list[str] = []  # what nobody has fetched yet


def fallbacks() -> list[str]:
    """One line for each device that has failed in this process since this was last asked."""
    with _lock:
        lines = list(_lines)
        _lines.clear()
    return lines


def _remember(device: str, error: Exception) -> None:
    """Remember that a device failed, once in a process."""
    with _lock:
        if device in _failed:
            return
        _failed.add(device)
        reason = " ".join(str(error).split())[:LONGEST] or type(error).__name__
        _lines.append(f"{device} failed ({reason}); this worker goes on with the CPU")
