"""Scan 12-megapixel photos with and without reading ahead, in turns, from a cold cache.

    python benchmarks/read_ahead.py [PHOTOS] [ROUNDS]

The gain shows where the disk takes as long as the processor. On Linux, root makes any disk slow:

    mkdir /sys/fs/cgroup/blkio/slow
    echo "$(mountpoint -d /) 30000000" > /sys/fs/cgroup/blkio/slow/blkio.throttle.read_bps_device
    echo $$ > /sys/fs/cgroup/blkio/slow/cgroup.procs
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from statistics import median

from library import scratch_folder, twelve_megapixels
from measure import cores, cost, forget_cached

from faceindex.models import Task
from faceindex.pipeline import reading

WAYS = ("one at a time", "reading ahead")


def main() -> None:
    photos, rounds = (int(text) for text in (*sys.argv[1:], *("24", "3")[len(sys.argv) - 1 :]))
    spent: dict[str, list[float]] = {way: [] for way in WAYS}
    with scratch_folder() as scratch:
        folder = Path(scratch, "photos")
        size = sum(path.stat().st_size for path in twelve_megapixels(folder, photos))
        for number in range(rounds):
            for way in WAYS:
                forget_cached(folder)
                db = Path(scratch, f"{way} {number}.db")
                run = cost([sys.executable, __file__, "scan", way, str(db), str(folder)])
                if run.code:
                    raise SystemExit(run.output)
                spent[way].append(run.seconds)
                print(f"{way}: {run.seconds:.1f} s, {run.disk_bytes / size:.2f} times the photos' bytes from disk")
    old, new = (median(spent[way]) for way in WAYS)
    print(f"{photos} photos, {size / 1e6:.0f} MB, {cores()} cores: {old:.1f} s, reading ahead {new:.1f} s")


def scan(way: str, db: str, folder: str) -> None:
    if way != "reading ahead":
        named = reading._Reading._task

        def alone(self: reading._Reading, *args: object) -> Task:
            return replace(named(self, *args), ahead=None)

        reading._Reading._task = alone
    from faceindex.cli import main as faceindex  # noqa: PLC0415  (only here)

    sys.argv = ["faceindex", "--db", db, "scan", folder]
    faceindex()


if __name__ == "__main__":
    scan(*sys.argv[2:]) if sys.argv[1:2] == ["scan"] else main()
