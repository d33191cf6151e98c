"""Encodes faces with dlib's network, without dlib: the same 128 numbers, many times as fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceindex.nets.cache import cached_graph
from faceindex.nets.sessions import Session

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from faceindex.nets.layers import Floats

SIDE = 150  # pixels of a chip
BATCH = 16  # chips at once: more are no faster, and take more memory


class FaceEncoder:
    """dlib's face recognition network on any device; raises BadWeights if the file is none."""

    def __init__(self, weights: Path, device: str = "auto") -> None:
        self._session = Session(lambda: cached_graph("encoder", weights, lambda: _build(weights)), device)

    def encode(self, chips: NDArray[np.uint8]) -> Floats:
        """Encodings, float32 (n, 128), of chips, uint8 (n, 150, 150, 3) RGB, aligned as dlib.get_face_chip does."""
        if chips.shape[1:] != (SIDE, SIDE, 3) or chips.dtype != np.uint8:
            raise ValueError(f"chips are uint8 (n, {SIDE}, {SIDE}, 3), not {chips.dtype} {chips.shape}")
        batches = [self._session.run(chips=chips[first : first + BATCH]) for first in range(0, len(chips), BATCH)]
        return np.concatenate(batches) if batches else np.zeros((0, 128), np.float32)


def _build(weights: Path) -> bytes:
    # These import onnx: slow, and needed once in a life.
    from faceindex.nets.encoder_graph import encoder_graph  # noqa: PLC0415
    from faceindex.nets.weights import read_network  # noqa: PLC0415

    return encoder_graph(read_network(weights))
