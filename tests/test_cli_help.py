"""Help, typing errors, documentation and start-up of the command line."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from cli_fakes import call, isolate

from faceindex import __version__
from faceindex.cli import cli

CHECKOUT = Path(__file__).resolve().parent.parent
DOCUMENT = CHECKOUT / "docs" / "commands.md"


@pytest.fixture(autouse=True)
def _index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(tmp_path, monkeypatch)


def walk(group: click.Group, *above: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from walk(command, *above, name)
        else:
            yield (*above, name), command


COMMANDS = {" ".join(path): command for path, command in walk(cli)}


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example_that_parses(name: str) -> None:
    helped = call(*name.split(), "--help")
    assert (helped.code, helped.err) == (0, "")
    example = re.search(r"Example: (faceindex .*(?:\n\s+.*)*)", helped.out)
    assert example, helped.out
    words = shlex.split(example[1].partition("|")[0])
    assert " ".join(words[1:]).startswith(name)
    COMMANDS[name].make_context(name, words[1 + len(name.split()) :])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_does_and_is_named_as_its_variable(name: str) -> None:
    for option in (p for p in COMMANDS[name].params if isinstance(p, click.Option)):
        assert option.help, option.opts
        assert option.name == max(option.opts, key=len).removeprefix("--").replace("-", "_")


def test_the_list_of_commands_says_what_each_does_without_cutting_it_short() -> None:
    for group in ("", "root", "cluster", "person", "photo", "problem"):
        helped = call(*group.split(), "--help")
        assert helped.code == 0
        assert "..." not in helped.out.partition("Commands:")[2], group


def test_a_group_without_a_command_shows_its_help() -> None:
    alone = call("cluster")
    assert (alone.code, alone.out) == (2, "")
    assert "Commands:" in alone.err


def test_help_has_a_short_form() -> None:
    assert call("-h").out == call("--help").out
    assert call("scan", "-h").out == call("scan", "--help").out


def test_help_documents_every_exit_code() -> None:
    text = call("--help").out
    assert re.findall(r"^ {4}(\d)  | {2}(\d)  ", text, re.MULTILINE)
    assert {a or b for a, b in re.findall(r"^ {4}(\d)  |\S {2,}(\d)  ", text, re.MULTILINE)} == set("012345678")


@pytest.mark.parametrize(
    ("typed", "helped"),
    [
        ("sacn", "did you mean 'scan'?"),
        ("frobnicate", "there are: scan, status"),
        ("cluster lst", "did you mean 'list'?"),
        ("cluster", "Usage: faceindex cluster"),
        ("scan --untill 06:30", "--until"),
        ("scan --until 25:00", "write it like 06:30"),
        ("scan --until soon", "write it like 06:30"),
        ("scan --max-time 6", "write it like 90s, 45m, 6h or 1h30m"),
        ("scan --max-time 6h!", "write it like 90s, 45m, 6h or 1h30m"),
        ("scan --preset dog", "'fast', 'hog-then-cnn', 'both', 'cnn'"),
        ("scan --faces tiny", "write small, normal, large or pixels from 36 to 1000"),
        ("scan --faces 35", "write small, normal, large or pixels from 36 to 1000"),
        ("scan --runtime torch", "'onnx', 'dlib'"),
        ("scan --size 3", "80"),
        ("status --jsno", "--json"),
        ("cluster show", "missing argument 'CLUSTER'"),
        ("cluster show anna", "'anna' is not a valid integer"),
        ("cluster merge 1", "missing argument 'OTHER...'"),
        ("cluster list --json --csv", "choose one of --json and --csv"),
        ("cluster list --named --unnamed", "choose one of --unnamed and --named"),
        ("undo --last 0", "0 is not in the range"),
        ("--db", "--db"),
    ],
)
def test_a_typing_error_gets_exit_code_2_and_one_helpful_line(typed: str, helped: str) -> None:
    wrong = call(*typed.split())
    assert (wrong.code, wrong.out) == (2, "")
    assert helped in wrong.err
    if "Usage" not in helped:
        assert wrong.err.startswith("faceindex: ")
        assert wrong.err.count("\n") == 1, wrong.err


def test_the_version_is_told() -> None:
    assert call("--version").out == f"faceindex, version {__version__}\n"


def test_the_package_can_be_run_as_a_module() -> None:
    ran = python("-m", "faceindex", "-h")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("Usage: faceindex ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_is_made_for_the_shell(shell: str, tmp_path: Path) -> None:
    fake = tmp_path / "bash"  # click asks the shell for its version first
    fake.write_text("#!/bin/sh\necho 5.2\n")
    fake.chmod(0o755)
    made = python(
        "-m", "faceindex", _FACEINDEX_COMPLETE=f"{shell}_source", PATH=f"{tmp_path}:{os.environ.get('PATH', '')}"
    )
    assert made.returncode == 0, made.stderr
    assert "_FACEINDEX_COMPLETE" in made.stdout


@pytest.mark.parametrize(("typed", "offered"), [("cl", "cluster"), ("cluster la", "label"), ("scan --unt", "--until")])
def test_completion_knows_commands_and_options(typed: str, offered: str) -> None:
    words = f"faceindex {typed}"
    made = python(
        "-m", "faceindex", _FACEINDEX_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(words.count(" "))
    )
    assert offered in made.stdout, made.stderr


HEAVY = ("numpy", "dlib", "PIL", "pebble", "tqdm", "psutil", "onnxruntime")
LIGHT = "import sys; from faceindex.cli import run; code = run({}); print(code, [m for m in {} if m in sys.modules])"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["status"], ["duplicates"], ["sacn"]])
def test_start_up_loads_no_heavy_library(arguments: list[str]) -> None:
    ran = python("-c", LIGHT.format(arguments, HEAVY))
    assert ran.stdout.splitlines()[-1].endswith(" []"), ran.stdout + ran.stderr


def test_help_on_a_scan_loads_no_network() -> None:
    ran = python("-c", LIGHT.format(["scan", "--help"], ("dlib", "onnxruntime", "onnx")))
    assert ran.stdout.splitlines()[-1].endswith(" []"), ran.stdout + ran.stderr


def test_settings_of_scan_do_not_slow_the_start_of_other_commands(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('[scan]\nmax-time = "6h"\n')
    ran = python("-c", LIGHT.format(["--config", str(tmp_path / "s.toml"), "status"], HEAVY))
    assert ran.stdout.splitlines()[-1] == "1 []", ran.stdout + ran.stderr


def sections() -> dict[str, str]:
    """The document by heading: command to its text."""
    parts = re.split(r"^#{2,3} `faceindex (.*?)`.*$", DOCUMENT.read_text("utf-8"), flags=re.MULTILINE)
    names = [re.sub(r" [A-Z\[].*", "", heading) for heading in parts[1::2]]  # without arguments
    return dict(zip(names, parts[2::2], strict=True))


def test_the_document_has_exactly_the_commands_there_are() -> None:
    assert set(sections()) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_document_names_exactly_the_options_a_command_has(name: str) -> None:
    lines = re.findall(r"^(?:- |\| )(`--.*)$", sections()[name], re.MULTILINE)
    documented = {option for line in lines for option in re.findall(r"`(--[a-z0-9-]+)", line)}
    options = [p for p in COMMANDS[name].params if isinstance(p, click.Option) and p.name != "help"]
    assert documented == {max(option.opts, key=len) for option in options}


def test_the_document_names_every_column_of_every_listing() -> None:
    columns = {
        "cluster list": ("cluster", "CLUSTERS"), "cluster show": ("cluster", "MEMBERS"),
        "photo show": ("photo", "FACES"),
        "duplicates": ("duplicates", "DUPLICATES"), "problem list": ("problem", "PROBLEMS"),
        "person list": ("person", "PEOPLE"), "journal": ("journal", "ENTRIES"), "root list": ("root", "ROOTS"),
        "weights": ("weights", "WEIGHTS"), "suggest": ("suggest", "SUGGESTIONS"), "rematch": ("rematch", "MOVES"),
    }  # fmt: skip
    for name, (module, constant) in columns.items():
        named = getattr(importlib.import_module(f"faceindex.cli.{module}"), constant)
        assert f"Columns: {', '.join(f'`{column}`' for column in named)}." in sections()[name].replace("\n", " "), name
