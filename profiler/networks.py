"""Samples of networks on one unit: each piece's run in every inference, all pieces together, and the copies at either end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from android_harness.protocol.journal import CollabDone
from collab.blocks import AnyBlock
from lut.entries import Timed
from lut.statistics import NS_PER_US, Summary, summarise
from profiler.job_ids import JobId, NetworkId
from profiler.plan import Network
from profiler.samples import SampleStore

PieceRuns: TypeAlias = npt.NDArray[np.int64]
"""Times of a network's pieces in each inference, in nanoseconds: (pieces, inferences)."""
Copies: TypeAlias = dict[tuple[str, AnyBlock, str], list[list[int]]]
"""Samples (nanoseconds) of each visit, by unit, block and step."""


@dataclass(frozen=True)
class NetworkSamples:
    """The visits of a network's job, at least one, with the runs and the phase of each of them; every piece ran in all."""

    visits: tuple[CollabDone, ...]
    runs: tuple[PieceRuns, ...]
    phases: tuple[int, ...]

    @property
    def pieces_us(self) -> list[float]:
        """Returns what each piece took: the median over visits of each visit's median run, as `lut.statistics.Summary` has it.

        All of them are longer by what their sum falls short of the median of the whole. Now one piece is late and now another, and seldom
        early, so that medians of parts add up to less: by 0.5 to 0.7 %, of networks in many pieces by 2 % (AMD EPYC).
        """
        medians = np.median([np.median(visit, axis=1) for visit in self.runs], axis=0) / NS_PER_US
        return [float(us) for us in medians * (network_run(self.runs).median_us / medians.sum())]


def piece_runs(visit: CollabDone) -> PieceRuns:
    """Returns the runs of one visit."""
    runs = [index for index, step in enumerate(visit.steps) if step.step == "run"]
    return np.array([np.subtract(visit.end_ns[index], visit.begin_ns[index]) for index in runs], dtype=np.int64)


def network_samples(store: SampleStore, job: JobId, network: Network) -> NetworkSamples | None:
    """Returns the visits of a network's job that have a run of every piece; None if there are none, or the last visit failed."""
    samples = store.measured(job)
    visits = zip(samples.collabs, samples.phases, strict=True) if samples is not None else ()
    whole = [(visit, runs, phase) for visit, phase in visits if _is_whole(runs := piece_runs(visit), len(network))]
    return NetworkSamples(*zip(*whole, strict=True)) if whole else None


def _is_whole(runs: PieceRuns, pieces: int) -> bool:
    return len(runs) == pieces and bool(np.all(runs.sum(axis=0) > 0))


def network_run(runs: Iterable[PieceRuns]) -> Summary:
    """Returns the statistics of what all pieces took together, over the inferences of at least one visit."""
    return summarise(visit.sum(axis=0).tolist() for visit in runs)


def network_runs(store: SampleStore, network: Network, units: Iterable[str]) -> dict[str, Timed]:
    """Returns `network_run` per unit; units on which the network could not be run are left out."""
    found: dict[str, Timed] = {}
    for unit in units:
        samples = network_samples(store, NetworkId.of(unit, network), network)
        if samples is not None:
            found[unit] = Timed.of(network_run(samples.runs))
    return found


def network_copies(store: SampleStore, networks: Iterable[Network], units: Iterable[str]) -> Copies:
    """Returns what copying a running network's own input into its first block and its output out of its last one took.

    By unit, block and step (``write`` or ``read``). Alone, over and over, the data would be in the nearest cache already.
    """
    units = list(units)
    copies: Copies = {}
    for network in networks:
        ends: dict[str, AnyBlock] = {"write": network[0][0], "read": network[-1][-1]}
        for unit in units:
            samples = network_samples(store, NetworkId.of(unit, network), network)
            for visit in samples.visits if samples is not None else ():
                _add_copies(copies, unit, visit, ends)
    return copies


def _add_copies(copies: Copies, unit: str, visit: CollabDone, ends: Mapping[str, AnyBlock]) -> None:
    for label, begin_ns, end_ns in zip(visit.steps, visit.begin_ns, visit.end_ns, strict=True):
        if label.step in ends:
            times = np.subtract(end_ns, begin_ns).tolist()
            copies.setdefault((unit, ends[label.step], label.step), []).append(times)
