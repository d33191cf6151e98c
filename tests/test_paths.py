"""Names come back from the index byte for byte, and are shown as text; roots never overlap."""

from __future__ import annotations

import os
from contextlib import closing

import library
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceindex.errors import UsageProblem
from faceindex.store import roots
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


@pytest.fixture
def db(tmp_path):
    with closing(library.new_index(tmp_path)) as index:
        library.add_root(index, "/a/photos")
        library.add_root(index, "/b")
        yield index


def test_a_root_is_added_once(db):
    assert roots.add(db, "/b") == roots.ids(db)["/b"]
    assert list(roots.ids(db)) == ["/a/photos", "/b"]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/b/2020", "/b/2020 lies inside the root /b; scan that"),
        ("/a", "/a contains the root /a/photos; run 'faceindex root remove /a/photos' first"),
        ("/", "/ contains the root /a/photos"),
    ],
)
def test_a_root_inside_or_around_another_is_refused(db, path, sentence):
    before = roots.ids(db)
    with pytest.raises(UsageProblem, match=sentence):
        roots.add(db, path)
    assert roots.ids(db) == before


def test_a_root_that_only_begins_like_another_is_none_of_it(db):
    roots.add(db, "/b2")
    roots.add(db, "/a/photos (old)")
    assert len(roots.ids(db)) == 4


def test_a_root_by_another_name_is_refused(db, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    roots.add(db, str(tmp_path / "photos"))
    with pytest.raises(UsageProblem, match="by another name; scan that"):
        roots.add(db, str(tmp_path / "link"))


@pytest.mark.parametrize(
    ("path", "sentence"), [("/a/photos", "is a root already"), ("/a/photos/x", "lies inside"), ("/a", "contains")]
)
def test_a_root_moves_neither_onto_nor_into_nor_around_another(db, path, sentence):
    with pytest.raises(UsageProblem, match=sentence):
        roots.move(db, roots.find(db, "/b"), path)


def test_a_root_may_move_within_itself(db):
    number = roots.find(db, "/b")
    roots.move(db, number, "/b/c")
    assert roots.ids(db)["/b/c"] == number


def test_a_removed_root_is_back_with_all_its_files_when_it_is_added_again(db):
    library.add_file(db, "/b/a.jpg", "a")
    number = roots.find(db, "/b")
    roots.remove(db, number)
    with pytest.raises(UsageProblem, match="/b is not a root; roots are: /a/photos"):
        roots.find(db, "/b")
    assert roots.add(db, "/b") == number
    assert [(root.path, root.files) for root in roots.all_roots(db)] == [("/a/photos", 0), ("/b", 1)]
