"""Stage one: walk the roots, and bring the index up to what stat() says.

Folder by folder, so that memory stays flat: what the crawler saw is compared with what the index knows
(changes.compare) and only differences are written. What is missing is judged last, root by root, because
an unmounted disk looks like a million deletions.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from faceindex import crawl
from faceindex.db import transaction
from faceindex.models import File, Listing, Problem
from faceindex.pipeline.changes import Changes, compare, is_below, lost_most
from faceindex.pipeline.options import ScanOptions
from faceindex.pipeline.stop import Stop
from faceindex.store import files, problems, runs
from faceindex.store.paths import shown

Tick = Callable[[int], object]


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
    renamed: list[tuple[int, int]] = field(default_factory=list)  # (file_id, file_id of that inode's other path)


def crawl_roots(
    db: sqlite3.Connection, run_id: int, roots: dict[str, int], options: ScanOptions, stop: Stop, tick: Tick
) -> list[Walk]:
    """Crawl every root, then judge what is missing; returns a Walk per root."""
    excludes = crawl.excludes(options.exclude, options.default_excludes)
    walks = [Walk(root_id, path, offline=crawl.root_state(path)) for path, root_id in roots.items()]
    for walk in walks:
        if walk.offline is None:
            _crawl_root(db, run_id, walk, crawl.crawl(walk.path, excludes, options.one_file_system), stop, tick)
            _look_for_lost_folders(db, walk)
        elif options.accept_vanished:
            walk.missing.extend(files.present_in_root(db, walk.root_id))
    for walk in walks:
        with transaction(db):
            _judge(db, run_id, walk, options.accept_vanished)
    return walks


def _crawl_root(
    db: sqlite3.Connection, run_id: int, walk: Walk, listings: Iterable[Listing], stop: Stop, tick: Tick
) -> None:
    troubled = problems.troubled_folders(db)
    seen = 0
    for listing in listings:
        _take_in(db, run_id, walk, listing, troubled)
        seen += len(listing.files)
        tick(len(listing.files))
        if stop.reading_over():
            break
    else:
        walk.complete = True
    runs.count(db, run_id, files_seen=seen)


def _take_in(db: sqlite3.Connection, run_id: int, walk: Walk, listing: Listing, troubled: set[int]) -> None:
    """Bring one folder up to date; writes nothing where nothing differs."""
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
            folder = folder if folder is not None else files.add_folder(db, walk.root_id, listing.folder)
            _note_trouble(db, run_id, folder, listing.error, troubled)
            _write(db, run_id, walk, folder, changes)
    walk.visited.add(folder)


def _note_trouble(db: sqlite3.Connection, run_id: int, folder: int, error: str | None, troubled: set[int]) -> None:
    if error is not None:
        problems.record_folder(db, run_id, Problem("crawl", "unreadable", error), folder_id=folder)
        runs.count(db, run_id, problems=1)
    elif folder in troubled:
        problems.solved_folder(db, folder)


def _write(db: sqlite3.Connection, run_id: int, walk: Walk, folder: int, changes: Changes) -> None:
    for file in changes.new:
        _add_new(db, walk, folder, file)
    for file_id, file in changes.changed:
        files.update(db, file_id, file, stale=True)
        problems.solved(db, file_id)
    for file_id, file in changes.returned:
        files.back(db, file_id, file)
    files.mark_gone(db, changes.excluded, "excluded")
    runs.count(db, run_id, files_new=len(changes.new), files_returned=len(changes.returned))


def _add_new(db: sqlite3.Connection, walk: Walk, folder: int, file: File) -> None:
    other = files.twin(db, file) if file.kind != "special" else None
    file_id = files.insert(db, folder, file, other.digest if other else None)
    if other:
        walk.renamed.append((file_id, other.file_id))


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
    """Mark what is missing as vanished, unless it looks like a disk that is not there."""
    if not accept and walk.missing:
        loss = lost_most(files.losses(db, walk.root_id, walk.missing))
        if loss is not None:
            walk.offline = f"lost {loss.lost} of its {loss.known} files at once"
    moved = _count_renamed(db, run_id, walk)
    if walk.offline is not None and not accept:
        runs.count(db, run_id, offline=1)
        return
    walk.offline = None
    vanished = files.mark_gone(db, walk.missing, "vanished")
    runs.count(db, run_id, files_vanished=vanished - moved)


def _count_renamed(db: sqlite3.Connection, run_id: int, walk: Walk) -> int:
    """Tell files that moved from those that are one more hard link; returns how many moved."""
    missing = set(walk.missing) if walk.renamed else set()
    moved = sum(before in missing for _, before in walk.renamed)
    copied = len(walk.renamed) - moved
    runs.count(db, run_id, files_new=-len(walk.renamed), files_moved=moved, files_copied=copied)
    return moved


def offline_sentence(walk: Walk) -> str:
    """What to tell the user about a root of which nothing is believed to be deleted."""
    return (
        f"{shown(walk.path)} {walk.offline}: everything known of it is kept; check the disk or mount, "
        "or, if this is true, run 'faceindex scan --accept-vanished'"
    )
