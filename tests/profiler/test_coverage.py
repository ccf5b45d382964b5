"""Coverage: what a unit takes of a network, and what not and why."""

from __future__ import annotations

from dataclasses import replace

from collab.tensors.opaque import Opaque
from lut.tables import BlockRow, Tables
from profiler.coverage import coverage_of
from tests.lut.made_tables import made_tables
from tests.profiler.made_events import SMALL


def tables(*statuses: str) -> Tables:
    """Tables of opaque blocks that have these statuses on gpu0, and are all taken by cpu0."""
    made = made_tables([SMALL], [], lambda unit, block: 1.0)
    [row] = [row for row in made.blocks if row.unit == "cpu0"]

    def opaque(number: int, unit: str, status: str) -> BlockRow:
        key = Opaque(f"{number:032x}", 1, 2, 3, 1, 4, 1, 4).key
        return replace(row, unit=unit, block=key, label=f"conv {number}", status=status, reason="" if status == "ok" else f"no {number}")

    rows = [opaque(number, "cpu0", "ok") for number in range(len(statuses))]
    others = [name for name in made.meta.units if name != "cpu0"]
    return replace(made, blocks=(row, *rows, *(opaque(number, others[0], status) for number, status in enumerate(statuses))))


def test_a_unit_that_takes_all_blocks_takes_the_network_whole() -> None:
    whole, lacking = coverage_of(tables("ok", "unstable", "partial", "failed"))
    assert whole.sentence == "cpu0 takes the network whole: 4 blocks"
    assert lacking.sentence == f"{lacking.unit} takes 2 of 4 blocks whole, 1 in part (conv 2: no 2), 1 not at all (conv 3: no 3)"
    document = lacking.to_document()
    assert document["whole"] == 2
    assert [entry["label"] for entry in document["partly"]] == ["conv 2"]
    assert [entry["reason"] for entry in document["failed"]] == ["no 3"]


def test_many_are_counted_rather_than_named() -> None:
    [_, lacking] = coverage_of(tables(*["failed"] * 5))
    assert "conv 2: no 2; and 2 more)" in lacking.sentence
    assert len(lacking.to_document()["failed"]) == 5


def test_tables_of_configs_say_nothing_of_it() -> None:
    assert coverage_of(made_tables([SMALL], [], lambda unit, block: 1.0)) == []
