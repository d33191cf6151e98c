"""The pages on an index of coloured squares, asked as a browser asks them, without a server."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cli_fakes import indexed
from flask.testing import FlaskClient

from faceindex.web import Guard, create_app

HOST = "localhost"
TOKEN = "the token"
WORD = re.compile(r'<meta name="word" content="([^"]+)">')


@dataclass(frozen=True)
class Answer:
    """What the server said to an act."""

    code: int
    json: dict[str, Any]

    @property
    def told(self) -> str:
        return str(self.json.get("told") or self.json.get("error"))


@dataclass(frozen=True)
class Visitor:
    """Somebody whom the server let in."""

    client: FlaskClient
    word: str

    def get(self, page: str, **headers: str) -> Any:
        return self.client.get(page, headers=headers)

    def page(self, page: str) -> str:
        """The text of a page that must be there."""
        response = self.client.get(page)
        assert response.status_code == 200, (page, response.status_code, response.text)
        return response.text

    def post_act(self, act: str, /, **fields: object) -> Answer:
        """An act as our script asks for it."""
        response = self.client.post(
            f"/do/{act}",
            data={key: str(value) for key, value in fields.items()},
            headers={"Accept": "application/json", "X-Word": self.word},
        )
        return Answer(response.status_code, response.json or {})

    def post_form(self, act: str, back: str, /, **fields: object) -> Any:
        """An act as a form of ours asks for it, without script."""
        given = {key: str(value) for key, value in fields.items()}
        return self.client.post(f"/do/{act}", data={"word": self.word, "back": back, **given})


@dataclass(frozen=True)
class Site:
    """An index, and who looks at it."""

    folder: Path  # the library
    index: Path
    keeper: Guard
    app: Any
    client: Visitor


def visitor(app: Any) -> Visitor:
    """Somebody with the token of this app's guard."""
    client = app.test_client()
    client.get(f"/?token={app.config['GUARD'].token}")
    found = WORD.search(client.get("/").text)
    assert found, "not let in"
    return Visitor(client, found[1])


def site_of(index: Path, folder: Path | None = None, **options: Any) -> Site:
    """The pages of any index."""
    keeper = Guard(frozenset({HOST}), token=TOKEN, **options)
    app = create_app(index, keeper)
    app.testing = True  # a bug keeps its traceback
    return Site(folder or index.parent, index, keeper, app, visitor(app))


def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Site:
    """The pages of a painted library that was scanned once."""
    folder = indexed(tmp_path, monkeypatch)
    return site_of(tmp_path / "faces.db", folder, **options)
