"""Where things lie on a device: all that the harness puts there is in one folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from android_harness.device.machine import LOCAL_NAME

PHONE_ROOT: Final = "/data/local/tmp/syncnas"
"""The only place where adb's shell may both write and execute, on every Android."""


@dataclass(frozen=True)
class Layout:
    """The harness's folder on a device, absolute, without a slash at its end."""

    root: str = PHONE_ROOT

    @property
    def store(self) -> str:
        """Models and manifests, whose names hold their sha256."""
        return f"{self.root}/store"

    @property
    def phases(self) -> str:
        """A folder for each phase: what is to be done, the journal, the runner's output."""
        return f"{self.root}/phases"

    def phase(self, identity: str) -> str:
        return f"{self.phases}/{identity}"

    def kit(self, digest: str) -> str:
        """Runner and runtime; another version lies in another folder."""
        return f"{self.root}/kits/{digest}"

    @property
    def lock(self) -> str:
        """Who has the device."""
        return f"{self.root}/lock"

    @property
    def saved_settings(self) -> str:
        """What the device's settings were before they were changed; there while they are changed."""
        return f"{self.root}/settings"

    def deployed(self, name: str) -> str:
        """A deployed bundle, with all it needs to run by itself."""
        return f"{self.root}/deployed/{name}"


def layout_of(name: str) -> Layout:
    """The layout on the device of that name; this machine has the user's cache folder instead of a phone's."""
    return Layout(str(Path.home() / ".cache" / "syncnas" / "device")) if name == LOCAL_NAME else Layout()
