"""A pickled encoding is read to the last bit whoever wrote it, and no pickle runs anything."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import struct
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from faceindex.tags import NotTags
from faceindex.tags.pickles import vector

ENCODING = np.random.default_rng(7).normal(size=128).astype("<f4")


def python2(values: np.ndarray, protocol: int = 0) -> bytes:
    """What Python 2 wrote: bytes and text were one, protocol 0 was what one got without asking."""
    raw = values.tobytes()
    kind = values.dtype.str[1:].encode()
    if protocol == 0:
        quoted = repr(raw)[1:].encode()
        return (
            b"cnumpy.core.multiarray\n_reconstruct\np0\n(cnumpy\nndarray\np1\n(I0\ntp2\nS'b'\np3\ntp4\nRp5\n"
            b"(I1\n(I128\ntp6\ncnumpy\ndtype\np7\n(S'"
            + kind + b"'\np8\nI0\nI1\ntp9\nRp10\n(I3\nS'<'\np11\nNNNI-1\nI-1\nI0\ntp12\nbI00\nS"
            + quoted + b"\np13\ntp14\nb."
        )  # fmt: skip
    return (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x00cnumpy\nndarray\nq\x01K\x00\x85q\x02U\x01bq\x03\x87q\x04Rq\x05"
        b"(K\x01K\x80\x85q\x06cnumpy\ndtype\nq\x07U\x02" + kind + b"q\x08K\x00K\x01\x87q\tRq\n"
        b"(K\x03U\x01<q\x0bNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x0cb\x89T" + struct.pack("<i", len(raw))
        + raw + b"q\rtq\x0eb."
    )  # fmt: skip


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("kind", ["<f4", "<f8", ">f4", ">f8"])
def test_what_any_protocol_wrote_is_read_to_the_last_bit(protocol, kind):
    assert vector(pickle.dumps(ENCODING.astype(kind), protocol)) == ENCODING.tobytes()
    assert vector(pickle.dumps(ENCODING.astype(kind).reshape(1, 128), protocol)) == ENCODING.tobytes()


@pytest.mark.parametrize("protocol", [0, 2])
@pytest.mark.parametrize("kind", ["<f4", "<f8"])
def test_what_python_2_wrote_is_read_as_python_3_reads_it(protocol, kind):
    written = python2(ENCODING.astype(kind), protocol)
    assert (pickle.loads(written, encoding="latin-1") == ENCODING.astype(kind)).all()
    assert vector(written) == ENCODING.tobytes()


def test_python_2_kept_it_as_text():
    assert vector(python2(ENCODING).decode("ascii")) == ENCODING.tobytes()


@given(arrays("<f4", 128, elements=st.floats(-10, 10, width=32)), st.integers(0, 5))
def test_every_encoding_is_read_as_it_is(values, protocol):
    assert vector(pickle.dumps(values, protocol)) == values.tobytes()
    assert vector(python2(values)) == values.tobytes()


@pytest.mark.parametrize("old", ["numpy.core.multiarray", "numpy._core.multiarray"])
def test_numpy_moved_its_rooms(old):
    pickled = pickle.dumps(ENCODING, 2)
    for name in (b"numpy._core.multiarray", b"numpy.core.multiarray"):
        pickled = pickled.replace(name, old.encode())
    assert vector(pickled) == ENCODING.tobytes()


# --- no array of 128 numbers ---


@pytest.mark.parametrize(
    "value",
    [
        None, 1, "text", b"bytes", [1.0] * 128, tuple(range(128)), {"a": 1}, 1.5, True,
        np.zeros(127), np.zeros(129), np.zeros((128, 1)), np.zeros((2, 64)), np.zeros(0), np.float64(1),
        np.zeros(128, int), np.zeros(128, complex), np.zeros(128, "f2"), np.array(["a"] * 128),
        np.array([None] * 128, object), np.zeros(128, [("x", "f4")]), np.array([print] * 128, object), np.dtype("f8"),
        np.full(128, np.nan), np.full(128, np.inf), np.full(128, 1e30), np.full(128, 1e308),
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_what_is_no_encoding_is_refused_with_a_clause(value, protocol):
    with pytest.raises(NotTags, match=r"^its encoding "):
        vector(pickle.dumps(value, protocol))


# --- hostile ---

RAN: list[str] = []


def run(word: str) -> None:
    RAN.append(word)


class Runs:
    """Runs something when it is unpickled."""

    def __init__(self, what: Any, *arguments: Any) -> None:
        self.what, self.arguments = what, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.what, self.arguments


class Loads(pickle.Unpickler):
    """What Python does with these pickles, where that is harmless."""


HOSTILE = {
    "a function of ours": Runs(run, "hostile"),
    "os.system": Runs(os.system, "touch hostile"),
    "eval": Runs(eval, "run('hostile')"),
    "exec": Runs(exec, "raise SystemExit"),
    "sys.exit": Runs(sys.exit),
    "getattr": Runs(getattr, "", "upper"),
    "open": Runs(io.open, "hostile", "w"),
    "bytearray": Runs(bytearray, 10**10),
    "numpy's loader": Runs(np.load, "hostile", None, True),
    "another array constructor": Runs(np.ones, 10**10),
    "in a list": [Runs(run, "hostile")],
    "in an array": np.array([Runs(run, "hostile")] * 128, object),
    "after an array": (ENCODING, Runs(run, "hostile")),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_would_run_something_runs_nothing(tmp_path, monkeypatch, name, protocol):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotTags, match=r"^its encoding "):
        vector(pickle.dumps(HOSTILE[name], protocol))
    assert RAN == []
    assert list(tmp_path.iterdir()) == []


def test_these_would_run_with_python_s_own(monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "RAN", [])
    Loads(io.BytesIO(pickle.dumps(HOSTILE["in an array"]))).load()
    assert sys.modules[__name__].RAN == ["hostile"]  # one object, remembered


ALLOWED = (b"cnumpy\nndarray\n", b"cnumpy\ndtype\n", b"cnumpy.core.multiarray\n_reconstruct\n", b"c_codecs\nencode\n")


@pytest.mark.parametrize(
    "pickled",
    [
        b"", b".", b"0.", b"(.", b"t.", b"R.", b"b.", b"NN.", b"q\x00.", b"h\x00.", b"g-1\n.", b"p", b"cos\nsystem\n.",
        b"cos\nsystem\n(S'touch hostile'\ntR.",
        b"(S'touch hostile'\nios\nsystem\n.",  # the older way to call
        b"(cos\nsystem\nS'touch hostile'\no.",
        b"\x80\x02cos\nsystem\n)\x81.",  # made without a call
        b"\x80\x02\x82\x01.", b"\x80\x02\x83\x01\x00.", b"\x80\x02\x84\x01\x00\x00\x00.",  # registered extensions
        b"Phostile\n.", b"Nq\x00Q.",  # of another place
        b"\x8c\x02os\x8c\x06system\x93.", b"\x8c\x05numpy\x8c\x07ndarray\x93.",
        b"\x8c\x05numpy\x8c\x16ndarray.__class__.mro\x93.",  # dotted names reach on
        b"cnumpy\nndarray.__reduce__\n.", b"cnumpy.core.multiarray\n_reconstruct.__globals__\n.",
        *(allowed + b"." for allowed in ALLOWED),
        *(allowed + b"(tR." for allowed in ALLOWED),
        *(allowed + b"(I1\ntR(I2\ntb." for allowed in ALLOWED),
        *(allowed + b"(tR(tR." for allowed in ALLOWED),  # calls what a call made
        *(allowed + b"}b." for allowed in ALLOWED),
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(L99999999999999999999L\nttR.",  # 800 EB
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I1000000000\ntS'f8'\ntR.",
        b"B\xff\xff\xff\xff.", b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.", b"\x96\xff\xff\xff\xff\xff\xff\xff\xff.",
        b"T\xff\xff\xff\xff.", b"T\x00\x00\x00\x80.", b"\x8b\xff\xff\xff\xff.", b"\x8a\xff.",
        b"Nr\xff\xff\xff\xff.", b"Np999999999999999999\n.",  # places far off
        b"N" + b"\x85" * 16_000 + b".", b"(" * 16_000 + b"t" * 16_000 + b".", b"N" + b"2" * 10_000 + b".",
        b"N" + b"q\x00h\x00\x86" * 3_000 + b".",  # twice as much with each step
        b"I" + b"9" * 16_000 + b"\n.", b"I1_0\n.", b"S'\\x'\n.", b"S'a\"\n.", b"S'\n.",
        b"V\\u12\n.", b"X\x01\x00\x00\x00\xff.",
        b"\x80\x05\x95" + b"\xff" * 8 + b"N.", pickle.dumps(ENCODING) * 20, b"\x80",
    ],
    ids=lambda pickled: repr(pickled[:40]),
)  # fmt: skip
def test_a_crafted_pickle_is_refused_with_a_clause(tmp_path, monkeypatch, pickled):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotTags, match=r"^its encoding "):
        vector(pickled)
    assert list(tmp_path.iterdir()) == []


def remade(*, kind: bytes = b"f8", state: bytes | None = None, shape: bytes = b"K\x80\x85", raw: bytes = b"") -> bytes:
    """An array as Python 2 wrote it, with something else in one place."""
    raw = raw or ENCODING.astype("f8").tobytes()
    state = b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb" if state is None else state
    return (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01" + shape
        + b"cnumpy\ndtype\nU" + bytes([len(kind)]) + kind + b"K\x00K\x01\x87R" + state
        + b"\x89T" + struct.pack("<i", len(raw)) + raw + b"tb."
    )  # fmt: skip


def test_what_is_remade_here_is_read_without_the_changes():
    assert vector(remade()) == ENCODING.tobytes()


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": b"O8"}, {"kind": b"O"}, {"kind": b"V8"}, {"kind": b"S8"}, {"kind": b"i8"}, {"kind": b"f16"},
        {"kind": b""}, {"kind": b"f8,f8"}, {"kind": b"<<f8"}, {"kind": b"M8[ns]"},
        {"state": b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x3ftb"},  # objects, by its flags
        {"state": b"(K\x03U\x01<(K\x01tNNK\x08K\x08K\x00tb"}, {"state": b"(K\x03U\x01<NU\x01xNK\x08K\x08K\x00tb"},
        {"state": b"Nb"}, {"state": b"(tb"}, {"state": b"(K\x03K\x03tb"}, {"state": b"(tb(tb"}, {"state": b"U\x01<b"},
        {"shape": b"K\x7f\x85"}, {"shape": b")"}, {"shape": b"K\x80"}, {"shape": b"N\x85"},
        {"shape": b"J\x80\xff\xff\xff\x85"},
        {"shape": b"\x8a\x08\x80\x00\x00\x00\x00\x00\x00\x01\x85"}, {"shape": b"K\x02K\x40\x86"},
        {"raw": b"\0" * 1023}, {"raw": b"\0" * 1032}, {"raw": b"\0"},
    ],
    ids=repr,
)  # fmt: skip
def test_a_dtype_or_shape_that_is_no_encoding_s_is_refused(changed):
    with pytest.raises(NotTags, match=r"^its encoding "):
        vector(remade(**changed))


@given(st.data())
def test_a_pickle_changed_anywhere_is_an_encoding_or_refused(data):
    pickled = bytearray(data.draw(st.sampled_from([pickle.dumps(ENCODING, 2), pickle.dumps(ENCODING, 4), remade()])))
    for _ in range(data.draw(st.integers(1, 4))):
        pickled[data.draw(st.integers(0, len(pickled) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert len(vector(bytes(pickled))) == 512
    except NotTags as error:
        assert str(error).startswith("its encoding ")  # noqa: PT017  (both are right)


@given(st.lists(st.sampled_from([op.code.encode("latin-1") for op in pickletools.opcodes]), max_size=60), st.binary())
def test_any_instructions_in_any_order_are_refused(codes, noise):
    with pytest.raises(NotTags, match=r"^its encoding "):
        vector(b"".join(codes) + noise)
