"""What the crawler sees, what it leaves out, and what it survives."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from faceindex import crawl as module
from faceindex.crawl import DEFAULT_EXCLUDES, Excludes, crawl, excludes, root_state
from faceindex.models import File, Listing

EVERYTHING = excludes((), defaults=False)


def touch(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x")


def listings(root: Path, rules: Excludes = EVERYTHING) -> dict[str, Listing]:
    return {listing.folder: listing for listing in crawl(str(root), rules)}


def paths(root: Path, rules: Excludes = EVERYTHING) -> list[str]:
    """Paths of all files seen, in the order seen."""
    return [f"{ls.folder}/{f.name}".lstrip("/") for ls in crawl(str(root), rules) for f in ls.files]


def only_file(root: Path) -> File:
    [file] = listings(root)[""].files
    return file


def raise_for(monkeypatch: pytest.MonkeyPatch, function: str, name: str, error: OSError) -> None:
    """Let os.scandir or os.stat fail for paths that end in name, as chmod would if we were not root."""
    real = getattr(os, function)

    def failing(path: str, *args: Any, **kwargs: Any) -> Any:
        if str(path).endswith(name):
            raise error
        return real(path, *args, **kwargs)

    monkeypatch.setattr(module.os, function, failing)


# ── what is seen ──────────────────────────────────────────────────────────────────────────────────────


def test_a_file_is_what_stat_says(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    status = os.stat(tmp_path / "a.jpg")
    assert only_file(tmp_path) == File(
        "a.jpg", "photo", 1, status.st_mtime_ns, status.st_ctime_ns, status.st_dev, status.st_ino
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jpg", "photo"), ("a.JPEG", "photo"), ("a.b.HeIc", "photo"),
        ("a.txt", "other"), ("jpg", "other"), ("a.jpg.xmp", "other"), ("a.", "other"), ("a.cr2", "other"),
    ],
)  # fmt: skip
def test_the_suffix_tells_a_photo(tmp_path: Path, name: str, kind: str) -> None:
    touch(tmp_path, name)
    assert only_file(tmp_path).kind == kind


def test_links_pipes_and_sockets_are_special(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path may have no more than 108 bytes
    touch(tmp_path, "real.jpg")
    Path("link.jpg").symlink_to("real.jpg")
    Path("broken.jpg").symlink_to("nowhere")
    os.mkfifo("pipe.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.jpg")
        kinds = {file.name: file.kind for file in listings(tmp_path)[""].files}
    assert kinds.pop("real.jpg") == "photo"
    assert kinds == dict.fromkeys(("link.jpg", "broken.jpg", "pipe.jpg", "socket.jpg"), "special")


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    touch(tmp_path, "a/b/photo.jpg")
    (tmp_path / "a/b/up").symlink_to(tmp_path)
    assert paths(tmp_path) == ["a/b/photo.jpg", "a/b/up"]


def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    touch(tmp_path, "real/a.jpg")
    (tmp_path / "link").symlink_to("real")
    assert paths(tmp_path / "link") == ["a.jpg"]


def test_folders_and_files_come_in_the_order_of_names_and_parents_first(tmp_path: Path) -> None:
    touch(tmp_path, "b/2.jpg", "b/1.jpg", "a/d/x.jpg", "a/c/x.jpg", "z.jpg", "B/x.jpg")
    assert [listing.folder for listing in crawl(str(tmp_path))] == ["", "B", "a", "a/c", "a/d", "b"]
    assert paths(tmp_path) == ["z.jpg", "B/x.jpg", "a/c/x.jpg", "a/d/x.jpg", "b/1.jpg", "b/2.jpg"]


def test_an_empty_folder_has_a_listing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert listings(tmp_path)["empty"] == Listing("empty")


names = st.binary(min_size=1, max_size=40).filter(
    lambda name: not set(b"/\0") & set(name) and name not in (b".", b"..", b".nomedia", b".faceindexignore")
)


@given(name=names, folder=names)
@example(name=b"two\nlines.jpg", folder=b" ")
@example(name=b"\xff\xfe.jpg", folder=b"\xff")
@example(name="日本.jpg".encode(), folder=b"-rf *")
def test_every_name_survives(name: bytes, folder: bytes) -> None:
    with tempfile.TemporaryDirectory() as root:
        path = os.fsencode(root) + b"/" + folder
        try:
            os.mkdir(path)
            open(path + b"/" + name, "w").close()
        except OSError:  # a file system that wants UTF-8
            assume(False)
        [(found, file)] = [(ls.folder, f) for ls in crawl(root, EVERYTHING) for f in ls.files]
        assert (os.fsencode(found), os.fsencode(file.name)) == (folder, name)


# ── what is left out ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("*.png", ["a/b/x.jpg", "a/x.jpg", "b/x.jpg"]),
        ("*.PNG", ["a/b/x.jpg", "a/x.jpg", "a/x.png", "b/x.jpg"]),
        ("b", ["a/x.jpg", "a/x.png"]),
        ("b/", ["a/x.jpg", "a/x.png"]),
        ("/b", ["a/b/x.jpg", "a/x.jpg", "a/x.png"]),
        ("a/b", ["a/x.jpg", "a/x.png", "b/x.jpg"]),
        ("a/b/", ["a/x.jpg", "a/x.png", "b/x.jpg"]),
        ("a/x.jpg/", ["a/b/x.jpg", "a/x.jpg", "a/x.png", "b/x.jpg"]),
        ("x.jpg/", ["a/b/x.jpg", "a/x.jpg", "a/x.png", "b/x.jpg"]),
        ("a/*.jpg", ["a/x.png", "b/x.jpg"]),
        ("[ab]/x.*", ["a/b/x.jpg"]),
        ("", ["a/b/x.jpg", "a/x.jpg", "a/x.png", "b/x.jpg"]),
    ],
)
def test_patterns_leave_out_what_they_match(tmp_path: Path, pattern: str, left: list[str]) -> None:
    touch(tmp_path, "a/x.jpg", "a/x.png", "a/b/x.jpg", "b/x.jpg")
    assert sorted(paths(tmp_path, excludes([pattern], defaults=False))) == left


def test_what_is_excluded_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "a/keep.jpg", "a/x.png", "b/x.jpg")
    seen = listings(tmp_path, excludes(["*.png", "b"]))
    assert seen[""].excluded == ("b",)
    assert seen["a"].excluded == ("x.png",)
    assert "b" not in seen


@pytest.mark.parametrize(
    "path",
    [
        ".hidden.jpg", ".thumbnails/a.jpg", "x/.picasaoriginals/a.jpg", "x/@eaDir/a.jpg", "#recycle/a.jpg",
        "@Recently-Snapshot/a.jpg", "Previews.lrdata/1/a.jpg", "$RECYCLE.BIN/a.jpg", "Thumbs.db", "__MACOSX/a.jpg",
        "x/My.photoslibrary/resources/derivatives/a.jpg", "Old.photolibrary/Thumbnails/a.jpg",
        "Trip/CaptureOne/Cache/a.jpg", "appdata_oc1/preview/a.jpg",
    ],
)  # fmt: skip
def test_what_other_programs_keep_is_left_out(tmp_path: Path, path: str) -> None:
    touch(tmp_path, path, "My.photoslibrary/originals/0/a.jpg")
    assert paths(tmp_path, excludes()) == ["My.photoslibrary/originals/0/a.jpg"]


def test_every_default_has_a_reason() -> None:
    assert all(DEFAULT_EXCLUDES.values())
    assert excludes(["mine"]).patterns == (*DEFAULT_EXCLUDES, "mine")


def test_a_folder_with_nomedia_is_excluded_and_says_so(tmp_path: Path) -> None:
    touch(tmp_path, "a/.nomedia", "a/x.jpg", "a/b/x.jpg", "c/x.jpg")
    seen = listings(tmp_path, excludes())
    assert seen["a"] == Listing("a", excluded=(".nomedia", "b", "x.jpg"))
    assert list(seen) == ["", "a", "c"]


@pytest.mark.parametrize("text", [b"", b"\n \n", b"\xef\xbb\xbf\r\n"])
def test_a_blank_ignore_file_excludes_its_folder(tmp_path: Path, text: bytes) -> None:
    touch(tmp_path, "a/x.jpg", "a/b/x.jpg")
    (tmp_path / "a/.faceindexignore").write_bytes(text)
    assert listings(tmp_path)["a"].excluded == (".faceindexignore", "b", "x.jpg")
    assert paths(tmp_path) == []


def test_an_ignore_file_holds_below_its_folder_only(tmp_path: Path) -> None:
    touch(tmp_path, "a/x.png", "a/x.jpg", "a/b/x.png", "a/b/c/x.jpg", "a/c/x.jpg", "b/c/x.jpg", "b/x.png")
    (tmp_path / "a/.faceindexignore").write_bytes(b"# pictures of screens\r\n*.png\r\n\r\nb/c\n\xff*\n")
    assert paths(tmp_path, excludes()) == ["a/x.jpg", "a/c/x.jpg", "b/x.png", "b/c/x.jpg"]


def test_an_ignore_file_matches_broken_names(tmp_path: Path) -> None:
    (tmp_path / ".faceindexignore").write_bytes(b"\xff*")
    try:
        open(os.fsencode(tmp_path) + b"/\xff.jpg", "w").close()
    except OSError:
        pytest.skip("this file system wants UTF-8")
    assert paths(tmp_path, excludes()) == []


def test_an_ignore_file_of_comments_excludes_nothing(tmp_path: Path) -> None:
    touch(tmp_path, "x.jpg")
    (tmp_path / ".faceindexignore").write_text("# *.jpg\n")
    assert paths(tmp_path, excludes()) == ["x.jpg"]


def test_an_ignore_file_that_is_a_pipe_blocks_nothing(tmp_path: Path) -> None:
    touch(tmp_path, "x.jpg")
    os.mkfifo(tmp_path / ".faceindexignore")
    assert paths(tmp_path, excludes()) == ["x.jpg"]


def test_nothing_is_entered_where_the_ignore_file_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "x.jpg", "a/x.jpg", ".faceindexignore")

    def refuse(path: str) -> list[str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module, "_read_ignore_file", refuse)
    [listing] = crawl(str(tmp_path))
    assert listing == Listing("", error=".faceindexignore in it cannot be read: Permission denied")


# ── what it survives ──────────────────────────────────────────────────────────────────────────────────


def test_a_folder_that_cannot_be_read_says_so_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a/x.jpg", "b/x.jpg")
    raise_for(monkeypatch, "scandir", "/a", PermissionError(13, "Permission denied"))
    assert listings(tmp_path)["a"] == Listing("a", error="cannot be read: Permission denied")
    assert paths(tmp_path) == ["b/x.jpg"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_says_so(tmp_path: Path) -> None:
    touch(tmp_path, "a/x.jpg")
    (tmp_path / "a").chmod(0)
    try:
        assert listings(tmp_path)["a"].error == "cannot be read: Permission denied"
    finally:
        (tmp_path / "a").chmod(0o700)


def test_a_folder_that_vanishes_says_so(tmp_path: Path) -> None:
    touch(tmp_path, "a/x.jpg", "b/x.jpg")
    seen = []
    for listing in crawl(str(tmp_path)):
        seen.append(listing)
        if listing.folder == "":
            shutil.rmtree(tmp_path / "b")
    assert seen[-1] == Listing("b", error="is not there")


class Entry:
    """A directory entry that does what a test wants: an OSError to raise, or a status to give."""

    def __init__(self, name: str, outcome: OSError | SimpleNamespace) -> None:
        self.name, self.path, self.outcome = name, name, outcome

    def is_dir(self, *, follow_symlinks: bool) -> bool:
        return isinstance(self.outcome, SimpleNamespace)

    def stat(self, *, follow_symlinks: bool) -> SimpleNamespace:
        if isinstance(self.outcome, OSError):
            raise self.outcome
        return self.outcome


def add_to_root(monkeypatch: pytest.MonkeyPatch, root: Path, entry: Entry) -> None:
    """Let the root hold one more entry than it has."""
    real = os.scandir

    class Scan:
        def __init__(self, path: str) -> None:
            self.entries: list[Any] = [*real(path), *([entry] if path == str(root) else [])]

        def __enter__(self) -> Iterator[Any]:
            return iter(self.entries)

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(module.os, "scandir", Scan)


def test_a_file_that_vanishes_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "x.jpg")
    add_to_root(monkeypatch, tmp_path, Entry("gone.jpg", FileNotFoundError(2, "No such file or directory")))
    [listing] = crawl(str(tmp_path))
    assert [file.name for file in listing.files] == ["x.jpg"]
    assert listing.error is None


def test_an_entry_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "x.jpg", "z/x.jpg")
    add_to_root(monkeypatch, tmp_path, Entry("broken", OSError(5, "Input/output error")))
    seen = listings(tmp_path)
    assert seen[""].error == "'broken' in it cannot be read: Input/output error"
    assert paths(tmp_path) == ["x.jpg", "z/x.jpg"]


def folder_status(device: int, inode: int) -> SimpleNamespace:
    return SimpleNamespace(st_mode=0o40755, st_dev=device, st_ino=inode)


def test_another_file_system_is_excluded_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "mount/x.jpg")
    other = os.stat(tmp_path).st_dev + 1
    add_to_root(monkeypatch, tmp_path, Entry("other", folder_status(other, 1)))
    assert [ls.excluded for ls in crawl(str(tmp_path), one_file_system=True)] == [("other",), ()]
    assert [ls.folder for ls in crawl(str(tmp_path))] == ["", "mount", "other"]


def test_a_folder_that_is_its_own_ancestor_is_not_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status = os.stat(tmp_path)
    add_to_root(monkeypatch, tmp_path, Entry("bound", folder_status(status.st_dev, status.st_ino)))
    assert [ls.excluded for ls in crawl(str(tmp_path))] == [("bound",)]


def test_a_tree_deeper_than_paths_may_be_ends_in_an_error(tmp_path: Path) -> None:
    levels, name = 25, "d" * 200
    below = os.open(tmp_path, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=below)
        above, below = below, os.open(name, os.O_RDONLY, dir_fd=below)
        os.close(above)
    os.close(below)
    *fine, last = crawl(str(tmp_path))
    assert all(listing.error is None for listing in fine[:-1])
    assert "too long" in str(last.error)
    shutil.rmtree(tmp_path)


def test_a_very_deep_tree_is_no_recursion(tmp_path: Path) -> None:
    folders = [str(tmp_path) + depth * "/d" for depth in range(1, 1201)]
    for folder in folders:
        os.mkdir(folder)
    assert len(listings(tmp_path)) == 1201
    for folder in reversed(folders):  # shutil.rmtree is recursive
        os.rmdir(folder)


# ── roots ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_root_with_something_in_it_is_fine(tmp_path: Path) -> None:
    touch(tmp_path, ".hidden")
    assert root_state(str(tmp_path)) is None


def test_a_root_that_cannot_be_crawled_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "file")
    (tmp_path / "empty").mkdir()
    (tmp_path / "locked").mkdir()
    raise_for(monkeypatch, "scandir", "locked", PermissionError(13, "Permission denied"))
    assert root_state(str(tmp_path / "absent")) == "is not there"
    assert root_state(str(tmp_path / "empty")) == "is empty"
    assert root_state(str(tmp_path / "file")) == "is not a folder"
    assert root_state(str(tmp_path / "locked")) == "cannot be read: Permission denied"


def test_crawling_an_absent_root_is_one_error(tmp_path: Path) -> None:
    assert list(crawl(str(tmp_path / "absent"))) == [Listing("", error="is not there")]
    touch(tmp_path, "file")
    assert list(crawl(str(tmp_path / "file"))) == [Listing("", error="is not a folder")]
