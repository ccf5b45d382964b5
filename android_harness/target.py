"""Targets: what the rest of the toolkit may ask of anything that can carry out phases, be it this machine or a phone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from android_harness.gpu_driver import gpu_warning
from android_harness.journal import Event
from android_harness.phases import Phase
from collab.errors import DeviceError
from collab.units import UnitSpec, format_cores, name_units, parse_unit

NNAPI_DEPRECATED: Final = "NNAPI is deprecated since Android 15: vendors stop to maintain it, and it may run on the CPU"
NNAPI_ADVICE: Final = "LiteRT's own NPU drivers take its place; --unit npu is not there yet, so measure CPU and GPU meanwhile"
_NNAPI_DEPRECATED_API: Final = 35
JOURNAL_LOST: Final = 3
"""The runner's exit status when it could not write the journal: no job is to blame."""


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


class PhaseRun(Protocol):
    """A phase that a device is carrying out by itself."""

    def events(self) -> Iterator[Event]:
        """Events as they come, until the runner has ended. Waits without disturbing what is measured."""

    def stop(self) -> None:
        """Asks the runner to end after the running visit; `events` then comes to its end."""

    @property
    def exit_reason(self) -> str | None:
        """None after a whole run; else one sentence on how the runner ended. Valid once `events` is exhausted."""

    @property
    def interrupted(self) -> bool:
        """Whether the runner was ended from outside (a restart, a full storage) and not by the job that was running."""


class Target(Protocol):
    """A device with runner and runtime that can carry out phases, one at a time."""

    @property
    def info(self) -> DeviceInfo: ...

    @property
    def runtime(self) -> str:
        """Name and version of the runtime, as rows carry it."""

    def start(self, phase: Phase, journal: Path) -> PhaseRun:
        """Has the runner take up a phase; everything it writes is appended to `journal` on this machine.

        Raises:
            DeviceError: the runner cannot be started.
        """

    def adopt(self, journal: Path) -> PhaseRun | None:
        """What is left of a phase whose lines `journal` was taking when the process here that followed it was killed.

        Its runner may still be measuring. None if nothing is left. Raises:
            DeviceError: somebody else has the device by now.
        """

    def clean(self) -> None:
        """Removes all that the harness has put on the device, for good."""

    def close(self) -> None:
        """Gives the device back."""


def default_units(info: DeviceInfo) -> tuple[UnitSpec, ...]:
    """Two CPU units that do not share a core: a core each of the fastest cluster, or of the two fastest clusters.

    Raises:
        DeviceError: the device has one core only, or none.
    """
    _require_cores(info)
    fastest_first = [core for cluster in reversed(info.clusters) for core in cluster.cores]
    if len(fastest_first) < 2:
        raise DeviceError(
            f"{info.name} lets this process run on 1 core only, and two units want a core each;"
            " name the units with --unit, for example --unit cpu:cores=0 --unit cpu:cores=0"
        )
    return tuple(parse_unit("cpu:threads=1").on_cores([core]) for core in sorted(fastest_first[:2]))


def resolve_units(specs: Sequence[UnitSpec], info: DeviceInfo) -> dict[str, UnitSpec]:
    """Names units and resolves clusters to cores.

    Raises:
        DeviceError: a core that is not there or may not be used, an unknown cluster, or a kind the device lacks.
    """
    return {name: _resolve(name, spec, info) for name, spec in name_units(specs or default_units(info)).items()}


def nnapi_is_deprecated(info: DeviceInfo) -> bool:
    """Whether the device's Android advises against NNAPI (https://developer.android.com/ndk/guides/neuralnetworks/migration-guide)."""
    return info.api_level is not None and info.api_level >= _NNAPI_DEPRECATED_API


def warnings(units: Mapping[str, UnitSpec], info: DeviceInfo) -> Iterator[str]:
    """What a user should know before these units are measured, each in a sentence."""
    gpu = gpu_warning(info.conditions)
    if gpu is not None:
        yield from (f"Warning: {name}: {gpu}" for name, spec in units.items() if spec.kind == "gpu")
    if nnapi_is_deprecated(info):
        yield from (f"Warning: {name}: {NNAPI_DEPRECATED}; {NNAPI_ADVICE}" for name, spec in units.items() if spec.kind == "nnapi")


def _resolve(name: str, spec: UnitSpec, info: DeviceInfo) -> UnitSpec:
    if spec.kind != "cpu":
        return spec
    _require_cores(info)
    if spec.cluster is not None:
        return spec.on_cores(_cluster_cores(spec.cluster, info))
    if spec.cores is None:
        raise DeviceError(
            f"unit {name} ({spec}) names no cores; write for example cpu:threads={spec.threads},cores={format_cores(info.cores)}"
        )
    absent = [core for core in spec.cores if core not in info.cores]
    if absent:
        raise DeviceError(
            f"unit {name} ({spec}): core {absent[0]} is not there or may not be used; {info.name} has cores {format_cores(info.cores)}"
        )
    if spec.threads > len(spec.cores):
        raise DeviceError(
            f"unit {name} ({spec}): {spec.threads} threads on {len(spec.cores)} cores would wait for each other; name as many cores"
        )
    return spec


def _require_cores(info: DeviceInfo) -> None:
    if not info.cores:
        raise DeviceError(
            f"{info.name} shows no CPU core that this process may run on; are /sys/devices/system/cpu and /proc/self/status readable there?"
        )


def _cluster_cores(cluster: str, info: DeviceInfo) -> tuple[int, ...]:
    names = {str(number): entry.cores for number, entry in enumerate(info.clusters)}
    names |= {"little": info.clusters[0].cores, "big": info.clusters[-1].cores}
    if cluster not in names:
        last = len(info.clusters) - 1
        numbers = "0" if last == 0 else f"0 (the slowest) to {last}"
        raise DeviceError(f"cluster={cluster}: {info.name} has the clusters {numbers}, which are also called little (0) and big ({last})")
    return names[cluster]
