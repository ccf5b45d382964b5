"""Description of a device: its cores, its fingerprint, and the conditions at the time of the look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from collab.units import WEBGPU


@dataclass(frozen=True)
class Cluster:
    """CPU cores with the same highest clock `max_khz`, which is None where the system does not say."""

    cores: tuple[int, ...]
    max_khz: int | None


@dataclass(frozen=True)
class DeviceInfo:
    """Description of a device. Tables of devices with different fingerprints are never mixed."""

    name: str
    fingerprint: Mapping[str, str]
    clusters: tuple[Cluster, ...]
    """Slowest first, with the cores only that a process may run on."""
    conditions: Mapping[str, str] = field(default_factory=dict)
    """State at the time of the look: governors, heat, battery. It is recorded and decides nothing."""
    api_level: int | None = None
    """Android's API level; None where the device does not run Android."""
    memory_bytes: int | None = None
    """Total memory; None where the device does not say."""

    gpu_backends: tuple[str, ...] = (WEBGPU,)
    """Backends by which the runtime for this device can drive a GPU, its preferred one first."""

    @property
    def cores(self) -> tuple[int, ...]:
        return tuple(sorted(core for cluster in self.clusters for core in cluster.cores))
