"""Samples of networks on one unit: each piece's run in every inference, all pieces together, and the copies at either end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from android_harness.protocol.journal import CollabDone
from collab.blocks import AnyBlock
from collab.tensors.opaque import Opaque
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
    """Returns what copying a running network's own inputs into its first block and its outputs out of its last one took.

    By unit, block and step (``write`` or ``read``). Alone, over and over, the data would be in the nearest cache already. All copies of a
    block count together; a piece of more blocks that copies more than the one at its end does tells nothing of that one.
    """
    units = list(units)
    copies: Copies = {}
    for network in networks:
        for unit in units:
            samples = network_samples(store, NetworkId.of(unit, network), network)
            for visit in samples.visits if samples is not None else ():
                segments = [label.segment for label in visit.steps if label.step == "run"]
                _add_copies(copies, unit, visit, _End(network[0][0], "write", segments[0]))
                _add_copies(copies, unit, visit, _End(network[-1][-1], "read", segments[-1]))
    return copies


@dataclass(frozen=True)
class _End:
    """The block at one end of a network, by which step it copies, and the segment that it is in."""

    block: AnyBlock
    step: str
    segment: str

    @property
    def tensors(self) -> int:
        """The number of tensors that the block takes, or gives, at that end."""
        if not isinstance(self.block, Opaque):
            return 1
        return self.block.inputs if self.step == "write" else self.block.outputs


def _add_copies(copies: Copies, unit: str, visit: CollabDone, end: _End) -> None:
    own = [number for number, label in enumerate(visit.steps) if (label.segment, label.step) == (end.segment, end.step)]
    if len(own) == end.tensors:
        times = sum(np.subtract(visit.end_ns[number], visit.begin_ns[number]) for number in own)
        copies.setdefault((unit, end.block, end.step), []).append(np.asarray(times).tolist())
