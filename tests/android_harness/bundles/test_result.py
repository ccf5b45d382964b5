"""Results of bundles, from visits whose times and outputs are given."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.bundles.result import (
    BundleResult,
    bundle_result,
    latency_line,
    output_error,
    output_line,
    require_right,
)
from android_harness.protocol.journal import CollabDone, Outputs, StepLabel
from collab.errors import ExportError, RunnerError
from collab.placement import parse_placement
from collab.variants import collaborative
from exporters.bundle import write_bundle
from exporters.checking import MAX_ERROR
from exporters.manifests.reading import load_manifest
from exporters.references import NO_OUTPUT, OutputError, Tensor, compare_outputs
from lut.prediction.model_latency import Step
from tests.android_harness.bundles.made_visits import visit
from tests.models import tiny

TOTALS = st.lists(st.integers(1, 10**10), min_size=1, max_size=20)
RUN = StepLabel("cpu0", "cpu0.0", "run")


RANGE = np.array([0.0, 1.0])


def of_share(error: float) -> OutputError:
    """A difference of this fraction of the reference's range."""
    return compare_outputs([(RANGE + np.array([0.0, error]), RANGE)])


def result_of(*visits: CollabDone, error: float | OutputError = 0.0) -> BundleResult:
    return bundle_result(visits, error if isinstance(error, OutputError) else of_share(error))


def test_latencies_are_those_of_all_runs_of_all_visits() -> None:
    measured = result_of(visit([5000, 1000]), visit([3000]), visit([2000, 9000])).measured
    assert (measured.n, measured.median_us) == (5, 3.0)
    assert measured.p95_us == pytest.approx(5 + 0.8 * (9 - 5))
    assert measured.mad_us == 2.0, "of the distances 2, 2, 0, 1, 6"


@given(st.lists(TOTALS, min_size=1, max_size=5))
def test_median_p95_and_mad_are_numpy_s(visits: list[list[int]]) -> None:
    measured = result_of(*map(visit, visits)).measured
    pooled = np.array([ns for totals in visits for ns in totals]) / 1000
    median_us = np.median([np.median(totals) for totals in visits]) / 1000
    assert (measured.n, measured.visits) == (len(pooled), len(visits))
    assert measured.median_us == pytest.approx(median_us)
    assert measured.p95_us == pytest.approx(np.percentile(pooled, 95))
    assert measured.mad_us == pytest.approx(np.median(np.abs(pooled - median_us)), abs=1e-6)


@pytest.mark.parametrize(
    ("outputs", "count"),
    [
        ([Outputs(1, "aa")], 1),
        ([Outputs(1, "aa"), Outputs(1, "aa"), Outputs(1, "aa")], 1),
        ([Outputs(1, "aa"), Outputs(1, "bb")], 2),
        ([Outputs(3, "aa")], 3),
        ([Outputs(2, "aa"), Outputs(1, "bb"), Outputs(1, "aa")], 3),
        ([Outputs(2, "aa"), Outputs(2, "bb")], 4),
    ],
)
def test_different_outputs_are_counted_within_and_between_visits(outputs: list[Outputs], count: int) -> None:
    result = result_of(*(visit([1000], outputs=seen) for seen in outputs))
    assert result.distinct_outputs == count
    assert result.is_right == (count == 1)


@given(st.lists(st.builds(Outputs, st.integers(1, 4), st.sampled_from("abc")), min_size=1, max_size=5))
def test_all_alike_is_one_and_anything_else_is_more(outputs: list[Outputs]) -> None:
    count = result_of(*(visit([1000], outputs=seen) for seen in outputs)).distinct_outputs
    alike = len({seen.hash for seen in outputs}) == 1 and all(seen.distinct == 1 for seen in outputs)
    assert (count == 1) == alike
    assert count >= max(seen.distinct for seen in outputs)


@pytest.mark.parametrize(
    ("error", "right"), [(0.0, True), (MAX_ERROR * 0.99, True), (MAX_ERROR * 1.01, False), (math.inf, False), (math.nan, False)]
)
def test_an_output_is_right_up_to_rounding(error: float, right: bool) -> None:
    result = result_of(visit([1000]), error=error)
    assert result.is_right is right
    if right:
        require_right(result)
    else:
        with pytest.raises(RunnerError):
            require_right(result)


def test_a_wrong_output_is_said_with_its_size_and_number() -> None:
    wrong = result_of(visit([1000], outputs=Outputs(2, "aa")), error=0.0124)
    with pytest.raises(RunnerError) as refused:
        require_right(wrong)
    assert str(refused.value) == (
        "the output is wrong: it differs from the reference by 1.2e-02 of its range, and the runs gave 2 different outputs;"
        " latencies of a wrong result mean nothing"
    )


def test_a_bundle_is_accelerated_if_every_visit_was() -> None:
    assert result_of(visit([1]), visit([1])).accelerated
    assert not result_of(visit([1]), visit([1], accelerated=False)).accelerated


def test_the_document_holds_what_all_commands_share() -> None:
    visits = [
        visit([4000, 6000], {RUN: [(0, 3000), (1000, 5000)]}, paths={"cpu0>cpu1": "shared"}),
        visit([5001], {RUN: [(0, 3000)]}, paths={"cpu0>cpu1": "shared"}),
    ]
    document = result_of(*visits, error=1e-6).to_document([Step("cpu0", "cpu0.0", "run", "", 1.0, 3.5, ())])
    assert document == {
        "measured_us": {"median": 5.0, "p95": 5.9, "mad": 1.0, "n": 3, "se": 0.001, "visits": 2},
        "output_error": pytest.approx(1e-6),
        "output_off_by_one": 0.0,
        "distinct_outputs": 1,
        "paths": {"cpu0>cpu1": "shared"},
        "steps": [
            {
                "unit": "cpu0",
                "segment": "cpu0.0",
                "step": "run",
                "peer": "",
                "predicted_begin_us": 1.0,
                "predicted_us": 2.5,
                "measured_begin_us": 0.25,
                "measured_us": 3.25,
                "measured_mad_us": 0.25,
                "error": round(2.5 / 3.25 - 1, 5),
            }
        ],
    }


def test_lines_for_people_are_in_milliseconds() -> None:
    result = result_of(visit([1_000_000, 2_000_000, 4_000_000]), error=3e-7)
    assert latency_line(result) == "Measured:  2.000 ms median, 3.800 ms p95, MAD 1.000 ms (n = 3)"
    assert output_line(result) == "Output: differs from the reference by 3.0e-07 of its range, 1 distinct"
    assert output_line(replace(result, output=NO_OUTPUT)) == "Output: differs from the reference by inf of its range, 1 distinct"


@pytest.fixture(scope="module", name="bundle")
def a_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    write_bundle(collaborative(tiny(), "nca"), parse_placement("", branches=2), folder)
    return folder


def test_an_output_is_held_against_the_bundle_s_reference(bundle: Path, tmp_path: Path) -> None:
    manifest = load_manifest(bundle)
    expected = np.fromfile(bundle / manifest.outputs[0].file, dtype="<f4")
    written = tmp_path / "out.f32"
    expected.tofile(written)
    assert output_error(bundle, written).share == 0.0
    changed = expected.copy()
    changed[0] += 0.25 * (expected.max() - expected.min())
    changed.tofile(written)
    assert output_error(bundle, written).share == pytest.approx(0.25, rel=1e-4)
    changed[0] = math.nan
    changed.tofile(written)
    assert not result_of(visit([1]), error=output_error(bundle, written)).is_right


def test_no_output_is_infinitely_wrong_and_a_cut_one_is_refused(bundle: Path, tmp_path: Path) -> None:
    assert output_error(bundle, tmp_path / "none.f32").share == math.inf
    (tmp_path / "cut.f32").write_bytes(b"\0" * 6)
    with pytest.raises(ExportError, match=r"cut\.f32"):
        output_error(bundle, tmp_path / "cut.f32")


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_a_quantised_output_may_be_one_step_off_and_no_more(dtype: str) -> None:
    info = np.iinfo(dtype)
    expected = np.array([info.min, 3, 5, 7, info.max], dtype)

    def moved(*steps: int) -> Tensor:
        return (expected.astype(np.int64) + steps).astype(dtype)

    one_off = moved(1, 0, 0, 0, -1)
    near = result_of(visit([1000]), error=compare_outputs([(one_off, expected)]))
    assert near.is_right
    assert near.to_document()["output_off_by_one"] == 0.4
    assert "(40.00% of its numbers are one step off)" in output_line(near)
    for two_off in (moved(2, 0, 0, 0, 0), moved(1, 0, -2, 1, 0), expected[::-1]):
        wrong = result_of(visit([1000]), error=compare_outputs([(two_off, expected)]))
        assert not wrong.is_right
        with pytest.raises(RunnerError, match="the output is wrong"):
            require_right(wrong)


@pytest.mark.parametrize("dtype", ["int32", "int64", "bool"])
def test_counts_and_places_have_no_steps(dtype: str) -> None:
    expected = np.array([0, 1, 1], dtype)
    assert compare_outputs([(expected, expected)]).is_rounding
    assert not compare_outputs([(np.array([1, 1, 1], dtype), expected)]).is_rounding


def test_a_step_of_one_output_excuses_no_other() -> None:
    steps = (np.array([1, 2], np.int8), np.array([1, 3], np.int8))
    assert compare_outputs([steps, (RANGE, RANGE)]) == OutputError(0.5, is_rounding=True, off_by_one=0.5)
    assert not compare_outputs([steps, (RANGE + 0.001 * RANGE, RANGE)]).is_rounding
    assert compare_outputs([(np.array([4, 4], np.int8), np.array([4, 4], np.int8))]) == OutputError(0.0, is_rounding=True)
