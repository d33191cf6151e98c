"""A root to Files: `stat` only. The one kind of file that is ever opened is `.faceindexignore`.

What the Listings of one crawl say about a file known from before: go to the deepest folder above it that has
a Listing, and take the next part of the file's path, which is a folder's name or the file's own.

in `files`             it is there
in `excluded`          it is excluded, whether it still exists or not
neither, with `error`  nothing is known; `files` are true, absence proves nothing
neither                it is gone

A folder is excluded with all below it where it holds `.nomedia` or an empty `.faceindexignore`. Then it has a
Listing that names all its entries as `excluded`. A `.faceindexignore` that is not empty holds patterns, one a
line, relative to its folder and valid for all below it; lines that start with # are comments.

A pattern is an fnmatch glob, case-sensitive. Without a slash it matches the name of a file or folder at any
depth; with one, the path relative to the root (there, `*` matches slashes, too). `/name` matches at the top only,
and a slash at the end matches folders only.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from faceindex.models import PHOTO_SUFFIXES, File, FileKind, Listing

Rules = tuple[tuple[int, "Excludes"], ...]  # each with the length of the path it is relative to
Test = Callable[[str], "re.Match[str] | None"]

DEFAULT_EXCLUDES = {  # pattern: why nobody wants its pictures in the index
    ".*": "hidden: caches, trash and originals kept by other programs (.thumbnails, .picasaoriginals, .dtrash …)",
    "@eaDir": "Synology: thumbnails",
    "@tmp": "Synology: unfinished uploads",
    "#recycle": "Synology: recycle bin",
    "#snapshot": "Synology: snapshots, each a copy of everything",
    "@Recycle": "QNAP: recycle bin",
    "@Recently-Snapshot": "QNAP: snapshots, each a copy of everything",
    "appdata_*": "Nextcloud: previews",
    "files_trashbin": "Nextcloud: recycle bin",
    "files_versions": "Nextcloud: earlier versions",
    "*.lrdata": "Lightroom: previews",
    "*.lrprev": "Lightroom: a preview",
    "*CaptureOne/Cache/": "Capture One: previews",
    "*.photoslibrary/database/": "Apple Photos: database and its face crops",
    "*.photoslibrary/external/": "Apple Photos: internals",
    "*.photoslibrary/internal/": "Apple Photos: internals",
    "*.photoslibrary/private/": "Apple Photos: analysis caches",
    "*.photoslibrary/resources/": "Apple Photos: smaller and edited copies of what is in originals",
    "*.photoslibrary/scopes/": "Apple Photos: copies from shared albums and syndication",
    "*.*library/Previews/": "iPhoto, Aperture: smaller copies of what is in Masters",
    "*.*library/Thumbnails/": "iPhoto, Aperture: thumbnails",
    "*.xmp": "sidecars: what programs, this one too, say of the photo beside them",
    "*digikam*.db*": "digiKam: databases, changing daily",
    "Thumbs.db": "Windows: thumbnails",
    "ehthumbs*.db": "Windows: thumbnails",
    "desktop.ini": "Windows: folder settings",
    "$RECYCLE.BIN": "Windows: recycle bin",
    "RECYCLER": "Windows: recycle bin",
    "System Volume Information": "Windows: restore points",
    "__MACOSX": "macOS: attributes in unpacked archives, named like pictures",
    "lost+found": "Linux: fragments found by fsck",
    "LOST.DIR": "Android: fragments found after a crash",
}

IGNORE_FILE = ".faceindexignore"
IGNORE_FILE_BYTES = 2**20  # as much of it as is read


@dataclass(frozen=True)
class Excludes:
    """Patterns of what is left out, compiled to one test of names and one of paths, for each kind of entry."""

    patterns: tuple[str, ...]
    of_files: tuple[Test | None, Test | None] = field(repr=False, compare=False)
    of_folders: tuple[Test | None, Test | None] = field(repr=False, compare=False)


def excludes(patterns: Sequence[str] = (), defaults: bool = True) -> Excludes:
    """Compile patterns, after the default ones if these are wanted."""
    wanted = tuple(p for p in (*(DEFAULT_EXCLUDES if defaults else ()), *patterns) if p.strip("/"))
    return Excludes(wanted, _tests([p for p in wanted if not p.endswith("/")]), _tests(list(wanted)))


def _tests(patterns: list[str]) -> tuple[Test | None, Test | None]:
    """Return the test of names and the test of paths."""
    names = [p for p in patterns if "/" not in p.rstrip("/")]
    paths = [p for p in patterns if "/" in p.rstrip("/")]
    return _any_of(names), _any_of(paths)


def _any_of(patterns: list[str]) -> Test | None:
    if not patterns:
        return None
    return re.compile("|".join(f"(?:{fnmatch.translate(p.strip('/'))})" for p in patterns)).match


STANDARD = excludes()


@dataclass(frozen=True, slots=True)
class _Folder:
    """One folder still to be listed."""

    path: str  # relative to the root
    device: int
    inode: int
    rules: Rules
    parent: _Folder | None = None

    def is_loop(self) -> bool:
        """True if this is one of its own ancestors, as bind mounts can make it. Inode 0 says nothing."""
        above = self.parent
        while above and self.inode:
            if (above.inode, above.device) == (self.inode, self.device):
                return True
            above = above.parent
        return False


def turn(folder: str) -> tuple[str, ...]:
    """What the folders of a crawl are ordered by."""
    return tuple(folder.split("/")) if folder else ()


def crawl(
    root: str, excludes: Excludes = STANDARD, one_file_system: bool = False, begin: str = ""
) -> Iterator[Listing]:
    """Yield a Listing of each folder, parents before children, in the order of names.

    Of the folders whose turn is before that of `begin`, only those that lead to it are listed.
    `root` may be a link; links below it are Files of kind "special" and never followed. What is not
    entered for its own sake (another file system, a folder that is its own ancestor) counts as excluded.
    """
    try:
        top = os.stat(root)
    except OSError as error:
        yield Listing("", error=_why(error))
        return
    stack = [_Folder("", top.st_dev, top.st_ino, ((0, excludes),))]
    while stack:
        listing, below = _list(root, stack.pop(), top.st_dev if one_file_system else None)
        yield listing
        stack.extend(reversed([inner for inner in below if _is_due(inner.path, begin)] if begin else below))


def _is_due(folder: str, begin: str) -> bool:
    """Whether a folder's turn is not before that of `begin`, or it leads to it."""
    parts = turn(folder)
    return parts >= turn(begin)[: len(parts)]


def root_state(root: str) -> str | None:
    """Say why a root cannot be crawled, None if it can. An empty one may be an absent disk's mount point."""
    try:
        with os.scandir(root) as entries:
            return None if next(entries, None) else "is empty"
    except OSError as error:
        return _why(error)


def _list(root: str, folder: _Folder, device: int | None) -> tuple[Listing, list[_Folder]]:
    """List one folder; return its subfolders, too."""
    try:
        with os.scandir(f"{root}/{folder.path}" if folder.path else root) as unsorted:
            entries = sorted(unsorted, key=attrgetter("name"))
    except OSError as error:
        return Listing(folder.path, error=_why(error)), []
    try:
        rules = _rules(folder, entries)
    except OSError as error:  # what the user wants left out is unknown: enter nothing
        return Listing(folder.path, error=f"{IGNORE_FILE} in it {_why(error)}"), []
    if rules is None:
        return Listing(folder.path, excluded=tuple(entry.name for entry in entries)), []
    return _sort_out(_Folder(folder.path, folder.device, folder.inode, rules, folder.parent), entries, device)


def _sort_out(folder: _Folder, entries: list[os.DirEntry[str]], device: int | None) -> tuple[Listing, list[_Folder]]:
    """Tell files, subfolders and what is excluded apart."""
    prefix = f"{folder.path}/" if folder.path else ""
    rules = folder.rules
    files: list[File] = []
    below: list[_Folder] = []
    excluded: list[str] = []
    error: str | None = None
    for entry in entries:  # runs for every file of the library: nothing in it that can be outside
        name = entry.name
        try:
            if _is_excluded(rules, prefix, name, entry.is_dir(follow_symlinks=False)):
                excluded.append(name)
                continue
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:  # vanished since the folder was read
            continue
        except OSError as problem:
            error = error or f"{name!r} in it {_why(problem)}"
            continue
        if not stat.S_ISDIR(status.st_mode):
            files.append(_file(name, status))
            continue
        subfolder = _Folder(prefix + name, status.st_dev, status.st_ino, rules, folder)
        if device not in (None, status.st_dev) or subfolder.is_loop():
            excluded.append(name)
        else:
            below.append(subfolder)
    return Listing(folder.path, tuple(files), tuple(excluded), error), below


def _is_excluded(rules: Rules, prefix: str, name: str, is_folder: bool) -> bool:
    for start, excludes in rules:
        names, paths = excludes.of_folders if is_folder else excludes.of_files
        if names and names(name):
            return True
        if paths and paths((prefix + name)[start:]):
            return True
    return False


def _file(name: str, status: os.stat_result) -> File:
    kind: FileKind = "special"
    if stat.S_ISREG(status.st_mode):
        kind = "photo" if name[name.rfind(".") :].lower() in PHOTO_SUFFIXES else "other"
    mtime, ctime = _int64(status.st_mtime_ns), _int64(status.st_ctime_ns)
    return File(name, kind, status.st_size, mtime, ctime, status.st_dev, status.st_ino)


def _int64(nanoseconds: int) -> int:
    """The nearest time between the years 1678 and 2262: beyond, neither SQLite nor anybody's camera counts."""
    return max(-(2**63), min(2**63 - 1, nanoseconds))


def _rules(folder: _Folder, entries: list[os.DirEntry[str]]) -> Rules | None:
    """Add those of the folder's own ignore file to the rules from above; None: exclude everything."""
    rules: Rules | None = folder.rules
    for entry in entries:
        if entry.name == ".nomedia":
            return None
        if entry.name == IGNORE_FILE and entry.is_file():  # opening a FIFO would wait for ever
            own = _read_ignore_file(entry.path)
            start = len(folder.path) + 1 if folder.path else 0
            rules = (*folder.rules, (start, excludes(own, defaults=False))) if own is not None else None
    return rules


def _read_ignore_file(path: str) -> list[str] | None:
    """Return an ignore file's patterns, None if it is blank."""
    with open(path, "rb") as file:
        text = os.fsdecode(file.read(IGNORE_FILE_BYTES).removeprefix(b"\xef\xbb\xbf"))
    if not text.strip():
        return None
    lines = (line.strip() for line in text.split("\n"))
    return [line for line in lines if line and not line.startswith("#")]


def _why(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "is not there"
    if isinstance(error, NotADirectoryError):
        return "is not a folder"
    return f"cannot be read: {error.strerror or error}"
