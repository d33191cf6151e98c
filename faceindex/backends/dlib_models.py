"""dlib's models: where their files are, whether they are whole, each loaded once when first needed.

The files come with the package face_recognition_models. Neither it nor face_recognition is ever
imported: they need pkg_resources, load every model there is, and end the process if one is missing.
"""

from __future__ import annotations

import hashlib
import importlib.util
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import dlib

from faceindex.errors import ModelsMissing

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE = "face_recognition_models"

Role = Literal["landmarks", "encoder", "cnn"]

# Encodings of a retrained model must never mix with ours, so a file is known by its content.
FILES: dict[Role, tuple[str, str]] = {  # role: file name, SHA-256
    "landmarks": (
        "shape_predictor_5_face_landmarks.dat",
        "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
    ),
    "encoder": (
        "dlib_face_recognition_resnet_model_v1.dat",
        "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    ),
    "cnn": (
        "mmod_human_face_detector.dat",
        "4cb19393e2fbaf2b1609a9319ad5386618c886a6234ec1b971f3e87c85d87fe6",
    ),
}

READERS: dict[Role, Callable[[str], Any]] = {
    "landmarks": dlib.shape_predictor,
    "encoder": dlib.face_recognition_model_v1,
    "cnn": dlib.cnn_face_detection_model_v1,
}

# What dlib tells about its build, and what each means to a user.
FACTS = {
    "DLIB_USE_CUDA": "CUDA",
    "DLIB_USE_BLAS": "BLAS",
    "DLIB_USE_LAPACK": "LAPACK",
    "USE_AVX_INSTRUCTIONS": "AVX",
    "USE_SSE4_INSTRUCTIONS": "SSE4",
    "USE_NEON_INSTRUCTIONS": "NEON",
}


class ModelFile(NamedTuple):
    role: Role
    path: Path
    sha256: str  # what its content must hash to


@cache
def model(role: Role) -> Any:
    """dlib's model of that role, its file checked and read on first use."""
    return READERS[role](str(checked_file(role)))


def checked_file(role: Role) -> Path:
    """Where the model of that role is; raises ModelsMissing unless it is there and whole."""
    file = model_file(role)
    if fault := fault_of(file):
        raise ModelsMissing(fault)
    return file.path


def model_files() -> list[ModelFile]:
    """The files that detection and encoding may need, whether they are there or not."""
    return [model_file(role) for role in FILES]


def model_file(role: Role) -> ModelFile:
    name, sha256 = FILES[role]
    return ModelFile(role, models_folder() / name, sha256)


def models_folder() -> Path:
    """Where face_recognition_models keeps its files."""
    spec = importlib.util.find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None
    if not places:
        raise ModelsMissing(f"dlib's models are not installed; install the package {PACKAGE}")
    return Path(next(iter(places))) / "models"


def check_models() -> list[str]:
    """One sentence for each model file that is missing or damaged."""
    try:
        faults = [fault_of(file) for file in model_files()]
    except ModelsMissing as error:
        return [str(error)]
    return [fault for fault in faults if fault]


def fault_of(file: ModelFile) -> str | None:
    """What is wrong with a model file, as a sentence that says what to do."""
    try:
        digest = hashlib.sha256(file.path.read_bytes()).hexdigest()
    except OSError as error:
        return f"cannot read the model {file.path} ({error.strerror}); reinstall the package {PACKAGE}"
    if digest != file.sha256:
        return f"the model {file.path} is damaged or of another version; reinstall the package {PACKAGE}"
    return None


def dlib_facts() -> dict[str, str | bool]:
    """dlib's version and what it was built with, as far as this dlib tells."""
    built_with = {fact: bool(getattr(dlib, flag)) for flag, fact in FACTS.items() if hasattr(dlib, flag)}
    return {"version": dlib.__version__, **built_with}
