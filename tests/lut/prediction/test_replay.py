"""The replay against schedules worked out by hand, and against a second, deliberately naive simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lut.prediction.program import Operation, pack
from lut.prediction.replay import NO_CLASS, NONE, ReplayDeadlockError, replay


def op(work: float = 0.0, *, cls: int = NO_CLASS, needs: int = NONE, wakeup: float = 0.0, fires: int = NONE) -> Operation:
    return Operation("s", "run", "", "x", work, cls, needs, wakeup, fires)


def total(*units: list[Operation], factors: np.ndarray | None = None) -> float:
    return float(replay(pack([list(units)]), factors).total_us[0])


def test_one_unit_is_a_sum() -> None:
    assert total([op(1), op(2.5), op(), op(3)]) == 6.5


def test_units_without_hand_overs_run_side_by_side() -> None:
    assert total([op(5)], [op(7)]) == 7


def test_a_unit_waits_for_what_it_needs_and_wakes_up() -> None:
    # Sent at 10; the receiver is ready at 4, awake at 12, done at 15.
    assert total([op(10, fires=0)], [op(4), op(3, needs=0, wakeup=2)]) == 15


def test_what_has_arrived_long_ago_needs_no_waking_up() -> None:
    assert total([op(1, fires=0)], [op(9), op(3, needs=0, wakeup=2)]) == 12


def test_both_directions_of_a_hand_over_overlap() -> None:
    # Each reads for 2, wakes up 1 after the other, writes for 3, runs 10: (8 + 2) + 1 + 3 + 10 on the earlier unit.
    unit0 = [op(5), op(2, fires=0), op(needs=1, wakeup=1), op(3), op(10)]
    unit1 = [op(8), op(2, fires=1), op(needs=0, wakeup=1), op(3), op(10)]
    timeline = replay(pack([[unit0, unit1]]))
    assert timeline.end_us[0, 0, -1] == 24
    assert timeline.end_us[0, 1, -1] == 23


def test_contention_slows_only_while_the_other_unit_works() -> None:
    # Unit 0's work of 10 takes twice as long while unit 1 works (4 of its own, not slowed): 4 pass for 2 of work, then 8 remain.
    factors = np.ones((2, 1, 2))
    factors[0, 0, 1] = 2
    timeline = replay(pack([[[op(10, cls=0)], [op(4, cls=0)]]]), factors)
    assert timeline.end_us[0, 0, 0] == pytest.approx(12)
    assert timeline.end_us[0, 1, 0] == pytest.approx(4)


def test_two_units_on_one_core_take_turns() -> None:
    factors = np.full((2, 1, 2), 2.0)
    assert total([op(10, cls=0)], [op(6, cls=0)], factors=factors) == pytest.approx(16)


def test_copies_are_outside_contention() -> None:
    factors = np.full((2, 1, 2), 3.0)
    assert total([op(10)], [op(6, cls=0)], factors=factors) == 10


def test_a_hand_over_that_never_comes_is_an_error() -> None:
    with pytest.raises(ReplayDeadlockError):
        total([op(1, needs=0)], [op(1)])


STEP_US = 0.125
STEP = st.tuples(st.integers(0, 20), st.integers(-1, 1))
PROGRAM = st.tuples(st.lists(STEP, min_size=1, max_size=8), st.lists(STEP, min_size=1, max_size=8), st.integers(0, 3), st.integers(0, 3))


def sync_program(spec: tuple[list[tuple[int, int]], list[tuple[int, int]], int, int]) -> list[list[Operation]]:
    """Two units, work before and after one hand-over in either direction."""
    first, second, before, wakeup = spec
    units = []
    for number, steps in enumerate((first, second)):
        cut = min(before, len(steps))
        head = [op(work, cls=cls) for work, cls in steps[:cut]] + [op(1, fires=number)]
        tail = [op(0, needs=1 - number, wakeup=wakeup)] + [op(work, cls=cls) for work, cls in steps[cut:]]
        units.append(head + tail)
    return units


def naive(units: list[list[Operation]], factors: np.ndarray | None = None) -> float:
    """Small fixed time steps instead of events: slow and obvious. Times are multiples of the step when there is no contention."""
    step, now = STEP_US, 0.0
    fired: dict[int, float] = {}
    position, left = [0] * len(units), [u[0].work_us for u in units]
    while any(p < len(u) for p, u in zip(position, units, strict=True)):
        progressed = True
        while progressed:
            progressed = False
            for i, operations in enumerate(units):
                while position[i] < len(operations) and left[i] <= 1e-9 and awake(operations[position[i]], fired, now):
                    if operations[position[i]].fires != NONE:
                        fired[operations[position[i]].fires] = now
                    position[i] += 1
                    progressed = True
                    if position[i] < len(operations):
                        left[i] = operations[position[i]].work_us
        working = [p < len(u) and left[i] > 1e-9 and awake(u[p], fired, now) for i, (p, u) in enumerate(zip(position, units, strict=True))]
        for i, operations in enumerate(units):
            if working[i]:
                slow = 1.0
                cls = operations[position[i]].contention_class
                for j, others in enumerate(units):
                    if (
                        factors is not None
                        and j != i
                        and working[j]
                        and cls != NO_CLASS
                        and others[position[j]].contention_class != NO_CLASS
                    ):
                        slow *= factors[i, cls, j]
                left[i] -= step / slow
        if any(p < len(u) for p, u in zip(position, units, strict=True)):
            now += step
    return now


def awake(operation: Operation, fired: dict[int, float], now: float) -> bool:
    return operation.needs == NONE or (operation.needs in fired and fired[operation.needs] + operation.wakeup_us <= now + 1e-9)


@given(PROGRAM)
def test_the_replay_agrees_with_small_time_steps(spec: tuple[list[tuple[int, int]], list[tuple[int, int]], int, int]) -> None:
    units = sync_program(spec)
    assert total(*units) == pytest.approx(naive(units))


@given(PROGRAM)
def test_it_agrees_under_contention_too(spec: tuple[list[tuple[int, int]], list[tuple[int, int]], int, int]) -> None:
    units = sync_program(spec)
    factors = np.full((2, 2, 2), 2.0)
    # Wherever a unit begins or ends something, a small step may overshoot by its length.
    assert total(*units, factors=factors) == pytest.approx(naive(units, factors), abs=STEP_US * sum(map(len, units)))


@given(st.lists(PROGRAM, min_size=1, max_size=6))
def test_many_at_once_are_each_alone(specs: list[tuple[list[tuple[int, int]], list[tuple[int, int]], int, int]]) -> None:
    programs = [sync_program(spec) for spec in specs]
    together = replay(pack(programs)).total_us
    assert together.tolist() == [total(*program) for program in programs]


@given(PROGRAM, st.integers(0, 7), st.integers(1, 9))
def test_more_work_never_ends_sooner(spec: tuple[list[tuple[int, int]], list[tuple[int, int]], int, int], at: int, extra: int) -> None:
    units = sync_program(spec)
    before = total(*units)
    index = at % len(units[0])
    units[0][index] = op(
        units[0][index].work_us + extra, needs=units[0][index].needs, wakeup=units[0][index].wakeup_us, fires=units[0][index].fires
    )
    assert total(*units) >= before


def test_of_two_that_arrive_together_the_later_is_waited_for() -> None:
    """The mean of the later of two normal variables of mean 100 and standard deviation 5: 100 + 5 / sqrt(pi)."""
    meeting = [[op(100, fires=0), op(0, needs=1), op(10)], [op(100, fires=1), op(0, needs=0), op(10)]]
    program = pack([meeting])
    assert replay(program, jitter=np.array([0.05, 0.05])).total_us[0] == pytest.approx(110 + 5 / math.sqrt(math.pi))
    assert replay(program, jitter=np.zeros(2)).total_us[0] == 110
    early = pack([[[op(100, fires=0), op(10)], [op(20), op(0, needs=0), op(10)]]])
    assert replay(early, jitter=np.array([0.05, 0.05])).total_us[0] == pytest.approx(110), "who is far ahead waits for a median"


@given(
    st.lists(st.tuples(st.floats(20, 200), st.floats(20, 200)), min_size=1, max_size=5),
    st.floats(0, 0.15),
    st.floats(0, 0.15),
)
@settings(max_examples=25)
def test_stragglers_cost_what_they_do_on_average(stretches: list[tuple[float, float]], one: float, other: float) -> None:
    """Against the mean of 4000 inferences whose every stretch is drawn anew."""
    units: list[list[Operation]] = [[], []]
    for number, pair in enumerate(stretches):
        for unit, us in enumerate(pair):
            units[unit] += [op(us, fires=2 * number + unit), op(0, needs=2 * number + 1 - unit)]
    predicted = float(replay(pack([units]), jitter=np.array([one, other])).total_us[0])
    drawn = np.random.default_rng(0).normal(1.0, [one, other], size=(4000, len(stretches), 2)) * np.array(stretches)
    mean = float(drawn.max(axis=2).sum(axis=1).mean())
    assert predicted == pytest.approx(mean, rel=0.01)
    assert predicted >= float(replay(pack([units])).total_us[0]) - 1e-9


@given(
    st.lists(st.tuples(st.floats(20, 500), st.floats(20, 200), st.floats(20, 200)), min_size=1, max_size=4),
    st.floats(0, 0.12),
    st.floats(0, 0.12),
)
@settings(max_examples=25)
def test_after_a_fork_only_what_followed_it_scatters(stretches: list[tuple[float, float, float]], one: float, other: float) -> None:
    """One unit lets the other go on, works itself, and waits for it: what it did before the fork makes neither of them late."""
    units: list[list[Operation]] = [[], []]
    for number, (before, own, others) in enumerate(stretches):
        units[0] += [op(before, fires=2 * number), op(own), op(0, needs=2 * number + 1)]
        units[1] += [op(0, needs=2 * number), op(others, fires=2 * number + 1)]
    predicted = float(replay(pack([units]), jitter=np.array([one, other])).total_us[0])
    drawn = np.random.default_rng(0).normal(1.0, [one, one, other], size=(4000, len(stretches), 3)) * np.array(stretches)
    mean = float((drawn[:, :, 0] + drawn[:, :, 1:].max(axis=2)).sum(axis=1).mean())
    assert predicted == pytest.approx(mean, rel=0.01)
