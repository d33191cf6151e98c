"""A rescan of unchanged files beside `find -printf`, and how memory grows with the library.

    uv run python benchmarks/rescan.py [--files 100000]

Both run in turn, three times each, in this one call; the medians and their ratio are printed.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

from library import many_files, scratch_folder
from measure import FACEINDEX, Cost, cost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=100_000)
    count = parser.parse_args().files
    with scratch_folder() as scratch:
        here = Path(scratch)
        small = rescan_of(here / "small", count // 10)[0]
        rescan, find = rescan_of(here / "large", count)
    print(
        f"rescan of {count:,} unchanged files: {rescan.seconds:.2f} s; find -printf: {find.seconds:.2f} s; "
        f"ratio {rescan.seconds / find.seconds:.1f}"
    )
    print(
        f"parent's peak memory: {small.parent_mb:.0f} MB with {count // 10:,} files, "
        f"{rescan.parent_mb:.0f} MB with {count:,}; ratio {rescan.parent_mb / small.parent_mb:.2f}"
    )


def rescan_of(folder: Path, count: int) -> tuple[Cost, Cost]:
    """Median costs of (rescan, find) over three rounds in turn."""
    many_files(folder, count)
    index = folder.with_suffix(".db")
    first = cost([*FACEINDEX, "--db", str(index), "scan", str(folder)])
    if first.code:
        raise SystemExit(first.output)
    print(f"first scan of {count:,} small files: {first.seconds:.1f} s, parent {first.parent_mb:.0f} MB", flush=True)
    rounds = [(cost([*FACEINDEX, "--db", str(index), "scan"]), cost(find_command(folder))) for _ in range(3)]
    if any(rescan.output or rescan.code for rescan, _ in rounds):
        raise SystemExit(rounds[0][0].output)
    return median([rescan for rescan, _ in rounds]), median([find for _, find in rounds])


def find_command(folder: Path) -> list[str]:
    return ["find", str(folder), "-printf", "%p %s %T@ %C@ %i %D\\n"]


def median(costs: list[Cost]) -> Cost:
    middle = statistics.median(c.seconds for c in costs)
    return next(c for c in costs if c.seconds == middle)


if __name__ == "__main__":
    main()
