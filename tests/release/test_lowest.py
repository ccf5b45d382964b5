"""Pins of the lowest versions: one for every dependency, each inside its own bound."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from collab.errors import ConfigError
from release import lowest as module
from release.lowest import SETTINGS, lowest


def test_every_dependency_has_a_lower_bound() -> None:
    settings = configparser.ConfigParser()
    settings.read(SETTINGS, encoding="utf-8")
    asked = settings["options"]["install_requires"].split()
    pins = lowest([])
    assert pins == [line.replace(">=", "==") for line in asked]
    assert "numpy==1.26" in pins


def test_extras_bring_theirs() -> None:
    assert set(lowest(["onnx", "usb"])) - set(lowest([])) == {"onnx==1.17", "onnxruntime==1.20", "onnxscript==0.5", "adb-shell[usb]==0.4.4"}
    with pytest.raises(ConfigError, match="--extra nothing: one of usb, torch"):
        lowest(["nothing"])


@pytest.mark.parametrize("line", ["numpy", "numpy<2", "numpy==1.26", "numpy>=1,<2", "numpy @ file:///x"])
def test_a_dependency_without_one_is_named(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "setup.cfg"
    path.write_text(f"[options]\ninstall_requires =\n    {line}\n[options.extras_require]\n")
    monkeypatch.setattr(module, "SETTINGS", path)
    with pytest.raises(ConfigError, match="has no lower bound of the form"):
        lowest([])
