"""Writes dlib's file format, as far as tests need it: small networks whose every byte matters."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence


def integer(number: int) -> bytes:
    width = max(1, (abs(number).bit_length() + 7) // 8)
    return bytes([width | (0x80 if number < 0 else 0)]) + abs(number).to_bytes(width, "little")


def floating(number: float) -> bytes:
    fraction, exponent = math.frexp(number)
    return integer(int(fraction * 2**53)) + integer(exponent - 53 if number else 0)


def text(string: str) -> bytes:
    return integer(len(string)) + string.encode()


def tensor(shape: Sequence[int], number: float = 0.0) -> bytes:
    return b"".join(map(integer, (2, *shape))) + struct.pack("<f", number) * math.prod(shape)


def shape(*sizes: int) -> bytes:
    return b"".join(map(integer, (1, *sizes)))


def node(layer: bytes) -> bytes:
    return layer + b"000" + tensor((0, 0, 0, 0)) * 3


def convolution(outputs: int, inputs: int, size: int, stride: int, padding: int, number: float = 0.01) -> bytes:
    count = outputs * inputs * size * size + outputs
    settings = (outputs, size, size, stride, stride, padding, padding)
    return node(
        text("con_4")
        + tensor((count, 1, 1, 1), number)
        + b"".join(map(integer, settings))
        + shape(outputs, inputs, size, size)
        + shape(1, outputs, 1, 1)
        + floating(1.0) * 4
    )


def relu() -> bytes:
    return node(text("relu_"))


def batch_normalisation(channels: int) -> bytes:
    per_channel = (1, channels, 1, 1)
    return node(
        text("bn_con2")
        + tensor((2 * channels, 1, 1, 1), 0.5)
        + shape(*per_channel) * 2
        + tensor(per_channel, 0.25) * 4
        + integer(1000) * 2
        + floating(1.0) * 4
        + floating(0.0001)
    )


def detector() -> bytes:
    """A detector of three convolutions, the first two of stride 2, for faces of 20 pixels."""
    options = integer(1) + integer(20) + integer(20) + b"".join(map(floating, (1, 1, 0.5, 0.3, 1, 0.5, 1)))
    loss = text("loss_mmod_") + options
    source = text("input_rgb_image_pyramid") + b"".join(map(floating, (122.75, 117.0, 104.25)))
    first = convolution(2, 3, 3, 2, 0)
    layers = [batch_normalisation(2), relu(), convolution(2, 2, 3, 2, 0), relu(), convolution(1, 2, 3, 1, 1)]
    versions = integer(2) * len(layers) + integer(3)
    return integer(1) + loss + versions + source + first + integer(1) + b"".join(layers)
