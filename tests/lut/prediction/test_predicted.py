"""Lookup, interpolation and prediction on tables whose numbers follow from a rule."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collab import config as configs
from collab.blocks import Block, Concat, MBConv, parse_key
from collab.errors import MissingEntryError
from collab.placement import parse_placement
from collab.schedule import build_schedule
from collab.variants import collaborative, even_shares
from lut.meta import Contention, PairPath, Partial
from lut.prediction.costs import Costs, HandoverCost
from lut.prediction.predicted import predict
from lut.prediction.program import pack, unit_operations
from lut.prediction.replay import replay
from lut.tables import Tables
from profiler.plan import COARSE, FULL, Grid, plan_model
from tests.lut.made_tables import block_row, made_tables, transfer_row

BASE = configs.load("mini_v2")


def linear_cost(unit: str, block: Block) -> float:
    """Linear in expansion and output channels apart, as the interpolation takes it to be; unit cpu1 is half as fast."""
    width = block.exp_c * 0.25 + block.out_c * 0.125 if isinstance(block, MBConv) else 3.0
    return (2.0 + width) * (2 if unit == "cpu1" else 1)


def costs(model: configs.ModelConfig = BASE, grid: Grid = COARSE, *, path: str = "shared", branches: int = 2) -> Costs:
    plan = plan_model(model, grid, branches=branches)
    return Costs(made_tables(plan.blocks, plan.transfers, linear_cost, path=path), source="luts/x")


STRATEGIES = st.tuples(*[st.sampled_from("nac")] * 6, st.sampled_from("ac")).map("".join)


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


@given(strategy=STRATEGIES, scale=st.floats(0.1, 1.2))
@settings(max_examples=60)
def test_any_strategy_of_the_space_can_be_predicted(strategy: str, scale: float) -> None:
    model = collaborative(BASE, strategy, scale=scale)
    prediction = predict(model, parse_placement("", branches=2), SHARED_COSTS)
    slow = sum(linear_cost("cpu1", block) for stage in model.stages for block in stage.branches[1])
    assert prediction.total_us > slow, "the slower unit's work is a lower bound"


SHARED_COSTS = costs()


@pytest.mark.parametrize("name", ["syncnas_mobilenet_v2_100", "syncnas_mnasnet_b1_100"])
def test_found_models_are_covered_by_the_plan_of_their_base(name: str) -> None:
    base = configs.load(name.removeprefix("syncnas_").removesuffix("_100"))
    assert predict(configs.load(name), parse_placement("stem=0", branches=2), costs(base)).total_us > 0


def test_a_prediction_worked_out_by_hand() -> None:
    # One sync at the end: stem and stages on each unit (cpu1 twice as slow), then the head's unit adds and ends.
    model = collaborative(BASE, "nnnnnna")
    schedule = build_schedule(model, parse_placement("", branches=2))
    table = costs(model)
    work = {s.name: 1.0 + sum(linear_cost(s.unit, layer.block) for layer in s.layers) for s in schedule.segments}
    size = 4 * 8 * 8 * 112
    arrived = 3.0 + work["cpu1.0"] + 0.5
    expected = arrived + size / 1000 + work["cpu0.1"] + 2.0
    prediction = predict(model, parse_placement("", branches=2), table)
    assert prediction.total_us == pytest.approx(expected)
    wait = next(step for step in prediction.steps if step.step == "wait")
    assert (wait.unit, wait.peer) == ("cpu0", "cpu1.0")
    assert wait.begin_us == pytest.approx(3.0 + work["cpu0.0"])
    assert wait.end_us == pytest.approx(arrived)


def test_copied_hand_overs_delay_sender_and_receiver() -> None:
    model = collaborative(BASE, "nnnnnna")
    shared = predict(model, parse_placement("", branches=2), costs(model)).total_us
    copied = predict(model, parse_placement("", branches=2), costs(model, path="memcpy"))
    assert copied.total_us == pytest.approx(shared + 5.0)
    assert [step.step for step in copied.steps if step.unit == "cpu1"] == ["write", "run", "read"]
    assert [step.step for step in copied.steps if step.unit == "cpu0"] == ["write", "run", "wait", "write", "run", "read"]


@pytest.mark.parametrize(
    ("path", "sender", "receiver"),
    [
        ("shared", ["write", "run"], ["write", "run", "wait", "run", "read"]),
        ("readback", ["write", "run", "read"], ["write", "run", "wait", "run", "read"]),
        ("upload", ["write", "run"], ["write", "run", "wait", "write", "run", "read"]),
    ],
)
def test_a_path_says_who_copies(path: str, sender: list[str], receiver: list[str]) -> None:
    model = collaborative(BASE, "nnnnnna")
    prediction = predict(model, parse_placement("", branches=2), costs(model, path=path))
    assert [step.step for step in prediction.steps if step.unit == "cpu1"] == sender
    assert [step.step for step in prediction.steps if step.unit == "cpu0"] == receiver


@pytest.mark.parametrize(("path", "later_us"), [("readback", 5.0), ("upload", 0.0)])
def test_one_copy_delays_one_side(path: str, later_us: float) -> None:
    """The receiver takes as long to fetch as to copy in these tables, and waits for the slower sender."""
    model = collaborative(BASE, "nnnnnna")
    shared = predict(model, parse_placement("", branches=2), costs(model)).total_us
    assert predict(model, parse_placement("", branches=2), costs(model, path=path)).total_us == pytest.approx(shared + later_us)


def test_an_output_is_read_once_for_all_its_receivers() -> None:
    plan = plan_model(BASE, COARSE, branches=3)
    ways = {"gpu0>cpu0": "readback", "gpu0>cpu1": "readback", "cpu0>gpu0": "upload", "cpu1>gpu0": "upload"}
    table = Costs(made_tables(plan.blocks, plan.transfers, linear_cost, paths=ways), source="luts/x")
    placement = parse_placement("0=gpu0,1=cpu0,2=cpu1,stem=0,head=1", branches=3)
    steps = predict(collaborative(BASE, "nannnna", branches=3), placement, table).steps
    reads = [(step.segment, step.peer) for step in steps if step.step == "read" and step.unit == "gpu0"]
    assert reads == [("gpu0.0", "cpu0.0"), ("gpu0.1", "cpu0.1"), ("gpu0.2", "cpu0.2")]
    assert not [step for step in steps if step.step == "write" and step.unit != "gpu0"]
    assert [step.peer for step in steps if step.step == "write" and step.unit == "gpu0"] == ["input", "cpu0.0", "cpu1.0"]


def test_even_concats_of_three_branches_are_in_their_plan() -> None:
    plan = plan_model(BASE, COARSE, branches=3)
    table = Costs(made_tables(plan.blocks, plan.transfers, linear_cost, paths={"cpu0>cpu1": "shared"}), source="luts/x")
    for stage in BASE.stages:
        last = stage.branches[0][-1]
        opening = Concat(last.out_size, tuple(even_shares(last.out_c, 3)))
        assert table.marginal_us("cpu0", opening) == linear_cost("cpu0", opening)


def test_contention_of_the_tables_is_applied() -> None:
    model = collaborative(BASE, "nnnnnna")
    table = costs(model)
    entries = tuple(Contention(a, "mbconv", b, 2.0, 9) for a, b in (("cpu0", "cpu1"), ("cpu1", "cpu0")))
    slowed = costs(model)
    slowed.meta = replace(slowed.meta, contention=entries)
    placement = parse_placement("", branches=2)
    assert predict(model, placement, slowed).total_us > 1.2 * predict(model, placement, table).total_us


def test_a_base_model_runs_on_one_unit() -> None:
    prediction = predict(BASE, parse_placement("0=cpu1", branches=1), costs())
    work = sum(linear_cost("cpu1", block) for block in (BASE.stem, *BASE.blocks, BASE.head))
    assert prediction.total_us == pytest.approx(3.0 + 1.0 + work + 2.0)


def test_many_at_once_equal_each_alone() -> None:
    models = [collaborative(BASE, strategy) for strategy in ("nnnnnna", "acacacc", "ccccccc", "nananac")]
    placement = parse_placement("stem=1,head=1", branches=2)
    alone = [predict(model, placement, SHARED_COSTS).total_us for model in models]
    programs = [list(unit_operations(build_schedule(model, placement), SHARED_COSTS).values()) for model in models]
    assert np.allclose(replay(pack(programs), SHARED_COSTS.contention(placement.units)).total_us, alone)


def test_steps_of_a_unit_follow_each_other_without_overlap() -> None:
    prediction = predict(collaborative(BASE, "ncanaca"), parse_placement("stem=0", branches=2), costs(path="memcpy"))
    for unit in ("cpu0", "cpu1"):
        steps = [step for step in prediction.steps if step.unit == unit]
        for before, after in pairwise(steps):
            assert before.begin_us <= before.end_us == pytest.approx(after.begin_us)


@pytest.mark.parametrize(
    "key", ["mbconv_99_k3s1_24-96-24_relu6", "mbconv_32_k3s1_24-4000-24_relu6", "add_32_1000x2", "head_8_k1s1_112-999-10_relu6"]
)
def test_a_missing_block_is_named_with_the_command_that_measures_it(key: str) -> None:
    with pytest.raises(MissingEntryError) as error:
        SHARED_COSTS.marginal_us("cpu0", parse_key(key))
    assert f"python -m profiler.run --device local --out luts/x --resume --block {key}" in str(error.value)
    assert "neither in the table nor between two measured points" in str(error.value)


def test_no_expansion_is_never_interpolated_through() -> None:
    # exp == in (24) is measured as a block of its own, at an absurd cost; its neighbours must not feel it.
    block = BASE.stages[1].branches[0][1]
    assert block.in_c == 24
    plan = plan_model(BASE, COARSE)
    rows = made_tables(
        plan.blocks, plan.transfers, lambda unit, b: 1e6 if isinstance(b, MBConv) and not b.has_expansion else linear_cost(unit, b)
    )
    table = Costs(rows, source="x")
    assert table.marginal_us("cpu0", replace(block, exp_c=24)) == 1e6
    for exp_c in (16, 20, 28, 32):
        assert table.marginal_us("cpu0", replace(block, exp_c=exp_c)) == pytest.approx(linear_cost("cpu0", replace(block, exp_c=exp_c)))


def test_uneven_concats_are_interpolated_by_their_first_share() -> None:
    rows = made_tables([Concat(8, (4, 28)), Concat(8, (16, 16))], [], lambda unit, b: float(b.shares[0]) if isinstance(b, Concat) else 0.0)
    table = Costs(rows, source="x")
    assert table.marginal_us("cpu0", Concat(8, (12, 20))) == pytest.approx(12)
    for asked in (Concat(8, (20, 12)), Concat(16, (12, 20)), Concat(8, (12, 12))):
        with pytest.raises(MissingEntryError):
            table.marginal_us("cpu0", asked)


def test_channels_between_measured_points_are_counted_in_whole_groups() -> None:
    # Groups of 16: 20 and 28 channels cost what 32 do; a block that was measured itself is taken as it is.
    line = [MBConv(14, 3, 1, 8, exp_c, 24, "relu6") for exp_c in (4, 16, 48, 64)]
    rows = made_tables(line, [], lambda unit, block: float(block.exp_c) if isinstance(block, MBConv) else 0.0)
    table = Costs(Tables(rows.blocks, (), replace(rows.meta, channel_step={"cpu0": 16})), source="x")
    assert [table.marginal_us("cpu0", replace(line[0], exp_c=exp_c)) for exp_c in (4, 12, 16, 20, 28, 32, 36, 60)] == [
        4,
        16,
        16,
        32,
        32,
        32,
        48,
        64,
    ]
    assert [table.marginal_us("cpu1", replace(line[0], exp_c=exp_c)) for exp_c in (4, 12, 20, 60)] == [4, 12, 20, 60]
    with pytest.raises(MissingEntryError):
        table.marginal_us("cpu0", replace(line[0], exp_c=68))


def test_a_last_group_that_is_not_full_costs_what_was_measured_of_the_nearest_size() -> None:
    slot = parse_key("mbconv_14_k3s1_64-384-64_relu6")
    assert isinstance(slot, MBConv)
    measured = [replace(slot, exp_c=exp_c) for exp_c in (192, 384, 388)]
    rows = made_tables(measured, [], lambda _, block: float(block.exp_c) if isinstance(block, MBConv) else 1.0)
    partial = tuple(Partial("cpu0", size, 4, factor, 3) for size, factor in ((7, 1.05), (56, 1.5), (112, 1.1)))
    meta = replace(rows.meta, channel_step={"cpu0": 16, "cpu1": 16}, partial=partial)
    table = Costs(Tables(rows.blocks, (), meta), source="x")
    assert table.marginal_us("cpu0", replace(slot, exp_c=272)) == 272.0
    assert table.marginal_us("cpu0", replace(slot, exp_c=260)) == pytest.approx(272 * 1.05), "nearer to 7 than to 56, in octaves"
    assert table.marginal_us("cpu0", replace(slot, exp_c=264)) == pytest.approx(272.0), "of 8 channels nothing is known"
    assert table.marginal_us("cpu0", replace(slot, exp_c=388)) == 388.0, "what was measured itself needs no factor"
    assert table.marginal_us("cpu1", replace(slot, exp_c=260)) == pytest.approx(272.0)


def test_a_slower_device_takes_longer_for_all_that_a_unit_does() -> None:
    table = costs()
    slower = table.slowed({"cpu0": 2.0})
    block = BASE.stages[0].branches[0][0]
    assert slower.marginal_us("cpu0", block) == pytest.approx(2 * table.marginal_us("cpu0", block))
    assert slower.fixed_us("cpu0") == pytest.approx(2 * table.fixed_us("cpu0"))
    assert slower.input_write_us("cpu0", BASE.stem) == pytest.approx(2 * table.input_write_us("cpu0", BASE.stem))
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
    assert table.handover("cpu0", "cpu1", 400) == HandoverCost("memcpy", 5.0, 0.5, 0.4)


def test_an_unknown_unit_is_refused_with_the_units_there_are() -> None:
    with pytest.raises(MissingEntryError, match="no unit gpu0, only cpu0"):
        predict(collaborative(BASE, "nnnnnna"), parse_placement("1=gpu0", branches=2), SHARED_COSTS)


def test_predict_prints_and_gives_json(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    import json

    from lut.predict import app
    from lut.tables import save

    plan = plan_model(BASE, COARSE)
    save(made_tables(plan.blocks, plan.transfers, linear_cost), tmp_path)
    config, model = tmp_path / "model.json", collaborative(BASE, "ncnnnna")
    config.write_text(model.to_json())
    arguments = ["--lut", str(tmp_path), "--model", str(config)]
    app([*arguments, "--json"], standalone_mode=False)
    document = json.loads(capfd.readouterr().out)
    assert document["predicted_us"] == max(step["end_us"] for step in document["steps"])
    app([*arguments, "--blocks"], standalone_mode=False)
    text = capfd.readouterr().out
    assert f"Predicted: {document['predicted_us'] / 1e3:.3f} ms" in text
    assert "fetch cpu1.0" in text
    for block in model.blocks:
        assert block.key in text
