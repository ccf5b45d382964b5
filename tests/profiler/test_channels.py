from __future__ import annotations

import numpy as np
import pytest

from collab import config as configs
from collab.blocks import MBConv
from profiler.channels import channel_step
from profiler.job_ids import BlockId
from profiler.plan import COARSE, plan_model
from profiler.samples import SampleStore
from profiler.tabulate import derive
from tests.profiler.made_events import CALL, UNITS, time_done


@pytest.mark.parametrize("group", [4, 8, 16, 32])
def test_the_groups_of_channels_are_found_under_noise(group: int) -> None:
    probe = plan_model(configs.load("mobilenet_v2"), COARSE).probe
    generator = np.random.default_rng(group)
    store = SampleStore()
    for block in probe:
        assert isinstance(block, MBConv)
        time_ns = 3000 + 40 * block.exp_c + 900 * -(-block.exp_c // group) * group / 4
        samples = time_ns * (1 + np.abs(generator.normal(0, 0.02, 40)))
        store.add(time_done(BlockId("cpu0", block).text, samples.astype(int).tolist()))
    assert channel_step(store, "cpu0", probe) == group
    assert channel_step(store, "cpu1", probe) is None


def test_a_last_group_that_is_not_full_has_a_factor_of_its_own() -> None:
    plan = plan_model(configs.load("mobilenet_v2"), COARSE)
    store = SampleStore()
    for block in (*plan.unfilled, *plan.probe):
        assert isinstance(block, MBConv)
        full = -(-block.exp_c // 16) * 16
        factor = {0: 1.0, 4: 1.3, 8: 1.2, 12: 1.0}[block.exp_c % 16] if block.in_size == 14 else 1.0
        store.add(time_done(BlockId("cpu0", block).text, [round(2000 + 1000 * full * factor)] * 9))
    store.add(time_done(CALL, [2000] * 9))
    result = derive(store, UNITS, plan, runtime="r", settings={})
    assert result.channel_step == {"cpu0": 16}
    found = {(entry.size, entry.channels): entry.factor for entry in result.unfilled}
    assert {size for size, _ in found} == {7, 14, 28, 56, 112}
    assert (found[14, 4], found[14, 8], found[14, 12]) == pytest.approx((1.3, 1.2, 1.0), rel=1e-3)
    assert found[28, 4] == pytest.approx(1.0, rel=1e-3)
