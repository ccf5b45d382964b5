"""The command that examines a device: what it finds on this machine, by really trying it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from android_harness.doctor import examine
from collab.errors import ConfigError
from tests.android_harness.commands import home_alone, run


@pytest.fixture(name="home")
def a_home(runner: Path, tmp_path: Path) -> Mapping[str, str]:
    assert runner.is_file()
    return home_alone(tmp_path)


def test_the_doctor_tries_what_there_is(home: Mapping[str, str]) -> None:
    said = json.loads(run("android_harness.doctor", "--device", "local", "--json", env=home))
    assert said["ready"] is True
    found = {check["topic"]: check for check in said["checks"]}
    assert found["unit cpu"]["level"] == "ok"
    assert "us for a relu" in found["unit cpu"]["found"]
    assert all(check["advice"] for check in said["checks"] if check["level"] != "ok")
    text = run("android_harness.doctor", "--device", "local", "--no-trial", env=home)
    assert "connection" in text
    assert "unit cpu" not in text


def test_a_unit_that_is_none_is_refused_before_the_device_is_asked() -> None:
    with pytest.raises(ConfigError, match="unknown kind 'nosuch'"):
        examine("127.0.0.1:1", ["nosuch"], [], trial=False)
