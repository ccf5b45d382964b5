"""The README's picture: what each unit does in a collaborative run, as measured and as predicted.

``python -m benchmarks.timeline [VERIFIED [PICTURE]]`` draws what ``profiler.verify --json`` printed. Steps of a unit follow each other, so
a bar begins where the unit's bar before it ends; its length is the median over all runs, or the prediction.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

VERIFIED: Final = Path("docs/pictures/timeline/verified.json")
PICTURE: Final = Path("docs/pictures/timeline/timeline.png")
_US_PER_MS: Final = 1e3
_COLOURS: Final = ("#2166ac", "#d6604d", "#1b7837", "#762a83")
_GREY, _INK, _PAPER = "#9a9a9a", "#222222", "#ffffff"
_LANE, _BAR = 1.0, 0.62
_NARROWEST_LABEL = 0.07
"""A bar that takes less of the width than this has no room for its segment's name."""


@dataclass(frozen=True)
class Bar:
    """One step of a unit, in milliseconds since the units were released; `peer` is the segment that a wait is for."""

    unit: str
    segment: str
    step: str
    peer: str
    begin_ms: float
    end_ms: float


def bars(steps: Sequence[Mapping[str, Any]], column: str) -> list[Bar]:
    """Lines up the steps of each unit.

    Args:
        column: the durations (microseconds): `measured_us` or `predicted_us`.
    """
    ends_ms: dict[str, float] = {}
    found: list[Bar] = []
    for step in steps:
        begin_ms = ends_ms.get(step["unit"], 0.0)
        end_ms = begin_ms + step[column] / _US_PER_MS
        ends_ms[step["unit"]] = end_ms
        found.append(Bar(step["unit"], step["segment"], step["step"], step["peer"], begin_ms, end_ms))
    return found


def draw(verified: Mapping[str, Any], picture: Path) -> None:
    """Draws one panel of what was measured, and below it one of what was predicted."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    mpl.rcParams.update({"font.size": 10, "axes.edgecolor": _INK, "text.color": _INK, "axes.labelcolor": _INK, "hatch.linewidth": 0.6})
    measured, units = verified["measured_us"], sorted({step["unit"] for step in verified["steps"]})
    measured_ms, predicted_ms = measured["median"] / _US_PER_MS, verified["predicted_us"] / _US_PER_MS
    panels = (
        (bars(verified["steps"], "measured_us"), measured_ms, _measured_title(measured)),
        (bars(verified["steps"], "predicted_us"), predicted_ms, _predicted_title(verified)),
    )
    end_ms = 1.04 * max(measured_ms, predicted_ms, *(bar.end_ms for found, _, _ in panels for bar in found))
    figure, axes = plt.subplots(2, 1, figsize=(9.6, 1.5 + 0.95 * len(units)), sharex=True, facecolor=_PAPER)
    for axis, (found, total_ms, title) in zip(axes, panels, strict=True):
        axis.set_title(title, loc="left", fontsize=10.5)
        axis.set_xlim(0, end_ms)
        _draw_lanes(axis, units)
        _draw_bars(axis, found, units, end_ms)
        _draw_handovers(axis, found, units)
        axis.axvline(total_ms, color=_INK, lw=1, ls=":")
    axes[-1].set_xlabel("milliseconds since all units were released")
    axes[0].legend(handles=_legend(), loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False, fontsize=9.5)
    figure.tight_layout()
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=120, facecolor=_PAPER)
    print(picture)


def _measured_title(measured: Mapping[str, Any]) -> str:
    median_ms, mad_ms = measured["median"] / _US_PER_MS, measured["mad"] / _US_PER_MS
    return f"Measured: {median_ms:.2f} ms (median of {measured['n']} runs, MAD {mad_ms:.2f} ms)"


def _predicted_title(verified: Mapping[str, Any]) -> str:
    raw, corrected = 100 * verified["error"], 100 * verified["error_drift_corrected"]
    return (
        f"Predicted from the tables: {verified['predicted_us'] / _US_PER_MS:.2f} ms ({raw:+.1f} %; {corrected:+.1f} % corrected for drift)"
    )


def _height(unit: str, units: Sequence[str]) -> float:
    """The middle of a unit's lane; the first unit is at the top."""
    return -_LANE * units.index(unit)


def _draw_lanes(axis: Any, units: Sequence[str]) -> None:
    axis.set_yticks([_height(unit, units) for unit in units], units)
    axis.set_ylim(_height(units[-1], units) - 0.55, 0.55)
    axis.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)


def _draw_bars(axis: Any, found: Sequence[Bar], units: Sequence[str], end_ms: float) -> None:
    for bar in found:
        height, length_ms = _height(bar.unit, units), bar.end_ms - bar.begin_ms
        place = [(bar.begin_ms, length_ms)], (height - _BAR / 2, _BAR)
        if bar.step == "wait":
            axis.broken_barh(*place, facecolor=_PAPER, edgecolor=_GREY, hatch="////", lw=0.6)
        else:
            axis.broken_barh(*place, facecolor=_COLOURS[units.index(bar.unit) % len(_COLOURS)], edgecolor=_PAPER, lw=0.8)
        if bar.step == "run" and length_ms > _NARROWEST_LABEL * end_ms:
            axis.text(bar.begin_ms + length_ms / 2, height, bar.segment, ha="center", va="center", color=_PAPER, fontsize=9.5)


def _draw_handovers(axis: Any, found: Sequence[Bar], units: Sequence[str]) -> None:
    """An arrow from the end of each segment that another unit waits for to the end of that wait."""
    ran = {bar.segment: bar for bar in found if bar.step == "run"}
    for wait in (bar for bar in found if bar.step == "wait"):
        sent = ran[wait.peer]
        sender, receiver = _height(sent.unit, units), _height(wait.unit, units)
        edge = _BAR / 2 if sender > receiver else -_BAR / 2
        begin, end = (sent.end_ms, sender - edge), (max(wait.end_ms, sent.end_ms), receiver + edge)
        axis.annotate("", xy=end, xytext=begin, arrowprops={"arrowstyle": "-|>", "color": _INK, "lw": 1.1, "shrinkA": 0, "shrinkB": 0})


def _legend() -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    wait = Patch(facecolor=_PAPER, edgecolor=_GREY, hatch="////", label="waits for the other unit")
    return [wait, Line2D([], [], color=_INK, marker=r"$\downarrow$", ls="", ms=9, label="hand-over of features")]


def main() -> None:
    """Draws the file that is named, or the README's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verified", type=Path, nargs="?", default=VERIFIED)
    parser.add_argument("picture", type=Path, nargs="?", default=PICTURE)
    arguments = parser.parse_args()
    draw(json.loads(arguments.verified.read_text(encoding="utf-8")), arguments.picture)


if __name__ == "__main__":
    main()
