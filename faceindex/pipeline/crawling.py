"""Stage one: walk the roots, and bring the index up to what stat() says.

Folder by folder, so that memory stays flat: what the crawler saw is compared with what the index knows
(changes.compare) and only differences are written. What is missing is judged last, root by root, because
an unmounted disk looks like a million deletions.
"""

from __future__ import annotations

import glob
import os
import sqlite3
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, takewhile
from typing import Literal

from faceindex import crawl
from faceindex.db import transaction
from faceindex.models import File, Listing, Problem
from faceindex.pipeline.changes import Changes, compare, is_below, lost_most
from faceindex.pipeline.options import ScanOptions
from faceindex.store import files, moves, problems, runs, settings
from faceindex.store.paths import shown

Tick = Callable[[int], object]
Over = Callable[[], object]  # true when a crawl must end
Found = Literal["new", "moved", "copied"]
OWN_ENDINGS = ("", "-wal", "-shm", "-journal", ".lock", ".v[0-9]*.bak", ".v[0-9]*.bak-unfinished",
               ".replaced-[0-9]*.bak*", ".restoring", ".thumbnails", ".thumbnails-journal")  # fmt: skip


@dataclass(slots=True)
class Walk:
    """What one root's crawl leaves to be judged at the end."""

    root_id: int
    path: str
    offline: str | None = None  # why nothing of this root is believed to be deleted
    complete: bool = False
    visited: set[int] = field(default_factory=set)  # folder_ids
    unreadable: set[str] = field(default_factory=set)  # folders
    excluded: set[str] = field(default_factory=set)  # paths of files and folders
    missing: array[int] = field(default_factory=lambda: array("q"))  # file_ids
    listings: Iterator[Listing] = field(default_factory=lambda: iter(()))  # still to come
    cut: str = ""  # the run that had to cut this root's crawl short, and the last folder_id it came to

    @property
    def mark(self) -> str:
        """Name of the setting that keeps `cut` for the next night."""
        return f"crawl of root {self.root_id} cut"


def begin(db: sqlite3.Connection, roots: dict[str, int], options: ScanOptions) -> list[Walk]:
    """A Walk for each root, those first that waited longest; each begins where it was cut short last time."""
    walks = [Walk(root_id, path, offline=crawl.root_state(path)) for path, root_id in roots.items()]
    for walk in walks:
        walk.cut = settings.get(db, walk.mark) or ""
        last = files.folder_path(db, int(walk.cut.split()[1])) if walk.cut else None
        walk.listings = _listings(walk.path, options, last)
    return sorted(walks, key=lambda walk: int(walk.cut.split()[0]) if walk.cut else 0)


def crawl_roots(db: sqlite3.Connection, run_id: int, walks: list[Walk], over: Over, tick: Tick) -> None:
    """Crawl on, root by root, until all is seen or over() says why not."""
    for walk in walks:
        if walk.offline is None and not walk.complete and not _crawl_root(db, run_id, walk, over, tick):
            return  # what did not begin comes first next night


def judge(db: sqlite3.Connection, run_id: int, walks: list[Walk], options: ScanOptions) -> None:
    """Tell what was moved or has vanished from what only cannot be seen."""
    for walk in walks:
        if walk.offline is None:
            _look_for_lost_folders(db, walk)
        elif options.accept_vanished and not walk.visited:
            walk.missing.extend(files.present_in_root(db, walk.root_id))
    with transaction(db):
        moves.miss(db, chain.from_iterable(walk.missing for walk in walks))
        moves.believe(db, (walk.root_id for walk in walks if walk.complete))
    for walk in walks:
        with transaction(db):
            # A disk that went away after its crawl had begun is not what the user spoke of.
            _judge(db, run_id, walk, options.accept_vanished and not (walk.offline and walk.visited))
    with transaction(db):
        moves.relocate(db)


def _listings(root: str, options: ScanOptions, last: str | None) -> Iterator[Listing]:
    """What the crawler sees below a root, from behind the folder `last` around to it.

    Never the index itself, which every scan changes.
    """
    own = os.path.relpath(options.index, os.path.realpath(root)) if options.index else ".."
    mine = [] if own.split("/")[0] == ".." else _own_files(glob.escape(own))
    excludes = crawl.excludes([*options.exclude, *mine], options.default_excludes)
    if last is None:
        return crawl.crawl(root, excludes, options.one_file_system)
    later = crawl.crawl(root, excludes, options.one_file_system, begin=last)
    first = crawl.crawl(root, excludes, options.one_file_system)
    return chain(
        (listing for listing in later if crawl.turn(listing.folder) > crawl.turn(last)),
        takewhile(lambda listing: crawl.turn(listing.folder) <= crawl.turn(last), first),
    )


def _own_files(index: str) -> list[str]:
    """Patterns of the index and what lies beside it, and of nothing more: it may be called like a folder of photos."""
    stem, suffix = os.path.splitext(index)
    dated = f"{stem}-{'[0-9]' * 8}-{'[0-9]' * 6}{suffix}"  # as 'faceindex backup' names its copies
    return [f"/{dated}", *(f"/{index}{end}" for end in OWN_ENDINGS)]


def _crawl_root(db: sqlite3.Connection, run_id: int, walk: Walk, over: Over, tick: Tick) -> bool:
    """Crawl on in one root; False if time was over first."""
    troubled = problems.troubled_folders(db)
    seen, in_time = 0, True
    for listing in walk.listings:
        folder = _take_in(db, run_id, walk, listing, troubled)
        if folder is None:
            break
        seen += len(listing.files)
        tick(len(listing.files))
        if over():
            walk.cut = f"{run_id} {folder}"
            settings.put(db, walk.mark, walk.cut)
            in_time = False
            break
    else:
        walk.complete = True
        if walk.cut:
            settings.drop(db, walk.mark)
    runs.count(db, run_id, files_seen=seen)
    return in_time


def _take_in(db: sqlite3.Connection, run_id: int, walk: Walk, listing: Listing, troubled: set[int]) -> int | None:
    """Bring one folder up to date; writes nothing where nothing differs.

    Returns its folder_id; None where the root is no longer known.
    """
    folder = files.folder_id(db, walk.root_id, listing.folder)
    known = files.in_folder(db, folder) if folder is not None else {}
    changes = compare(listing.files, known, listing.excluded)
    prefix = f"{listing.folder}/" if listing.folder else ""
    walk.excluded.update(prefix + name for name in listing.excluded)
    if listing.error is None:
        walk.missing.extend(changes.missing)
    else:
        walk.unreadable.add(listing.folder)
    if folder is None or listing.error or folder in troubled or changes.to_write():
        with transaction(db):
            if folder is None and not files.root_exists(db, walk.root_id):
                return None
            folder = folder if folder is not None else files.add_folder(db, walk.root_id, listing.folder)
            _note_trouble(db, run_id, folder, listing.error, troubled)
            _write(db, run_id, folder, changes)
    walk.visited.add(folder)
    return folder


def _note_trouble(db: sqlite3.Connection, run_id: int, folder: int, error: str | None, troubled: set[int]) -> None:
    if error is not None:
        problems.record_folder(db, run_id, Problem("crawl", "unreadable", error), folder_id=folder)
        runs.count(db, run_id, problems=1)
    elif folder in troubled:
        problems.solved_folder(db, folder)


def _write(db: sqlite3.Connection, run_id: int, folder: int, changes: Changes) -> None:
    found = Counter(_add_new(db, folder, file) for file in changes.new)
    for file_id, file in changes.returned:
        files.back(db, file_id, file)
    for file_id, file in changes.changed:
        files.update(db, file_id, file, stale=True)
        problems.changed(db, file_id)
    moves.relocate_later(db, changes.relocated)
    files.mark_gone(db, changes.excluded, "excluded")
    runs.count(
        db,
        run_id,
        files_new=found["new"],
        files_moved=found["moved"],
        files_copied=found["copied"],
        files_returned=len(changes.returned),
    )


def _add_new(db: sqlite3.Connection, folder: int, file: File) -> Found:
    """Record a new path; one that is a known file by inode is not read."""
    found: Found = "new"
    digest = None
    for twin in files.twins(db, file) if file.kind != "special" else ():
        if (state := _where(twin.path, file)) is None:
            continue
        digest = twin.digest
        found = "moved" if state == "left" and moves.follow(db, twin.file_id) else "copied"
        if found == "moved":
            break
    files.insert(db, folder, file, digest)
    return found


def _where(path: str, file: File) -> Literal["there", "left"] | None:
    """Whether a known path still leads to a new path's inode, or to nothing; None if to something else.

    Some file systems give the inode of one file to another, so a number alone proves nothing.
    """
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return "left"
    except OSError:
        return None
    return "there" if (status.st_ino, status.st_dev) == (file.inode, file.device) else None


def _look_for_lost_folders(db: sqlite3.Connection, walk: Walk) -> None:
    """Add to the missing what lay in folders that the crawl did not come by."""
    if not walk.complete:
        return
    gone = [(i, path) for i, path in files.folders(db, walk.root_id) if i not in walk.visited]
    excluded = [i for i, path in gone if is_below(path, walk.excluded)]
    lost = [i for i, path in gone if not is_below(path, walk.excluded) and not is_below(path, walk.unreadable)]
    walk.missing.extend(files.present_in(db, lost))
    with transaction(db):
        files.mark_gone(db, files.present_in(db, excluded), "excluded")
        files.drop_problems_of(db, [*excluded, *lost])


def _judge(db: sqlite3.Connection, run_id: int, walk: Walk, accept: bool) -> None:
    """Mark what is missing as vanished, unless it looks like a disk that is not there.

    After a crawl that was cut short nothing is: what is missing here may have moved to where it did not come.
    """
    if not walk.complete and walk.offline is None:
        return
    if not accept and walk.missing:
        loss = lost_most(moves.losses(db, walk.root_id))
        if loss is not None:
            walk.offline = f"lost {loss.lost} of its {loss.known} files at once"
    if walk.offline is not None and not accept:
        runs.count(db, run_id, offline=1)
        return
    walk.offline = None
    runs.count(db, run_id, files_vanished=moves.depart(db, walk.missing))


def offline_sentence(walk: Walk) -> str:
    """What to tell the user about a root of which nothing is believed to be deleted."""
    return (
        f"{shown(walk.path)} {walk.offline}: everything known of it is kept; check the disk or mount, "
        "or, if this is true, run 'faceindex scan --accept-vanished'"
    )
