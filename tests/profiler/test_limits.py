"""What cannot be carried out is refused before anything is saved, and spoils no profile that is there."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from android_harness.device.info import DeviceInfo
from android_harness.device.machine import memory_bytes
from android_harness.device.state import parse_state
from collab import config as configs
from collab.blocks import parse_key
from collab.errors import ConfigError
from lut.tables import load_tables
from profiler import run
from profiler.effort import QUICK
from profiler.handover_setting import HandoverSetting
from profiler.job_ids import BlockId, HandoverId, LoadedId, NetworkId, RehearsalId
from profiler.limits import check_new, needed_bytes, room_bytes, why_impossible
from profiler.plan import Plan, plan_blocks, plan_handovers
from profiler.rehearsal import draw_rehearsals
from profiler.request import Request
from tests.borders.fuzzing import refused_in_a_sentence, run_command
from tests.lut.made_tables import UNITS

SMALL, OTHER = "mbconv_8_k3s1_8-16-8_relu", "mbconv_8_k3s1_8-24-8_relu"
GIANT = "mbconv_65536_k3s1_65536-65536-65536_relu"


def info(memory: int | None) -> DeviceInfo:
    return DeviceInfo("phone", {}, (), memory_bytes=memory)


def request(plan: Plan) -> Request:
    return Request("local", {}, "r", UNITS, (), plan, QUICK, HandoverSetting(), 0)


def test_a_refusal_names_the_block_its_size_and_the_room_there_is() -> None:
    block = parse_key("mbconv_112_k3s1_512-3072-512_relu6")
    with pytest.raises(
        ConfigError, match=rf"phone: the block {block.key} takes {needed_bytes(block) / 2**20:.1f} MiB .* room for 64\.0 MiB"
    ):
        check_new(plan_blocks([block]), None, UNITS, info(512 << 20))
    check_new(plan_blocks([block]), None, UNITS, info(16 << 30))
    check_new(plan_blocks([block]), plan_blocks([block]), UNITS, info(512 << 20))
    with pytest.raises(ConfigError, match="transfer of 400000000 bytes"):
        check_new(plan_handovers([400_000_000]), None, UNITS, info(None))
    with pytest.raises(ConfigError, match="a network takes"):
        check_new(Plan((), (), (((block,),),)), None, UNITS, info(512 << 20))
    with pytest.raises(ConfigError, match=r"\d+ jobs on 2 units"):
        check_new(plan_handovers(range(4, 500_000, 4)), None, UNITS, info(None))


def test_every_device_has_some_room_and_none_too_much() -> None:
    assert room_bytes(info(None)) == 1 << 30
    assert room_bytes(info(1 << 50)) == 1 << 30
    assert room_bytes(info(4 << 30)) == 512 << 20
    network = ((parse_key(SMALL),),)
    plan = Plan((), (), (network,), tuple(draw_rehearsals(configs.load("mini_v2"), 1)))
    assert why_impossible(BlockId("cpu0", parse_key(SMALL)), room_bytes(info(1 << 30)), plan) is None
    assert why_impossible(HandoverId("cpu0", "cpu1", (1, 1, 1, 1 << 40), "shared", "spin", 0), 1 << 30, plan) is not None
    for job in (NetworkId.of("cpu0", network), LoadedId.of("cpu0", "cpu1", network, network)):
        assert why_impossible(job, needed_bytes(parse_key(SMALL)) - 1, plan) is not None
        assert why_impossible(job, 2 * needed_bytes(parse_key(SMALL)), plan) is None
    rehearsal = RehearsalId("cpu0", "cpu1", plan.rehearsals[0].name, "shared", "spin")
    assert "features, and there is room for" in (why_impossible(rehearsal, 1 << 10, plan) or "")
    assert why_impossible(rehearsal, 1 << 30, plan) is None
    with pytest.raises(ConfigError, match="the strategy mini_v2"):
        check_new(replace(plan, networks=()), None, UNITS, info(1 << 20))


def test_a_device_says_how_much_memory_it_has_or_not() -> None:
    assert (memory_bytes() or 0) > 1 << 28
    for said, found in (("5904812", 5904812 * 1024), ("", None), ("0", None), ("-5", None), ("many", None), ("9" * 40, None)):
        assert parse_state("x", f"== system\nmachine=aarch64\nmemory={said}\n== end\n").memory_bytes == found


@pytest.mark.usefixtures("runner")
def test_an_impossible_wish_spoils_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "luts"
    command = ["--device", "local", "--out", str(out)]
    assert (
        run_command(run.app, [*command, "--quick", "--block", SMALL, "--unit", "cpu:cores=0", "--unit", "cpu:cores=0"], monkeypatch)[0] == 0
    )
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    for wish, named in ((["--block", GIANT], GIANT), (["--transfer-bytes", str(1 << 60)], "transfer of")):
        assert named in refused_in_a_sentence(run_command(run.app, [*command, "--resume", *wish], monkeypatch))
        assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    # A folder in which an older version has saved such a plan.
    plan = json.loads(before["plan.json"])
    plan["blocks"].append(GIANT)
    plan["transfers"] += [[1, 1, 1, 1 << 50], [1, 1, 1, 16]]
    (out / "plan.json").write_text(json.dumps(plan))
    status, _, said = run_command(run.app, [*command, "--resume", "--block", OTHER], monkeypatch)
    assert status == 0, said
    tables = load_tables(out)
    rows = {(row.unit, row.block): row for row in tables.blocks}
    assert {key for _, key in rows} == {SMALL, OTHER, GIANT}
    assert all(rows[unit, key].status != "failed" for unit in tables.meta.units for key in (SMALL, OTHER))
    assert all("room for" in rows[unit, GIANT].reason for unit in tables.meta.units)
    statuses = {row.bytes: row.status for row in tables.transfers}
    assert statuses == {64: "ok", 4 << 50: "failed"}
