"""From nothing to a profile with GPU in three commands: setup, doctor, profile."""

from __future__ import annotations

import shlex
from pathlib import Path

from lut.meta import META_FILE
from lut.tables import load_tables
from tests.phone.virtual.virtual_phone import VirtualPhone
from tests.phone.wires.hosts import Host


def test_three_commands_lead_from_nothing_to_a_profile_with_gpu(runner: Path, phone: VirtualPhone, tmp_path: Path) -> None:
    assert runner.is_file()
    host, out = Host(tmp_path / "home"), tmp_path / "luts"
    found = host.json("android_harness.setup", "--device", phone.serial)
    assert (found["android"], found["page_bytes"], found["undone"]) == ("14", 4096, [])
    assert found["units"]["gpu"]["ready"]
    doctor, profile = (shlex.split(command) for command in found["next"])
    ready = host.json(*doctor[2:])
    assert ready["ready"] is True
    assert profile[2:5] == ["profiler.run", "--device", phone.serial]
    assert profile[-6:-2] == ["--unit", "cpu:cluster=big", "--unit", "gpu"]
    # The profile that is advised, of one hand-over in place of a network: that takes a minute less.
    host.json(*profile[2:5], *profile[-6:-2], "--out", out, "--transfer-bytes", 12544, "--quick")
    assert (out / META_FILE).is_file()
    assert {spec.kind for spec in load_tables(out).meta.units.values()} == {"cpu", "gpu"}
