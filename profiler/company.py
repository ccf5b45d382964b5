"""How blocks behave in company: inside a segment, and while another unit works. Both are measured against the block alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeGuard

import numpy as np

from collab.blocks import Block
from lut.costs import BLOCK_CLASSES, block_class
from lut.tables import Contention, Context, Measured
from profiler.campaign import BlockId, ChainId, ContendedId, parse_job_id
from profiler.samples import JobSamples, SampleStore
from profiler.stats import summarise


def context_factors(
    store: SampleStore, chains: Iterable[tuple[Block, ...]], units: Iterable[str], fixed: Mapping[str, Measured]
) -> dict[str, Context]:
    """Per unit, how much longer the blocks of a chain take as one segment than each alone; the median over all chains.

    A unit or chain of which something is missing is left out.
    """
    chains = list(chains)
    contexts: dict[str, Context] = {}
    for unit in units:
        if unit not in fixed:
            continue
        ratios: list[float] = []
        count = 0
        for chain in chains:
            samples = store.jobs.get(ChainId(unit, chain).text)
            alone_us = _sum_alone_us(store, unit, chain, fixed[unit].median_us)
            if alone_us is None or not _is_measured(samples):
                continue
            together = summarise(samples.pooled("run"))
            ratios.append((together.median_us - fixed[unit].median_us) / alone_us)
            count += together.n
        if ratios and min(ratios) > 0:
            factor = float(np.median(ratios))
            contexts[unit] = Context(factor, tuple(factor / ratio - 1 for ratio in ratios), count)
    return contexts


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
