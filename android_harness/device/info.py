"""What a device is: its cores, its fingerprint and the conditions in which it was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Cluster:
    """CPU cores of one kind; `max_khz` None where the system does not say."""

    cores: tuple[int, ...]
    max_khz: int | None


@dataclass(frozen=True)
class DeviceInfo:
    """What a device is. Tables of devices with different fingerprints are never mixed."""

    name: str
    fingerprint: Mapping[str, str]
    clusters: tuple[Cluster, ...]
    """Slowest first. Only cores that a process may run on."""
    conditions: Mapping[str, str] = field(default_factory=dict)
    """How it was when it was looked at: governors, heat, battery. For the records; it decides nothing."""
    api_level: int | None = None
    """Android's; None where it is not Android."""
    memory_bytes: int | None = None
    """All of its memory; None where it does not say."""

    @property
    def cores(self) -> tuple[int, ...]:
        return tuple(sorted(core for cluster in self.clusters for core in cluster.cores))
