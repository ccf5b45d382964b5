"""Comparisons of tables: what is alike is hardly ever told apart, what differs is found, and what cannot be told is not claimed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from collab.blocks import parse_key
from collab.errors import TableError
from collab.tensors.opaque import Opaque
from lut.statistics import summarise
from lut.tables import Tables, save
from report.compare import app
from report.comparing.comparison import Comparison
from report.comparing.tables_side import compare_tables as compare
from tests.lut.made_tables import block_row, made_meta, transfer_row

BLOCKS = [parse_key(f"add_14_{channels}x2") for channels in range(4, 404, 4)]


def drawn(seed: int, *, factor: float = 1.0, spread: float = 0.03, visits: int = 12, tick_ns: int = 1, shortest_us: int = 20) -> Tables:
    """Tables of 100 blocks whose medians come from some visits each, and take `factor` as long as they would, by a clock that ticks."""
    generator = np.random.default_rng(seed)
    rows = []
    for number, block in enumerate(BLOCKS):
        samples_ns = 1000 * (shortest_us + number) * factor * generator.lognormal(0, spread, size=(visits, 3))
        found = summarise(np.round(samples_ns / tick_ns) * tick_ns)
        rows.append(
            block_row("cpu0", block, found.median_us, median_us=found.median_us, median_se_us=found.se_us, n=found.n, visits=found.visits)
        )
    return Tables(tuple(rows), (), replace(made_meta(), call_alone={}))


def proven(found: Comparison) -> int:
    return sum(row.is_proven for row in found.rows)


@pytest.mark.parametrize("visits", [2, 3, 4, 12, 50])
def test_tables_of_the_same_device_are_hardly_ever_told_apart(visits: int) -> None:
    pairs = [(drawn(2 * seed, visits=visits), drawn(2 * seed + 1, visits=visits)) for seed in range(40)]
    told_apart = [proven(compare(first, second, margin=0.0)) > 0 for first, second in pairs]
    assert sum(told_apart) <= 3, "one in twenty at most, at the level of 5 %, and one for chance"
    assert not any(proven(compare(first, second, margin=0.02)) for first, second in pairs)


@pytest.mark.parametrize("visits", [2, 4, 12, 50])
@pytest.mark.parametrize("tick_ns", [52, 77])
def test_the_tick_of_a_clock_is_no_difference(visits: int, tick_ns: int) -> None:
    options = {"visits": visits, "tick_ns": tick_ns, "spread": 0.003, "shortest_us": 2}
    pairs = [(drawn(2 * seed, **options), drawn(2 * seed + 1, **options)) for seed in range(20)]
    assert sum(proven(compare(first, second, margin=0.0)) > 0 for first, second in pairs) <= 2


@pytest.mark.parametrize("factor", [1.2, 1 / 1.2])
def test_a_device_that_is_slower_or_faster_is_found_with_its_factor(factor: float) -> None:
    found = compare(drawn(1), drawn(2, factor=factor), margin=0.02)
    [change] = found.wholes
    assert change.ratio == pytest.approx(factor, rel=0.01)
    assert change.interval is not None
    assert change.interval[0] < factor < change.interval[1]
    assert (change.slower if factor > 1 else change.faster) > 80
    assert (change.faster if factor > 1 else change.slower) == 0
    assert found.exceeds(0.05) is (factor > 1)
    assert not found.exceeds(0.5)


def test_a_single_row_that_changed_is_named() -> None:
    tables = drawn(3)
    other = drawn(4)
    changed = replace(other.blocks[7], median_us=2 * (other.blocks[7].median_us or 0))
    found = compare(tables, replace(other, blocks=(*other.blocks[:7], changed, *other.blocks[8:])), margin=0.02)
    assert [row.pair.name for row in found.rows if row.is_proven] == [BLOCKS[7].key]
    assert found.exceeds(0.5)


def test_the_fewer_visits_the_larger_must_a_difference_be() -> None:
    found = [proven(compare(drawn(1, visits=visits), drawn(2, factor=1.1, visits=visits), margin=0.02)) for visits in (2, 4, 8, 20)]
    assert found[0] == 0
    assert found == sorted(found)
    assert found[-1] > 90


def test_within_the_margin_nothing_is_proven() -> None:
    assert proven(compare(drawn(5, spread=0.001), drawn(6, spread=0.001, factor=1.015), margin=0.0)) > 90
    assert proven(compare(drawn(5, spread=0.001), drawn(6, spread=0.001, factor=1.015), margin=0.02)) == 0


def test_rows_without_an_error_are_compared_and_never_proven() -> None:
    first = drawn(7)
    second = drawn(8, factor=3)
    second = replace(second, blocks=tuple(replace(row, median_se_us=None, visits=1, n=1) for row in second.blocks))
    found = compare(first, second, margin=0.02)
    assert {row.p for row in found.rows} == {None}
    assert not any(row.is_proven for row in found.rows)
    assert found.wholes[0].ratio == pytest.approx(3, rel=0.02)


def test_failed_rows_and_rows_of_one_alone_do_not_count() -> None:
    first, second = drawn(9), drawn(10)
    broken = replace(second.blocks[0], status="failed", reason="x", median_us=None)
    found = compare(first, replace(second, blocks=(broken, *second.blocks[1:-1])), margin=0.02)
    assert (len(found.rows), found.only_first, found.only_second) == (98, 2, 0)
    with pytest.raises(TableError, match="no row in common"):
        compare(first, replace(second, blocks=()), margin=0.02)


def test_hand_overs_are_compared_from_output_to_input() -> None:
    errors = {"read_se_us": 0.1, "wakeup_se_us": 0.1, "write_se_us": 0.1}
    one = transfer_row("cpu0", "cpu1", 400, read_us=1.0, wakeup_us=2.0, write_us=3.0, **errors)
    meta = replace(made_meta(), call_alone={})
    found = compare(Tables((), (one,), meta), Tables((), (replace(one, wakeup_us=8.0),), meta), margin=0.02)
    [row] = found.rows
    assert (row.pair.what, row.pair.unit, row.pair.first.us, row.pair.second.us, row.is_proven) == (
        "hand-over",
        "cpu0>cpu1",
        6.0,
        12.0,
        True,
    )


def test_what_the_tables_come_from_is_said_where_it_differs(tmp_path: Path) -> None:
    first, second = drawn(11), drawn(12, factor=1.3)
    save(first, tmp_path / "a")
    provenance = {name: msgspec.structs.replace(entry, protocol=1) for name, entry in second.meta.provenance.items()}
    save(replace(second, meta=replace(second.meta, device="R5CT1234567", provenance=provenance)), tmp_path / "b")
    result = CliRunner().invoke(app, [str(tmp_path / "a"), str(tmp_path / "b"), "--fail-above", "5%"])
    assert result.exit_code == 1
    assert f"device: {first.meta.device} (second: R5CT1234567)" in result.output
    assert "measurement protocol: 2 (second: 1)" in result.output
    assert "hand-over" not in result.output
    assert re.search(r"cpu0, block: the second takes 1\.(29|30|31)", result.output)
    alike = CliRunner().invoke(app, [str(tmp_path / "a"), str(tmp_path / "a"), "--fail-above", "0.05", "--json"])
    said = json.loads(alike.output)
    assert (alike.exit_code, said["schema_version"], said["fails"], said["differences"]) == (0, 1, False, [])
    assert {row["ratio"] for row in said["rows"]} == {1.0}


@pytest.mark.parametrize("text", ["5 %", "-1%", "x", "2000%", "5%%"])
def test_a_share_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(tmp_path), str(tmp_path), f"--fail-above={text}"])
    assert result.exit_code != 0
    assert "write a share like 5% or 0.05" in str(result.exception)


def test_blocks_of_networks_are_told_apart_by_their_identity_and_shown_by_their_label(tmp_path: Path) -> None:
    blocks = [Opaque(f"{number:032x}", 10**6, 100, 100, 1, 400, 1, 400) for number in range(6)]

    def tables(factors: list[float]) -> Tables:
        errors = {"median_se_us": 0.01, "visits": 30, "n": 60}
        rows = [
            block_row("cpu0", block, 100 * factor, median_us=100 * factor, label=f"conv2d..add {number}x8", **errors)
            for number, (block, factor) in enumerate(zip(blocks, factors, strict=False))
        ]
        return Tables(tuple(rows), (), replace(made_meta(), call_alone={}))

    save(tables([1.0] * 6), tmp_path / "a")
    # Another network, which has five of the blocks; one of them is slower.
    save(tables([1.0, 1.0, 2.0, 1.0, 1.0]), tmp_path / "b")
    result = CliRunner().invoke(app, [str(tmp_path / "a"), str(tmp_path / "b")])
    assert re.search(r"block +cpu0 +conv2d\.\.add 2x8 \(00000000\) +100\.00 +200\.00 +\+100\.0 %", result.output)
    assert "Not compared: 1 that only the first has" in result.output
    assert "No block is in both" not in result.output
    said = json.loads(CliRunner().invoke(app, [str(tmp_path / "a"), str(tmp_path / "b"), "--json"]).output)
    [proven] = [row for row in said["rows"] if row["proven"]]
    assert (proven["name"], proven["label"]) == (blocks[2].key, "conv2d..add 2x8 (00000000)")
    other = Tables(
        tables([1.0]).blocks,
        (transfer_row("cpu0", "cpu1", 400),),
        replace(made_meta(), settings={"network": {"name": "x", "sha256": "0123456789abcdef", "grain_us": 50.0}}),
    )
    found = compare(replace(other, blocks=()), other, margin=0.02)
    assert found.notes == ()
    [only] = tables([1.0]).blocks
    found = compare(other, replace(other, blocks=(replace(only, block=blocks[1].key),), meta=made_meta()), margin=0.02)
    assert found.notes == ("No block is in both, so this compares calls and hand-overs only",)
    assert found.differences == ("network: x (0123456789ab), blocks of 50 us (second: none)",)
