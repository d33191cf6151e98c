"""Paths as the index keeps them: text for people, raw bytes only where the text would lie."""

from __future__ import annotations

import os


def columns(path: str) -> tuple[str, bytes]:
    """(text, raw) of a path as os.fsdecode gives it; raw is empty where text is the whole truth."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        raw = os.fsencode(path)
        return raw.decode("utf-8", "backslashreplace"), raw
    return path, b""


def path_of(text: str, raw: bytes) -> str:
    """The path to hand to the operating system."""
    return os.fsdecode(raw) if raw else text


def join(root: str, folder: str, name: str) -> str:
    """The full path of a file, from parts that may hold surrogates."""
    return "/".join([root.rstrip("/"), *([folder] if folder else []), name])


JOINERS = "\u200c\u200d"  # they make one letter of two in Persian or Hindi, and one emoji of several


def shown(path: str) -> str:
    """The path for a person to read: broken bytes and control characters as backslash escapes."""
    text, _ = columns(path)
    return "".join(c if c.isprintable() or c in JOINERS else c.encode("unicode_escape").decode("ascii") for c in text)


def signed(number: int) -> int:
    """An unsigned 64-bit inode or device number as SQLite can hold it."""
    return number - 2**64 if number >= 2**63 else number
