"""Decide what is new, changed, back or gone, from two sets of facts; touches no file, clock or SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from faceindex.models import Box, File
from faceindex.store.files import KnownFile
from faceindex.store.moves import Loss
from faceindex.store.paths import signed


@dataclass(slots=True)
class Changes:
    """What happened in one folder since it was last seen."""

    new: list[File] = field(default_factory=list)
    changed: list[tuple[int, File]] = field(default_factory=list)  # (file_id, …): its bytes must be read again
    returned: list[tuple[int, File]] = field(default_factory=list)  # there again after having been gone
    relocated: list[tuple[int, File]] = field(default_factory=list)  # as it was, on a device of another number
    missing: list[int] = field(default_factory=list)  # file_ids
    excluded: list[int] = field(default_factory=list)  # file_ids: the user excluded them since

    def to_write(self) -> bool:
        """Whether the index must be touched; what is missing is judged later."""
        return bool(self.new or self.changed or self.returned or self.relocated or self.excluded)


def compare(seen: Iterable[File], known: Mapping[str, KnownFile], excluded: Iterable[str] = ()) -> Changes:
    """Compare a folder's files with what is known of it."""
    changes = Changes()
    left = dict(known)
    for file in seen:
        before = left.pop(file.name, None)
        if before is None:
            changes.new.append(file)
            continue
        if before.gone is not None:
            changes.returned.append((before.file_id, file))
        if not same(file, before):
            changes.changed.append((before.file_id, file))
        elif before.gone is None and not same_place_on_disk(file, before):
            changes.relocated.append((before.file_id, file))
    out = set(excluded)
    for name, before in left.items():
        if before.gone is None:
            (changes.excluded if name in out else changes.missing).append(before.file_id)
    return changes


def same(file: File, before: KnownFile) -> bool:
    """Whether stat() gives no reason to read the bytes again.

    Size and mtime alone miss an edit of equal size by a program that sets the mtime back, as photo
    tools do; ctime cannot be set back. The inode is no reason: some file systems deal new ones at
    every mount.
    """
    return (
        file.size == before.size
        and file.mtime_ns == before.mtime_ns
        and file.ctime_ns == before.ctime_ns
        and file.kind == before.kind
    )


def same_place_on_disk(file: File, before: KnownFile) -> bool:
    """Whether device and inode are what they were; a disk plugged in again may have another number."""
    now, then = (file.inode, file.device), (before.inode, before.device)
    return now == then or tuple(map(signed, now)) == then  # few numbers are so large


def lost_most(losses: Sequence[Loss]) -> Loss | None:
    """The file system that lost more than half of its files, if one did: rather a disk than a decision."""
    return next((loss for loss in losses if loss.lost * 2 > loss.known), None)


def is_below(folder: str, others: set[str]) -> bool:
    """Whether a folder is one of the others or lies in one of them."""
    while folder:
        if folder in others:
            return True
        folder = folder.rpartition("/")[0]
    return "" in others


def same_place(old: Sequence[Box], new: Sequence[Box], least: float) -> list[tuple[int, int]]:
    """Pairs (index in old, index in new) of boxes that overlap by at least this IoU, best first, each once."""
    overlaps = sorted(((-a.iou(b), i, j) for i, a in enumerate(old) for j, b in enumerate(new) if a.iou(b) >= least))
    pairs: list[tuple[int, int]] = []
    for _, i, j in overlaps:
        if all(i != k and j != m for k, m in pairs):
            pairs.append((i, j))
    return pairs
