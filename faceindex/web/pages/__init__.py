"""The pages, one module each: what is asked of the index, and which template shows it."""

from __future__ import annotations

from faceindex.web.pages import people

ALL = (people.pages,)
