"""Everybody: a tile for each person, and then for each cluster that nobody named, those worth most first."""

from __future__ import annotations

import threading
from pathlib import Path

from flask import Blueprint, current_app, render_template, request

from faceindex.store import gallery
from faceindex.store.gallery import Look, Tile
from faceindex.web import index
from faceindex.web.changing import told_of

pages = Blueprint("people", __name__)

AT_ONCE = 60  # tiles
# Of an index's tile as it was: it looks so until its faces change.
_looks: dict[tuple[Path, int | None, int, int], Look] = {}
_lock = threading.Lock()
MOST_LOOKS = 10_000


@pages.get("/")
def people() -> str:
    """The first page."""
    by_name, offset = request.args.get("by") == "name", offset_asked()
    db = index.db()
    known = gallery.people(db, by_name=by_name, offset=offset, limit=AT_ONCE + 1)
    return render_template(
        "people.html", tiles=shown(known[:AT_ONCE]), more=offset + AT_ONCE if len(known) > AT_ONCE else None,
        unknown=shown(gallery.unknown(db, offset=0, limit=AT_ONCE)) if not offset else [],
        by_name=by_name, numbers=gallery.numbers(db), told=told_of(db), offset=offset,
    )  # fmt: skip


def look_ahead() -> None:
    """See what the first page shows before anybody asks: the dates of everybody's photos are many."""
    shown(gallery.people(index.db(), by_name=False, offset=0, limit=AT_ONCE))
    shown(gallery.unknown(index.db(), offset=0, limit=AT_ONCE))


@pages.get("/unknown")
def unknown() -> str:
    """Clusters that nobody named."""
    offset = offset_asked()
    found = gallery.unknown(index.db(), offset=offset, limit=AT_ONCE + 1)
    return render_template(
        "unknown.html", tiles=shown(found[:AT_ONCE]), more=offset + AT_ONCE if len(found) > AT_ONCE else None,
        told=told_of(index.db()), offset=offset,
    )  # fmt: skip


def offset_asked() -> int:
    """From which tile on a page is asked for."""
    given = request.args.get("from", "0")
    return int(given) if given.isdecimal() and len(given) < 10 else 0


def shown(tiles: list[Tile]) -> list[tuple[Tile, Look]]:
    """Tiles with what they show; those that lost their faces meanwhile are left out."""
    found = []
    for tile in tiles:
        key = current_app.config["INDEX"], tile.person_id, tile.cluster_id, tile.faces
        seen = _looks.get(key)
        if seen is None or not gallery.is_in(index.db(), seen.face_id, tile.cluster_id):
            seen = gallery.look(index.db(), tile)
            if seen is None:
                continue
            with _lock:
                if len(_looks) >= MOST_LOOKS:
                    _looks.clear()
                _looks[key] = seen
        found.append((tile, seen))
    return found
