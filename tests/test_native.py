"""The C kernels are an extra: built where there is a compiler, and never used when they are not ours."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

from faceindex import native

HOOK = Path(__file__).resolve().parent.parent / "hatch_build.py"
compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler here")


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", HOOK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with one small source; its folder has a name that no other test loaded a library from."""
    folder = tmp_path / "faceindex" / "native"
    folder.mkdir(parents=True)
    shutil.copy(native.HERE / "version.c", folder)
    shutil.copy(native.HERE / "kernels.h", folder)
    return tmp_path


@compiler
def test_what_the_build_hook_compiles_the_loader_takes(hook: ModuleType, root: Path) -> None:
    build_data = {"artifacts": []}
    hook.into_wheel(root, build_data, pytest.fail)
    found, reason = native._load(root / "faceindex" / "native")
    assert found is not None, reason
    assert build_data["artifacts"] == ["faceindex/native/_kernels.so"]
    assert build_data["pure_python"] is False
    assert build_data["tag"].startswith("py3-none-")


@compiler
def test_a_library_older_than_its_source_is_not_used(hook: ModuleType, root: Path) -> None:
    folder = root / "faceindex" / "native"
    assert hook.compile_kernels(folder) is None
    (folder / "kernels.h").write_text((folder / "kernels.h").read_text() + "/* changed */\n")
    found, reason = native._load(folder)
    assert found is None
    assert "older than their source" in str(reason)


@compiler
def test_a_compiler_without_function_clones_will_do(hook: ModuleType, root: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain-cc"
    plain.write_text('#!/bin/sh\ncase " $* " in *" -DFI_CLONES "*) echo "no clones" >&2; exit 1;; esac\nexec cc "$@"\n')
    plain.chmod(0o755)
    folder = root / "faceindex" / "native"
    assert hook.compile_kernels(folder, str(plain)) is None
    assert native._load(folder)[0] is not None


@pytest.mark.parametrize("cc", ["/nonexistent/cc", f"{sys.executable} -c 'raise SystemExit(1)'"])
def test_without_a_compiler_the_install_goes_on(
    hook: ModuleType, root: Path, cc: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", cc)
    folder = root / "faceindex" / "native"
    (folder / native.NAME).write_bytes(b"from another day")
    build_data, warnings = {"artifacts": []}, []
    hook.into_wheel(root, build_data, warnings.append)
    assert build_data == {"artifacts": []}
    assert len(warnings) == 1
    assert "\n" not in warnings[0]
    assert {path.name for path in folder.iterdir()} == {"version.c", "kernels.h"}
    assert "not built" in str(native._load(folder)[1])


def test_a_source_that_does_not_compile_leaves_no_half_library(hook: ModuleType, root: Path) -> None:
    folder = root / "faceindex" / "native"
    (folder / "version.c").write_text("this is not C\n")
    assert hook.compile_kernels(folder)
    assert not list(folder.glob("*.so"))


def test_a_file_that_is_no_library_is_not_loaded(root: Path) -> None:
    folder = root / "faceindex" / "native"
    (folder / native.NAME).write_bytes(b"no library")
    found, reason = native._load(folder)
    assert found is None
    assert "cannot be loaded" in str(reason)


def test_hook_and_loader_count_the_sources_alike(hook: ModuleType, root: Path) -> None:
    assert hook.fingerprint(native.HERE) == native.fingerprint()
    assert native.NAME == hook.NAME
    before = native.fingerprint(root / "faceindex" / "native")
    (root / "faceindex" / "native" / "more.c").write_text("")
    assert native.fingerprint(root / "faceindex" / "native") != before


def test_one_variable_switches_the_kernels_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEINDEX_NATIVE", "0")
    assert native.library() is None
    assert "FACEINDEX_NATIVE" in str(native.why_not())


def test_there_is_a_library_or_a_reason_why_not() -> None:
    assert (native.library() is None) == (native.why_not() is not None)
