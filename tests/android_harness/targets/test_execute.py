"""Who looks on a phase may fail: the runner then ends after its visit, and lets go of the journal before the error is passed on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from android_harness.device.units import resolve_units
from android_harness.protocol.journal import Event, PhaseEnded, TimeDone, read_journal
from android_harness.protocol.phases import Phase, Repeat, TimeJob
from android_harness.targets.execute import execute
from android_harness.targets.local import LocalTarget
from collab.blocks import parse_key
from exporters.tflite_route import write_block


class LookError(Exception):
    """An error of who looks on."""


@pytest.mark.parametrize("error", [LookError("no more"), KeyboardInterrupt()], ids=["error", "ctrl-c"])
def test_the_journal_is_whole_and_free_at_once(device: LocalTarget, tmp_path: Path, error: BaseException) -> None:
    model = tmp_path / "model.tflite"
    model.write_bytes(write_block(parse_key("add_14_16x2")))
    units = resolve_units((), device.info)
    phase = Phase("small", units, tuple(TimeJob(unit, unit, model, warmup=1, runs=4) for unit in units), Repeat(500, 500))
    journal = tmp_path / "journal.jsonl"

    def look(event: Event) -> None:
        if isinstance(event, TimeDone):
            raise error

    with pytest.raises(type(error)):
        execute(device, phase, journal, look)
    assert journal.read_bytes().endswith(b"\n")
    events = list(read_journal(journal))
    assert isinstance(events[-1], PhaseEnded)
    assert events[-1].stopped is not None
    assert 0 < sum(isinstance(event, TimeDone) for event in events) < 1000
    # A runner that still wrote would hold it.
    assert execute(device, replace(phase, repeat=Repeat(1, 1)), journal, lambda _: None)
