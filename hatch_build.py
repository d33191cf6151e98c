"""Compile the C kernels when the package is built; `python hatch_build.py` compiles them into this tree.

Without a working C compiler the install goes on: everything also runs without the kernels, slower.
"""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
import sysconfig
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run as a script, or by a test: hatchling lives in the build's own environment
    BuildHookInterface = object

KERNELS = Path(__file__).resolve().parent / "faceindex" / "native"
NAME = "_kernels.so"  # the name that faceindex/native/__init__.py loads
SAME_NUMBERS = "-ffp-contract=off"  # no fused multiply-add, which not every processor has: all compute the same
FLAGS = ("-O3", "-std=c11", SAME_NUMBERS, "-fPIC", "-shared", "-fvisibility=hidden")
FEW = ("-O2", "-fPIC", "-shared")
# Tried in this order: several processors in one library; one for any; two by compilers that know few options.
WAYS = ((*FLAGS, "-DFI_CLONES"), FLAGS, (*FEW, SAME_NUMBERS), FEW)


def compile_kernels(folder: Path = KERNELS, compiler: str | None = None) -> str | None:
    """Compile all C files of the folder into its library; None, or why that failed."""
    command = shlex.split(compiler or os.environ.get("CC", "cc"))
    sources = [str(path) for path in sorted(folder.glob("*.c"))]
    half = folder / f"_half.{os.getpid()}.so"  # renamed when whole: a library in use must not change under its users
    said = ""
    for way in WAYS:
        options = [*way, f"-DFI_VERSION={fingerprint(folder)}", "-o", str(half), *sources, "-lm"]
        try:
            done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
        except OSError as error:
            return str(error)
        if done.returncode == 0:
            half.replace(folder / NAME)
            return None
        said = done.stderr.strip()
    half.unlink(missing_ok=True)
    return said.splitlines()[0] if said else f"{command[0]} failed"


def fingerprint(folder: Path) -> int:
    """The number that the loader expects: as in faceindex/native/__init__.py, which cannot be imported here."""
    number = 0
    for source in sorted([*folder.glob("*.c"), *folder.glob("*.h")]):
        number = zlib.crc32(source.read_bytes(), zlib.crc32(source.name.encode(), number))
    return number & 0x7FFFFFFF


def platform_tag() -> str:
    """This machine's wheel tag: any Python 3, as the library knows nothing of Python."""
    system = sysconfig.get_platform().replace("universal2", platform.machine())  # the compiler makes one half of it
    return "py3-none-" + system.replace("-", "_").replace(".", "_")


def into_wheel(root: Path, build_data: dict[str, Any], warn: Callable[[str], None]) -> None:
    """Compile, and tell the wheel to carry the library; where that fails, warn and let the wheel be a plain one."""
    folder = root / "faceindex" / "native"
    if failure := compile_kernels(folder):
        (folder / NAME).unlink(missing_ok=True)  # one from another day must not travel
        warn(f"faceindex: no C kernels, it will run slower ({failure})")
        return
    build_data["artifacts"].append(f"faceindex/native/{NAME}")
    build_data["pure_python"] = False
    build_data["tag"] = platform_tag()


class CustomBuildHook(BuildHookInterface):  # type: ignore[misc]
    """What hatchling calls before it builds a wheel, also that of an editable install."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name == "wheel":
            into_wheel(Path(self.root), build_data, self.app.display_warning)


if __name__ == "__main__":
    sys.exit(compile_kernels())
