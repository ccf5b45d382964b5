"""Any journal that is one gives tables that can be saved and loaded, whatever the device said it measured."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from android_harness.protocol.journal import (
    FORMAT,
    CollabDone,
    Event,
    HandoverDone,
    HandoverSamples,
    JobFailed,
    Outputs,
    PhaseEnded,
    PhaseStarted,
    StepLabel,
    TimeDone,
    TimeSamples,
)
from collab import config as configs
from collab.blocks import feature_bytes, parse_key
from collab.documents import MAX_NS
from collab.schedule import build_schedule
from lut.tables import USABLE, Tables, load_tables, save
from profiler.budgeted import suggestions
from profiler.effort import QUICK
from profiler.handover_setting import HandoverSetting
from profiler.job_ids import CallId, HandoverId, JobId, LoadedId, NetworkId, RehearsalId, SentinelId
from profiler.phases import block_ids, handover_ids, rehearsal_ids, sentinel_ids
from profiler.plan import Network, Plan, plan_blocks
from profiler.rehearsal import Rehearsal, draw_rehearsals
from profiler.request import Request
from profiler.samples import SampleStore
from profiler.tabulate import tables_of
from tests.borders.fuzzing import SLOW_INPUTS, fuzz
from tests.lut.made_tables import THREE_UNITS, UNITS

STEM, HEAD = parse_key("stem_16_k3s2_3-8_relu"), parse_key("head_8_k1s1_8-16-10_relu")
BODY = tuple(parse_key(f"mbconv_8_k3s1_8-{exp_c}-8_relu") for exp_c in (4, 16, 32))
WINDOW = tuple(parse_key(f"mbconv_8_k3s1_12-{exp_c}-8_relu") for exp_c in range(16, 100, 4))
NETWORKS: tuple[Network, ...] = (((STEM, BODY[1]), (BODY[2],), (HEAD,)), ((STEM,), (BODY[0], HEAD)))
PLAN: Final = Plan((STEM, *BODY, HEAD, *WINDOW, parse_key("add_8_8x2")), ((1, 8, 8, 8), (1, 8, 8, 4), (1, 1, 1, 1)), NETWORKS)
REASONS: Final = ("crashed", "", "x" * 9000, 'a "quoted", reason\nof two lines\r', "\x00\x1b[2J\u202e", "ä ﬃ")
Clock = Callable[[], int]


def samples_of(generator: random.Random) -> Clock:
    """How long things take in this journal, or on this unit in it."""
    kind, usual = generator.randrange(7), generator.choice((1, 2, 1000, 10**5, 10**6, 10**9, MAX_NS))
    choices: tuple[Clock, ...] = (
        lambda: usual,
        lambda: 1,
        lambda: MAX_NS,
        lambda: generator.choice((1, MAX_NS)),
        lambda: generator.randint(1, MAX_NS),
        lambda: min(MAX_NS, max(1, round(usual * generator.lognormvariate(0, 0.1)))),
        lambda: min(MAX_NS, max(1, round(usual * generator.lognormvariate(0, 8)))),
    )
    return choices[kind]


TINY = {
    "name": "tiny",
    "act": "ReLU",
    "bn_momentum": 0.1,
    "num_classes": 10,
    "stem": [3, 16, 3, 2],
    "0": [[8, 3, 1, 16, 32, 16]],
    "1": [[8, 3, 1, 16, 48, 16]],
    "head": [16, 32, 1, 1],
}


def rehearsed() -> Plan:
    """A plan of rehearsals of a tiny model, and of all that they are made of."""
    rehearsals = draw_rehearsals(configs.from_document(TINY), 8)
    segments = [segment for one in rehearsals for segment in build_schedule(one.config, one.on("cpu0", "cpu1")).segments]
    blocks = plan_blocks(layer.block for segment in segments for layer in segment.layers)
    return blocks.merged(Plan((), tuple(dict.fromkeys(segment.outputs[0].shape for segment in segments)), (), tuple(rehearsals)))


REHEARSED = rehearsed()


def journal(generator: random.Random) -> tuple[Request, list[Event]]:
    units = generator.choice((UNITS, THREE_UNITS, {"cpu0": UNITS["cpu0"]}))
    plans = (PLAN, Plan(PLAN.blocks, ()), Plan((), PLAN.transfers), Plan(PLAN.blocks[:5], (), PLAN.networks), REHEARSED, REHEARSED)
    plan = generator.choice(plans)
    request = Request("local", {"cpu": "x"}, "r", units, ("m",), plan, QUICK, HandoverSetting(), 0)
    jobs: list[JobId] = [*block_ids(plan, units), *sentinel_ids(units), *handover_ids(plan, units, request.handover, all_waits=False)]
    jobs += rehearsal_ids(plan, units, request.handover)
    shown = generator.choice((0.1, 0.7, 1.0, 1.0))
    jobs = [job for job in jobs if generator.random() < shown]
    took = samples_of(generator)
    by_job = {job: samples_of(generator) if generator.random() < 0.1 else took for job in jobs}
    now = generator.choice((0, 10**12, 2**62))
    events: list[Event] = [phase_started(generator, now)] if generator.random() < 0.95 else []
    visits = generator.choice((1, 2, 5, 40))
    for number in range(visits):
        for job in jobs if visits < 40 else [job for job in jobs if isinstance(job, (SentinelId, CallId)) or number < 3]:
            if generator.random() < 0.9:
                now = max(0, min(2**63 - 1, now + generator.choice((0, 1, 10**6, 10**9, -(10**9)))))
                events.append(visit(job, plan, number, now, by_job[job], generator))
        if generator.random() < 0.1:
            events.append(phase_started(generator, now))
    if generator.random() < 0.5:
        events.append(PhaseEnded("p", 1, 0, generator.choice((0, 10**9, 2**62)), 0, None))
    return request, events


def phase_started(generator: random.Random, now: int) -> PhaseStarted:
    unix_ns = generator.choice((0, 1, 1_700_000_000 * 10**9, 2**63 - 1))
    return PhaseStarted(
        phase="p",
        runner=generator.choice(("0.2.0", "0.2.0", "0.2.0", "", "\x1b[2J" * 1000)),
        abi="x",
        engines=generator.choice(({"litert": "1"}, {"": "x", "y" * 300: "\x1b" * 5000})),
        t_ns=now,
        unix_ns=unix_ns,
        format=FORMAT,
        protocol=generator.choice((1, 2, 2, 2)),
        conditions=generator.choice(({}, {}, {"clocks": "free"}, {"": "x", "y" * 300: "\x1b" * 5000})),
    )


def visit(job: JobId, plan: Plan, number: int, now: int, took: Clock, generator: random.Random) -> Event:
    if generator.random() < 0.02:
        return JobFailed(job=job.text, round=number, reason=generator.choice(REASONS))
    count = generator.choice((1, 2, 4))

    def some(least: int = 1) -> tuple[int, ...]:
        return tuple(generator.choice((least, took())) if least == 0 else took() for _ in range(count))

    if isinstance(job, HandoverId):
        return HandoverDone(
            job=job.text,
            round=number,
            t_ns=now,
            path=generator.choice(("shared", "shared", "shared", job.path, "memcpy", "upload", "readback", "post")),
            bytes=feature_bytes(job.shape),
            samples=HandoverSamples(some(0), some(0), some(0), some(0), some()),
        )
    if isinstance(job, (NetworkId, LoadedId)):
        pieces = len(plan.networks_by_name[job.network]) if generator.random() < 0.98 else generator.randrange(4)
        steps = [StepLabel(unit=job.unit, segment=str(piece), step="run", peer="") for piece in range(pieces)]
        return collab(job, steps, job.unit, number, now, count, took, generator)
    if isinstance(job, RehearsalId):
        rehearsal = plan.rehearsals_by_name[job.rehearsal]
        steps = steps_of(rehearsal, job.one, job.other)
        steps = steps if generator.random() < 0.98 else steps[: generator.randrange(len(steps))]
        return collab(job, steps, job.one, number, now, count, took, generator)
    return TimeDone(
        job=job.text,
        round=number,
        t_ns=now,
        create_ns=generator.choice((None, 0, 10**6, MAX_NS)),
        first_ns=generator.choice((None, 1, MAX_NS)),
        accelerated=generator.random() < 0.95,
        samples=TimeSamples(run=some(), total=some(), cpu=some(0), write=some(0), read=some(0)),
        core_clocks_khz=generator.choice(((), (0,), (None, 1_800_000), (1_800_000, 100_000_000))),
        temperature_mc=generator.choice((None, -273_150, 0, 40_000)),
        disturbed=generator.choice(((), (1,), (MAX_NS,))),
    )


def steps_of(rehearsal: Rehearsal, one: str, other: str) -> list[StepLabel]:
    """The waits and runs of a rehearsal."""
    schedule = build_schedule(rehearsal.config, rehearsal.on(one, other))
    found = []
    for segment in schedule.segments:
        peers = [sender for sender in segment.senders if schedule.segment(sender).unit != segment.unit]
        found += [StepLabel(unit=segment.unit, segment=segment.name, step="wait", peer=peer) for peer in peers]
        found.append(StepLabel(unit=segment.unit, segment=segment.name, step="run", peer=""))
    return found


def collab(
    job: JobId, steps: list[StepLabel], unit: str, number: int, now: int, count: int, took: Clock, generator: random.Random
) -> CollabDone:
    if generator.random() < 0.9:
        ends = [StepLabel(unit=unit, segment="x", step=step, peer="input") for step in ("write", "read")]
        steps = [ends[0], *steps, ends[1]]
    begin = tuple(tuple(generator.choice((0, took())) for _ in range(count)) for _ in steps)
    end = tuple(tuple(min(MAX_NS, at + generator.choice((took(), took(), 0))) for at in row) for row in begin)
    return CollabDone(
        job=job.text,
        round=number,
        t_ns=now,
        steps=tuple(steps),
        begin_ns=begin,
        end_ns=end,
        total_ns=tuple(took() for _ in range(count)),
        outputs=Outputs(1, "0"),
        paths={},
    )


def test_any_journal_gives_tables_that_are_read_as_they_were_written() -> None:
    usable: list[int] = []

    def feed(made: tuple[Request, list[Event]]) -> None:
        request, events = made
        store = SampleStore()
        store.add_all(events)
        tables = tables_of(request, store, {"governors": "x"})
        if len(events) % 4 == 0:
            suggestions(request, store)
        with tempfile.TemporaryDirectory() as folder:
            save(tables, Path(folder))
            loaded: Tables = load_tables(Path(folder))
        assert loaded.meta == tables.meta
        assert [(row.unit, row.block, row.status) for row in loaded.blocks] == [(row.unit, row.block, row.status) for row in tables.blocks]
        assert len(loaded.transfers) == len(tables.transfers)
        usable.append(sum(row.status in USABLE for row in loaded.blocks) > 0)

    counts = fuzz("derived tables", journal, feed, inputs=SLOW_INPUTS)
    assert counts["accepted"] > 0.9 * sum(counts.values())
    assert sum(usable) > 0.3 * len(usable), "most journals had nothing in them that could be used"
