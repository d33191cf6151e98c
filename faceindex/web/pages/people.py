"""Everybody: a tile for each person, and then for each cluster that nobody named, those worth most first."""

from __future__ import annotations

import threading

from flask import Blueprint, render_template, request

from faceindex.store import gallery
from faceindex.store.gallery import Look, Tile
from faceindex.web import index
from faceindex.web.changing import told_of

pages = Blueprint("people", __name__)

AT_ONCE = 60  # tiles
_looks: dict[tuple[int | None, int, int], Look] = {}  # of a tile as it was: it looks so until its faces change
_lock = threading.Lock()
MOST_LOOKS = 10_000


@pages.get("/")
def people() -> str:
    """The first page."""
    by_name, offset = request.args.get("by") == "name", _offset()
    db = index.db()
    known = gallery.people(db, by_name=by_name, offset=offset, limit=AT_ONCE + 1)
    return render_template(
        "people.html", tiles=_shown(known[:AT_ONCE]), more=offset + AT_ONCE if len(known) > AT_ONCE else None,
        unknown=_shown(gallery.unknown(db, offset=0, limit=AT_ONCE)) if not offset else [],
        by_name=by_name, numbers=gallery.numbers(db), told=told_of(db), offset=offset,
    )  # fmt: skip


@pages.get("/unknown")
def unknown() -> str:
    """Clusters that nobody named."""
    offset = _offset()
    found = gallery.unknown(index.db(), offset=offset, limit=AT_ONCE + 1)
    return render_template(
        "unknown.html", tiles=_shown(found[:AT_ONCE]), more=offset + AT_ONCE if len(found) > AT_ONCE else None,
        told=told_of(index.db()), offset=offset,
    )  # fmt: skip


def _offset() -> int:
    given = request.args.get("from", "0")
    return int(given) if given.isdecimal() and len(given) < 10 else 0


def _shown(tiles: list[Tile]) -> list[tuple[Tile, Look]]:
    """Tiles with what they show; those that lost their faces meanwhile are left out."""
    found = []
    for tile in tiles:
        key = tile.person_id, tile.cluster_id, tile.faces
        seen = _looks.get(key)
        if seen is None:
            seen = gallery.look(index.db(), tile)
            if seen is None:
                continue
            with _lock:
                if len(_looks) >= MOST_LOOKS:
                    _looks.clear()
                _looks[key] = seen
        found.append((tile, seen))
    return found
