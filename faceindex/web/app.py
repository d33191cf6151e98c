"""The application: its pages, put together."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from flask import Flask, Response, current_app, g, render_template, request
from markupsafe import Markup
from werkzeug.exceptions import HTTPException
from werkzeug.routing import IntegerConverter

from faceindex.db import told
from faceindex.errors import FaceindexError
from faceindex.store import gallery
from faceindex.web import changing, index, pictures
from faceindex.web.pages import ALL, people
from faceindex.web.safety import Guard, guard


class Number(IntegerConverter):
    """A number that the index can hold; anything longer is no page."""

    regex = r"[0-9]{1,18}"


BUSY = "another program, perhaps a scan, is writing just now, so nothing was changed; try again in a moment"


def create_app(path: Path, keeper: Guard) -> Flask:
    """Pages about the index at `path`, for those whom the guard lets in."""
    app = Flask(__name__)
    app.config["INDEX"] = path
    app.url_map.converters["int"] = Number
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    guard(app, keeper)
    for pages in (pictures.pages, changing.pages, *ALL):
        app.register_blueprint(pages)

    @app.context_processor
    def everywhere() -> dict[str, object]:
        return {
            "hidden": _hidden,
            "last_entry": _last_entry,
            "word": g.get("word"),
            "read_only": g.get("read_only", True),
        }

    @app.get("/news")
    def news() -> Response:
        """Whether anything changed; asked by pages that are open."""
        return Response(gallery.news(index.db()), mimetype="text/plain")

    app.register_error_handler(FaceindexError, _sentence)
    app.register_error_handler(sqlite3.DatabaseError, _database)
    app.register_error_handler(HTTPException, _refusal)
    return app


def look_ahead(app: Flask) -> None:
    """Get the first page ready in a thread of its own, while a browser still starts."""

    def look() -> None:
        with app.app_context():
            try:
                people.look_ahead()
            except (FaceindexError, sqlite3.DatabaseError):
                pass  # whoever asks for the page will be told
            finally:
                index.close()

    threading.Thread(target=look, daemon=True).start()


def _hidden() -> Markup:
    """What every form bears: the word of the session, and the page to come back to."""
    page = request.full_path.rstrip("?")
    return Markup('<input type="hidden" name="word" value="{}"><input type="hidden" name="back" value="{}">').format(
        g.get("word") or "", page
    )


def _last_entry() -> gallery.Row | None:
    """What the Undo of a page takes back: the last change of faces or people that stood when it was shown."""
    try:
        return gallery.last_entry(index.db())
    except (FaceindexError, sqlite3.DatabaseError):
        return None  # a page that tells of it must still be shown


def _sentence(error: FaceindexError) -> tuple[str | Response, int]:
    """What a human can be told; the page stays as it is."""
    return _page(str(error), 409)


def _database(error: sqlite3.DatabaseError) -> tuple[str | Response, int]:
    busy = "locked" in str(error) or "busy" in str(error)
    if busy:
        return _page(BUSY, 503)
    sentence = told(error, index_path())
    if sentence is error:
        raise error
    return _page(str(sentence), 500)


def index_path() -> Path:
    path: Path = current_app.config["INDEX"]
    return path


def _refusal(error: HTTPException) -> tuple[str | Response, int]:
    given = error.description if error.description != type(error).description else None
    words = {
        401: "the password is asked for again; reload the page"
        if current_app.config["GUARD"].password
        else "this page needs the address that 'faceindex serve' printed, with its token",
        403: given or "that was not asked from this page, or too long ago; load it again",
        405: "that is not done so",
        413: "that is too much at once",
        404: "there is no such page, or nothing of that number any more",
        421: "this server does not go by that name; ask under the address that 'faceindex serve' printed",
    }
    return _page(words.get(error.code or 500, error.description or "that cannot be"), error.code or 500)


def _page(sentence: str, code: int) -> tuple[str | Response, int]:
    if changing.wants_json():
        return Response(changing.as_json({"error": sentence}), mimetype="application/json"), code
    if request.path.endswith(".jpg"):
        return Response("", mimetype="text/plain"), code
    return render_template("error.html", sentence=sentence, code=code), code
