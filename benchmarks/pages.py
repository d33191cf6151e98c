"""How long the pages of `faceindex serve` take on a large index, beside what they may take.

What counts is the work of the thread that answers: what else the machine does just now is not the page's.

uv run python benchmarks/pages.py                100,000 photos with 300,000 faces, 400 people, 20,000 clusters
uv run python benchmarks/pages.py --index FILE   an index of your own; pages are only looked at
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

from crowded import PEOPLE, make
from flask.testing import FlaskClient
from library import scratch_folder

from faceindex.web import Guard, create_app

FIRST_PAGE_MS, OTHER_MS, TIMES = 100, 200, 20
PAGES = (
    "/", "/?by=name", "/?from=240", "/unknown", "/unknown?from=6000", "/ignored", "/names?q=person",
    "/person/1", "/person/1?by=newest", "/person/200", "/cluster/1", f"/cluster/{PEOPLE + 1}",
    f"/cluster/{PEOPLE + 15000}",
    "/photo/1", "/photo/50000", "/photo/50000?of=person:1",
    "/search", "/search?all=Person+000", "/search?all=Person+000&all=Person+001", "/search?any=Person+000&only=1",
    "/search?all=Person+399", "/search?from=2010-01-01&to=2010-12-31", "/search?folder=2010", "/search?camera=Camera+3",
    "/timeline/1", "/together", "/review",
    "/duplicates", "/problems", "/runs", "/eval", "/journal", "/journal?before=1500", "/news",
)  # fmt: skip


def main() -> None:
    """Print the time of each page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index", type=Path)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("pages", nargs="*")
    asked = parser.parse_args()
    with scratch_folder() as folder:
        index = asked.index or Path(folder) / "faces.db"
        if not index.exists():
            make(index, asked.photos)
        client = _let_in(index)
        print(
            f"{'first':>9}{'median':>9}{'worst':>9}{'wall':>9}{'aim':>8}   ms of work, of {TIMES}; median by the clock"
        )
        slow = [page for page in asked.pages or PAGES if not _measure(client, page)]
    print("too slow: " + ", ".join(slow) if slow else "all as they should be")


def _let_in(index: Path) -> FlaskClient:
    app = create_app(index, Guard(frozenset({"localhost"}), token="token"))
    client = app.test_client()
    assert client.get("/?token=token").status_code == 303
    return client


def _measure(client: FlaskClient, page: str) -> bool:
    """Ask for a page again and again; False where it takes too long."""
    took, worked = [], []
    for _ in range(TIMES + 1):
        began, begun = time.perf_counter(), time.thread_time()
        code = client.get(page).status_code
        worked.append(1000 * (time.thread_time() - begun))
        took.append(1000 * (time.perf_counter() - began))
        if code != 200:
            print(f"{page}: {code}")
            return True
    aim = FIRST_PAGE_MS if page.partition("?")[0] == "/" else OTHER_MS
    slow = max(worked[0], statistics.median(worked[1:])) > aim
    figures = (worked[0], statistics.median(worked[1:]), max(worked[1:]), statistics.median(took[1:]))
    print("".join(f"{each:9.1f}" for each in figures), f"{aim:7}  {page}{'   <-- slow' * slow}")
    return not slow


if __name__ == "__main__":
    main()
