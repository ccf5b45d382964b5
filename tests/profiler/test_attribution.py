"""Terms that are off by a known amount are found out by name, and nothing is named that is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from collab.blocks import Block, MBConv, parse_key
from lut.entries import Measured
from lut.prediction.costs import BLOCK_CLASSES, Costs, block_class
from lut.tables import Tables
from profiler.attribution import ALIKE, FEWEST_STRATEGIES, LABELS, WAITING, WORK, Term, attribute
from profiler.candidates import ConfigCandidate
from profiler.certification import bias_line, certify
from profiler.compare import Comparison
from profiler.samples import SampleStore
from profiler.terms import GROUPS
from tests.profiler.made_certificates import UNITS, Noise, drawn_strategies, held_against, measured, true_tables

pytestmark = pytest.mark.slow

TRUE = true_tables()
STRATEGIES = 40


@pytest.fixture(name="candidates", scope="module")
def drawn_candidates() -> list[ConfigCandidate]:
    return drawn_strategies(TRUE, STRATEGIES)


@pytest.fixture(name="store", scope="module")
def measured_store(candidates: list[ConfigCandidate]) -> SampleStore:
    return measured(candidates, TRUE, Noise())


def found_in(store: SampleStore, candidates: list[ConfigCandidate], claimed: Tables) -> tuple[list[Comparison], dict[str, Term]]:
    costs = Costs(claimed, source="claimed")
    comparisons = held_against(store, candidates, costs)
    return comparisons, {term.name: term for term in attribute(candidates, comparisons, costs)}


def proven(terms: dict[str, Term]) -> set[str]:
    """The terms that are named: what two of them carry together is not, where one of them is."""
    names = {term.name for term in terms.values() if term.is_proven}
    return names - {WORK} if names & set(ALIKE) else names


def said(claimed: Tables, candidates: list[ConfigCandidate], comparisons: list[Comparison], terms: dict[str, Term]) -> str:
    return bias_line(certify(claimed, candidates, comparisons).bias, list(terms.values()), ())


def with_blocks(times: Callable[[Block], float]) -> Tables:
    rows = [replace(row, marginal_us=(row.marginal_us or 0.0) * times(parse_key(row.block))) for row in TRUE.blocks]
    return replace(TRUE, blocks=tuple(rows))


def with_class(name: str, times: float) -> Tables:
    return with_blocks(lambda block: times if BLOCK_CLASSES[block_class(block)] == name else 1.0)


def with_contention(more: float) -> Tables:
    entries = tuple(msgspec.structs.replace(entry, factor=entry.factor + more) for entry in TRUE.meta.contention)
    return replace(TRUE, meta=replace(TRUE.meta, contention=entries))


def with_calls(more_us: float) -> Tables:
    calls = {unit: Measured(call.median_us + more_us, 0.1, 10) for unit, call in TRUE.meta.call_in_network.items()}
    return replace(TRUE, meta=replace(TRUE.meta, call_in_network=calls))


def with_handovers(column: str, more_us: float) -> Tables:
    return replace(TRUE, transfers=tuple(replace(row, **{column: getattr(row, column) + more_us}) for row in TRUE.transfers))


@pytest.mark.parametrize(
    ("name", "claimed", "correction"),
    [
        ("contention", with_contention(0.15), -0.15),
        ("contention", replace(TRUE, meta=replace(TRUE.meta, contention=())), 0.2),
        ("call", with_calls(20.0), -20.0),
        ("head", with_class("head", 1.4), 1 / 1.4 - 1),
        ("mbconv", with_class("mbconv", 1.15), 1 / 1.15 - 1),
        ("stem", with_class("stem", 0.7), 1 / 0.7 - 1),
        ("wakeup", with_handovers("wakeup_us", 20.0), -20.0),
    ],
    ids=["contention", "no contention", "call", "head", "mbconv", "stem", "wake-up"],
)
def test_the_term_that_is_off_is_named_and_no_other(
    name: str, claimed: Tables, correction: float, store: SampleStore, candidates: list[ConfigCandidate]
) -> None:
    comparisons, terms = found_in(store, candidates, claimed)
    assert proven(terms) == {name}
    bias = float(np.median([comparison.error_drift_corrected for comparison in comparisons]))
    found = terms[name]
    assert found.low < found.carries < found.high
    assert found.low < bias < found.high, "all of the bias is this term's"
    for by_unit in found.corrections.values() if name != "mbconv" else [found.corrections["mbconv_8"], found.corrections["mbconv_16"]]:
        assert set(by_unit) == set(UNITS)
        assert list(by_unit.values()) == pytest.approx([correction] * 2, rel=0.5)
    text = said(claimed, candidates, comparisons, terms)
    assert text.endswith(f"; carried by: {LABELS[name]} ({100 * found.carries:+.1f})")
    errors = np.array([comparison.error_drift_corrected for comparison in comparisons])
    assert found.carries == pytest.approx(np.median(errors) - np.median(errors - np.array(found.by_strategy)))


def test_right_tables_have_no_bias_and_nothing_is_named(store: SampleStore, candidates: list[ConfigCandidate]) -> None:
    comparisons, terms = found_in(store, candidates, TRUE)
    assert proven(terms) == set()
    assert said(TRUE, candidates, comparisons, terms).count(";") == 0
    assert set(terms) <= {*(term for group in GROUPS for term in group), WORK, WAITING}
    assert set(LABELS) >= set(terms)


@pytest.mark.parametrize("small", [True, False])
def test_blocks_that_are_off_in_some_sizes_only_are_not_blamed_on_other_terms(
    small: bool, store: SampleStore, candidates: list[ConfigCandidate]
) -> None:
    claimed = with_blocks(lambda block: 1.15 if isinstance(block, MBConv) and (block.in_size <= 16) == small else 1.0)
    assert proven(found_in(store, candidates, claimed)[1]) == {"mbconv"}


def test_a_segment_that_is_now_early_and_now_late_makes_units_wait(candidates: list[ConfigCandidate]) -> None:
    store = measured(candidates, TRUE, Noise(segment=0.0, run=0.0, moment=0.15))
    comparisons, terms = found_in(store, candidates, TRUE)
    assert proven(terms) == {WAITING}
    assert terms[WAITING].carries < 0, "predictions know nothing of it, and are too low"
    assert not terms[WAITING].corrections
    assert "carried by: waiting at syncs (-" in said(TRUE, candidates, comparisons, terms)


def test_two_terms_that_make_up_for_each_other_are_both_named(store: SampleStore, candidates: list[ConfigCandidate]) -> None:
    claimed = replace(with_class("head", 1.4), meta=with_calls(-1.0).meta)
    slower = {row.block for row in TRUE.blocks if BLOCK_CLASSES[block_class(parse_key(row.block))] == "stem"}
    rows = [replace(row, marginal_us=0.6 * (row.marginal_us or 0.0)) if row.block in slower else row for row in claimed.blocks]
    comparisons, terms = found_in(store, candidates, replace(claimed, blocks=tuple(rows)))
    assert proven(terms) == {"head", "stem"}
    assert terms["head"].carries > 0 > terms["stem"].carries
    text = said(claimed, candidates, comparisons, terms)
    assert ("within it: " in text) or ("carried by: " in text and "against it: " in text)


def test_of_few_strategies_nothing_is_said(store: SampleStore, candidates: list[ConfigCandidate]) -> None:
    few = candidates[: FEWEST_STRATEGIES - 1]
    comparisons, terms = found_in(store, few, with_class("mbconv", 1.3))
    assert terms == {}
    assert said(TRUE, few, comparisons, terms).endswith("; too few strategies to tell what carries it")
