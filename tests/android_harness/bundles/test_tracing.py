"""Sections of the system's trace, from the real runner into a library of the name and the functions of Android's."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from android_harness.protocol.journal import TRACING, CollabDone, Event, PhaseStarted
from android_harness.protocol.phases import CollabJob, Phase, Repeat
from android_harness.targets.device_notes import TRACED, DeviceNotes, sentences
from android_harness.targets.execute import execute
from android_harness.targets.local import LocalTarget
from collab.placement import parse_placement
from collab.units import UnitSpec
from collab.variants import collaborative
from exporters.bundle import write_bundle
from exporters.manifests.manifest import MANIFEST
from tests.models import tiny

RUNS, WARMUPS = 3, 2
LIBRARY = """
#include <cstdio>
#include <cstdlib>
#include <mutex>
static std::mutex mutex;
static void Keep(const char* text) {
  const std::lock_guard<std::mutex> lock(mutex);
  if (std::FILE* file = std::fopen(std::getenv("TRACE_CALLS"), "a")) {
    std::fprintf(file, "%s\\n", text);
    std::fclose(file);
  }
}
extern "C" bool ATrace_isEnabled() { return std::getenv("TRACE_CALLS") != nullptr; }
extern "C" void ATrace_beginSection(const char* name) { Keep(name); }
extern "C" void ATrace_endSection() { Keep("."); }
"""


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is missing")
def test_steps_are_sections_while_a_trace_is_recorded(device: LocalTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "library.cc").write_text(LIBRARY)
    subprocess.run(["g++", "-shared", "-fPIC", "-o", tmp_path / "libandroid.so", tmp_path / "library.cc"], check=True)
    write_bundle(collaborative(tiny(), "nca"), parse_placement("", branches=2), tmp_path / "bundle")
    cores = device.info.cores
    units = {f"cpu{number}": UnitSpec("cpu").on_cores([cores[number % len(cores)]]) for number in range(2)}
    job = CollabJob("c", tmp_path / "bundle" / MANIFEST, warmup=WARMUPS, runs=RUNS, path="memcpy", wait="condvar")
    phase = Phase("p", units, (job,), Repeat(1, 1))
    calls = tmp_path / "calls"
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))

    def run() -> tuple[list[Event], DeviceNotes]:
        events: list[Event] = []
        assert execute(device, phase, tmp_path / "journal.jsonl", events.append)
        notes = DeviceNotes()
        for event in events:
            notes.add(event)
        return events, notes

    events, notes = run()
    assert not calls.exists()
    assert [event.conditions for event in events if isinstance(event, PhaseStarted)] == [{}]
    assert TRACED not in notes.conditions

    monkeypatch.setenv("TRACE_CALLS", str(calls))
    events, notes = run()
    assert [event.conditions for event in events if isinstance(event, PhaseStarted)] == [{TRACING: "on"}]
    assert notes.conditions[TRACED] == "1 of 1 phases"
    assert "recorded a trace" in " ".join(sentences(notes.conditions))
    [done] = [event for event in events if isinstance(event, CollabDone)]
    expected = Counter({"visit c": 1, "warm-up": WARMUPS * len(units)})
    expected += Counter({f"sample {number}": len(units) for number in range(1, RUNS + 1)})
    expected += Counter({f"{s.unit} {s.segment} {s.step} {s.peer}".strip(): RUNS + WARMUPS for s in done.steps})
    lines = calls.read_text().splitlines()
    assert Counter(line for line in lines if line != ".") == expected
    assert lines.count(".") == expected.total(), "as many end as begin"
