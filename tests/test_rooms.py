"""A module imports only from lines below its own, and imports never run in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "faceindex"

# From the top down; what stands on one line does not import from that line.
ROOMS = (
    "cli",
    "web",
    "doctor",
    "report",
    "pipeline api",
    "store engines backends tags",
    "worker",
    "db crawl image sheet nets suggesting evaluating",
    "matching clustering splitting",
    "exif header native presets distance growing sharpness labelfile placing",
    "models errors stopwatch wording",
)
LINE = {room: number for number, rooms in enumerate(ROOMS) for room in rooms.split()}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__main__.py" and path.parent.name != "sql")


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> Iterator[str]:
    """Modules of ours that this one imports when it runs, inside functions too; not for types alone."""
    tree = ast.parse(path.read_text("utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "faceindex")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: write imports out in full"
            if node.module and node.module.split(".")[0] == "faceindex":
                yield from (_module(node.module, alias.name) for alias in node.names)


def _module(package: str, name: str) -> str:
    inside = PACKAGE.parent.joinpath(*package.split("."), name)
    return f"{package}.{name}" if inside.with_suffix(".py").exists() or inside.is_dir() else package


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_from_rooms_below_its_own(path: Path) -> None:
    here = room_of(name_of(path))
    if not here:
        return  # faceindex/__init__.py, which only says what is public
    for module in imports_of(path):
        there = room_of(module)
        if there and there != here:
            assert LINE[here] < LINE[there], f"{name_of(path)} must not import {module}"


def test_every_room_has_its_line() -> None:
    assert {room_of(name_of(path)) for path in MODULES} - {""} == set(LINE)


def test_imports_never_run_in_a_circle() -> None:
    graph = {name_of(path): set(imports_of(path)) for path in MODULES}

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " → ".join([*above[above.index(module) :], module])
        for other in graph.get(module, ()):
            if other != module and not module.startswith(f"{other}."):
                visit(other, (*above, module))

    for module in graph:
        visit(module, ())


def test_no_module_grows_into_a_place_where_everything_is_added() -> None:
    sizes = {name_of(path): path.read_text("utf-8").count("\n") for path in MODULES}
    assert {name: lines for name, lines in sizes.items() if lines > 450} == {}


def test_sql_is_written_in_the_index_rooms_only() -> None:
    for path in MODULES:
        if room_of(name_of(path)) not in ("db", "store"):
            text = path.read_text("utf-8")
            assert "SELECT " not in text, name_of(path)
