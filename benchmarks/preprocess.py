"""Time the preprocessing kernels against the usual ways, side by side, one thread: python benchmarks/preprocess.py

Rows that are compared take turns, REPEAT calls each as in a loop over photos; each one's best of ROUNDS counts.
The pictures are noise over soft shapes: what is in them makes no difference to anybody's time.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import time
from collections.abc import Callable

import numpy as np
from PIL import Image

from faceindex import native
from faceindex.native.preprocess import gray_shrink, shrink, tensor

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ROUNDS, REPEAT = 25, 5
BILINEAR = Image.Resampling.BILINEAR

Ways = dict[str, Callable[[], object]]


def picture(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    soft = Image.fromarray(rng.integers(0, 256, (9, 12, 3)).astype(np.uint8)).resize((width, height), BILINEAR)
    return np.clip(np.asarray(soft) + rng.integers(-20, 21, (height, width, 3)), 0, 255).astype(np.uint8)


def best(ways: Ways) -> dict[str, float]:
    """Each way's fastest round in ms a call, the ways taking turns."""
    found = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for name, run in ways.items():
            start = time.perf_counter()
            for _ in range(REPEAT):
                run()
            found[name] = min(found[name], 1e3 * (time.perf_counter() - start) / REPEAT)
    return found


def normalised(image: Image.Image) -> np.ndarray:
    """The usual steps of a framework, in numpy: float32, / 255, planes, minus mean, by std."""
    planes = np.ascontiguousarray((np.asarray(image).astype(np.float32) / 255).transpose(2, 0, 1))
    return (planes - np.reshape(np.float32(MEAN), (3, 1, 1))) / np.reshape(np.float32(STD), (3, 1, 1))


def lean(image: Image.Image) -> np.ndarray:
    """The fewest steps that numpy allows: one product, one sum, planes."""
    scale, shift = 1 / (255 * np.float32(STD)), -np.float32(MEAN) / np.float32(STD)
    return np.ascontiguousarray((np.asarray(image) * scale + shift).transpose(2, 0, 1))


def without_kernels(run: Callable[[], object]) -> Callable[[], object]:
    def switched_off() -> object:
        os.environ["FACEINDEX_NATIVE"] = "0"
        try:
            return run()
        finally:
            del os.environ["FACEINDEX_NATIVE"]

    return switched_off


def tensors() -> Ways:
    pixels, size = picture(576, 768), (240, 256)
    image, place = Image.fromarray(pixels), np.empty((3, *size), np.float32)
    return {
        "usual: open picture, resize, float / 255, planes, - mean, / std": lambda: normalised(
            image.resize((256, 240), BILINEAR)
        ),
        "usual, from an array": lambda: normalised(Image.fromarray(pixels).resize((256, 240), BILINEAR)),
        "lean: open picture, resize, one product, one sum": lambda: lean(image.resize((256, 240), BILINEAR)),
        "Pillow's resize alone": lambda: image.resize((256, 240), BILINEAR),
        "tensor": lambda: tensor(pixels, size, MEAN, STD),
        "tensor into its place in a batch": lambda: tensor(pixels, size, MEAN, STD, out=place),
        "tensor without kernels": without_kernels(lambda: tensor(pixels, size, MEAN, STD)),
    }


def grays() -> Ways:
    pixels = picture(1500, 2000)
    image = Image.fromarray(pixels)
    return {
        "Pillow: open picture, to gray, resize": lambda: image.convert("L").resize((1600, 1200), BILINEAR),
        "Pillow: from an array, resize, to gray": lambda: np.asarray(
            Image.fromarray(pixels).resize((1600, 1200), BILINEAR).convert("L")
        ),
        "gray_shrink": lambda: gray_shrink(pixels, (1200, 1600)),
        "gray_shrink without kernels": without_kernels(lambda: gray_shrink(pixels, (1200, 1600))),
    }


def colours() -> Ways:
    pixels = picture(1500, 2000)
    image = Image.fromarray(pixels)
    return {
        "Pillow: open picture, resize": lambda: image.resize((800, 600), BILINEAR),
        "Pillow: from an array": lambda: np.asarray(Image.fromarray(pixels).resize((800, 600), BILINEAR)),
        "shrink": lambda: shrink(pixels, (600, 800)),
        "shrink without kernels": without_kernels(lambda: shrink(pixels, (600, 800))),
    }


def show(title: str, ways: Ways) -> None:
    times = best(ways)
    first = next(iter(times.values()))
    print(f"\n{title}: ms, and times as fast as the first row")
    for name, ms in times.items():
        print(f"  {name:65s} {ms:8.3f} {first / ms:8.1f}")


def main() -> None:
    print(native.why_not() or "The C kernels are loaded.")
    show("(576, 768, 3) uint8 to (3, 240, 256) float32", tensors())
    show("2000x1500 RGB to 1600x1200 gray", grays())
    show("2000x1500 RGB to 800x600 RGB", colours())


if __name__ == "__main__":
    main()
