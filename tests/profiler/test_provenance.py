"""Provenances: in what two differ, in words, and tables that are not held against what is measured otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.protocol.journal import FORMAT, TRACING, PhaseStarted
from collab.errors import TableError
from lut.provenance import RowProvenance
from profiler.provenance import UNKNOWN, Provenance, check_as_tables, differences, plain_texts
from tests.lut.made_tables import UNITS, made_meta

NOW = Provenance(2, "0.2.0", {"litert": "L1", "classic": "C1"}, {"clocks": "free"})
ROW = RowProvenance({name: unit.text for name, unit in UNITS.items()}, {"litert": "L1"}, "0.2.0", 2, {"clocks": "free"})

_TEXTS = st.sampled_from(["a", "b"])
PROVENANCES = st.builds(
    Provenance,
    st.integers(1, 2),
    _TEXTS,
    st.dictionaries(st.sampled_from(["litert", "classic"]), _TEXTS),
    st.dictionaries(st.sampled_from(["clocks", "heat"]), _TEXTS),
)


def test_a_phase_line_says_its_provenance() -> None:
    phase = PhaseStarted("p", "0.2.0", "x", {"litert": "L1"}, 0, 0, FORMAT, 2, {"clocks": "free"})
    assert Provenance.of(phase) == Provenance(2, "0.2.0", {"litert": "L1"}, {"clocks": "free"})


@pytest.mark.parametrize(
    ("then", "said"),
    [
        (replace(NOW, protocol=1), "measurement protocol 1 (now 2)"),
        (replace(NOW, runner="0.1.0"), "runner 0.1.0 (now 0.2.0)"),
        (replace(NOW, engines={"litert": "L0"}), "library of litert L0 (now L1)"),
        (replace(NOW, conditions={"clocks": "fixed"}), "clocks fixed (now free)"),
        (replace(NOW, conditions={}), "clocks not said (now free)"),
        (replace(NOW, conditions={**NOW.conditions, "heat": "x\x1b"}), "heat x\\x1b (now not said)"),
    ],
)
def test_what_differs_is_said_in_words(then: Provenance, said: str) -> None:
    assert differences(then, NOW) == (said,)


def test_a_trace_that_was_recorded_is_a_difference_unless_it_may_be_none() -> None:
    traced = replace(NOW, conditions={**NOW.conditions, TRACING: "on"})
    assert differences(traced, NOW) == ("tracing on (now not said)",)
    assert traced.without_tracing() == NOW == NOW.without_tracing()
    meta = made_meta(provenance={"x": ROW})
    check_as_tables(meta, traced.without_tracing())
    with pytest.raises(TableError, match=r"tracing not said \(now on\)"):
        check_as_tables(meta, traced)


def test_an_engine_that_only_one_phase_opened_is_no_difference() -> None:
    for engines in ({}, {"litert": "L1"}, {"classic": "C1"}, {"nnapi": "N"}):
        assert differences(replace(NOW, engines=engines), NOW) == ()
    assert differences(UNKNOWN, NOW)


@given(PROVENANCES, PROVENANCES)
def test_two_differ_whichever_comes_first_and_none_from_itself(one: Provenance, other: Provenance) -> None:
    assert differences(one, one) == ()
    assert bool(differences(one, other)) == bool(differences(other, one))
    assert (one.protocol == other.protocol) or differences(one, other)


@given(PROVENANCES, PROVENANCES)
def test_one_that_has_taken_over_engines_is_still_itself(one: Provenance, other: Provenance) -> None:
    both = one.with_engines_of(other)
    assert differences(both, one) == ()
    assert both.engines.keys() == {*one.engines, *other.engines}


def test_tables_are_held_against_what_is_measured_in_the_same_way_only() -> None:
    meta = made_meta(provenance={"x": ROW})
    check_as_tables(meta, NOW)
    check_as_tables(meta, replace(NOW, runner="0.3.0"))
    check_as_tables(meta, replace(NOW, engines={"classic": "C2"}))
    for other, said in (
        (replace(NOW, protocol=3), r"measurement protocol 2 \(now 3\)"),
        (replace(NOW, engines={"litert": "L2"}), r"library of litert L1 \(now L2\)"),
        (replace(NOW, conditions={"clocks": "CPU fixed at 900 MHz"}), r"clocks free \(now CPU fixed at 900 MHz\)"),
    ):
        with pytest.raises(TableError, match=rf"measured otherwise than this is: {said}\. Give the options .* --out"):
            check_as_tables(meta, other)


def test_tables_hold_what_a_journal_said_however_it_was_written() -> None:
    said = Provenance(2, "0.2.0", {"litert": "L\x1b" + "x" * 5000}, {"clocks": "a\nb"})
    row = RowProvenance(ROW.units, plain_texts(said.engines), said.runner, 2, plain_texts(said.conditions))
    check_as_tables(made_meta(provenance={"x": row}), said)
    assert plain_texts({"": "x", "a": "b\n"}) == {"a": "b\\n"}
