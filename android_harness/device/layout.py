"""Paths on a device: everything that the harness puts there lies in one folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from android_harness.device.machine import LOCAL_NAME
from collab.system.caches import cache_folder

PHONE_ROOT: Final = "/data/local/tmp/syncnas"
"""Folder below the only one in which adb's shell may both write and execute, on every Android."""


@dataclass(frozen=True)
class Layout:
    """Paths below the harness's folder on a device; `root` is absolute, without a slash at its end."""

    root: str = PHONE_ROOT

    @property
    def store(self) -> str:
        """Folder of models and manifests, whose names hold their sha256."""
        return f"{self.root}/store"

    @property
    def phases(self) -> str:
        """Folder with a folder for each phase, which holds the phase file, the journal and the runner's output."""
        return f"{self.root}/phases"

    def phase(self, identity: str) -> str:
        """Returns the folder of a phase."""
        return f"{self.phases}/{identity}"

    def kit(self, digest: str) -> str:
        """Returns the folder of a kit; another version of runner or runtime has another digest, so another folder."""
        return f"{self.root}/kits/{digest}"

    @property
    def lock(self) -> str:
        """Folder of the device's lock, which names its owner."""
        return f"{self.root}/lock"

    @property
    def saved_settings(self) -> str:
        """File of the device's original settings, which exists while they are changed."""
        return f"{self.root}/settings"

    def deployed(self, name: str) -> str:
        """Returns the folder of a deployed bundle and of everything that it needs to run by itself."""
        return f"{self.root}/deployed/{name}"


def layout_of(name: str) -> Layout:
    """Returns the layout on the device of a name; on this machine it lies in the user's cache folder."""
    return Layout(str(cache_folder("device"))) if name == LOCAL_NAME else Layout()
