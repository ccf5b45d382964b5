"""Steps of bundles: their medians over all visits, and the predicted steps that they stand beside."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from android_harness.bundles.steps import MeasuredStep, PairedStep, measured_steps, pair_steps, step_table
from android_harness.protocol.journal import StepLabel
from lut.prediction.model_latency import Step
from tests.android_harness.bundles.made_visits import collab_done, visit

WRITE, RUN, READ = (
    StepLabel("cpu0", "cpu0.0", "write", "input"),
    StepLabel("cpu0", "cpu0.0", "run"),
    StepLabel("gpu0", "gpu0.0", "read", "cpu0"),
)
SPANS = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)).map(lambda pair: (pair[0], sum(pair))), min_size=1, max_size=9)


def measured(unit: str, step: str, peer: str = "", *, segment: str = "0", took_us: float = 10.0) -> MeasuredStep:
    return MeasuredStep(unit, f"{unit}.{segment}", step, peer, 1.0, took_us, 0.5)


def predicted(unit: str, step: str, peer: str = "", *, segment: str = "0", took_us: float = 10.0) -> Step:
    return Step(unit, f"{unit}.{segment}", step, peer, 2.0, 2.0 + took_us, ())


def test_steps_are_summarised_over_all_visits() -> None:
    visits = [
        visit([9000, 9000], {WRITE: [(0, 1000), (0, 3000)], RUN: [(1000, 5000), (3000, 9000)]}),
        visit([9000], {WRITE: [(500, 2500)], RUN: [(2500, 7000)]}),
    ]
    assert measured_steps(visits) == (
        MeasuredStep("cpu0", "cpu0.0", "write", "input", 0.25, 2.0, 1.0),
        MeasuredStep("cpu0", "cpu0.0", "run", "", 2.25, 4.75, 0.75),
    )


@given(st.lists(SPANS, min_size=1, max_size=4))
def test_begins_and_durations_are_medians_in_microseconds(visits: list[list[tuple[int, int]]]) -> None:
    [step] = measured_steps([visit([1] * len(spans), {RUN: spans}) for spans in visits])
    begins = [np.array([begin for begin, _ in spans]) / 1000 for spans in visits]
    took = [np.array([end - begin for begin, end in spans]) / 1000 for spans in visits]
    duration_us = np.median([np.median(visit) for visit in took])
    assert step.begin_us == pytest.approx(np.median([np.median(visit) for visit in begins]))
    assert step.duration_us == pytest.approx(duration_us)
    assert step.duration_mad_us == pytest.approx(np.median(np.abs(np.concatenate(took) - duration_us)), abs=1e-6)


def test_steps_come_in_the_journal_s_order() -> None:
    steps = measured_steps([collab_done("b", 0, [3000, 1000, 2000])])
    assert [step.segment for step in steps] == ["cpu0.0", "cpu0.1", "cpu0.2"]
    assert [step.begin_us for step in steps] == [0.0, 3.0, 4.0]


def test_a_step_is_paired_by_unit_segment_kind_and_peer() -> None:
    steps = [measured("cpu0", "run"), measured("cpu0", "read", "gpu0"), measured("cpu0", "run", segment="1"), measured("gpu0", "run")]
    known = [predicted("gpu0", "run"), predicted("cpu0", "read", "output"), predicted("cpu0", "run"), predicted("npu0", "run")]
    pairs = pair_steps(steps, known)
    assert [pair.measured for pair in pairs] == steps, "every measured step, in order"
    assert [pair.predicted for pair in pairs] == [known[2], None, None, known[0]]
    assert [pair.predicted for pair in pair_steps(steps, [])] == [None] * 4


KINDS = st.tuples(
    st.sampled_from(["cpu0", "gpu0"]), st.sampled_from(["wait", "write", "run", "read"]), st.sampled_from(["", "input", "cpu1"])
)


@given(st.lists(KINDS, unique=True, max_size=8), st.lists(KINDS, unique=True, max_size=8))
def test_a_step_has_a_prediction_exactly_if_there_is_one_of_its_name(
    ours: list[tuple[str, str, str]], known: list[tuple[str, str, str]]
) -> None:
    pairs = pair_steps([measured(*name) for name in ours], [predicted(*name) for name in known])
    assert [pair.predicted is not None for pair in pairs] == [name in known for name in ours]
    for name, pair in zip(ours, pairs, strict=True):
        assert pair.predicted is None or (pair.predicted.unit, pair.predicted.step, pair.predicted.peer) == name


@pytest.mark.parametrize(
    ("measured_us", "predicted_us", "error"),
    [(10.0, 12.0, 0.2), (10.0, 5.0, -0.5), (10.0, 10.0, 0.0), (0.0, 3.0, None), (10.0, None, None)],
)
def test_an_error_is_a_signed_fraction_of_what_was_measured(measured_us: float, predicted_us: float | None, error: float | None) -> None:
    step = predicted("cpu0", "run", took_us=predicted_us) if predicted_us is not None else None
    pair = PairedStep(measured("cpu0", "run", took_us=measured_us), step)
    assert pair.error == pytest.approx(error)
    document = pair.to_document()
    assert document["error"] == pytest.approx(error)
    assert document["predicted_us"] == pytest.approx(predicted_us)
    assert document["predicted_begin_us"] == (2.0 if step else None)
    assert (document["measured_begin_us"], document["measured_us"], document["measured_mad_us"]) == (1.0, measured_us, 0.5)


def printed(steps: list[PairedStep]) -> list[list[str]]:
    """The table's lines as words, below its title."""
    out = io.StringIO()
    Console(file=out, width=200).print(step_table("Steps", steps))
    title, *lines = out.getvalue().splitlines()
    assert title.strip() == "Steps"
    return [line.split() for line in lines]


def test_a_table_without_predictions_shows_begins() -> None:
    lines = printed(pair_steps([measured("cpu0", "write", "input"), measured("cpu0", "run", took_us=1234.5678)], []))
    assert lines == [
        ["unit", "segment", "step", "peer", "begin", "ms", "measured", "ms"],
        ["cpu0", "cpu0.0", "write", "input", "0.001", "0.010"],
        ["cpu0", "cpu0.0", "run", "0.001", "1.235"],
    ]


def test_a_table_with_predictions_shows_them_and_the_errors_of_runs() -> None:
    steps = [measured("cpu0", "write", "input"), measured("cpu0", "run"), measured("gpu0", "run")]
    known = [predicted("cpu0", "write", "input", took_us=20.0), predicted("cpu0", "run", took_us=11.0)]
    assert printed(pair_steps(steps, known)) == [
        ["unit", "segment", "step", "peer", "predicted", "ms", "measured", "ms", "error"],
        ["cpu0", "cpu0.0", "write", "input", "0.020", "0.010"],
        ["cpu0", "cpu0.0", "run", "0.011", "0.010", "+10.0", "%"],
        ["gpu0", "gpu0.0", "run", "-", "0.010"],
    ]
