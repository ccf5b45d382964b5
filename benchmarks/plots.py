"""The plots of docs/explanation/measuring.md, from a profile's own journals: ``python -m benchmarks.plots LUT [OUT]``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from android_harness.protocol.journal import TimeDone
from lut.entries import PERIOD
from lut.statistics import NS_PER_US, Z95
from lut.tables import Tables, load_tables
from profiler.drift import sentinel_us, speed_line, speed_lines, steadied
from profiler.job_ids import HandoverId, SentinelId
from profiler.network_costs import fit_network_costs
from profiler.request import JOURNAL_FILE, Request, load_request
from profiler.samples import SampleStore, read_store

OUT = Path("docs/pictures/measuring")
_GAP_NS = 60e9
_BLUE, _ORANGE, _GREY = "#2166ac", "#d6604d", "#888888"
_SIZES = ("#440154", "#3b528b", "#21918c", "#5ec962", "#d9a404", "#d6604d", "#888888", "#000000")
"""Colours of sizes of features, the smallest first."""


def draw(lut: Path, out: Path) -> None:
    """Writes every plot for which a folder of tables has the data."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": 110})
    out.mkdir(parents=True, exist_ok=True)
    tables, request, store = load_tables(lut), load_request(lut), read_store(lut / JOURNAL_FILE)
    draw_drift(store, list(tables.meta.units), out / "drift.png")
    draw_fit(store, request, tables, out / "fit.png")
    draw_reuse(tables, out / "reuse.png")
    draw_channels(tables, out / "channels.png")
    draw_wakeups(store, list(tables.meta.units), out / "wakeups.png")
    if (lut / "certificate.json").exists():
        draw_certificate(_strategies(lut / "certificate.json"), out / "certificate.png")


def draw_drift(store: SampleStore, units: Sequence[str], path: Path) -> None:
    """Draws the median of every sentinel visit over the campaign, and the smoothed line by which samples are corrected."""
    figure, axes = _figure(len(units), "minutes since the first visit", "sentinel block, us")
    for axis, unit in zip(axes, units, strict=True):
        visits = _until_a_gap(store.jobs[SentinelId(unit)].times)
        minutes = np.array([visit.t_ns - visits[0].t_ns for visit in visits]) / 60e9
        took = np.array(sentinel_us(visits))
        line = speed_line([visit.t_ns for visit in visits], took.tolist())
        axis.plot(minutes, took, ".", ms=2, color=_GREY, alpha=0.5, label=f"{unit}: median of a visit (n = {len(visits)})")
        axis.plot(minutes, line.slowness * float(np.median(took)), color=_ORANGE, lw=1, label="smoothed")
        axis.set_ylim(0, float(np.percentile(took, 99)) * 1.15)
        axis.legend(frameon=False, loc="lower left")
    _save(figure, path)


def _until_a_gap(visits: Sequence[TimeDone]) -> Sequence[TimeDone]:
    """Returns the visits of the first campaign; a profile that was extended later has a gap."""
    pauses = np.flatnonzero(np.diff([visit.t_ns for visit in visits]) > _GAP_NS)
    return visits[: int(pauses[0]) + 1] if len(pauses) else visits


def draw_fit(store: SampleStore, request: Request, tables: Tables, path: Path) -> None:
    """Draws, for pieces of networks, the ratio of prediction to measured median: by the sum of isolated blocks, and by the fit."""
    units = list(tables.meta.units)
    steady = steadied(store, speed_lines(store, units))
    alone = {(row.unit, row.block): row.median_us or 0.0 for row in tables.blocks}
    figure, axes = _figure(len(units), "piece of a network, measured us", "predicted / measured")
    for axis, unit in zip(axes, units, strict=True):
        fit = fit_network_costs(steady, unit, request.plan.networks, tables.meta.call_alone[unit])
        if fit is None:
            continue
        measured = [piece.measured_us for piece in fit.pieces]
        isolated = [sum(alone[unit, block.key] for block in piece.blocks) for piece in fit.pieces]
        for values, colour, name in ((isolated, _GREY, "sum of isolated blocks"), (fit.fitted_us, _BLUE, "with what data costs")):
            ratio = np.array(values) / np.array(measured)
            axis.semilogx(measured, ratio, ".", ms=4, color=colour, alpha=0.7, label=f"{unit}: {name} (median {np.median(ratio):.2f})")
        axis.axhline(1, color="black", lw=0.6)
        axis.set_ylim(0.4, 1.3)
        axis.legend(frameon=False, loc="lower right")
    _save(figure, path)


def draw_reuse(tables: Tables, path: Path) -> None:
    """Draws what a megabyte of weights and one of features cost each unit by how long ago they were used."""
    figure, axes = _figure(2, "reuse distance, MB", "us per MB")
    for axis, what in zip(axes, ("weights", "features"), strict=True):
        for entry, colour in zip((e for e in tables.meta.reuse if e.what == what), (_BLUE, _ORANGE, _GREY), strict=False):
            distances = [entry.distance_mb[0] / 2, *entry.distance_mb, entry.distance_mb[-1] * 2]
            costs = [entry.us_per_mb[0], *entry.us_per_mb, entry.us_per_mb[-1]]
            axis.semilogx(distances, costs, ".-", ms=4, lw=1, color=colour, base=2, label=entry.unit)
        axis.set_title(what, loc="left", fontsize=9)
        axis.legend(frameon=False, loc="upper left")
    _save(figure, path)


def draw_channels(tables: Tables, path: Path) -> None:
    """Draws the ripple of two units by size of features: as a factor of the line, and for each multiply-accumulate of the expansion."""
    units = [unit for unit in tables.meta.units if any(entry.unit == unit for entry in tables.meta.ripple)][:2]
    figure, axes = _figure(2, "channels above a multiple of 32", "times as long as the line says", sharey=False)
    for unit, style in zip(units, ("-", "--"), strict=False):
        for size, colour in zip(sorted({entry.size for entry in tables.meta.ripple}), _SIZES, strict=False):
            found = [entry for entry in tables.meta.ripple if (entry.unit, entry.size) == (unit, size)]
            over = [entry.over for entry in found]
            axes[0].plot([0, *over, PERIOD], [1, *(e.factor for e in found), 1], style, marker=".", lw=0.9, color=colour)
            extra, reach = [0.0, *(e.extra_ps for e in found), 0.0], [0.0, *(Z95 * e.se_ps for e in found), 0.0]
            label = f"{size} x {size}" if unit == units[0] else None
            axes[1].errorbar([0, *over, PERIOD], extra, reach, fmt=style, marker=".", lw=0.9, elinewidth=0.6, color=colour, label=label)
    for axis in axes:
        axis.set_xticks(range(0, PERIOD + 1, 4))
        axis.grid(axis="x", lw=0.4)
    axes[0].axhline(1, color="black", lw=0.6)
    axes[0].set_title(", ".join(f"{unit} {name}" for unit, name in zip(units, ("solid", "dashed"), strict=False)), loc="left", fontsize=9)
    axes[1].axhline(0, color="black", lw=0.6)
    axes[1].set_ylabel("ps more per expansion MAC")
    axes[1].set_title("with 95 % intervals over visits", loc="left", fontsize=9)
    axes[1].legend(frameon=False)
    _save(figure, path)


def draw_wakeups(store: SampleStore, units: Sequence[str], path: Path) -> None:
    """Draws the cumulative distributions of wake-up times by wait mode, without a gap (hot) and after an idle gap (paced)."""
    samples: dict[tuple[str, str], list[float]] = {}
    for job, job_samples in store.jobs.items():
        if isinstance(job, HandoverId) and (job.sender, job.receiver) == tuple(units[:2]):
            key = (job.wait, "paced" if job.gap_us else "hot")
            samples.setdefault(key, []).extend(ns / NS_PER_US for ns in job_samples.pooled("wakeup"))
    figure, axes = _figure(1, "wake-up, us", "share of hand-overs at most so long")
    for (wait, pacing), values in sorted(samples.items()):
        ordered = np.sort(np.maximum(values, 0.01))
        style = "--" if pacing == "paced" else "-"
        axes[0].semilogx(ordered, np.linspace(0, 1, len(ordered)), style, lw=1.2, label=f"{wait}, {pacing} (n = {len(ordered)})")
    axes[0].set_xlim(0.02, 1000)
    axes[0].legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    _save(figure, path)


def draw_certificate(strategies: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draws predicted over measured latencies of the held-out strategies of a certificate."""
    figure, axes = _figure(1, "measured, ms", "predicted, ms")
    measured = np.array([strategy["measured_us"] for strategy in strategies]) / 1e3
    for name, colour, label in (("predicted_us", _GREY, "raw"), ("corrected_us", _BLUE, "drift-corrected")):
        predicted = np.array([strategy[name] for strategy in strategies]) / 1e3
        axes[0].plot(measured, predicted, ".", ms=5, color=colour, alpha=0.8, label=f"{label} (n = {len(predicted)})")
    reach = np.array([0, measured.max() * 1.05])
    axes[0].fill_between(reach, reach * 0.9, reach * 1.1, color=_BLUE, alpha=0.08, label="within 10 %")
    axes[0].plot(reach, reach, color="black", lw=0.6)
    axes[0].legend(frameon=False, loc="upper left")
    _save(figure, path)


def _strategies(path: Path) -> list[Mapping[str, Any]]:
    import json

    found: list[Mapping[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["strategies"]
    return found


def _figure(count: int, xlabel: str, ylabel: str, *, sharey: bool = True) -> tuple[Any, Any]:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, count, figsize=(4.6 * count + (2 if count == 1 else 0), 3.1), squeeze=False, sharey=sharey)
    for axis in axes[0]:
        axis.set_xlabel(xlabel)
    axes[0][0].set_ylabel(ylabel)
    return figure, axes[0]


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path)
    print(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lut", type=Path)
    parser.add_argument("out", type=Path, nargs="?", default=OUT)
    arguments = parser.parse_args()
    draw(arguments.lut, arguments.out)
