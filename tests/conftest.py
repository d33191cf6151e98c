"""What every test may stand on: real photos where they are, and one real face that is always there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# How long an example takes says nothing where other tests run beside it.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder of real photos; tests that need it are skipped where it is missing."""
    folder = Path(os.environ.get("FACEINDEX_TEST_DATA", CHECKOUT.parent / "shared" / "data"))
    if not (folder / "MANIFEST.csv").exists():
        pytest.skip("no real photos here; set FACEINDEX_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def astronaut() -> NDArray[np.uint8]:
    """A portrait with one real face, (512, 512, 3) uint8 RGB; from scikit-image, public domain."""
    from skimage import data  # noqa: PLC0415  (slow to import, needed by few)

    return data.astronaut()


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A library of coloured squares, still empty, and backends that see them."""
    from nights import Home, announce_all  # noqa: PLC0415  (numpy and Pillow, needed by few)

    home = Home(tmp_path)
    home.library.mkdir()
    monkeypatch.syspath_prepend(announce_all(home.site))
    return home
