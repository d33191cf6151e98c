"""Names of people and files, made safe for every file system that a folder may be carried to."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence

BAD = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\u202a-\u202e\u2066-\u2069\ud800-\udfff]')
DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$", re.IGNORECASE)  # names that Windows keeps
LONGEST = 180  # bytes; 255 are allowed, and a date and a suffix must still fit


def safe(name: str) -> str:
    """The name as a file may be called: one part of a path, never hidden, the same on every system."""
    text = BAD.sub("_", unicodedata.normalize("NFC", name)).strip().rstrip(". ")
    text = text.encode()[:LONGEST].decode("utf-8", "ignore").rstrip(". ")  # not within a character
    return f"_{text}" if not text or text.startswith(".") or DEVICES.match(text) else text


def safe_file(name: str) -> str:
    """The same of a file's name, which keeps its ending."""
    stem, suffix = os.path.splitext(name)
    return safe(stem) + (safe(f"x{suffix}")[1:] if len(suffix) < 10 else "")


def folded(name: str) -> str:
    """What two names have in common that are one to some file system."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def told_apart(name: str, mark: str) -> str:
    """A file's name with something in it that only this one has."""
    stem, suffix = os.path.splitext(name)
    return f"{stem} ({mark}){suffix}"


def folders(names: Iterable[str]) -> dict[str, str]:
    """Name to folder, no two the same; the first of two that would be keeps the plain one."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        folder = safe(name)
        if folded(folder) in taken:
            folder = f"{folder} ({short(name)})"
        taken.add(folded(folder))
        found[name] = folder
    return found


def short(text: str) -> str:
    """Six letters that stand for a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:6]


def slug(name: str) -> str:
    """A name for a web page, in plain ASCII: what can be read of it, and what tells it apart."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words: Sequence[str] = re.findall(r"[a-z0-9]+", plain)
    return "-".join([*words, hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:10]])[-60:].lstrip(
        "-"
    )
