"""What is said of a bias: never more than is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lut.certificate import Bias
from lut.prediction.costs import Costs
from profiler.attribution import LABELS, WORK, Term
from profiler.certification import bias_line, rounds_for
from profiler.trends import Trend
from tests.profiler.made_certificates import drawn_strategies, true_tables

HIGH = Bias(0.07, (0.059, 0.078))
UNKNOWN = Bias(0.001, (-0.004, 0.006))


def term(name: str, carries: float, *, is_proven: bool = True) -> Term:
    return Term(name, carries, carries - 0.01, carries + 0.01, is_proven, {}, ())


def test_what_carries_a_bias_stands_before_what_goes_against_it() -> None:
    terms = [term("contention", 0.034), term("mbconv", 0.029), term("waiting", -0.012), term("head", 0.02, is_proven=False)]
    trend = [Trend("handovers", -0.0033, -0.006, -0.001), Trend("balance", 0.1, -0.1, 0.3)]
    assert bias_line(HIGH, terms, trend) == (
        "Bias: +7.0 % [+5.9, +7.8]; carried by: contention (+3.4), run of mbconv (+2.9); against it: waiting at syncs (-1.2);"
        " errors fall by 0.33 % per hand-over [0.10, 0.60]"
    )


def test_a_bias_that_may_be_none_is_carried_by_nothing() -> None:
    assert bias_line(UNKNOWN, [], []) == "Bias: +0.1 % [-0.4, +0.6]"
    assert bias_line(UNKNOWN, [term("head", 0.02, is_proven=False)], []) == "Bias: +0.1 % [-0.4, +0.6]"
    assert bias_line(UNKNOWN, [term("head", 0.02), term("stem", -0.02)], []).endswith("; within it: run of head (+2.0), run of stem (-2.0)")


def test_what_is_not_known_is_called_that() -> None:
    assert bias_line(HIGH, [term("head", 0.02, is_proven=False)], []).endswith("; what carries it is not known")
    assert bias_line(HIGH, [term("head", -0.02)], []).endswith("; what carries it is not known; against it: run of head (-2.0)")
    assert bias_line(HIGH, [], []).endswith("; too few strategies to tell what carries it")
    assert bias_line(Bias(0.07, None), [], []) == "Bias: +7.0 %"


def test_two_terms_that_cannot_be_told_apart_are_named_together_or_not() -> None:
    together, apart = term(WORK, 0.05), term("mbconv", 0.03)
    assert "cannot be told apart (+5.0)" in bias_line(HIGH, [together, term("contention", 0.02, is_proven=False)], [])
    assert bias_line(HIGH, [together, apart], []).endswith("; carried by: run of mbconv (+3.0)")


@given(
    st.lists(st.tuples(st.sampled_from(sorted(LABELS)), st.floats(-0.2, 0.2), st.booleans()), max_size=8, unique_by=lambda drawn: drawn[0])
)
def test_no_term_is_named_that_is_not_proven(drawn: list[tuple[str, float, bool]]) -> None:
    terms = [term(name, carries, is_proven=is_proven) for name, carries, is_proven in drawn]
    for bias in (HIGH, UNKNOWN, Bias(-0.07, (-0.08, -0.06)), Bias(0.1, None)):
        text = bias_line(bias, terms, [])
        for name, carries, is_proven in drawn:
            assert is_proven or f"{LABELS[name]} ({100 * carries:+.1f})" not in text
        if not bias.is_proven:
            assert "carried by" not in text


@pytest.mark.parametrize(("slowness", "rounds"), [(0.1, 60), (2.0, None), (1000.0, 12)])
def test_a_certificate_takes_a_minute_or_its_fewest_rounds(slowness: float, rounds: int | None) -> None:
    tables = true_tables()
    candidates = drawn_strategies(tables, 20)
    found = rounds_for(candidates, Costs(tables, source="x").slowed(dict.fromkeys(tables.meta.units, slowness)), runs=3)
    assert found == rounds or (rounds is None and 12 < found < 60)
