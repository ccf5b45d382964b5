"""The command that lists devices and cleans them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.android_harness.commands import home_alone, run
from tests.phone.wires.adb_server import FakeAdbServer


def test_devices_lists_this_machine_and_what_cannot_be_seen(tmp_path: Path) -> None:
    home = home_alone(tmp_path)
    text = run("android_harness.devices", env=home)
    assert "local" in text
    assert "no adb server on port 1" in text
    said = json.loads(run("android_harness.devices", "--json", env=home))
    assert said["devices"] == []


def test_devices_of_a_server_come_with_what_to_do(tmp_path: Path) -> None:
    with FakeAdbServer({"R58M": "device", "emulator-5554": "unauthorized"}) as server:
        environment = {**home_alone(tmp_path), "ANDROID_ADB_SERVER_PORT": str(server.port), "COLUMNS": "200"}
        said = json.loads(run("android_harness.devices", "--json", env=environment))
        text = run("android_harness.devices", env=environment)
    assert {(device["serial"], device["way"], device["state"]) for device in said["devices"]} == {
        ("R58M", "adb server", "device"),
        ("emulator-5554", "adb server", "unauthorized"),
    }
    [row] = [line for line in text.splitlines() if line.startswith("emulator-5554")]
    assert "unlock the phone and accept the key that it shows" in row


@pytest.mark.parametrize("was_there", [True, False])
def test_a_device_is_cleaned_of_the_harness_s_folder_and_of_nothing_else(was_there: bool, tmp_path: Path) -> None:
    home = home_alone(tmp_path)
    folder = tmp_path / "home" / ".cache" / "syncnas" / "device"
    folder.parent.mkdir(parents=True)
    (folder.parent / "other").touch()
    if was_there:
        (folder / "store").mkdir(parents=True)
        (folder / "store" / "model").write_bytes(b"x")
    said = json.loads(run("android_harness.devices", "--clean", "local", "--json", env=home))
    assert said == {"schema_version": 1, "serial": "local", "removed": str(folder)}
    assert [path.name for path in folder.parent.iterdir()] == ["other"]
