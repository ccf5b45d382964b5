"""Events of journals whose times are given, and the tables that are derived from them."""

from __future__ import annotations

from android_harness.protocol.journal import CollabDone, HandoverDone, HandoverSamples, JobFailed, Outputs, StepLabel, TimeDone, TimeSamples
from collab.blocks import parse_key
from collab.units import parse_unit
from profiler.effort import QUICK
from profiler.handover_setting import HandoverSetting
from profiler.job_ids import BlockId, CallId, HandoverId
from profiler.plan import Plan
from profiler.request import Request
from profiler.samples import SampleStore
from profiler.tabulate import Derived, derive

BLOCK = parse_key("mbconv_14_k3s1_16-64-16_relu6")
SMALL, LARGE = BLOCK, parse_key("mbconv_28_k3s2_8-64-16_relu6")
UNITS = {"cpu0": parse_unit("cpu:cores=0"), "cpu1": parse_unit("cpu:cores=1")}
BLOCK_PLAN = Plan((BLOCK,), ())
JOB, CALL = BlockId("cpu0", BLOCK).text, CallId("cpu0").text


def time_done(job: str, runs_ns: list[int], *, accelerated: bool = True, cached: bool | None = None, create_ns: int = 5000) -> TimeDone:
    zeros = tuple(100 for _ in runs_ns)
    samples = TimeSamples(write=zeros, run=tuple(runs_ns), read=zeros, total=tuple(runs_ns), cpu=tuple(runs_ns))
    return TimeDone(job, 0, 1, create_ns, 9000, accelerated, samples, (1_800_000,), 41_000, cached=cached)


def derived(*events: TimeDone | HandoverDone | CollabDone | JobFailed, plan: Plan = BLOCK_PLAN) -> Derived:
    store = SampleStore()
    store.add_all(events)
    return derive(store, UNITS, plan, runtime="r", settings={})


def network_done(job: str, runs_ns: list[int], *, write_ns: int = 5000, read_ns: int = 700) -> CollabDone:
    """A visit of a network's job: three inferences, in each of which every piece takes what is given."""
    labels, begins, ends, now = [], [], [], 0
    steps = [
        ("0", "write", "input", write_ns),
        *((str(i), "run", "", ns) for i, ns in enumerate(runs_ns)),
        (str(len(runs_ns) - 1), "read", "output", read_ns),
    ]
    for segment, step, peer, ns in steps:
        labels.append(StepLabel("cpu0", f"cpu0.{segment}", step, peer))
        begins.append((now,) * 3)
        ends.append((now + ns,) * 3)
        now += ns
    return CollabDone(job, 0, 1, tuple(labels), tuple(begins), tuple(ends), (now,) * 3, Outputs(1, "00"), {})


def handed_over(asked: str, taken: str, *, sender: str = "gpu0", receiver: str = "cpu0") -> HandoverDone:
    job = HandoverId(sender, receiver, (1, 14, 14, 16), asked, "spin", 0)
    samples = HandoverSamples(
        run=(9000, 9200), rerun=(8000, 8000), read=(700, 700), wakeup=(80, 90), write=(900, 1100), rewrite=(300, 500), total=(1700, 1900)
    )
    return HandoverDone(job.text, 0, 1, taken, 12544, samples, ("webgpu-packed",), ("host",))


def request(plan: Plan) -> Request:
    return Request("local", {"cpu": "x"}, "r", UNITS, ("mini_v2",), plan, QUICK, HandoverSetting(), 3)
