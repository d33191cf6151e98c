"""Somebody's faces, or a cluster's, as tiles in the order of doubt; what was put out of the way; known names."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, abort, current_app, render_template, request

from faceindex.errors import UsageProblem
from faceindex.store import gallery, members, people
from faceindex.store.gallery import Tile
from faceindex.store.members import Faces
from faceindex.web import index
from faceindex.web.changing import told_of
from faceindex.web.pages.people import offset_asked, shown

pages = Blueprint("gallery", __name__)

AT_ONCE = 60  # faces
GROUPS, ALL_GROUPS = 8, 60  # clusters of a person that are shown by a face
LIKE = 4  # people of whom an unnamed cluster may be one
LARGEST = 2**63 - 1  # number that an index can hold
MOST_ORDERS = 64
NUMBER = f"<int(max={LARGEST}):number>"

# Orders of faces as pages that are open began them: scrolling goes on in the same one, whatever was moved meanwhile.
_orders: OrderedDict[str, Faces] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the faces that a page shows, and where the next are."""

    faces: list[members.Member]
    order: str
    more: str | None  # the query of the next page
    count: int


@pages.get(f"/person/{NUMBER}")
def person(number: int) -> str:
    """Everything of one name."""
    db, offset = index.db(), offset_asked()
    known = members.person(db, number)
    if known is None:
        abort(404)
    part = _part(f"person {number}", lambda order: members.of_person(db, number, order))
    most = ALL_GROUPS if "looks" in request.args else GROUPS
    groups = members.groups(db, number, most) if not offset else []
    return render_template(
        "person.html", known=known, part=part, groups=shown(groups) if len(groups) > 1 else [],
        clusters=[group.cluster_id for group in groups], told=told_of(db), all_groups=most == ALL_GROUPS,
    )  # fmt: skip


@pages.get(f"/cluster/{NUMBER}")
def cluster(number: int) -> str | tuple[str, int]:
    """All faces of one cluster."""
    db = index.db()
    try:
        found = people.cluster(db, number)
    except UsageProblem:
        return render_template("nocluster.html", number=number, told=told_of(db)), 404
    part = _part(f"cluster {number}", lambda order: members.of_cluster(db, number, order))
    unknown = found.name is None and not found.ignored and not offset_asked()
    return render_template(
        "cluster.html", found=found, part=part, look=shown([Tile(None, number, found.name, found.faces, 1)]),
        like=shown(members.like(db, number, LIKE)) if unknown else [],
        apart=[] if offset_asked() else shown(members.apart(db, number, GROUPS)), told=told_of(db),
    )  # fmt: skip


@pages.get("/ignored")
def ignored() -> str:
    """What was put out of the way, to get it back."""
    db, offset = index.db(), offset_asked()
    tiles = members.ignored(db, offset, AT_ONCE + 1)
    faces = [] if offset else members.shown(db, members.ignored_faces(db, AT_ONCE))
    return render_template(
        "ignored.html", tiles=shown(tiles[:AT_ONCE]), more=offset + AT_ONCE if len(tiles) > AT_ONCE else None,
        faces=faces, told=told_of(db), offset=offset,
    )  # fmt: skip


def _part(whose: str, ordered: Callable[[str], Faces]) -> Part:
    """The faces that are asked for, in the order that is asked for."""
    by, offset = request.args.get("by", members.DOUBT), offset_asked()
    if by not in members.ORDERS:
        abort(404)
    known = f"{whose} {by} {request.args.get('order', '')}"
    with _lock:
        faces = _orders.get(known)
    if faces is None:
        state = f"{current_app.config['INDEX']} {gallery.news(index.db())}"
        now = hashlib.blake2b(state.encode("utf-8", "surrogateescape"), digest_size=6).hexdigest()
        known = f"{whose} {by} {now}"
        with _lock:
            faces = _orders.get(known)
        if faces is None:
            faces = _kept(known, ordered(by))
    end = offset + AT_ONCE
    more = f"by={by}&order={known.rsplit(' ', 1)[1]}&from={end}" if end < len(faces) else None
    return Part(members.shown(index.db(), faces[offset:end].tolist()), by, more, len(faces))


def _kept(known: str, faces: Faces) -> Faces:
    with _lock:
        _orders[known] = faces
        while len(_orders) > MOST_ORDERS:
            _orders.popitem(last=False)
    return faces
