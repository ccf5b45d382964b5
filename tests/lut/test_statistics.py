"""Statistics of jobs, against numpy, against values that were computed exactly, and against what they claim of random visits."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student_t

import android_harness
from lut.statistics import Z95, _ranks, degrees_of_freedom, median_us, standard_error, summarise

COMPUTED: Final[dict[str, Any]] = json.loads(
    (Path(android_harness.__file__).parent / "runner/tests/data/median_errors.json").read_text(encoding="utf-8")
)
"""Values that the runner's own tests are held to as well."""
VISITS = st.lists(st.lists(st.integers(1, 10**9), min_size=1, max_size=6), min_size=1, max_size=40)
VALUES = st.lists(st.integers(0, 10**12), min_size=2, max_size=60)


@given(VISITS)
def test_statistics_are_numpys(visits: list[list[int]]) -> None:
    found = summarise(visits)
    us = np.concatenate([np.array(visit) for visit in visits]) / 1000
    estimate = np.median([np.median(visit) for visit in visits]) / 1000
    assert (found.n, found.visits) == (len(us), len(visits))
    assert found.median_us == pytest.approx(estimate)
    assert found.p95_us == pytest.approx(np.percentile(us, 95))
    assert found.mad_us == pytest.approx(np.median(np.abs(us - estimate)), abs=1e-6)
    assert median_us(visits) == found.median_us
    assert (found.se_us is None) == (len(visits) == 1)
    if found.se_us is None:
        assert found.reach_us == math.inf
    else:
        assert found.reach_us == Z95 * found.se_us


def test_the_median_of_nothing_is_none() -> None:
    assert median_us([]) is None
    assert median_us([[], []]) is None


def test_visits_count_once_however_many_samples_they_have() -> None:
    found = summarise([[1000] * 9, [3000], [4000, 6000], []])
    assert (found.n, found.visits, found.median_us) == (12, 3, 3.0)


@pytest.mark.parametrize("entry", COMPUTED["medians"], ids=lambda entry: str(len(entry["values"])))
def test_medians_and_errors_are_those_that_were_computed_exactly(entry: dict[str, Any]) -> None:
    values = entry["values"]
    assert summarise([value] for value in values).median_us == pytest.approx(entry["median"] / 1000, rel=1e-12)
    assert standard_error(values) == (None if entry["error"] is None else pytest.approx(entry["error"], rel=1e-11))


@pytest.mark.parametrize("entry", COMPUTED["ranks"], ids=lambda entry: str(entry["n"]))
def test_ranks_are_those_that_were_computed_exactly(entry: dict[str, Any]) -> None:
    n, rank = entry["n"], entry["rank"]
    assert _ranks(n) == (rank, pytest.approx(entry["distance"], rel=1e-11))
    # The nearest whole number to (n + 1)/2 - sqrt(n), halves up, in exact arithmetic: sqrt(n) lies within (n + 2)/2 - rank and 1 less.
    most = Fraction(n + 2, 2) - rank
    assert (most - 1) ** 2 < n <= most**2 or (rank == 1 and n > most**2)
    if n <= 5000:
        below = Fraction(sum(math.comb(n, i) for i in range(rank)), 2**n)
        assert math.erfc(entry["distance"] / math.sqrt(2)) / 2 == pytest.approx(float(below), rel=1e-12)


@given(VALUES, st.randoms(use_true_random=False), st.integers(1, 1000))
def test_an_error_scales_and_does_not_depend_on_order_or_origin(values: list[int], random: Any, factor: int) -> None:
    error = standard_error(values)
    assert error is not None
    assert error >= 0
    shuffled = list(values)
    random.shuffle(shuffled)
    assert standard_error(shuffled) == error
    assert standard_error([factor * value for value in values]) == pytest.approx(factor * error, rel=1e-12)
    assert standard_error([value + 12345 for value in values]) == error
    assert standard_error([-value for value in values]) == error


@given(VALUES, st.integers(1, 100))
def test_an_error_grows_with_the_spread(values: list[int], percent: int) -> None:
    """Values that are drawn towards their smallest are known no worse, and equal values exactly."""
    low = min(values)
    closer = [low + (value - low) * percent / 100 for value in values]
    error, smaller = standard_error(values), standard_error(closer)
    assert error is not None
    assert smaller is not None
    assert smaller <= error * (1 + 1e-12)
    assert standard_error([low] * len(values)) == 0


@pytest.mark.parametrize(("visits", "samples"), [(8, 4), (20, 4), (50, 4)])
def test_errors_cover_the_median_of_visits_whose_samples_go_together(visits: int, samples: int) -> None:
    """Visits are 10 % apart, samples of one visit 3 %, and a sample in 20 takes half as long again."""
    draws, generator = 4000, np.random.default_rng(visits)

    def drawn(count: int) -> Any:
        of_visit, of_sample = generator.standard_normal((count, visits, 1)), generator.standard_normal((count, visits, samples))
        return 1e6 * np.exp(0.1 * of_visit + 0.03 * of_sample) * np.where(generator.random((count, visits, samples)) < 0.05, 1.5, 1.0)

    usual_us = float(np.median(np.median(drawn(20_000), axis=2))) / 1000
    found = [summarise(np.rint(run).astype(int).tolist()) for run in drawn(draws)]
    covered = sum(abs(run.median_us - usual_us) <= run.reach_us for run in found) / draws
    # 95 % is meant; 4000 draws have a standard error of 0.4 %. Samples taken for independent ones cover three quarters.
    assert 0.92 <= covered <= 0.97
    pooled = [standard_error(np.sort(run.reshape(-1)).tolist()) for run in drawn(500)]
    medians = [float(np.median(run)) for run in drawn(500)]
    assert float(np.mean([error for error in pooled if error is not None])) < 0.75 * float(np.std(medians))


def test_errors_of_many_visits_are_what_medians_scatter_by() -> None:
    generator = np.random.default_rng(5)
    draws = np.exp(0.1 * generator.standard_normal((800, 101)))
    scatter = float(np.std(np.median(draws, axis=1)))
    told = float(np.mean([standard_error(row.tolist()) for row in draws]))
    assert told == pytest.approx(scatter, rel=0.1)


def test_a_single_value_tells_nothing_of_its_error() -> None:
    assert standard_error([]) is None
    assert standard_error([1.0]) is None
    assert standard_error([1.0, 1.0, 1.0]) == 0.0
    assert standard_error([100.0, 112.0]) == pytest.approx(12 / (2 * 0.6744897501960817))


@pytest.mark.parametrize("n", [2, 3, 5, 12, 50])
@pytest.mark.parametrize("kind", ["normal", "uniform", "standard_exponential", "laplace"])
def test_medians_of_the_same_values_are_told_apart_no_oftener_than_the_level_says(kind: str, n: int) -> None:
    drawn = getattr(np.random.default_rng(n), kind)(size=(4000, 2, n))
    medians = np.median(drawn, axis=2)
    errors = np.array([[standard_error(values) for values in pair] for pair in drawn.tolist()])
    distances = np.abs(np.diff(medians, axis=1)[:, 0]) / np.hypot(errors[:, 0], errors[:, 1])
    degrees = degrees_of_freedom(n) * (errors**2).sum(axis=1) ** 2 / (errors**4).sum(axis=1)
    assert np.mean(2 * student_t.sf(distances, degrees) < 0.05) < 0.055


@pytest.mark.parametrize("n", [8, 12, 20, 50, 200])
def test_the_error_of_uniform_values_is_known_as_well_as_its_degrees_of_freedom_say(n: int) -> None:
    errors = np.array([standard_error(values) for values in np.random.default_rng(n).uniform(size=(8000, n)).tolist()])
    assert degrees_of_freedom(n) == pytest.approx(np.mean(errors) ** 2 / np.var(errors) / 2, rel=0.07)


def test_visits_that_a_file_claims_take_no_time_that_grows_with_them() -> None:
    claimed = (1 << 53) - 1
    assert degrees_of_freedom(claimed) == pytest.approx(claimed**0.5, rel=1e-3)
