"""What an import says in the end: what changed, and what could not be done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from faceindex.cli.app import App
from faceindex.store.paths import shown

if TYPE_CHECKING:
    from faceindex.store.handwork.bench import Outcome

SHOWN = 10  # of a list of what could not be done; --verbose shows all

COUNTS = {  # what changed: how one of it reads, and several
    "box": ("drawn box", "drawn boxes"),
    "person": ("new person", "new people"),
    "birth": ("birth", "births"),
    "name": ("named face", "named faces"),
    "cluster": ("named cluster", "named clusters"),
    "move": ("moved face", "moved faces"),
    "group": ("unnamed group", "unnamed groups"),
    "rejection": ("rejection", "rejections"),
    "ignored face": ("ignored face", "ignored faces"),
    "ignored cluster": ("ignored cluster", "ignored clusters"),
    "different": ("pair of different people", "pairs of different people"),
    "unsaid": ("name that nobody bears any more", "names that nobody bears any more"),
    "release": ("face for the next scan to place", "faces for the next scan to place"),
}


def report(
    app: App,
    out: Outcome,
    dry_run: bool,
    prefer: str = "--prefer file takes the file's word",
    already: int | None = None,
) -> None:
    """Say what an import did; `prefer` is the advice where the index was told otherwise."""
    would = "would change" if dry_run else "changed"
    counts = ", ".join(f"{n:,} {words[n != 1]}" for what, words in COUNTS.items() if (n := out.counts[what]))
    app.say(f"{would}: {counts}" if counts else "nothing to change")
    if so := out.already if already is None else already:
        app.say(f"already so: {so:,}")
    list_(app, "contradictions", out.contradictions, prefer)
    list_(app, "no face here", out.no_face, "import again after a scan has found it")
    list_(app, "boxes not drawn", out.not_drawn, "import again when that is put right")
    photos = [f"{digest[:12]}… {shown(hint)}".rstrip() for digest, hint in out.no_photo.items()]
    list_(app, "photos not in the index", photos, "scan their folder, and import again")


def list_(app: App, heading: str, lines: Sequence[str], advice: str) -> None:
    """A list, its beginning if it is long, and what to do about it."""
    if not lines:
        return
    app.say(f"{heading}: {len(lines):,} ({advice})")
    most = len(lines) if app.verbose else SHOWN
    for line in lines[:most]:
        app.say(f"  {line}")
    if len(lines) > most:
        app.say(f"  and {len(lines) - most:,} more; --verbose shows all")
