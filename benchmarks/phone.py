"""Benchmark of the time that a phone adds: profiles over ADB and on the same machine directly, in turns. Needs root and debootstrap."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from android_harness.protocol.journal import PhaseEnded, PhaseStarted, read_journal
from benchmarks.results import keep, say
from tests.phone.virtual.virtual_phone import VirtualPhone
from tests.phone.wires.proxy import FaultProxy
from tests.phone.wires.relay import Direction

OUTSIDE = 0.10
FIRST_SAMPLE_S = 3.0
SENT_AGAIN = 0.02
"""Largest share of the first run's bytes that a second run sends: commands and phases, but neither models nor libraries."""
_TURNS = 2


@dataclass(frozen=True)
class Profile:
    """Figures of one profile; `outside` is the share of its time that was spent neither in samples nor in creating models."""

    device: str
    effort: str
    wall_s: float
    outside: float
    begun_after_s: float
    sent_bytes: int


def run() -> None:
    """Profiles one base model with the coarse grid, on a phone and here in turns, and with the full grid on the phone."""
    with VirtualPhone() as phone, FaultProxy(phone.port) as proxy, tempfile.TemporaryDirectory() as folder:
        profiles = []
        for turn in range(_TURNS + 1):
            profiles.append(measure(proxy.serial, proxy, Path(folder) / f"phone{turn}", "quick"))
            if turn > 0:
                profiles.append(measure("local", proxy, Path(folder) / f"local{turn}", "quick"))
        profiles.append(measure(proxy.serial, proxy, Path(folder) / "full", "full"))
    cold, *warm = [profile for profile in profiles if profile.device != "local" and profile.effort == "quick"]
    local = [profile for profile in profiles if profile.device == "local"]
    for name, some in (("coarse grid, cold", [cold]), ("coarse grid", warm), ("full grid", profiles[-1:])):
        outside = max(profile.outside for profile in some)
        say(f"phone: time outside samples, {name}", f"{100 * outside:.1f} %", f"<= {100 * OUTSIDE:.0f} %", met=outside <= OUTSIDE)
    print(f"  the same on this machine, coarse grid: {', '.join(f'{100 * profile.outside:.1f} %' for profile in local)}")
    begun_s = max(profile.begun_after_s for profile in warm)
    say(
        "phone: second run, from the command to the first visit",
        f"{begun_s:.1f} s",
        f"<= {FIRST_SAMPLE_S} s",
        met=begun_s <= FIRST_SAMPLE_S,
    )
    sent = max(profile.sent_bytes for profile in warm) / cold.sent_bytes
    say("phone: second run, bytes sent against the first", f"{100 * sent:.2f} %", f"<= {100 * SENT_AGAIN:.0f} %", met=sent <= SENT_AGAIN)
    print("  raw:", keep("phone", {"profiles": [asdict(profile) for profile in profiles]}))


def measure(device: str, proxy: FaultProxy, out: Path, effort: str) -> Profile:
    """Profiles by the command, in a process that sees no adb server, and returns the figures."""
    options = ["--quick"] if effort == "quick" else []
    command = [sys.executable, "-m", "profiler.run", "--device", device, "--model", "mobilenet_v2", "--out", str(out), *options, "--json"]
    sent_before = proxy.bytes[Direction.TO_PHONE]
    begin, begin_unix = time.monotonic(), time.time()
    subprocess.run(command, check=True, stdout=subprocess.PIPE, env={**os.environ, "ANDROID_ADB_SERVER_PORT": "1"})
    wall_s = time.monotonic() - begin
    events = list(read_journal(out / "journal.jsonl"))
    inside_ns = sum(event.sampled_ns + event.created_ns for event in events if isinstance(event, PhaseEnded))
    first = next(event for event in events if isinstance(event, PhaseStarted))
    return Profile(
        device="local" if device == "local" else "phone",
        effort=effort,
        wall_s=wall_s,
        outside=1 - inside_ns / 1e9 / wall_s,
        begun_after_s=first.unix_ns / 1e9 - begin_unix,
        sent_bytes=proxy.bytes[Direction.TO_PHONE] - sent_before,
    )
