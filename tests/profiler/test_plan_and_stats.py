from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_harness.protocol.journal import CollabDone, JobFailed, Outputs, StepLabel, TimeDone, TimeSamples, TransferDone, TransferSamples
from collab import config as configs
from collab.blocks import Add, Concat, MBConv, parse_key
from collab.units import parse_unit
from lut.meta import Context
from lut.statistics import summarise
from lut.tables import TransferRow
from profiler.channels import channel_step
from profiler.effort import QUICK
from profiler.handover_setting import HandoverSetting
from profiler.job_ids import BlockId, CallId, HandoverId, JobId, LoadedId, NetworkId, SentinelId, parse_job_id
from profiler.marginal import in_network_factor
from profiler.pairs import pair_paths
from profiler.pending import pending_batches
from profiler.phases import block_ids, handover_ids
from profiler.plan import COARSE, FULL, Grid, Network, Plan, base_chain, networks_of, pieces_of, plan_model, share_channels
from profiler.request import Request, load_request
from profiler.samples import SampleStore
from profiler.tabulate import derive

BLOCK = parse_key("mbconv_14_k3s1_16-64-16_relu6")
UNITS = {"cpu0": parse_unit("cpu:cores=0"), "cpu1": parse_unit("cpu:cores=1")}


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=300))
def test_a_summary_is_ordered_and_within_its_samples(samples: list[int]) -> None:
    summary = summarise(samples)
    low, high = summary.ci_us
    assert summary.n == len(samples)
    assert min(samples) / 1000 <= low <= summary.median_us <= high <= max(samples) / 1000
    assert summary.median_us == pytest.approx(np.median(samples) / 1000)
    assert summary.median_us <= summary.p95_us


def test_the_interval_of_the_median_holds_it_in_95_of_100_cases() -> None:
    generator = np.random.default_rng(3)
    inside = 0
    for _ in range(2000):
        low, high = summarise((generator.lognormal(0, 1, 41) * 1e6).astype(int).tolist()).ci_us
        inside += low <= 1000 <= high
    assert 0.94 <= inside / 2000 <= 0.985


def test_a_grid_reaches_beyond_the_base_and_steps_around_no_expansion() -> None:
    base = configs.load("mobilenet_v2")
    for grid in (FULL, COARSE):
        blocks = plan_model(base, grid).blocks
        first = [b for b in blocks if isinstance(b, MBConv) and b.in_size == 112 and b.stride == 1 and b.out_c == 16]
        widths = {block.exp_c for block in first}
        assert {4, 28, 32, 36} <= widths
        assert max(widths) >= 1.25 * 32
        assert len(blocks) == len(set(blocks))
        assert {base.stem, base.head, *base.blocks} <= set(blocks)


@pytest.mark.parametrize("grid", [FULL, COARSE])
def test_shares_are_multiples_of_four_that_leave_four(grid: Grid) -> None:
    for name in ("mobilenet_v2", "mnasnet_b1", "fbnet_c"):
        for stage in configs.load(name).stages:
            slot = stage.branches[0][-1]
            shares = share_channels(slot, grid)
            assert shares[0] == 4
            assert shares[-1] == slot.out_c - 4
            assert all(share % 4 == 0 for share in shares)


def test_every_opening_and_feature_map_of_a_stage_is_planned() -> None:
    plan = plan_model(configs.load("mobilenet_v2"), FULL)
    for stage in configs.load("mobilenet_v2").stages:
        last = stage.branches[0][-1]
        assert Add(last.out_size, last.out_c, 2) in plan.blocks
        assert Concat(last.out_size, (last.out_c // 2, last.out_c // 2)) in plan.blocks
        assert (1, last.out_size, last.out_size, last.out_c) in plan.transfers
        assert (1, last.out_size, last.out_size, 4) in plan.transfers
    assert configs.load("mobilenet_v2").stem.out_shape in plan.transfers


def test_a_base_that_nowhere_expands_has_no_probe() -> None:
    document = dict(configs.load("mini_v2").document)
    for index in range(7):
        document[str(index)] = [[*row[:4], row[3], row[5]] for row in document[str(index)]]
    plan = plan_model(configs.from_document(document), COARSE)
    assert plan.probe == ()
    assert sum(map(len, plan.networks[0])) > 10


def test_the_chain_of_a_found_model_is_that_of_its_base_in_shape() -> None:
    base, found = (base_chain(configs.load(name)) for name in ("mnasnet_b1", "syncnas_mnasnet_b1_100"))
    assert [block.out_shape for block in base] == [block.out_shape for block in found]


def test_job_ids_parse_back() -> None:
    plan = plan_model(configs.load("mini_v2"), COARSE)
    jobs: list[JobId] = [*block_ids(plan, UNITS), *handover_ids(plan, UNITS, HandoverSetting(), all_waits=True), SentinelId("cpu0")]
    assert len({job.text for job in jobs}) == len(jobs)
    assert {type(job) for job in jobs} == {BlockId, CallId, LoadedId, NetworkId, SentinelId, HandoverId}
    for job in jobs:
        assert isinstance(job, (LoadedId, NetworkId)) or parse_job_id(job.text) == job


@given(
    st.text(max_size=30)
    | st.sampled_from(["block/cpu0", "fixed", "transfer/a/b/1x2/shared/spin/x", "block/cpu0/mbconv", "loaded/a/b", "network/a/0"])
)
def test_other_ids_are_none_of_a_campaign(text: str) -> None:
    job = parse_job_id(text)
    assert job is None or job.text == text


def time_done(job: str, runs_ns: list[int], *, accelerated: bool = True) -> TimeDone:
    zeros = tuple(100 for _ in runs_ns)
    samples = TimeSamples(write=zeros, run=tuple(runs_ns), read=zeros, total=tuple(runs_ns), cpu=tuple(runs_ns))
    return TimeDone(job, 0, 1, 5000, 9000, accelerated, samples, (1_800_000,), 41_000)


def derived(*events: TimeDone | TransferDone | CollabDone | JobFailed, plan: Plan = Plan((BLOCK,), ())):  # type: ignore[no-untyped-def] # noqa: B008
    store = SampleStore()
    store.add_all(events)
    return derive(store, UNITS, plan, runtime="r", settings={})


JOB = BlockId("cpu0", BLOCK).text
FIXED = CallId("cpu0").text


def test_a_row_pools_all_visits_and_takes_the_fixed_cost_out() -> None:
    row = derived(time_done(FIXED, [2000] * 5), time_done(JOB, [50_000, 52_000]), time_done(JOB, [54_000])).blocks[0]
    assert (row.status, row.n, row.median_us, row.marginal_us) == ("ok", 3, 52.0, 50.0)
    assert (row.first_us, row.create_us, row.write_us, row.temperature_after_c, row.clock_after_mhz) == (9.0, 5.0, 0.1, 41.0, 1800.0)


def network_done(job: str, runs_ns: list[int], *, write_ns: int = 5000, read_ns: int = 700) -> CollabDone:
    """A visit of a network's job: three inferences, in each of which every piece takes what is given."""
    labels, begins, ends, now = [], [], [], 0
    steps = [
        ("0", "write", "input", write_ns),
        *((str(i), "run", "", ns) for i, ns in enumerate(runs_ns)),
        ("9", "read", "output", read_ns),
    ]
    for segment, step, peer, ns in steps:
        labels.append(StepLabel("cpu0", f"cpu0.{segment}", step, peer))
        begins.append((now,) * 3)
        ends.append((now + ns,) * 3)
        now += ns
    return CollabDone(job, 0, 1, tuple(labels), tuple(begins), tuple(ends), (now,) * 3, Outputs(1, "00"), {})


SMALL, LARGE = parse_key("mbconv_14_k3s1_16-64-16_relu6"), parse_key("mbconv_28_k3s2_8-64-16_relu6")


def test_marginal_costs_hold_what_blocks_take_longer_in_a_network() -> None:
    whole: Network = ((LARGE, SMALL),)
    cut: Network = ((LARGE,), (SMALL,))
    twice: Network = ((LARGE,), (SMALL, SMALL))
    events = [
        time_done(FIXED, [2000] * 5),
        time_done(BlockId("cpu0", SMALL).text, [52_000] * 5),
        time_done(BlockId("cpu0", LARGE).text, [102_000] * 5),
        time_done(BlockId("cpu0", parse_key("mbconv_14_k3s1_16-32-16_relu6")).text, [22_000] * 5),
        # A call costs 10 us there; SMALL takes 1.1 and LARGE 1.3 times what it takes alone.
        network_done(NetworkId.of("cpu0", whole).text, [195_000]),
        network_done(NetworkId.of("cpu0", cut).text, [140_000, 65_000]),
        network_done(NetworkId.of("cpu0", twice).text, [140_000, 120_000]),
    ]
    result = derived(*events, plan=Plan((SMALL, LARGE), (), (whole, cut, twice)))
    assert [(entry.block_class, entry.size, entry.factor, entry.n) for entry in result.costs.in_network] == [
        ("mbconv", 14, pytest.approx(1.1, rel=0.01), 3),
        ("mbconv", 28, pytest.approx(1.3, rel=0.01), 3),
    ]
    assert (result.costs.call_alone["cpu0"].median_us, result.costs.call_in_network["cpu0"].median_us) == (
        2.0,
        pytest.approx(10.0, rel=0.05),
    )
    [fit] = result.costs.fits
    assert (fit.unit, fit.n) == ("cpu0", 5)
    assert fit.median_residual < 0.01
    marginals = {row.block: row.marginal_us for row in result.blocks}
    assert marginals[SMALL.key] == pytest.approx(55.0, rel=0.01)
    assert marginals[LARGE.key] == pytest.approx(130.0, rel=0.01)
    assert marginals["mbconv_14_k3s1_16-32-16_relu6"] == pytest.approx(22.0, rel=0.01), "what is in no network takes the factor of its like"
    copies = {row.block: (row.write_us, row.read_us) for row in result.blocks}
    assert copies[LARGE.key] == (5.0, 0.1), "the network's input is copied in where other data has been in between"
    assert copies[SMALL.key] == (0.1, 0.7)


def test_a_piece_that_met_a_slow_spell_does_not_drag_the_others_along() -> None:
    networks: list[Network] = [((SMALL,) * count, (LARGE,)) for count in (1, 2, 3, 4, 5, 6)]
    events: list[TimeDone | CollabDone] = [time_done(FIXED, [2000] * 5)]
    events += [time_done(BlockId("cpu0", block).text, [ns] * 5) for block, ns in ((SMALL, 52_000), (LARGE, 102_000))]
    for count, network in enumerate(networks, start=1):
        slow = 2 if count == 4 else 1
        events.append(network_done(NetworkId.of("cpu0", network).text, [(10_000 + count * 60_000) * slow, 140_000]))
    result = derived(*events, plan=Plan((SMALL, LARGE), (), tuple(networks)))
    assert [entry.factor for entry in result.costs.in_network] == [pytest.approx(1.2, rel=0.02), pytest.approx(1.3, rel=0.02)]
    assert result.costs.fits[0].p95_residual > 0.1, "but the residuals tell"


def test_without_networks_a_block_adds_what_it_takes_alone() -> None:
    result = derived(time_done(FIXED, [2000]), time_done(JOB, [52_000]))
    assert (result.costs.in_network, result.costs.fits) == ((), ())
    assert result.costs.call_in_network == result.costs.call_alone


def test_factors_are_those_of_the_most_similar_piece() -> None:
    contexts = [
        Context("cpu0", name, size, factor, 9) for name, size, factor in (("mbconv", 7, 1.1), ("mbconv", 56, 1.4), ("head", 7, 1.5))
    ]
    assert in_network_factor(contexts, "cpu0", parse_key("mbconv_14_k3s1_16-32-16_relu6")) == 1.1
    assert in_network_factor(contexts, "cpu0", parse_key("mbconv_112_k3s1_16-32-16_relu6")) == 1.4
    assert in_network_factor(contexts, "cpu0", parse_key("add_56_16x2")) == 1.4
    assert in_network_factor(contexts, "cpu0", parse_key("head_14_k1s1_16-32-10_relu6")) == 1.5
    assert in_network_factor(contexts, "cpu1", parse_key("add_56_16x2")) == 1.0


def test_pieces_are_cut_where_features_change_their_size_and_before_the_head() -> None:
    chain = base_chain(configs.load("mobilenet_v2"))
    pieces = pieces_of(chain)
    assert [block for piece in pieces for block in piece] == list(chain)
    assert [len(piece) for piece in pieces] == [3, 2, 3, 7, 3, 1]


@pytest.mark.parametrize("grid", [COARSE, FULL])
def test_networks_are_cut_in_many_ways_and_made_of_blocks_that_are_timed_alone(grid: Grid) -> None:
    base = configs.load("mobilenet_v2")
    networks = networks_of(base_chain(base), grid)
    assert len(networks) == 2 + len(grid.expansion) + grid.mixed
    assert networks == networks_of(base_chain(base), grid), "the same whenever a profile goes on"
    plan = plan_model(base, grid)
    assert {block for network in networks for piece in network for block in piece} <= set(plan.blocks)
    lengths = {len(piece) for network in networks for piece in network}
    assert 1 in lengths
    assert max(lengths) > 3
    for network in networks:
        blocks = [block for piece in network for block in piece]
        assert [block.out_shape for block in blocks[:-1]] == [block.in_shapes[0] for block in blocks[1:]]


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
    store.add(time_done(FIXED, [2000] * 9))
    result = derive(store, UNITS, plan, runtime="r", settings={})
    assert result.channel_step == {"cpu0": 16}
    found = {(entry.size, entry.channels): entry.factor for entry in result.unfilled}
    assert {size for size, _ in found} == {7, 14, 28, 56, 112}
    assert (found[14, 4], found[14, 8], found[14, 12]) == pytest.approx((1.3, 1.2, 1.0), rel=1e-3)
    assert found[28, 4] == pytest.approx(1.0, rel=1e-3)


def test_contention_is_loaded_against_alone_by_class() -> None:
    chain = base_chain(configs.load("mini_v2"))
    network = pieces_of(chain)
    alone = [100_000] * len(network)
    loaded = [125_000] + [150_000] * (len(network) - 2) + [300_000]
    events = [
        network_done(NetworkId.of("cpu0", network).text, alone),
        network_done(LoadedId.of("cpu0", "cpu1", network, network).text, loaded),
    ]
    found = {(e.unit, e.other, e.block_class): (e.factor, e.n) for e in derived(*events, plan=Plan((), (), (network,))).contention}
    assert found["cpu0", "cpu1", "mbconv"] == (pytest.approx((1.25 + 1.5 * (len(network) - 2)) / (len(network) - 1)), 3)
    assert found["cpu0", "cpu1", "stem"] == (pytest.approx(1.25), 3)
    assert found["cpu0", "cpu1", "head"] == (pytest.approx(3.0), 3)
    assert found["cpu0", "cpu1", "sync"] == (pytest.approx(sum(loaded) / sum(alone)), 3)
    assert not any(unit == "cpu1" for unit, _, _ in found)


def test_the_load_is_the_network_that_keeps_the_other_unit_at_work_about_as_long() -> None:
    base, narrow = ((LARGE,), (SMALL,)), ((SMALL,), (SMALL,))
    events = [network_done(NetworkId.of("cpu0", base).text, [100_000, 100_000])]
    events += [
        network_done(NetworkId.of("gpu0", network).text, runs) for network, runs in ((base, [4_000_000] * 2), (narrow, [150_000] * 2))
    ]
    for load, factor in ((base, 3), (narrow, 2)):
        events.append(network_done(LoadedId.of("cpu0", "gpu0", base, load).text, [100_000 * factor] * 2))
    store = SampleStore()
    store.add_all(events)
    units = {"cpu0": UNITS["cpu0"], "gpu0": parse_unit("gpu")}
    found = derive(store, units, Plan((), (), (base, narrow)), runtime="r", settings={}).contention
    assert {(entry.unit, entry.other, entry.factor) for entry in found} == {("cpu0", "gpu0", 2.0)}


def test_turns_on_a_core_count_by_their_mean() -> None:
    """Nine of ten runs of a short piece meet nobody; the tenth waits for a turn of ten times its length. The median would see nothing."""
    network: Network = ((SMALL,),)
    events = [network_done(NetworkId.of("cpu0", network).text, [100_000]) for _ in range(10)]
    turns = network_done(LoadedId.of("cpu0", "cpu1", network, network).text, [100_000])
    end_ns = list(turns.end_ns)
    end_ns[1] = (turns.end_ns[1][0], turns.end_ns[1][1], turns.end_ns[1][2] + 300_000)
    events += [msgspec.structs.replace(turns, end_ns=tuple(end_ns)) for _ in range(10)]
    [mbconv, _] = derived(*events, plan=Plan((), (), (network,))).contention
    assert mbconv.factor == pytest.approx(2.0)


def test_what_could_not_be_measured_says_why_and_has_no_number() -> None:
    failed = derived(time_done(FIXED, [2000]), time_done(JOB, [9000]), JobFailed(JOB, 1, "unsupported op")).blocks[0]
    assert (failed.status, failed.reason) == ("failed", "unsupported op")
    never = derived(JobFailed(JOB, 0, "no such file")).blocks[0]
    assert (never.status, never.n, never.median_us, never.marginal_us) == ("failed", 0, None, None)
    unfixed = derived(time_done(JOB, [9000])).blocks[0]
    assert unfixed.status == "failed"
    assert "fixed cost" in unfixed.reason


def test_a_model_that_the_unit_did_not_take_whole_is_partial() -> None:
    row = derived(time_done(FIXED, [2000]), time_done(JOB, [9000], accelerated=False)).blocks[0]
    assert (row.status, row.coverage) == ("partial", "partial")


def test_a_median_that_is_hardly_known_is_unstable() -> None:
    spread = [int(100_000 * 1.2**n) for n in range(12)]
    assert derived(time_done(FIXED, [2000]), time_done(JOB, spread)).blocks[0].status == "unstable"
    short = [1000 + 60 * n for n in range(12)]
    assert derived(time_done(FIXED, [500]), time_done(JOB, short)).blocks[0].status == "ok", "a fraction of a microsecond matters to nobody"


def test_fetching_over_shared_memory_is_the_first_touch_less_the_second() -> None:
    job = HandoverId("cpu0", "cpu1", (1, 14, 14, 16), "shared", "spin", 0)
    samples = TransferSamples(read=(0, 0), wakeup=(80, 90), write=(900, 1100), rewrite=(300, 500), total=(1000, 1200))
    row = derived(TransferDone(job.text, 0, 1, "shared", 12544, samples)).transfers[0]
    assert (row.read_us, row.wakeup_us, row.write_us) == pytest.approx((0.0, 0.085, 0.6))
    assert (row.pacing, row.bytes) == ("hot", 12544)


def handed_over(asked: str, taken: str, *, sender: str = "gpu0", receiver: str = "cpu0") -> TransferDone:
    job = HandoverId(sender, receiver, (1, 14, 14, 16), asked, "spin", 0)
    samples = TransferSamples(read=(700, 700), wakeup=(80, 90), write=(900, 1100), rewrite=(300, 500), total=(1700, 1900))
    return TransferDone(job.text, 0, 1, taken, 12544, samples, ("webgpu-packed",), ("host",))


GPU_UNITS = {"cpu0": parse_unit("cpu:cores=0"), "gpu0": parse_unit("gpu")}


def derived_pair(*events: TransferDone) -> tuple[SampleStore, tuple[TransferRow, ...]]:
    store = SampleStore()
    store.add_all(events)
    return store, derive(store, GPU_UNITS, Plan((), ()), runtime="r", settings={}).transfers


def test_a_row_names_the_path_that_was_taken() -> None:
    back, copied = handed_over("shared", "readback"), handed_over("memcpy", "memcpy")
    store, rows = derived_pair(back, copied)
    assert [(row.path, row.status, row.write_us) for row in rows] == [("memcpy", "ok", 1.0), ("readback", "ok", 0.6)]
    [(pair, path)] = pair_paths(store, GPU_UNITS).items()
    assert (pair, path.path) == ("gpu0>cpu0", "readback")
    assert path.why == "gpu0 gives webgpu-packed; cpu0 takes host: gpu0 copies out, straight into cpu0's host memory"


def test_units_that_copy_though_asked_to_share_have_one_row() -> None:
    store, rows = derived_pair(handed_over("shared", "memcpy"), handed_over("memcpy", "memcpy"))
    assert [row.path for row in rows] == ["memcpy"]
    assert pair_paths(store, GPU_UNITS)["gpu0>cpu0"].path == "memcpy"
    assert not pair_paths(store, ["cpu0"])


def test_paths_that_change_are_no_measurement() -> None:
    _, [row] = derived_pair(handed_over("shared", "memcpy"), handed_over("shared", "readback"))
    assert (row.status, row.n) == ("failed", 0)
    assert "memcpy, readback" in row.reason


def request(plan: Plan) -> Request:
    return Request("local", {"cpu": "x"}, "r", UNITS, ("mini_v2",), plan, QUICK, HandoverSetting(), 3)


def test_requests_are_read_as_they_were_saved(tmp_path) -> None:  # type: ignore[no-untyped-def]
    asked = request(plan_model(configs.load("mini_v2"), COARSE))
    asked.save(tmp_path)
    assert load_request(tmp_path) == asked


def test_only_what_lacks_rounds_is_pending() -> None:
    store = SampleStore()
    plan = Plan((BLOCK,), ())
    before = sum(len(work.jobs) for work in pending_batches(request(plan), store))
    assert before == 2 * 2
    for _ in range(QUICK.min_rounds):
        store.add(time_done(JOB, [1000]))
    store.add(time_done(FIXED, [1000]))
    store.add(JobFailed(BlockId("cpu1", BLOCK).text, 0, "crashed"))
    work = pending_batches(request(plan), store)
    assert JOB not in [job.text for item in work for job in item.jobs]
    assert {(item.rounds, job.text) for item in work for job in item.jobs} == {
        (QUICK.max_rounds - 1, FIXED),
        (QUICK.max_rounds, "fixed/cpu1"),
        (QUICK.max_rounds, BlockId("cpu1", BLOCK).text),
    }
