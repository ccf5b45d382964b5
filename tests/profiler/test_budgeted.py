"""How a budget is spent: on a device of the test's own, whose visits take as long as its clock says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Final

import pytest

from android_harness.device.info import Cluster, DeviceInfo
from android_harness.protocol.journal import (
    FORMAT,
    CollabDone,
    Event,
    JobStarted,
    Outputs,
    PhaseEnded,
    PhaseStarted,
    StepLabel,
    TimeDone,
    TimeSamples,
)
from android_harness.protocol.phases import CollabJob, Phase, TimeJob
from collab.blocks import MBConv
from collab.errors import ConfigError
from collab.units import parse_unit
from exporters.manifests.reading import load_manifest
from profiler.budgeted import parse_budget_s, spend
from profiler.effort import BUDGETED
from profiler.execution import NoObserver, carry_out
from profiler.handover_setting import HandoverSetting
from profiler.job_ids import BlockId, CallId, JobId, LoadedId, NetworkId, parse_job_id
from profiler.pending import pending_batches
from profiler.phases import block_ids
from profiler.plan import COARSE, LOADS, plan_model
from profiler.request import Request
from profiler.samples import SampleStore
from tests.models import tiny

UNITS: Final = {"cpu0": parse_unit("cpu:cores=0"), "cpu1": parse_unit("cpu:cores=1")}
_SETUP_NS: Final = 1_500_000


class Device:
    """Carries out phases at once, on a clock of its own; blocks with more channels take longer, and not in proportion."""

    runtime = "r"

    def __init__(self) -> None:
        self.info = DeviceInfo("made", {}, (Cluster((0, 1), None),))
        self.conditions: dict[str, str] = {}
        self.now_s = 0.0

    def start(self, phase: Phase, journal: Path) -> Run:
        return Run(self, phase)

    def adopt(self, journal: Path) -> None:
        return None

    def clean(self) -> None:
        return None

    def close(self) -> None:
        return None


class Run:
    """A phase that comes to its end."""

    exit_reason = None
    interrupted = False

    def __init__(self, device: Device, phase: Phase) -> None:
        self._device, self._phase = device, phase

    def stop(self) -> None:
        return None

    def events(self) -> Iterator[Event]:
        now_ns, phase = self._now_ns(), self._phase
        yield PhaseStarted(phase.name, "0", "x", {}, now_ns, now_ns, FORMAT)
        visits = 0
        for number in range(phase.repeat.max_rounds):
            for job in phase.jobs:
                assert isinstance(job, (TimeJob, CollabJob))
                yield JobStarted(job.id, number, self._now_ns())
                took_ns = _run_ns(job.id)
                self._device.now_s += ((job.runs + 2) * took_ns + _SETUP_NS) / 1e9
                yield _done(job, number, self._now_ns(), took_ns)
                visits += 1
        yield PhaseEnded(phase.name, visits, 0, 0, 0, None)

    def _now_ns(self) -> int:
        return round(self._device.now_s * 1e9) + 1


def _run_ns(job: str) -> int:
    """How long a run takes: next to nothing for a call alone, a block's as the square of its outgoing channels, all others alike."""
    match parse_job_id(job):
        case CallId():
            return 1_000
        case BlockId(block=MBConv() as block):
            return 20_000 + 100 * block.exp_c + 50 * block.out_c**2
    return 100_000


def _done(job: TimeJob | CollabJob, number: int, t_ns: int, took_ns: int) -> Event:
    took = (took_ns,) * job.runs
    if isinstance(job, TimeJob):
        return TimeDone(job.id, number, t_ns, 1, 1, True, TimeSamples(*[took] * 5), (), None)
    pieces = load_manifest(job.manifest.parent).segments
    steps = tuple(StepLabel("cpu0", piece.name, "run") for piece in pieces)
    ends = [took_ns * place // len(steps) for place in range(len(steps) + 1)]
    begin, end = (tuple((ns,) * job.runs for ns in times) for times in (ends[:-1], ends[1:]))
    return CollabDone(job.id, number, t_ns, steps, begin, end, took, Outputs(1, "x"), {})


def test_what_all_predictions_share_gets_more_rounds_than_anything_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device, store = Device(), SampleStore()
    monkeypatch.setattr("profiler.budgeted.time", SimpleNamespace(monotonic=lambda: device.now_s))
    plan = replace(plan_model(tiny(), COARSE), transfers=())
    request = Request("made", {}, "r", UNITS, ("tiny",), plan, BUDGETED, HandoverSetting(), seed=0, budget_s=20)
    assert carry_out(device, request, pending_batches(request, store), store, tmp_path)
    assert device.now_s < 8
    spent = spend(device, request, store, tmp_path, NoObserver(), deadline_s=20.0)
    assert spent.complete
    assert {block.key for block in plan.blocks} < {block.key for block in spent.request.plan.blocks}
    base, *others = plan.networks
    common: list[JobId] = [NetworkId.of("cpu0", base), LoadedId.of("cpu0", "cpu1", base, base), LoadedId.of("cpu1", "cpu0", base, base)]
    fewest = min(store.jobs[job].visits for job in common)
    assert fewest > max(store.jobs[NetworkId.of("cpu0", network)].visits for network in others[LOADS - 1 :])
    assert fewest > max(store.jobs[BlockId("cpu0", block)].visits for block in spent.request.plan.blocks)
    round_s = sum(((4 + 2) * _run_ns(job.text) + _SETUP_NS) / 1e9 for job in block_ids(spent.request.plan, UNITS))
    assert 20 - 3 * round_s < device.now_s <= 20, "the time is spent, and no more than that"
    assert store.elapsed_ns == pytest.approx(device.now_s * 1e9)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), (" 1h ", 3600)])
def test_budgets_are_times(text: str, seconds: int) -> None:
    assert parse_budget_s(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "0s", "-5m", "1.5h", "10 m", "99999999s"])
def test_other_budgets_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="10m"):
        parse_budget_s(text)
