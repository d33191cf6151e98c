"""What was built once is read from its file; whatever happens to the file, it is built anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from faceindex.nets import cache

BUILT = b"weights" * 1000


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of what is called "name"."""
    monkeypatch.setenv("FACEINDEX_CACHE", str(tmp_path))
    return tmp_path / "name"


def test_bytes_are_built_once(place: Path) -> None:
    assert cache.cached_bytes("name", lambda: BUILT) == BUILT
    assert cache.cached_bytes("name", lambda: pytest.fail("built again")) == BUILT


@pytest.mark.parametrize("keep", [0, 5, 12, 500, -1])
def test_bytes_whose_file_is_cut_off_are_built_anew(place: Path, keep: int) -> None:
    cache.cached_bytes("name", lambda: BUILT)
    place.write_bytes(place.read_bytes()[:keep])
    assert cache.cached_bytes("name", lambda: b"anew") == b"anew"
    assert cache.cached_bytes("name", lambda: pytest.fail("built again")) == b"anew"


def test_bytes_whose_file_is_deleted_while_it_is_read_are_built_anew(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.cached_bytes("name", lambda: BUILT)

    def gone(path: Path) -> bytes:
        raise FileNotFoundError(str(path))

    monkeypatch.setattr(Path, "read_bytes", gone)
    assert cache.cached_bytes("name", lambda: b"anew") == b"anew"
