"""A phone from Python: opened once, it describes itself, is measured, and is given a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import syncnas
from tests.models import tiny
from tests.phone.virtual.virtual_phone import VirtualPhone

pytestmark = pytest.mark.slow


def test_one_connection_serves_all(runner: Path, phone: VirtualPhone, tmp_path: Path) -> None:
    assert runner.is_file()
    (tmp_path / "tiny.json").write_text(tiny().to_json())
    notes: list[str] = []
    with syncnas.open_device(phone.serial, on_note=notes.append) as device:
        assert device.android_api_level == 34
        assert device.description["system"].startswith("Android ")
        assert [cluster.max_clock_mhz for cluster in device.clusters] == sorted(cluster.max_clock_mhz or 0 for cluster in device.clusters)
        assert "Android API level" in device._repr_html_()
        profile = syncnas.profile(blocks=["add_8_4x2"], device=device, out=tmp_path / "lut", quick=True, on_note=notes.append)
        assert profile.tables.device == phone.serial
        assert profile.tables.statuses["failed"] == 0
        bundle = syncnas.export(syncnas.load_model(tmp_path / "tiny.json").with_strategy("aca"), tmp_path / "bundle")
        deployment = syncnas.deploy(bundle, device=device, runs=4, on_note=notes.append)
        assert deployment.script == "/data/local/tmp/syncnas/deployed/tiny_x2_aca/run.sh"
        assert deployment.measured.n == 4
        assert deployment.predicted_us is None
        device.clean()
    assert notes == []


def test_phones_side_by_side(runner: Path, make_phone: Callable[..., VirtualPhone], tmp_path: Path) -> None:
    assert runner.is_file()
    phones = [make_phone(), make_phone()]
    seen: list[syncnas.Progress] = []
    asked = {"blocks": ["add_8_4x2"], "devices": [phone.serial for phone in phones], "out": tmp_path, "quick": True}
    fleet = syncnas.profile_devices(**asked, on_progress=seen.append)  # type: ignore[arg-type]
    assert not fleet.failed
    assert [phone.tables.device for phone in fleet if phone.tables is not None] == [phone.serial for phone in phones]
    assert {progress.what for progress in seen} == {f"profiling {phone.serial}" for phone in phones}

    def stop(progress: syncnas.Progress) -> None:
        raise KeyboardInterrupt(progress.what)

    more = {**asked, "blocks": [f"mbconv_12_k3s1_24-{width}-24_relu6" for width in range(32, 160, 4)], "resume": True}
    with pytest.raises(KeyboardInterrupt, match="profiling"):
        syncnas.profile_devices(**more, on_progress=stop)  # type: ignore[arg-type]
    # Nobody holds the folders any more.
    again = syncnas.profile_devices(**{**more, "blocks": []})  # type: ignore[arg-type]
    assert not again.failed
