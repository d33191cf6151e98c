"""Faces of a folder of people, Person_Name/*.jpg, as face recognition is measured with."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from faceindex.api import find_faces
from faceindex.cli.app import App
from faceindex.errors import UnreadablePicture, UsageProblem
from faceindex.models import Face
from faceindex.store.paths import shown

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".heic")


def encoded(app: App, folder: str) -> tuple[NDArray[np.float32], list[str], int]:
    """Encodings (N, D) and names of the faces nearest the centre of each photo, and how many photos there are."""
    paths = sorted(path for path in Path(folder).glob("*/*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise UsageProblem(f"{shown(folder)} holds no Person_Name/*.jpg; name one with a folder for each person")
    faces, names = [], []
    hidden = app.quiet or not sys.stderr.isatty()
    for path in tqdm(paths, desc="Encoding", unit=" photos", disable=hidden, leave=False):
        try:
            found = find_faces(path)
        except UnreadablePicture as error:
            app.say(f"left out: {error}")
            continue
        if found:
            faces.append(min(found, key=_off_centre).encoding)
            names.append(path.parent.name)
    if not faces:
        raise UsageProblem(f"no face was found on any photo of {shown(folder)}; name another folder")
    return np.array(faces, np.float32), names, len(paths)


def _off_centre(face: Face) -> float:
    box = face.box
    return abs(box.left + box.right - 1) + abs(box.top + box.bottom - 1)
