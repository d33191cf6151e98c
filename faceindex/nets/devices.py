"""What a network can run on here: a table of devices, and which of them onnxruntime was built for.

An onnxruntime for another device is a package of its own that takes the place of plain `onnxruntime`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from faceindex.errors import UsageProblem

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Device:
    name: str
    provider: str  # onnxruntime's name for it
    package: str  # what to install for it
    options: dict[str, str] = field(default_factory=dict)  # for results equal to dlib's: nothing below float32


CPU = Device("cpu", "CPUExecutionProvider", "onnxruntime")

# Best first, those behind the CPU only when asked for by name: CoreML may compute in half precision,
# OpenVINO is as fast as the CPU itself unless it may, too, and its first run on a GPU takes long.
DEVICES = (
    # Looking for the best algorithm anew for every shape of picture would take seconds.
    Device(
        "cuda",
        "CUDAExecutionProvider",
        "onnxruntime-gpu",
        {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"},
    ),
    Device("migraphx", "MIGraphXExecutionProvider", "onnxruntime-migraphx"),
    Device("rocm", "ROCMExecutionProvider", "onnxruntime-rocm"),
    Device("directml", "DmlExecutionProvider", "onnxruntime-directml"),
    CPU,
    Device(
        "openvino",
        "OpenVINOExecutionProvider",
        "onnxruntime-openvino",
        {"device_type": "CPU", "precision": "FP32", "num_of_threads": "1"},
    ),
    Device(
        "openvino-gpu",
        "OpenVINOExecutionProvider",
        "onnxruntime-openvino",
        {"device_type": "GPU", "precision": "FP32"},
    ),
    Device("coreml", "CoreMLExecutionProvider", "onnxruntime"),
)


def available() -> list[str]:
    """Names of the devices that this onnxruntime was built for, best first; "cpu" is always among them."""
    return [device.name for device in DEVICES if device.provider in _providers()]


def device_named(name: str) -> Device:
    """The device of that name, or the best one for "auto"; raises UsageProblem if it is not to be had here."""
    there = [device for device in DEVICES if device.provider in _providers()]
    if name == AUTO:
        return there[0]
    for device in there:
        if device.name == name:
            return device
    raise UsageProblem(_why_not(name))


def is_cpu(name: str) -> bool:
    """Whether work for that device, or for "auto", is done by the CPU's own provider."""
    return device_named(name) == CPU


def _why_not(name: str) -> str:
    usable = ", ".join([AUTO, *available()])
    for device in DEVICES:
        if device.name == name:
            return (
                f"the device {name} needs the package {device.package} in place of onnxruntime; usable here: {usable}"
            )
    return f"no device {name!r}; there are {', '.join(device.name for device in DEVICES)}; usable here: {usable}"


@cache
def _providers() -> frozenset[str]:
    import onnxruntime  # noqa: PLC0415  (slow to import, and --help lists no devices)

    return frozenset(onnxruntime.get_available_providers()) | {CPU.provider}
