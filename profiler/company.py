"""How blocks behave in company: in a running network, and while another unit works; both against the block alone. And in what groups
a unit works on channels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeGuard

import numpy as np

from android_harness.stats import Summary, summarise
from collab.blocks import Block, MBConv
from lut.costs import BLOCK_CLASSES, block_class
from lut.tables import Contention, Context, Measured
from profiler.campaign import BlockId, ChainId, ContendedId, parse_job_id
from profiler.plan import pieces_of
from profiler.samples import JobSamples, SampleStore

_STEPS: Final = (4, 8, 16, 32)
_MIN_PROBED: Final = 12
_CLEARLY: Final = 0.7
"""Larger groups must leave at most this fraction of what the smallest leave unexplained."""


def context_factors(
    store: SampleStore, chains: Iterable[tuple[Block, ...]], units: Iterable[str], fixed: Mapping[str, Measured]
) -> tuple[Context, ...]:
    """Per unit and piece of a chain, how much longer its blocks take in the running network than each alone; the median over all chains.

    A piece of which something is missing is left out.
    """
    found: dict[tuple[str, str, int], list[tuple[float, int]]] = {}
    for chain in chains:
        for unit in units:
            samples = store.jobs.get(ChainId(unit, chain).text)
            if samples is None or samples.failure is not None or not samples.collabs or unit not in fixed:
                continue
            for number, piece in enumerate(pieces_of(chain)):
                together = summarise(_piece_runs(samples, number))
                alone_us = _sum_alone_us(store, unit, piece, fixed[unit].median_us)
                if alone_us is not None and together.median_us > fixed[unit].median_us:
                    ratio = (together.median_us - fixed[unit].median_us) / alone_us
                    for key in _pieces_keys(unit, piece):
                        found.setdefault(key, []).append((ratio, together.n))
    return tuple(
        Context(*key, float(np.median([ratio for ratio, _ in found[key]])), sum(n for _, n in found[key])) for key in sorted(found)
    )


def context_factor(contexts: Iterable[Context], unit: str, block: Block) -> float:
    """The factor of the piece that is most like a block: of its class, and of the nearest size. 1 where nothing was measured."""
    name = BLOCK_CLASSES[block_class(block)]
    name = "mbconv" if name == "sync" else name
    size = block.in_shapes[0][1]
    candidates = [entry for entry in contexts if entry.unit == unit and entry.block_class == name]
    return min(candidates, key=lambda entry: abs(np.log(entry.size / size))).factor if candidates else 1.0


def _pieces_keys(unit: str, piece: Sequence[Block]) -> set[tuple[str, str, int]]:
    return {(unit, BLOCK_CLASSES[block_class(block)], block.in_shapes[0][1]) for block in piece}


def _piece_runs(samples: JobSamples, number: int) -> list[int]:
    """What the run of the number-th segment took in every inference."""
    index = [i for i, step in enumerate(samples.collabs[0].steps) if step.step == "run"][number]
    return [end - begin for visit in samples.collabs for begin, end in zip(visit.begin_ns[index], visit.end_ns[index], strict=True)]


def network_run(samples: JobSamples) -> Summary:
    """What all pieces of a chain took together, of each inference of all its visits."""
    pieces = range(sum(step.step == "run" for step in samples.collabs[0].steps))
    runs = np.array([_piece_runs(samples, number) for number in pieces])
    return summarise(runs.sum(axis=0).tolist())


def network_runs(store: SampleStore, chain: tuple[Block, ...], units: Iterable[str]) -> dict[str, Measured]:
    """`network_run` per unit; units on which the chain could not be run are left out."""
    found: dict[str, Measured] = {}
    for unit in units:
        samples = store.jobs.get(ChainId(unit, chain).text)
        if samples is not None and samples.failure is None and samples.collabs:
            summary = network_run(samples)
            found[unit] = Measured(summary.median_us, summary.mad_us, summary.n)
    return found


def network_copies(
    store: SampleStore, chains: Iterable[tuple[Block, ...]], units: Iterable[str]
) -> dict[tuple[str, Block, str], list[int]]:
    """Samples of copying the network's own input into its first block and its output out of its last one, in a running network.

    By unit, block and step (``write`` or ``read``). Alone, over and over, the data would be in the nearest cache already.
    """
    copies: dict[tuple[str, Block, str], list[int]] = {}
    for chain in chains:
        for unit in units:
            samples = store.jobs.get(ChainId(unit, chain).text)
            for visit in samples.collabs if samples is not None and samples.failure is None else []:
                for label, begins, ends in zip(visit.steps, visit.begin_ns, visit.end_ns, strict=True):
                    if label.step in ("write", "read"):
                        block = chain[0] if label.step == "write" else chain[-1]
                        copies.setdefault((unit, block, label.step), []).extend(e - b for b, e in zip(begins, ends, strict=True))
    return copies


def channel_step(store: SampleStore, unit: str, probe: Sequence[Block]) -> int | None:
    """In groups of how many channels a unit works: what explains the probe's times best; None where it was not measured whole.

    For each candidate, time is fitted linearly against the channels and the number of whole groups. Times are lower quartiles:
    disturbances only ever make a sample longer. Groups larger than the grid's step are taken only if they explain clearly more, so
    that noise gives no unit steps that it does not have.
    """
    points: list[tuple[int, float]] = []
    for block in probe:
        samples = store.jobs.get(BlockId(unit, block).text)
        if not isinstance(block, MBConv) or not _is_measured(samples):
            return None
        points.append((block.exp_c, float(np.percentile(samples.pooled("run"), 25))))
    if len(points) < _MIN_PROBED:
        return None
    unexplained = {step: _unexplained(points, step) for step in _STEPS}
    best = min(_STEPS, key=lambda step: unexplained[step])
    return best if unexplained[best] < _CLEARLY * unexplained[_STEPS[0]] else _STEPS[0]


def _unexplained(points: Sequence[tuple[int, float]], step: int) -> float:
    """Sum of absolute residuals of the fit: a constant, a cost per channel and one per whole group."""
    channels = np.array([channels for channels, _ in points], dtype=np.float64)
    times = np.array([time for _, time in points])
    terms = np.stack([np.ones_like(channels), channels, np.ceil(channels / step)], axis=1)
    solution = np.linalg.lstsq(terms, times, rcond=None)[0]
    return float(np.abs(terms @ solution - times).sum())


def contention_factors(store: SampleStore, units: Iterable[str]) -> tuple[Contention, ...]:
    """Per unit, block class and other unit: the median, over the blocks that were timed so, of loaded against alone."""
    units = set(units)
    ratios: dict[tuple[str, int, str], list[float]] = {}
    counts: dict[tuple[str, int, str], int] = {}
    for text, loaded in store.jobs.items():
        job = parse_job_id(text)
        if not isinstance(job, ContendedId) or not {job.unit, job.other} <= units or not _is_measured(loaded):
            continue
        alone = store.jobs.get(BlockId(job.unit, job.block).text)
        if not _is_measured(alone):
            continue
        key = (job.unit, block_class(job.block), job.other)
        summary = summarise(loaded.pooled("run"))
        ratios.setdefault(key, []).append(summary.median_us / summarise(alone.pooled("run")).median_us)
        counts[key] = counts.get(key, 0) + summary.n
    return tuple(
        Contention(unit, BLOCK_CLASSES[number], other, float(np.median(ratios[unit, number, other])), counts[unit, number, other])
        for unit, number, other in sorted(ratios)
    )


def _sum_alone_us(store: SampleStore, unit: str, chain: Sequence[Block], fixed_us: float) -> float | None:
    total_us = 0.0
    for block in chain:
        samples = store.jobs.get(BlockId(unit, block).text)
        if not _is_measured(samples):
            return None
        total_us += summarise(samples.pooled("run")).median_us - fixed_us
    return total_us if total_us > 0 else None


def _is_measured(samples: JobSamples | None) -> TypeGuard[JobSamples]:
    return samples is not None and samples.failure is None and bool(samples.times)
