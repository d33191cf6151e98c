"""Pictures of every page, at the width of a desktop and of a phone, light and dark, for a human to look at.

uv run python benchmarks/screens.py --db faces.db        writes build/screens/PAGE-WIDTH-SCHEME.png
uv run python benchmarks/screens.py --db faces.db /runs  of some pages only
"""

from __future__ import annotations

import argparse
import contextlib
import re
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT / "tests"))

from browsing import DESKTOP, PHONE, browser, serving, shot, visitor  # noqa: E402

PAGES = ("/", "/unknown", "/ignored", "/review", "/search", "/together", "/duplicates", "/problems", "/runs", "/eval",
         "/journal", "/no-such-page")  # fmt: skip
# What is worth showing of pages that are about one of many: that with most faces.
ONE_OF = {
    "/person/{}": "SELECT person_id FROM cluster JOIN average USING (cluster_id) WHERE person_id ORDER BY faces DESC",
    "/timeline/{}": "SELECT person_id FROM cluster JOIN average USING (cluster_id) WHERE person_id ORDER BY faces DESC",
    "/cluster/{}": "SELECT cluster_id FROM cluster JOIN average USING (cluster_id) "
    "WHERE person_id IS NULL ORDER BY faces DESC",
    "/photo/{}": "SELECT photo_id FROM face GROUP BY photo_id ORDER BY count(*) DESC",
}


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--db", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=CHECKOUT / "build" / "screens")
    parser.add_argument("--whole", action="store_true", help="the whole page, not only what a screen shows")
    parser.add_argument("pages", nargs="*")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    with serving(FACEINDEX_DB=str(asked.db.resolve())) as address, browser() as chromium:
        for name, size in (("desktop", DESKTOP), ("phone", PHONE)):
            for scheme in ("light", "dark"):
                with visitor(chromium, size, scheme) as context:
                    context.new_page().goto(address)
                    for page in asked.pages or [*PAGES, *_pages(asked.db)]:
                        words = re.sub(r"\W+", "-", page).strip("-") or "people"
                        picture = asked.out / f"{words}-{name}-{scheme}.png"
                        shot(context, address, page, picture, whole=asked.whole)
                        print(picture)


def _pages(index: Path) -> Iterator[str]:
    with contextlib.closing(sqlite3.connect(f"{index.resolve().as_uri()}?mode=ro", uri=True)) as db:
        for page, query in ONE_OF.items():
            found = db.execute(f"{query} LIMIT 1").fetchone()
            if found:
                yield page.format(found[0])


if __name__ == "__main__":
    main()
