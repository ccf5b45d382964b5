"""An arm64 phone under emulation: the kit that needs neither NDK nor AAR, end to end.

Its root file system takes minutes to make and its models seconds to run, so it is asked for: SYNCNAS_ARM64_PHONE=1.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from android_harness.kits.native_build import build_cross_kit
from collab.placement import default_placement
from collab.variants import collaborative
from exporters.bundle import write_bundle
from tests.models import tiny
from tests.phone.virtual.virtual_phone import VirtualPhone
from tests.phone.wires.hosts import Host

ASKED_FOR = "SYNCNAS_ARM64_PHONE"

pytestmark = pytest.mark.skipif(os.environ.get(ASKED_FOR) != "1", reason=f"takes minutes; {ASKED_FOR}=1 asks for it")


@pytest.fixture(name="arm64_phone", scope="module")
def a_phone_under_emulation() -> Iterator[VirtualPhone]:
    build_cross_kit()
    with VirtualPhone(arch="arm64", gpu=False) as phone:
        yield phone


def test_a_model_is_deployed_to_cpu_units(arm64_phone: VirtualPhone, tmp_path: Path) -> None:
    write_bundle(collaborative(tiny(), "nca"), default_placement(2), tmp_path / "bundle")
    host = Host(tmp_path / "home")
    said = host.json("android_harness.deploy", "--device", arm64_phone.serial, tmp_path / "bundle", "--runs", 8, timeout_s=600)
    assert said["output_error"] < 1e-4, "another machine's kernels add in another order"
    assert said["distinct_outputs"] == 1


def test_the_doctor_knows_what_works_without_ndk_and_aar(arm64_phone: VirtualPhone, tmp_path: Path) -> None:
    checks = Host(tmp_path / "home").json("android_harness.doctor", "--device", arm64_phone.serial, timeout_s=600)["checks"]
    found = {check["topic"]: check for check in checks}
    assert "aarch64" in found["device"]["found"]
    assert found["unit cpu"]["level"] == "ok"
    assert found["unit gpu"]["level"] == "note"


def test_a_block_is_profiled(arm64_phone: VirtualPhone, tmp_path: Path) -> None:
    out = tmp_path / "luts"
    asked = ("--device", arm64_phone.serial, "--block", "add_14_16x2", "--quick", "--out", out)
    said = Host(tmp_path / "home").json("profiler.run", *asked, timeout_s=900)
    assert said["failed"] == 0
    assert said["blocks"] == 2
