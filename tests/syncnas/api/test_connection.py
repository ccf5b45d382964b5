"""Devices from Python: this machine, really opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import syncnas


@pytest.fixture(name="opened")
def opened_device(runner: Path) -> syncnas.Device:
    assert runner.is_file()
    return syncnas.open_device("local")


def test_this_machine_tells_what_it_is(opened: syncnas.Device) -> None:
    with opened as device:
        assert device.is_open
        assert device.name == "local"
        assert device.description["system"] == "Linux"
        cores = [core for cluster in device.clusters for core in cluster.cores]
        assert sorted(cores) == sorted(os.sched_getaffinity(0))
        assert [cluster.number for cluster in device.clusters] == list(range(len(device.clusters)))
        assert all(unit.startswith("cpu:threads=1,cores=") for unit in device.default_units)
        assert device.android_api_level is None
        assert device.memory_bytes
        assert "litert" in device.runtime
        assert "open" in repr(device)
    assert not device.is_open
    assert "closed" in repr(device)
    device.close()
    with pytest.raises(syncnas.DeviceError, match="closed"):
        device.clean()


def test_options_are_checked() -> None:
    with pytest.raises(syncnas.ConfigError, match="one of light, moderate"):
        syncnas.open_device("local", hot_at="boiling")


def test_what_is_not_there_cannot_be_opened() -> None:
    with pytest.raises(syncnas.DeviceError):
        syncnas.open_device("127.0.0.1:1")


def test_the_list_ends_with_this_machine() -> None:
    found = syncnas.devices()
    assert len(found) >= 1
    assert list(found)[-1] == syncnas.SeenDevice("local", "this machine", "device")
    assert list(found.frame().columns) == ["name", "way", "state"]


def test_a_tables_device_that_is_not_connected_is_not_dialled(lut: Path, tmp_path: Path) -> None:
    """An address out of a file is whoever's who wrote the file."""
    import shutil

    copy = shutil.copytree(lut, tmp_path / "copy")
    meta = copy / "meta.json"
    meta.write_text(meta.read_text().replace('"device": "local"', '"device": "127.0.0.1:5555"'))
    tables = syncnas.load_tables(copy)
    assert tables.device == "127.0.0.1:5555"
    for use in (lambda: syncnas.verify(tables, "micro_v2"), lambda: syncnas.certify(tables)):
        with pytest.raises(syncnas.DeviceError, match="not dialled unasked"):
            use()
