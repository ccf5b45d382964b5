"""How a profile's folder fares while batches are carried out."""

from __future__ import annotations

from pathlib import Path

import pytest

from collab.blocks import parse_key
from collab.errors import RunnerError
from profiler.effort import QUICK
from profiler.execution import kept
from profiler.handover_setting import HandoverSetting
from profiler.plan import Plan, plan_blocks
from profiler.request import Request, load_request
from tests.lut.made_tables import UNITS

SMALL, OTHER = "mbconv_8_k3s1_8-16-8_relu", "mbconv_8_k3s1_8-24-8_relu"


def request(plan: Plan) -> Request:
    return Request("local", {}, "r", UNITS, (), plan, QUICK, HandoverSetting(), 0)


def test_an_earlier_request_comes_back_when_the_runner_refuses_a_later_one(tmp_path: Path) -> None:
    first, second = (request(plan_blocks([parse_key(key)])) for key in (SMALL, OTHER))
    with pytest.raises(RunnerError), kept(first, tmp_path):
        raise RunnerError("refused")
    assert load_request(tmp_path) == first
    with pytest.raises(RunnerError), kept(second, tmp_path):
        raise RunnerError("refused")
    assert load_request(tmp_path) == first
    with kept(second, tmp_path):
        assert load_request(tmp_path) == second
    assert load_request(tmp_path) == second
