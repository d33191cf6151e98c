"""The pages, one module each: what is asked of the index, and which template shows it."""

from __future__ import annotations

from faceindex.web.pages import gallery, lists, nights, people, photo, review, search, together

ALL = (
    gallery.pages, lists.pages, nights.pages, people.pages, photo.pages, review.pages, search.pages, together.pages,
)  # fmt: skip
