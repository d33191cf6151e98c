"""docs/sql.md: every question there is asked of the family's library, and the page shows the true answer.

After a change: `python tests/test_sql_docs.py` writes the answers anew; read the difference.
"""

from __future__ import annotations

import re
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import library
import pytest

PAGE = Path(__file__).resolve().parent.parent / "docs" / "sql.md"
# A question, and below it its answer as `sqlite3 -box` prints it.
BLOCK = re.compile(r"```sql\n(?P<question>.*?)```\n(?:\n```text\n(?P<answer>.*?)```\n)?", re.DOTALL)


def questions():
    text = PAGE.read_text("utf-8")
    return [
        pytest.param(found["question"], found["answer"], id=text[: found.start()].rsplit("### ", 1)[1].split("\n")[0])
        for found in BLOCK.finditer(text)
    ]


@pytest.fixture(scope="module")
def db(tmp_path_factory):
    with closing(library.family(tmp_path_factory.mktemp("family"))) as index:
        yield index


def ask(db, question):
    cursor = db.execute(question)
    return [column[0] for column in cursor.description], [tuple(row) for row in cursor]


def box(names, rows):
    """Rows as `sqlite3 -box` prints them."""
    cells = [["" if value is None else str(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]

    def rule(left, middle, right):
        return left + middle.join("─" * (width + 2) for width in widths) + right

    def line(texts, pad):
        return "│ " + " │ ".join(pad(text, width) for text, width in zip(texts, widths, strict=True)) + " │"

    def centred(text, width):
        before = (width - len(text)) // 2
        return " " * before + text + " " * (width - len(text) - before)

    head = line(names, centred)
    body = [line(row, str.ljust) for row in cells]
    return "\n".join([rule("┌", "┬", "┐"), head, rule("├", "┼", "┤"), *body, rule("└", "┴", "┘")]) + "\n"


@pytest.mark.parametrize(("question", "answer"), questions())
def test_the_answer_on_the_page_is_the_answer(db, question, answer):
    assert answer == box(*ask(db, question))


def test_there_are_enough_questions_and_every_view_is_asked():
    asked = " ".join(param.values[0] for param in questions())
    assert len(questions()) >= 10
    for view in ("files", "photos", "faces", "appearances", "people", "clusters", "duplicates", "problems", "runs",
                 "profiles", "tags", "file_paths", "face_data", "face_groups", "face_labels"):  # fmt: skip
        assert re.search(rf"(FROM|JOIN) {view}\b", asked), view


def test_the_page_names_every_view_and_column_there_is(db):
    views = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'view'")]
    there = {view: [row["name"] for row in db.execute(f"PRAGMA table_info({view})")] for view in views}
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert {view: re.findall(r"`(\w+)`", columns) for view, columns in rows} == there


def test_the_questions_can_be_asked_without_write_access(db, tmp_path):
    path = db.execute("PRAGMA database_list").fetchone()["file"]
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as reader:
        reader.execute("PRAGMA trusted_schema = OFF")
        for param in questions():
            reader.execute(param.values[0]).fetchall()


def write_answers():
    with tempfile.TemporaryDirectory() as folder, closing(library.family(Path(folder))) as db:
        text = BLOCK.sub(
            lambda found: f"```sql\n{found['question']}```\n\n```text\n{box(*ask(db, found['question']))}```\n",
            PAGE.read_text("utf-8"),
        )
    PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    sys.exit(write_answers())
