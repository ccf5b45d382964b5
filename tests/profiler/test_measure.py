"""A profile that goes on, with the real runner: what was measured otherwise is measured again, and never mixed in."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from android_harness.device.units import resolve_units
from android_harness.protocol.journal import HandoverDone, PhaseStarted, TimeDone, read_journal
from android_harness.targets.local import LocalTarget
from collab.blocks import parse_key
from collab.errors import TableError
from lut.tables import load_tables
from profiler.effort import QUICK
from profiler.execution import NoObserver
from profiler.handover_setting import HandoverSetting
from profiler.job_ids import BlockId
from profiler.look import present_provenance
from profiler.measure import ProfileResult, profile
from profiler.plan import plan_blocks, plan_handovers
from profiler.provenance import differences
from profiler.request import JOURNAL_FILE, PLAN_FILE, Request, load_request
from profiler.samples import read_store

BLOCK, MORE = parse_key("add_8_4x2"), parse_key("add_8_8x2")
OTHER, BETWEEN = "mbconv_8_k3s1_8-16-8_relu", "mbconv_8_k3s1_8-24-8_relu"


@pytest.fixture(name="request_")
def a_small_request(device: LocalTarget) -> Request:
    units = resolve_units((), device.info)
    effort = msgspec.structs.replace(QUICK, min_rounds=2, max_rounds=2, transfer_rounds=1)
    plan = plan_blocks([BLOCK]).merged(plan_handovers([64]))
    info = device.info
    return Request(info.name, info.fingerprint, device.runtime, units, (), plan, effort, HandoverSetting(), 0, conditions=device.conditions)


def measured(device: LocalTarget, request: Request, out: Path) -> ProfileResult:
    result = profile(device, request, out, NoObserver())
    assert result.complete
    return result


def visits(out: Path) -> int:
    return sum(isinstance(event, (TimeDone, HandoverDone)) for event in read_journal(out / JOURNAL_FILE))


def rewritten(out: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Makes the journal's phase lines those of another runner."""
    lines = [json.loads(line) for line in (out / JOURNAL_FILE).read_text().splitlines()]
    for line in lines:
        if line["event"] == "phase":
            change(line)
    (out / JOURNAL_FILE).write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_every_row_says_where_it_came_from(device: LocalTarget, request_: Request, tmp_path: Path) -> None:
    assert measured(device, request_, tmp_path).not_counted == 0
    tables = load_tables(tmp_path)
    now = present_provenance(device, request_)
    for row in (*tables.blocks, *tables.transfers):
        found = tables.meta.provenance[row.config_hash]
        assert (found.protocol, found.runner, found.conditions) == (now.protocol, now.runner, {})
        assert found.libraries == {"litert": now.engines["litert"]}
        assert all(tables.meta.units[name].text == text for name, text in found.units.items())
    hashes = {row.config_hash for row in tables.blocks}
    assert len(hashes) == len(request_.units), "one for each unit"
    assert {tuple(tables.meta.provenance[row.config_hash].units) for row in tables.transfers} == {("cpu0", "cpu1")}
    assert tables.meta.provenance.keys() == {row.config_hash for row in (*tables.blocks, *tables.transfers)}


def test_a_look_leaves_the_journal_alone_and_what_is_whole_is_not_measured_again(
    device: LocalTarget, request_: Request, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measured(device, request_, tmp_path)
    before = (tmp_path / JOURNAL_FILE).read_bytes()
    assert measured(device, request_, tmp_path).not_counted == 0
    assert (tmp_path / JOURNAL_FILE).read_bytes() == before
    assert capsys.readouterr().err == ""


def _protocol(line: dict[str, Any]) -> None:
    del line["protocol"], line["conditions"]


OTHERWISE: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "protocol": (_protocol, "measurement protocol 1 (now 2)"),
    "runner": (lambda line: line.update(runner="0.1.9"), "runner 0.1.9 (now 0.4.0)"),
    "library": (lambda line: line["engines"].update(litert="an older one"), "library of litert an older one (now libLiteRt.so, "),
    "conditions": (lambda line: line.update(conditions={"clocks": "fixed"}), "clocks fixed (now not said)"),
}


@pytest.mark.parametrize("what", OTHERWISE)
def test_what_was_measured_otherwise_is_measured_again_and_kept_apart(
    device: LocalTarget, request_: Request, tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    change, said = OTHERWISE[what]
    measured(device, request_, tmp_path)
    first, hashes = visits(tmp_path), {row.config_hash for row in load_tables(tmp_path).blocks}
    rewritten(tmp_path, change)
    old = (tmp_path / JOURNAL_FILE).read_bytes()
    result = measured(device, request_, tmp_path)
    told = capsys.readouterr().err
    assert f"{first} visits of the journal do not count" in told
    assert said in told
    assert result.not_counted == first
    assert (tmp_path / JOURNAL_FILE).read_bytes().startswith(old), "nothing is lost"
    assert visits(tmp_path) == 2 * first, "everything was measured again"
    tables, store = load_tables(tmp_path), read_store(tmp_path / JOURNAL_FILE)
    for row in tables.blocks:
        samples = store.jobs[BlockId(row.unit, parse_key(row.block))]
        assert (row.visits, row.n) == (2, 2 * QUICK.runs) == (samples.visits, len(samples.pooled("run")))
    assert {row.config_hash for row in tables.blocks} == hashes, "the same way of measuring has the same hash"
    assert all(found.protocol == 2 for found in tables.meta.provenance.values())
    assert measured(device, request_, tmp_path).not_counted == first
    assert visits(tmp_path) == 2 * first, "and that is enough"


def test_only_what_the_present_runner_has_not_measured_is_pending(device: LocalTarget, request_: Request, tmp_path: Path) -> None:
    measured(device, request_, tmp_path)
    rewritten(tmp_path, lambda line: line.update(runner="0.1.9"))
    measured(device, request_, tmp_path)
    before = visits(tmp_path)
    more = request_.with_plan(request_.plan.merged(plan_blocks([MORE])))
    measured(device, more, tmp_path)
    new = list(read_journal(tmp_path / JOURNAL_FILE))
    jobs = {event.job for event in [event for event in new if isinstance(event, (TimeDone, HandoverDone))][before:]}
    assert {job for job in jobs if not job.startswith("sentinel")} == {BlockId(unit, MORE).text for unit in request_.units}


def test_a_folder_of_the_format_before_goes_on(device: LocalTarget, request_: Request, tmp_path: Path) -> None:
    measured(device, request_, tmp_path)
    rewritten(tmp_path, _protocol)
    plan = json.loads((tmp_path / PLAN_FILE).read_text())
    for name in ("sentinel_block", "between", "conditions"):
        del plan[name]
    del plan["rehearsals"]
    (tmp_path / PLAN_FILE).write_text(json.dumps({**plan, "format": 2}))
    meta = json.loads((tmp_path / "meta.json").read_text())
    (tmp_path / "meta.json").write_text(json.dumps({**meta, "format": 2}))
    with pytest.raises(TableError, match=r"format 2; this version reads 4; .*--resume"):
        load_tables(tmp_path)
    earlier = load_request(tmp_path)
    request_.check_extends(earlier, tmp_path)
    measured(device, replace(earlier, conditions=device.conditions), tmp_path)
    assert {found.protocol for found in load_tables(tmp_path).meta.provenance.values()} == {2}


def test_the_blocks_that_a_profile_began_with_are_run_and_recorded(device: LocalTarget, request_: Request, tmp_path: Path) -> None:
    asked = replace(request_, sentinel_block=OTHER, between=BETWEEN)
    measured(device, asked, tmp_path)
    assert load_request(tmp_path) == asked
    meta = load_tables(tmp_path).meta
    assert (meta.sentinel_block, meta.handover) == (OTHER, {"wait": "spin", "path": "shared", "between": BETWEEN})
    plain = tmp_path / "plain"
    measured(device, request_, plain)
    assert not {row.config_hash for row in load_tables(plain).transfers} & {row.config_hash for row in load_tables(tmp_path).transfers}


def test_a_library_that_changes_on_the_way_ends_in_a_sentence(
    device: LocalTarget, request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of two phases runs with a copy of the library that has another byte at its end."""
    library = tmp_path / "libLiteRt.so"
    library.write_bytes(device._library.read_bytes() + b"\0")
    started: list[str] = []
    start = LocalTarget.start

    def swapped(target: LocalTarget, phase: Any, journal: Path) -> Any:
        started.append(phase.name)
        if len(started) == 2:
            monkeypatch.setattr(device, "_library", library)
        return start(target, phase, journal)

    monkeypatch.setattr(LocalTarget, "start", swapped)
    out = tmp_path / "out"
    with pytest.raises(TableError, match=r"has changed since .*library of litert libLiteRt\.so, \d+ bytes.* \(now .*resume=True"):
        profile(device, request_, out, NoObserver())
    assert started == ["blocks-0", "transfers-1"]
    begun = [event for event in read_journal(out / JOURNAL_FILE) if isinstance(event, PhaseStarted)]
    assert len({event.engines["litert"] for event in begun}) == 2
    assert load_request(out) == request_
    assert {row.n for row in load_tables(out).blocks} == {2 * QUICK.runs}, "what was measured before is kept"
    result = measured(device, request_, out)
    assert result.not_counted > 0
    counting = read_store(out / JOURNAL_FILE).provenance
    assert counting is not None
    assert differences(counting, present_provenance(device, request_)) == ()
