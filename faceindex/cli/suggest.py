"""`faceindex suggest`: what is worth a human's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from faceindex.cli.app import App, pass_app
from faceindex.cli.options import Form, listing
from faceindex.cli.output import Row, show
from faceindex.report import counted
from faceindex.store import settings
from faceindex.store.paths import shown

if TYPE_CHECKING:
    from faceindex.pipeline.answering import Question

SUGGESTIONS = ("kind", "cluster", "face", "other", "person", "likely", "distance", "normalised", "confidence",
               "gain", "photos", "rank", "source")  # fmt: skip
DEFAULT_BACKEND = "dlib"


@click.command(epilog="Example: faceindex suggest --limit 20")
@click.option("--limit", type=click.IntRange(1), default=40, show_default=True, metavar="N", help="At most so many.")
@listing
@pass_app
def suggest(app: App, limit: int, form: Form) -> None:
    """What is worth an answer, that first which gains most.

    Which unnamed cluster is probably whom (who), which two are probably one person (same), which named face looks
    wrong (wrong), whom other programs take a face for (tagged), which unknown cluster is worth a name (name); how sure
    that is, and how many faces an answer names or puts right. 'faceindex review' asks.
    """
    from faceindex.pipeline.asking import suggestions  # noqa: PLC0415  (loads numpy)

    with app.open() as db:
        found = suggestions(db, settings.get(db, "backend") or DEFAULT_BACKEND)
    show(
        app,
        map(_row, found[:limit]),
        form,
        SUGGESTIONS,
        _for_people,
        "nothing to suggest; name somebody first, or scan",
    )
    if len(found) > limit:
        app.say(f"the first {limit} of {len(found):,}; --limit shows more")


def _row(asked: Question) -> Row:
    return {**{name: getattr(asked, name) for name in SUGGESTIONS if name != "rank"}, "rank": asked.rank}


def _for_people(row: Row) -> Row:
    return {
        "gains": counted(row["gain"], "face"),
        "sure": percent(row["confidence"]) if row["kind"] not in ("name", "tagged") else "",
        "distance": row["distance"],
        "suggestion": sentence(row),
    }


def percent(confidence: float) -> str:
    """Nothing is ever quite sure."""
    return f"{min(confidence, 0.99):.0%}"


def programs(source: str | None) -> str:
    """Who takes a face for somebody, in words."""
    names = (source or "").split(",")
    return f"{' and '.join(names)} {'think' if len(names) > 1 else 'thinks'} so"


def sentence(row: Row) -> str:
    """What is suggested, in words."""
    person, likely = (shown(row[name] or "") for name in ("person", "likely"))
    if row["kind"] == "who":
        return f"cluster {row['cluster']} is {person} (nearest: cluster {row['other']})"
    if row["kind"] == "same":
        return f"clusters {row['cluster']} and {row['other']} are one person"
    if row["kind"] == "name":
        return f"cluster {row['cluster']} is worth a name ({counted(row['photos'], 'photo')})"
    if row["kind"] == "tagged":
        what = f"face {row['face']}" if row["face"] else f"cluster {row['cluster']}"
        return f"{what} is {person} ({programs(row['source'])})"
    return f"face {row['face']} is not {person}" + (f" but {likely}" if likely and likely != person else "")
