"""Costs out of tables: what is measured, what lies between, and what is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from collab import config as configs
from collab.blocks import Concat, MBConv, parse_key
from collab.errors import MissingEntryError
from collab.variants import even_shares
from lut.entries import PairPath, Rehearsed, Ripple
from lut.prediction.costs import BYTES_PER_KB, Costs, HandoverCost
from lut.tables import Tables
from profiler.plan import COARSE, FULL, Grid, plan_model
from tests.lut.made_tables import block_row, made_tables, transfer_row
from tests.lut.prediction.made_costs import BASE, SHARED_COSTS, costs, linear_cost


@pytest.mark.parametrize("grid", [COARSE, FULL])
@pytest.mark.parametrize("name", ["mini_v2", "mobilenet_v2", "mnasnet_b1", "fbnet_c"])
def test_a_plan_covers_every_width_up_to_a_quarter_above_the_base(name: str, grid: Grid) -> None:
    base = configs.load(name)
    table = costs(base, grid)
    for stage in base.stages:
        for position, block in enumerate(stage.branches[0]):
            last = position == len(stage.branches[0]) - 1
            shares = [*range(4, block.out_c, 4), block.out_c] if last else [block.out_c]
            for exp_c in {4, block.in_c, block.exp_c // 2 // 4 * 4, block.exp_c, int(1.25 * block.exp_c) // 4 * 4}:
                for out_c in shares:
                    asked = replace(block, exp_c=exp_c, out_c=out_c)
                    assert table.marginal_us("cpu0", asked) == pytest.approx(linear_cost("cpu0", asked)), asked.key


def test_even_concats_of_three_branches_are_in_their_plan() -> None:
    plan = plan_model(BASE, COARSE, branches=3)
    table = Costs(made_tables(plan.blocks, plan.transfers, linear_cost, paths={"cpu0>cpu1": "shared"}), source="luts/x")
    for stage in BASE.stages:
        last = stage.branches[0][-1]
        opening = Concat(last.out_size, tuple(even_shares(last.out_c, 3)))
        assert table.marginal_us("cpu0", opening) == linear_cost("cpu0", opening)


@pytest.mark.parametrize(
    "key", ["mbconv_99_k3s1_24-96-24_relu6", "mbconv_32_k3s1_24-4000-24_relu6", "add_32_1000x2", "head_8_k1s1_112-999-10_relu6"]
)
def test_a_missing_block_is_named_with_the_command_that_measures_it(key: str) -> None:
    with pytest.raises(MissingEntryError) as error:
        SHARED_COSTS.marginal_us("cpu0", parse_key(key))
    assert f"syncnas profile --device local --out luts/x --resume --block {key}" in str(error.value)
    assert "neither in the table nor between two measured points" in str(error.value)


def test_between_measured_points_a_block_costs_the_line_and_the_ripple_of_the_nearest_size() -> None:
    slot = parse_key("mbconv_14_k3s1_64-384-64_relu6")
    assert isinstance(slot, MBConv)
    measured = {4: 4.0, 192: 192.0, 224: 224.0, 388: 400.0, 416: 416.0}
    rows = made_tables(
        [replace(slot, exp_c=exp_c) for exp_c in measured], [], lambda _, b: measured[b.exp_c] if isinstance(b, MBConv) else 0
    )
    macs = 14 * 14 * 64
    entries = [Ripple("cpu0", size, 4, 1.1, extra_ps, 1.0, 3) for size, extra_ps in ((7, 10.0), (56, 80.0), (112, 2.5))]
    table = Costs(Tables(rows.blocks, (), replace(rows.meta, ripple=tuple(entries))), source="x")
    assert table.marginal_us("cpu0", replace(slot, exp_c=208)) == pytest.approx(208 + 208 * macs * 10e-6 * 16 / 28), "between 4 and 32"
    assert table.marginal_us("cpu0", replace(slot, exp_c=196)) == pytest.approx(196 + 196 * macs * 10e-6), "nearer to 7 than to 56"
    assert table.marginal_us("cpu0", replace(slot, exp_c=384)) == pytest.approx(224 + 160 / 164 * (400 - 388 * macs * 10e-6 - 224))
    assert table.marginal_us("cpu0", replace(slot, exp_c=388)) == 400.0, "what was measured itself is taken as it is"
    assert table.marginal_us("cpu0", replace(slot, exp_c=20)) == 20.0, "of less than one group nothing is known"
    assert table.marginal_us("cpu1", replace(slot, exp_c=196)) == 196.0


def test_whatever_ripple_tables_claim_no_block_is_free() -> None:
    slot = parse_key("mbconv_14_k3s1_64-384-64_relu6")
    assert isinstance(slot, MBConv)
    rows = made_tables([replace(slot, exp_c=exp_c) for exp_c in (352, 384)], [], lambda *_: 5.0)
    table = Costs(Tables(rows.blocks, (), replace(rows.meta, ripple=(Ripple("cpu0", 14, 4, 0.5, -1e9, 0.0, 1),))), source="x")
    assert table.marginal_us("cpu0", replace(slot, exp_c=356)) > 0


def test_a_slower_device_takes_longer_for_all_that_a_unit_does() -> None:
    table = costs()
    slower = table.slowed({"cpu0": 2.0})
    block = BASE.stages[0].branches[0][0]
    assert slower.marginal_us("cpu0", block) == pytest.approx(2 * table.marginal_us("cpu0", block))
    assert slower.call_us("cpu0") == pytest.approx(2 * table.call_us("cpu0"))
    assert slower.input_write_us("cpu0", BASE.stem, 1) == pytest.approx(2 * table.input_write_us("cpu0", BASE.stem, 1))
    assert slower.marginal_us("cpu1", block) == table.marginal_us("cpu1", block)
    assert table.slowed({}).marginal_us("cpu0", block) == table.marginal_us("cpu0", block)


def test_failed_and_partial_rows_are_never_used() -> None:
    block = parse_key("add_8_112x2")
    for status in ("failed", "partial"):
        rows = made_tables([block], [], linear_cost)
        bad = block_row("cpu0", block, 1.0, status=status, reason="took only half of it")
        table = Costs(Tables((bad, rows.blocks[1]), (), rows.meta), source="x")
        with pytest.raises(MissingEntryError, match=f"could not be measured .{status}: took only half of it"):
            table.marginal_us("cpu0", block)
        assert table.marginal_us("cpu1", block) > 0


def test_transfers_are_interpolated_between_measured_sizes_only() -> None:
    rows = made_tables([], [], linear_cost)
    moves = (transfer_row("cpu0", "cpu1", 400), transfer_row("cpu0", "cpu1", 800))
    table = Costs(Tables((), moves, rows.meta), source="luts/x")
    assert table.handover("cpu0", "cpu1", 600).write_us == pytest.approx(0.6)
    for pair, size in ((("cpu0", "cpu1"), 200), (("cpu0", "cpu1"), 804), (("cpu1", "cpu0"), 400)):
        with pytest.raises(MissingEntryError, match=f"--transfer-bytes {size}"):
            table.handover(*pair, size)


def test_the_path_is_the_one_that_the_runner_took() -> None:
    meta = made_tables([], [], linear_cost).meta
    moves = tuple(transfer_row("cpu0", "cpu1", 400, path=path) for path in ("memcpy", "readback", "upload"))
    assert Costs(Tables((), moves, replace(meta, paths={})), source="x").handover("cpu0", "cpu1", 400).path == "upload"
    taken = replace(meta, paths={"cpu0>cpu1": PairPath("readback", "cpu1 takes host memory")})
    assert Costs(Tables((), moves, taken), source="x").handover("cpu0", "cpu1", 400).path == "readback"
    asked = replace(taken, handover={"wait": "spin", "path": "memcpy"})
    assert Costs(Tables((), moves, asked), source="x").handover("cpu0", "cpu1", 400).path == "memcpy"
    with pytest.raises(MissingEntryError, match="readback"):
        Costs(Tables((), moves[:1], taken), source="x").handover("cpu0", "cpu1", 400)


def test_units_that_cannot_share_memory_copy() -> None:
    rows = replace(made_tables([], [], linear_cost), meta=replace(made_tables([], [], linear_cost).meta, paths={}))
    failed = transfer_row("cpu0", "cpu1", 400, status="failed", reason="cannot see the same memory", n=0, read_us=None)
    table = Costs(Tables((), (failed, transfer_row("cpu0", "cpu1", 400, path="memcpy")), rows.meta), source="x")
    assert table.handover("cpu0", "cpu1", 400) == HandoverCost("memcpy", 0.0, 5.0, 0.5, 0.4)


def test_a_hand_over_costs_what_rehearsals_tell() -> None:
    kilobytes = 400 / BYTES_PER_KB
    entries = (
        Rehearsed("cpu1", "cpu0", "resume", 4.0, 4.0, 0.1, 9),
        Rehearsed("cpu1", "cpu0", "wakeup", 0.25, 0.25, 0.1, 9),
        Rehearsed("cpu1", "cpu0", "fetch", 2.0, 2.0, 0.1, 9),
        Rehearsed("cpu1", "cpu0", "write", 0.5, 0.5, 0.1, 9),
        Rehearsed("cpu0", "cpu1", "claim", -9.0, -9.0, 0.1, 9),
        Rehearsed("cpu0", "cpu1", "read", 0.25, 0.25, 0.1, 9),
        Rehearsed("cpu0", "cpu1", "resume", 99.0, 99.0, 0.1, 9),
    )
    meta = replace(made_tables([], [], linear_cost).meta, rehearsed=entries)

    def cost(path: str) -> HandoverCost:
        row = transfer_row("cpu0", "cpu1", 400, path=path, claim_us=1.0)
        return Costs(Tables((), (row,), replace(meta, paths={"cpu0>cpu1": PairPath(path, "")})), source="x").handover("cpu0", "cpu1", 400)

    assert cost("shared") == HandoverCost("shared", 0.0, 0.0, 0.75, pytest.approx(0.4 + 2 * kilobytes), 4.0)
    assert cost("upload") == HandoverCost("upload", 0.0, 0.0, 0.75, pytest.approx(0.6), 4.0)
    assert cost("readback") == HandoverCost("readback", 0.0, 6.25, 0.75, pytest.approx(0.4 + 2 * kilobytes), 4.0)
