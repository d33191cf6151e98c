"""A drawing of what `faceindex eval` found."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from faceindex.errors import FaceindexError, UsageProblem
from faceindex.store.paths import shown

if TYPE_CHECKING:
    from faceindex.evaluating import Evaluation
    from faceindex.evaluating.figures import Rate

SUFFIXES = (".png", ".svg")
MISSING = "drawing needs matplotlib; install it with: pip install 'faceindex[plot]'"


def check(path: str) -> None:
    """Refuse what cannot be drawn, before the work rather than after it."""
    if os.path.splitext(path)[1].lower() not in SUFFIXES:
        raise UsageProblem(f"cannot draw {shown(path)}: name a file that ends in {' or '.join(SUFFIXES)}")
    if os.path.lexists(path):
        raise UsageProblem(f"{shown(path)} exists; name another file")
    try:
        import matplotlib  # noqa: F401, PLC0415  (an extra)
    except ImportError as error:
        raise FaceindexError(MISSING) from error


def draw(found: Evaluation, path: str) -> None:
    """Write recall and wrong names at each threshold, with their intervals, as a picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(7, 7), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True)
    thresholds = [figures.threshold for figures in found.at]
    _band(above, thresholds, [figures.recall for figures in found.at], "recall", "tab:blue")
    _band(above, thresholds, [figures.precision for figures in found.at], "precision", "tab:green")
    _band(below, thresholds, [figures.wrong for figures in found.at], "strangers named", "tab:red")
    below.axhline(found.target, color="black", linewidth=0.8, label=f"target, {100 * found.target:g} %")
    below.set_yscale("symlog", linthresh=0.001)
    below.set_ylim(bottom=0)
    below.set_xlabel("threshold, normalised distance" if found.cohort else "threshold, plain distance")
    for axes in (above, below):
        axes.axvline(found.rules.named, color="black", linestyle=":", label="in force")
        axes.grid(alpha=0.3)
        axes.legend()
    try:
        figure.savefig(path)
    except OSError as error:
        raise FaceindexError(f"cannot write {shown(path)}: {error.strerror or error}; name another place") from error


def _band(axes: Any, thresholds: list[float], rates: list[Rate], label: str, colour: str) -> None:
    """A line with its intervals of 95 %."""
    known = [(t, rate) for t, rate in zip(thresholds, rates, strict=True) if rate.value is not None]
    at = [t for t, _ in known]
    axes.plot(at, [rate.value for _, rate in known], label=label, color=colour)
    axes.fill_between(at, [r.low for _, r in known], [r.high for _, r in known], color=colour, alpha=0.2, linewidth=0)
