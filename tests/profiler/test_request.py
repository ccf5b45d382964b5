"""Requests: read as they were saved, also by later versions, and never extended by what is measured otherwise."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from collab import config as configs
from collab.errors import TableError
from collab.units import parse_unit
from profiler.handover_setting import HandoverSetting
from profiler.models import BLOCK_BETWEEN_HANDOVERS, SENTINEL_BLOCK
from profiler.plan import COARSE, plan_model
from profiler.request import PLAN_FILE, Request, load_request
from tests.profiler.made_events import BLOCK_PLAN, UNITS, request

OTHER = "mbconv_8_k3s1_8-16-8_relu"


def change_plan(folder: Path, *, without: tuple[str, ...] = (), **fields: Any) -> None:
    """Alters a saved request."""
    document = {**json.loads((folder / PLAN_FILE).read_text()), **fields}
    (folder / PLAN_FILE).write_text(json.dumps({name: value for name, value in document.items() if name not in without}))


def test_requests_are_read_as_they_were_saved(tmp_path: Path) -> None:
    asked = request(plan_model(configs.load("mini_v2"), COARSE))
    for one in (asked, replace(asked, sentinel_block=OTHER, between=OTHER, conditions={"clocks": "free"}), replace(asked, conditions={})):
        one.save(tmp_path)
        assert load_request(tmp_path) == one


def test_a_plan_of_the_format_before_says_what_held_then(tmp_path: Path) -> None:
    request(BLOCK_PLAN).save(tmp_path)
    blocks = [block.key for block in BLOCK_PLAN.blocks]
    change_plan(tmp_path, format=2, without=("sentinel_block", "between", "conditions"), probe=blocks[:1], partials=blocks[:1])
    found = load_request(tmp_path)
    assert (found.sentinel_block, found.between) == ("mbconv_14_k3s1_64-384-64_relu6", "mbconv_14_k3s1_32-128-32_relu6")
    assert found.conditions is None
    found.save(tmp_path)
    assert json.loads((tmp_path / PLAN_FILE).read_text())["format"] == 6
    assert load_request(tmp_path) == found


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"format": 1}, "format 1; this version reads 2 to 6"),
        ({"format": 7}, "format 7; this version reads 2 to 6"),
        ({"sentinel_block": "mbconv"}, "no block key"),
        ({"between": "mbconv_14_k3s1_4096-65536-4096_relu6"}, "a block of more than"),
        ({"conditions": ["clocks"]}, "conditions"),
    ],
)
def test_a_plan_that_cannot_be_gone_on_with_is_refused(tmp_path: Path, fields: dict[str, Any], reason: str) -> None:
    request(BLOCK_PLAN).save(tmp_path)
    change_plan(tmp_path, **fields)
    with pytest.raises(TableError, match=rf"{reason}.*profile into another folder"):
        load_request(tmp_path)


EARLIER = replace(request(BLOCK_PLAN), conditions={"clocks": "free"})


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (replace(EARLIER, fingerprint={"cpu": "y"}), r"another device \(cpu=x, now cpu=y\)"),
        (replace(EARLIER, runtime="r2"), r"another runtime \(r, now r2\)"),
        (
            replace(EARLIER, units={**UNITS, "cpu1": parse_unit("cpu:threads=2,cores=1")}),
            r"another unit cpu1 \(cpu:threads=1,cores=1,.*, now cpu:threads=2,cores=1,.*\), and rows of both would have the same name",
        ),
        (replace(EARLIER, units={"cpu0": UNITS["cpu0"]}), r"other units \(cpu0, cpu1, now cpu0\)"),
        (replace(EARLIER, handover=HandoverSetting("condvar")), r"another way to hand over \(wait=spin,.*now wait=condvar,.*leave wait="),
        (replace(EARLIER, handover=HandoverSetting(path="memcpy")), r"another way to hand over \(.*path=shared,.*now .*path=memcpy"),
        (replace(EARLIER, between=OTHER), r"another way to hand over \(.*between=mbconv_14.*now .*between=mbconv_8"),
        (replace(EARLIER, sentinel_block=OTHER), r"another sentinel block \(mbconv_14.*, now mbconv_8"),
        (
            replace(EARLIER, conditions={"clocks": "fixed"}),
            r"other conditions \(clocks=free; now clocks=fixed\); give .* root=True",
        ),
        (replace(EARLIER, conditions={}), r"other conditions \(clocks=free; now none\)"),
    ],
)
def test_nothing_is_added_that_is_measured_otherwise(tmp_path: Path, now: Request, said: str) -> None:
    with pytest.raises(TableError, match=rf"{said}.*another out="):
        now.check_extends(EARLIER, tmp_path)


def test_more_of_the_same_may_be_added(tmp_path: Path) -> None:
    more = replace(EARLIER.with_plan(plan_model(configs.load("mini_v2"), COARSE)), seed=9, models=("mini_v2", "x"), budget_s=60)
    more.check_extends(EARLIER, tmp_path)
    more.check_extends(replace(EARLIER, conditions=None), tmp_path)
    assert (more.sentinel_block, more.between) == (SENTINEL_BLOCK, BLOCK_BETWEEN_HANDOVERS)
