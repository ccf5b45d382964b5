"""Samples of networks on one unit: each piece's run in every inference, all pieces together, and the copies at either end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from android_harness.protocol.journal import CollabDone
from collab.blocks import Block
from lut.meta import Reference
from lut.statistics import Summary, error_of_median, summarise
from profiler.job_ids import JobId, NetworkId
from profiler.plan import Network
from profiler.samples import SampleStore

PieceRuns: TypeAlias = npt.NDArray[np.int64]
"""Times of a network's pieces in each inference, in nanoseconds: (pieces, inferences)."""


@dataclass(frozen=True)
class NetworkSamples:
    """The visits of a network's job, at least one, and the runs of each of them; every piece ran in all."""

    visits: tuple[CollabDone, ...]
    runs: tuple[PieceRuns, ...]

    @property
    def pooled(self) -> PieceRuns:
        """Returns the runs of all visits together."""
        return np.concatenate(self.runs, axis=1)


def piece_runs(visit: CollabDone) -> PieceRuns:
    """Returns the runs of one visit."""
    runs = [index for index, step in enumerate(visit.steps) if step.step == "run"]
    return np.array([np.subtract(visit.end_ns[index], visit.begin_ns[index]) for index in runs], dtype=np.int64)


def network_samples(store: SampleStore, job: JobId, network: Network) -> NetworkSamples | None:
    """Returns the visits of a network's job that have a run of every piece; None if there are none, or the last visit failed."""
    samples = store.measured(job)
    visits = samples.collabs if samples is not None else []
    whole = [(visit, runs) for visit in visits if _is_whole(runs := piece_runs(visit), len(network))]
    return NetworkSamples(tuple(visit for visit, _ in whole), tuple(runs for _, runs in whole)) if whole else None


def _is_whole(runs: PieceRuns, pieces: int) -> bool:
    return len(runs) == pieces and bool(np.all(runs.sum(axis=0) > 0))


def network_run(runs: Iterable[PieceRuns]) -> Summary:
    """Returns the statistics of what all pieces took together, over the inferences of at least one visit."""
    return summarise(np.concatenate([visit.sum(axis=0) for visit in runs]).tolist())


def network_runs(store: SampleStore, network: Network, units: Iterable[str]) -> dict[str, Reference]:
    """Returns `network_run` per unit with the error of its median over visits; units on which the network could not be run are left out."""
    found: dict[str, Reference] = {}
    for unit in units:
        samples = network_samples(store, NetworkId.of(unit, network), network)
        if samples is not None:
            summary = network_run(samples.runs)
            error = error_of_median([network_run([visit]).median_us for visit in samples.runs])
            found[unit] = Reference(summary.median_us, summary.mad_us, summary.n, error)
    return found


def network_copies(store: SampleStore, networks: Iterable[Network], units: Iterable[str]) -> dict[tuple[str, Block, str], list[int]]:
    """Returns samples (nanoseconds) of copying a running network's own input into its first block and its output out of its last one.

    By unit, block and step (``write`` or ``read``). Alone, over and over, the data would be in the nearest cache already.
    """
    units = list(units)
    copies: dict[tuple[str, Block, str], list[int]] = {}
    for network in networks:
        ends = {"write": network[0][0], "read": network[-1][-1]}
        for unit in units:
            samples = network_samples(store, NetworkId.of(unit, network), network)
            for visit in samples.visits if samples is not None else ():
                _add_copies(copies, unit, visit, ends)
    return copies


def _add_copies(copies: dict[tuple[str, Block, str], list[int]], unit: str, visit: CollabDone, ends: Mapping[str, Block]) -> None:
    for label, begin_ns, end_ns in zip(visit.steps, visit.begin_ns, visit.end_ns, strict=True):
        if label.step in ends:
            times = np.subtract(end_ns, begin_ns).tolist()
            copies.setdefault((unit, ends[label.step], label.step), []).extend(times)
