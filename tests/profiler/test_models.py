"""Models of jobs: the blocks that a profile was begun with are run, whatever new profiles begin with."""

from __future__ import annotations

from pathlib import Path

from android_harness.protocol.phases import HandoverJob, TimeJob
from profiler.effort import QUICK
from profiler.job_ids import HandoverId, SentinelId
from profiler.models import BLOCK_BETWEEN_HANDOVERS, SENTINEL_BLOCK, Models
from profiler.phases import make_jobs, make_phase
from tests.profiler.made_events import UNITS

OTHER, BETWEEN = "mbconv_8_k3s1_8-16-8_relu", "mbconv_8_k3s1_8-24-8_relu"
HANDOVER = HandoverId("cpu0", "cpu1", (1, 14, 14, 16), "shared", "spin", 0)


def test_recorded_blocks_are_written_for_sentinels_and_between_hand_overs(tmp_path: Path) -> None:
    models = Models(tmp_path, sentinel_block=OTHER, between=BETWEEN)
    assert models.of(SentinelId("cpu0")) == models.block(OTHER)
    assert models.between_handovers() == models.block(BETWEEN)
    [handover, beside] = make_jobs([HANDOVER, SentinelId("cpu1")], QUICK, models, background={"cpu1": "cpu0"})
    assert isinstance(handover, HandoverJob)
    assert isinstance(beside, TimeJob)
    assert handover.between_handovers == models.block(BETWEEN)
    assert (beside.model, beside.load[0].model) == (models.block(OTHER), models.block(OTHER))
    phase = make_phase("p", [HANDOVER], UNITS, QUICK, models, rounds=1, seed=0)
    assert {job.model for job in phase.jobs if isinstance(job, TimeJob)} == {models.block(OTHER)}


def test_new_profiles_have_blocks_of_their_own(tmp_path: Path) -> None:
    models = Models(tmp_path)
    assert models.of(SentinelId("cpu0")) == tmp_path / f"{SENTINEL_BLOCK}.tflite"
    assert models.between_handovers() == tmp_path / f"{BLOCK_BETWEEN_HANDOVERS}.tflite"
