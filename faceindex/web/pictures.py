"""Pictures, by the numbers of photos and faces that the index knows: small ones, and a photo as large as a screen.

Small ones come out of the file beside the index, so the photo disk may sleep; what is missing there is made from the
photo, and kept. All are JPEGs made anew: upright, without metadata.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

from flask import Blueprint, Response, abort, request

from faceindex.errors import UnreadablePicture
from faceindex.image import Picture, open_picture, small
from faceindex.models import Box
from faceindex.store import files, gallery, thumbnails
from faceindex.web import index

pages = Blueprint("pictures", __name__)

SCREEN = 1600  # pixels on the longest side of a photo that is looked at
MOST = 2000 * 10**6  # bytes of small pictures
DAY = 86_400


@pages.get("/face/<int(max=9223372036854775807):number>.jpg")
def face(number: int) -> Response:
    """A face as a square."""
    found = gallery.portrait(index.db(), number)
    if found is None:
        abort(404)
    key = thumbnails.key(found.digest, found.box)
    return _kept(key, found.photo_id, lambda picture: _cut(picture, found.box))


@pages.get("/thumb/<int(max=9223372036854775807):number>.jpg")
def thumb(number: int) -> Response:
    """A photo, small."""
    digest = gallery.digest(index.db(), number)
    if digest is None:
        abort(404)
    return _kept(digest, number, lambda picture: small.photo_jpeg(picture.pixels(small.PHOTO)))


@pages.get("/picture/<int(max=9223372036854775807):number>.jpg")
def picture(number: int) -> Response:
    """A photo as large as a screen; not kept."""
    digest = gallery.digest(index.db(), number)
    if digest is None:
        abort(404)
    return _jpeg(digest.hex(), lambda: small.photo_jpeg(_opened(number).pixels(SCREEN), SCREEN))


def _kept(key: bytes, photo_id: int, make: Callable[[Picture], bytes]) -> Response:
    def jpeg() -> bytes:
        cache = index.small()
        found = thumbnails.get(cache, key)
        if found is None:
            found = make(_opened(photo_id))
            thumbnails.put(cache, [(key, found)], MOST)
        return found

    return _jpeg(key.hex(), jpeg)


def _jpeg(tag: str, make: Callable[[], bytes]) -> Response:
    """A picture that a browser may keep for a day: what has a number never looks otherwise."""
    if request.if_none_match.contains(tag):
        return Response(status=304)
    response = Response(make(), mimetype="image/jpeg")
    response.headers["Cache-Control"] = f"private, max-age={DAY}"
    response.set_etag(tag)
    return response


def _cut(picture: Picture, box: Box) -> bytes:
    wide = max(box.width * picture.width, box.height * picture.height) / max(picture.width, picture.height)
    return small.face_jpeg(picture.pixels(round(small.FACE / max(wide * (1 + 2 * small.AROUND), 0.01))), box)


def _opened(photo_id: int) -> Picture:
    """A photo from the first copy that can be read; 404 where there is none now."""
    db: sqlite3.Connection = index.db()
    digest = gallery.digest(db, photo_id)
    for path in files.copies(db, photo_id):
        try:
            data = Path(path).read_bytes()
            if hashlib.sha256(data).digest() == digest:
                return open_picture(data)
        except (OSError, UnreadablePicture):
            continue
    return abort(404)
