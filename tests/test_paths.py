"""Names come back from the index byte for byte, and are shown as text."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceindex.store.paths import columns, join, path_of, shown, signed

NAMES = st.binary(min_size=1, max_size=30).map(lambda raw: os.fsdecode(raw.replace(b"\0", b"0")))


@given(NAMES)
def test_any_name_survives_the_index(name):
    text, raw = columns(name)
    text.encode("utf-8")  # SQLite can hold it
    assert path_of(text, raw) == name


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"])))
def test_a_valid_name_needs_no_raw_bytes(name):
    assert columns(name) == (name, b"")


@given(NAMES, NAMES)
def test_two_names_are_never_kept_alike(one, other):
    assert (columns(one) == columns(other)) == (one == other)


@given(NAMES)
def test_a_shown_name_is_one_line_of_text_without_control_characters(name):
    assert shown(name).isprintable()


def test_broken_bytes_are_shown_as_escapes():
    assert columns("caf\udce9.jpg") == ("caf\\xe9.jpg", b"caf\xe9.jpg")
    assert shown("new\nline \x1b[31m") == "new\\nline \\x1b[31m"


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        (("/lib", "2020/may", "a.jpg"), "/lib/2020/may/a.jpg"),
        (("/lib", "", "a.jpg"), "/lib/a.jpg"),
        (("/", "", "a.jpg"), "/a.jpg"),
        (("/", "etc", "a.jpg"), "/etc/a.jpg"),
    ],
)
def test_parts_join_to_a_full_path(parts, path):
    assert join(*parts) == path


@given(st.integers(0, 2**64 - 1))
def test_large_inode_numbers_fit_and_stay_different(number):
    assert -(2**63) <= signed(number) < 2**63
    assert signed(number) % 2**64 == number
