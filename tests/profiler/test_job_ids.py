from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab import config as configs
from lut.meta import WAITS
from lut.paths import REQUESTABLE_PATHS
from profiler.handover_setting import HandoverSetting
from profiler.job_ids import (
    BlockId,
    CallId,
    HandoverId,
    JobId,
    LoadedId,
    NetworkId,
    NetworkSentinelId,
    SentinelId,
    TrialId,
    is_sentinel,
    parse_job_id,
)
from profiler.phases import block_ids, handover_ids, sentinel_ids
from profiler.plan import COARSE, plan_model
from tests.profiler.made_events import UNITS

PLAN = plan_model(configs.load("mini_v2"), COARSE)
UNIT = st.builds("{}{}".format, st.sampled_from(["cpu", "gpu", "nnapi", "npu"]), st.integers(0, 999))
NETWORK = st.text("0123456789abcdef", min_size=12, max_size=12)
SHAPE = st.lists(st.integers(0, 1 << 40), min_size=1, max_size=5).map(tuple)
IDS = st.one_of(
    st.builds(CallId, UNIT),
    st.builds(SentinelId, UNIT),
    st.builds(NetworkSentinelId, UNIT),
    st.builds(BlockId, UNIT, st.sampled_from(PLAN.blocks)),
    st.builds(HandoverId, UNIT, UNIT, SHAPE, st.sampled_from(REQUESTABLE_PATHS), st.sampled_from(WAITS), st.integers(0, 1 << 40)),
    st.builds(NetworkId, UNIT, NETWORK),
    st.builds(LoadedId, UNIT, UNIT, NETWORK, NETWORK),
    st.builds(TrialId, st.integers(0, 1 << 40), st.sampled_from(["a", "b"])),
)


@given(IDS)
def test_an_id_is_read_back_as_it_was_printed(job: JobId) -> None:
    assert parse_job_id(job.text) == job
    assert is_sentinel(job.text) == isinstance(job, (SentinelId, NetworkSentinelId))


@given(IDS, IDS)
def test_different_jobs_have_different_texts(one: JobId, other: JobId) -> None:
    assert (one.text == other.text) == (one == other)


@given(IDS, st.integers(0, 80), st.text(max_size=3), st.integers(0, 3))
def test_a_damaged_text_is_refused_or_is_another_jobs(job: JobId, at: int, inserted: str, dropped: int) -> None:
    damaged = job.text[:at] + inserted + job.text[at + dropped :]
    found = parse_job_id(damaged)
    assert found is None or found.text == damaged


def test_job_ids_parse_back() -> None:
    jobs: list[JobId] = [*block_ids(PLAN, UNITS), *handover_ids(PLAN, UNITS, HandoverSetting(), all_waits=True), *sentinel_ids(UNITS)]
    assert len({job.text for job in jobs}) == len(jobs)
    assert {type(job) for job in jobs} == {BlockId, CallId, LoadedId, NetworkId, SentinelId, HandoverId}
    for job in jobs:
        assert parse_job_id(job.text) == job


def test_the_names_of_networks_lead_to_their_blocks() -> None:
    found = [job for job in block_ids(PLAN, UNITS) if isinstance(job, (NetworkId, LoadedId))]
    assert {PLAN.networks_by_name[job.network] for job in found} == set(PLAN.networks)


@given(
    st.text(max_size=30)
    | st.sampled_from(["block/cpu0", "fixed", "transfer/a/b/1x2/shared/spin/x", "block/cpu0/mbconv", "loaded/a/b", "network/a/0"])
)
def test_other_ids_are_none_of_a_campaign(text: str) -> None:
    job = parse_job_id(text)
    assert job is None or job.text == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fixed/",
        "fixed/screen0",
        "fixed/cpu00",
        "fixed/cpu0/",
        "sentinel/network",
        "sentinel/block/cpu0",
        "block/cpu0/mbconv_14",
        "transfer/cpu0/cpu1/1x8x8x4/shared/spin/007",
        "transfer/cpu0/cpu1/1x8x8x4/shared/spin/+7",
        "transfer/cpu0/cpu1/1x8x8x4/shared/pray/0",
        "transfer/cpu0/cpu1/1x8x8x4/post/spin/0",
        "transfer/cpu0/cpu1//shared/spin/0",
        "network/cpu0/0123456789AB",
        "network/cpu0/0123456789a",
        "loaded/cpu0/cpu1/0123456789ab",
        "collab/1/c",
        "collab/\N{ARABIC-INDIC DIGIT ONE}/a",
        "collab/1_0/a",
    ],
)
def test_unknown_texts_are_refused(text: str) -> None:
    assert parse_job_id(text) is None
