"""Terms of predictions: what a predicted latency is made of, how much of each is in every step, and what correcting one changes.

A term has one parameter, or several where it may be off in more ways than one: MBConvs one for each size of features (``mbconv_14``), as
tables have a factor for each, and one for their width (``mbconv_width``). Else an error of some of them would be taken for another term's.

A parameter has a correction for each unit. Those of calls and wake-ups are microseconds, added to each of them. That of contention is added
to the factor by which blocks take longer while another unit works. That of the width is what is added to the others of MBConvs where
expansion channels are e times the usual number of that size. All others are fractions of what is predicted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from android_harness.bundles.wakeups import Waiting
from collab.blocks import MBConv, parse_key
from collab.schedule import NETWORK_INPUT, Schedule
from lut.prediction.costs import BLOCK_CLASSES, Costs
from lut.prediction.program import NETWORK_OUTPUT, Operation, pack, unit_operations
from lut.prediction.replay import NO_CLASS, Floats, Ints, replay
from profiler.candidates import Candidate
from profiler.compare import Comparison

CALL: Final = "call"
WAKEUP: Final = "wakeup"
CONTENTION: Final = "contention"
_FETCH: Final = "fetch"
_CLAIM: Final = "claim"
_BUFFERS: Final = "buffers"
RUN_TERMS: Final = (CALL, *BLOCK_CLASSES, _FETCH, _CLAIM, _BUFFERS, CONTENTION)
GROUPS: Final = (RUN_TERMS, ("read",), (WAKEUP,), ("write",), ("ends",))
"""All terms, those together that a step can have together. `ends`: copying the network's input in and its output out."""
_ALL: Final = tuple(term for group in GROUPS for term in group)
_MBCONV: Final = "mbconv"
_LEAST: Final = 0.05
"""No correction makes a factor of contention smaller."""

Corrections: TypeAlias = Mapping[str, Mapping[str, float]]
"""Per parameter and unit."""
_Names: TypeAlias = npt.NDArray[np.str_]


@dataclass(frozen=True)
class StepAmounts:
    """Steps of one unit: of which strategy, how much longer than predicted they took, and how much of each parameter they have.

    `amounts` is (steps, parameters). Calls, wake-ups: how many; contention: microseconds of work while another unit worked; others:
    microseconds, those of the width weighted by the logarithm of the width against the usual one.
    """

    unit: str
    parameters: tuple[str, ...]
    strategy: Ints
    predicted_us: Floats
    late_us: Floats
    amounts: Floats


@dataclass(frozen=True)
class Observed:
    """A strategy that was run: what its steps took (medians, by unit, segment, step and peer), its wake-ups, and the whole of it.

    `drift` is how many times as long as in the tables each unit took then; units that are not named took as long.
    """

    schedule: Schedule
    total_us: float
    steps_us: Mapping[tuple[str, str, str, str], float]
    wakeups_us: Mapping[Waiting, float]
    drift: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, candidate: Candidate, comparison: Comparison) -> Observed:
        steps_us = {(step.unit, step.segment, step.step, step.peer): step.duration_us for step in comparison.result.steps}
        total_us = comparison.result.measured.median_us
        return cls(candidate.schedule, total_us, steps_us, comparison.wakeups_us, comparison.drift)


@dataclass(frozen=True)
class _Step:
    """The operations `first` to `last` of a unit; `measured_us` is None for a step that tells nothing."""

    strategy: int
    unit: int
    first: int
    last: int
    is_wait: bool
    measured_us: float | None


class Predicted:
    """Predictions of N strategies at the speed that their units had when these were measured; their terms can be corrected."""

    def __init__(self, observed: Sequence[Observed], costs: Costs) -> None:
        self.units: Final = tuple(costs.meta.units)
        architectures: list[list[list[Operation]]] = []
        for strategy in observed:
            found = unit_operations(strategy.schedule, costs.slowed(strategy.drift))
            architectures.append([list(found.get(unit, ())) for unit in self.units])
        self._architectures = architectures
        self._program = pack(architectures)
        known = costs.contention(self.units)
        self._factors = np.ones((len(self.units), len(BLOCK_CLASSES), len(self.units))) if known is None else known
        self._jitter = costs.jitter(self.units)
        self._timeline = replay(self._program, self._factors, self._jitter)
        self._terms = self._named(architectures)
        self._amounts = self._amounts_of(architectures)
        self._steps = [
            step
            for strategy, (units, took) in enumerate(zip(architectures, observed, strict=True))
            for unit, operations in enumerate(units)
            for step in _steps(strategy, unit, operations, self.units[unit], took)
        ]

    @classmethod
    def of(cls, candidates: Sequence[Candidate], comparisons: Sequence[Comparison], costs: Costs) -> Predicted:
        return cls([Observed.of(candidate, comparison) for candidate, comparison in zip(candidates, comparisons, strict=True)], costs)

    @property
    def total_us(self) -> Floats:
        """(N,): the predicted latencies."""
        return self._timeline.total_us

    def counted(self, count: Callable[[Operation], float]) -> Floats:
        """Returns what `count` gives for each operation (N, U, K), 0 where a unit has fewer operations."""
        found = np.zeros(self._program.work_us.shape)
        for row, units in enumerate(self._architectures):
            for unit, operations in enumerate(units):
                found[row, unit, : len(operations)] = [count(operation) for operation in operations]
        return found

    def _named(self, architectures: Sequence[Sequence[Sequence[Operation]]]) -> _Names:
        """Returns of which term each operation (N, U, K) is; empty where there is none."""
        names = np.full(self._program.work_us.shape, "", dtype="U16")
        for row, units in enumerate(architectures):
            for unit, operations in enumerate(units):
                names[row, unit, : len(operations)] = [_term(operation) for operation in operations]
        return names

    def _amounts_of(self, architectures: Sequence[Sequence[Sequence[Operation]]]) -> dict[str, dict[str, Floats]]:
        """Returns for each term and parameter how much of it each operation (N, U, K) has."""
        counted = {term: (self._terms == term) * (1.0 if term in (CALL, WAKEUP) else self._program.work_us) for term in _ALL}
        amounts = {term: {term: amount} for term, amount in counted.items()}
        amounts[CONTENTION] = {CONTENTION: self.contended_us()}
        amounts[_MBCONV] = self._by_size_and_width(architectures, counted[_MBCONV])
        return amounts

    def _by_size_and_width(self, architectures: Sequence[Sequence[Sequence[Operation]]], work_us: Floats) -> dict[str, Floats]:
        sizes, widths = np.zeros(work_us.shape, np.int64), np.zeros(work_us.shape)
        for row, unit, number in zip(*np.nonzero(self._terms == _MBCONV), strict=True):
            block = parse_key(architectures[row][unit][number].what)
            sizes[row, unit, number], widths[row, unit, number] = block.in_shapes[0][1], np.log(block.in_shapes[0][3])
            if isinstance(block, MBConv):
                widths[row, unit, number] = np.log(block.exp_c)
        found = {}
        for size in np.unique(sizes[sizes > 0]):
            own = sizes == size
            widths[own] -= np.mean(widths[own])
            found[f"{_MBCONV}_{size}"] = np.where(own, work_us, 0.0)
        return {**found, f"{_MBCONV}_width": work_us * widths}

    def parameters(self, term: str) -> tuple[str, ...]:
        """Returns the parameters of a term."""
        return tuple(self._amounts[term])

    def step_amounts(self, group: Sequence[str], unit: str) -> StepAmounts:
        """Returns the measured steps of a unit that have these terms, with those of their parameters that are in any of them."""
        amounts = {name: amount for term in group for name, amount in self._amounts[term].items()}
        return self.steps_with(np.isin(self._terms, group), amounts, unit)

    def steps_with(self, named: npt.NDArray[np.bool_], amounts: Mapping[str, Floats], unit: str) -> StepAmounts:
        """Returns the measured steps of a unit that have any of the operations (N, U, K) named, with their amounts of these parameters."""
        number = self.units.index(unit)
        steps = [step for step in self._steps if step.unit == number and step.measured_us is not None]
        steps = [step for step in steps if named[step.strategy, number, step.first : step.last].any()]
        table = {name: np.array([_sum(amount, step) for step in steps]) for name, amount in amounts.items()}
        present = tuple(name for name, column in table.items() if np.any(column))
        measured_us = np.array([step.measured_us for step in steps], dtype=np.float64)
        predicted_us = np.array([self._predicted_us(step) for step in steps], dtype=np.float64)
        return StepAmounts(
            unit,
            present,
            np.array([step.strategy for step in steps], dtype=np.int64),
            predicted_us,
            measured_us - predicted_us,
            np.array([table[name] for name in present]).reshape(len(present), len(steps)).T,
        )

    def _predicted_us(self, step: _Step) -> float:
        if step.is_wait:
            return _sum(self._program.wakeup_us, step)
        return _sum(self._timeline.end_us - self._timeline.begin_us, step)

    def contended_us(self) -> Floats:
        """Returns how much work of each operation (N, U, K) is done while another unit works, summed over the other units."""
        begin_us, end_us, classes = self._timeline.begin_us, self._timeline.end_us, self._program.contention_class
        found = np.zeros(begin_us.shape)
        for row in range(len(begin_us)):
            for other in range(len(self.units)):
                works = classes[row, other] != NO_CLASS
                spans = np.stack([begin_us[row, other, works], end_us[row, other, works]], axis=1).ravel()
                passed_us = np.diff(spans, prepend=0.0) * (np.arange(len(spans)) % 2)
                for unit in range(len(self.units)):
                    own = classes[row, unit] != NO_CLASS
                    if unit != other and own.any() and len(spans):
                        until_us = np.interp([begin_us[row, unit, own], end_us[row, unit, own]], spans, np.cumsum(passed_us))
                        found[row, unit, own] += (until_us[1] - until_us[0]) / self._factors[unit, classes[row, unit, own], other]
        return found

    def corrected_us(self, corrections: Corrections) -> Floats:
        """(N,): the latencies that are predicted once these parameters are corrected."""
        amounts = {name: amount for term in _ALL for name, amount in self._amounts[term].items()}
        work_us, wakeup_us, factors = self._program.work_us.copy(), self._program.wakeup_us.copy(), self._factors.copy()
        for name, by_unit in corrections.items():
            for unit, correction in ((self.units.index(unit), correction) for unit, correction in by_unit.items()):
                if name == CONTENTION:
                    others = [other for other in range(len(self.units)) if other != unit]
                    factors[unit, :, others] = np.maximum(factors[unit, :, others] + correction, _LEAST)
                else:
                    (wakeup_us if name == WAKEUP else work_us)[:, unit] += correction * amounts[name][:, unit]
        np.maximum(work_us, 0.0, out=work_us)
        np.maximum(wakeup_us, 0.0, out=wakeup_us)
        return replay(replace(self._program, work_us=work_us, wakeup_us=wakeup_us), factors, self._jitter).total_us

    def replayed_us(self) -> Floats:
        """(N,): the latencies that the replay gives if every step takes its measured median."""
        program = self._program
        work_us, wakeup_us, classes = program.work_us.copy(), program.wakeup_us.copy(), program.contention_class.copy()
        for step in self._steps:
            if step.measured_us is None:
                continue
            span = (step.strategy, step.unit, slice(step.first, step.last))
            times_us = wakeup_us if step.is_wait else work_us
            times_us[span] = 0.0
            times_us[step.strategy, step.unit, step.first] = step.measured_us
            classes[span] = NO_CLASS
        measured = replace(program, work_us=work_us, wakeup_us=wakeup_us, contention_class=classes)
        return replay(measured, self._factors, self._jitter).total_us


def _term(operation: Operation) -> str:
    if operation.step == "wait":
        return WAKEUP
    if operation.peer.split(":")[0] in (NETWORK_INPUT, NETWORK_OUTPUT):
        return "ends"
    if operation.step != "run":
        return operation.step
    if operation.contention_class != NO_CLASS:
        return BLOCK_CLASSES[operation.contention_class]
    return next((term for term in (CALL, _FETCH, _CLAIM) if operation.what.startswith(term)), _BUFFERS)


def _steps(strategy: int, unit: int, operations: Sequence[Operation], name: str, took: Observed) -> list[_Step]:
    """Returns the steps of a unit: consecutive operations of the same segment, kind and peer."""
    found: list[_Step] = []
    for (segment, kind, peer), members in groupby(operations, key=lambda operation: (operation.segment, operation.step, operation.peer)):
        first = found[-1].last if found else 0
        is_wait = kind == "wait"
        measured_us = took.wakeups_us.get((name, segment, peer)) if is_wait else took.steps_us.get((name, segment, kind, peer))
        found.append(_Step(strategy, unit, first, first + len(list(members)), is_wait, measured_us))
    return found


def _sum(values: Floats, step: _Step) -> float:
    return float(values[step.strategy, step.unit, step.first : step.last].sum())
