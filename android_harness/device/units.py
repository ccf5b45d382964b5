"""Units on a device: the default ones, and those of a user resolved to its cores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from android_harness.device.gpu_driver import gpu_warning
from android_harness.device.info import DeviceInfo
from android_harness.device.nnapi import NNAPI_ADVICE, NNAPI_DEPRECATED, nnapi_is_deprecated
from collab.errors import ConfigError, DeviceError
from collab.units import WEBGPU, UnitSpec, format_cores, name_units, parse_unit
from collab.wording.options import option_named


def default_units(info: DeviceInfo) -> tuple[UnitSpec, ...]:
    """Returns two CPU units of one core each: the two fastest cores, of the fastest cluster or of the two fastest.

    Raises:
        DeviceError: this process may use one core only, or none.
    """
    _require_cores(info)
    fastest_first = [core for cluster in reversed(info.clusters) for core in cluster.cores]
    if len(fastest_first) < 2:
        raise DeviceError(
            f"{info.name} lets this process run on 1 core only, and two units want a core each;"
            f" name the units with {option_named('--unit')}: cpu:cores=0 may be given twice"
        )
    return tuple(parse_unit("cpu:threads=1").on_cores([core]) for core in sorted(fastest_first[:2]))


def resolve_units(specs: Sequence[UnitSpec], info: DeviceInfo) -> dict[str, UnitSpec]:
    """Names units and resolves their clusters to cores; without units, the default ones.

    Raises:
        ConfigError: a core does not exist or may not be used, a cluster is unknown, or a unit has more threads than cores.
        DeviceError: the device shows no core.
    """
    return {name: _resolve(name, spec, info) for name, spec in name_units(specs or default_units(info)).items()}


def warnings(units: Mapping[str, UnitSpec], info: DeviceInfo) -> Iterator[str]:
    """Yields warnings for the user who measures these units, each a sentence."""
    gpu = gpu_warning(info.conditions)
    if gpu is not None:
        yield from (f"Warning: {name}: {gpu}" for name, spec in units.items() if spec.kind == "gpu")
    if nnapi_is_deprecated(info):
        yield from (f"Warning: {name}: {NNAPI_DEPRECATED}; {NNAPI_ADVICE}" for name, spec in units.items() if spec.kind == "nnapi")


def _resolve(name: str, spec: UnitSpec, info: DeviceInfo) -> UnitSpec:
    """Returns a unit with its cores; units other than CPUs stay as they are."""
    if spec.kind == "gpu":
        return _with_backend(name, spec, info)
    if spec.kind != "cpu":
        return spec
    _require_cores(info)
    if spec.cluster is not None:
        return spec.on_cores(_cluster_cores(spec.cluster, info))
    if spec.cores is None:
        raise ConfigError(
            f"unit {name} ({spec}) names no cores; write for example cpu:threads={spec.threads},cores={format_cores(info.cores)}"
        )
    absent = [core for core in spec.cores if core not in info.cores]
    if absent:
        raise ConfigError(
            f"unit {name} ({spec}): core {absent[0]} is not there or may not be used; {info.name} has cores {format_cores(info.cores)}"
        )
    if spec.threads > len(spec.cores):
        raise ConfigError(
            f"unit {name} ({spec}): {spec.threads} threads on {len(spec.cores)} cores would wait for each other; name as many cores"
        )
    return spec


def _with_backend(name: str, spec: UnitSpec, info: DeviceInfo) -> UnitSpec:
    """Returns a GPU unit with the backend that drives it. WebGPU stays unsaid: a runtime that has it has no other.

    Raises:
        ConfigError: the device's runtime lacks the backend that the unit asks for.
    """
    backend = spec.backend or (info.gpu_backends or (WEBGPU,))[0]
    if backend not in (info.gpu_backends or (backend,)):
        raise ConfigError(
            f"unit {name} ({spec}): the runtime for {info.name} drives GPUs by {' or '.join(info.gpu_backends)}, not by {backend}; write"
            f" for example gpu:backend={info.gpu_backends[0]}"
        )
    return replace(spec, backend=None if backend == WEBGPU else backend)


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
        raise ConfigError(f"cluster={cluster}: {info.name} has the clusters {numbers}, which are also called little (0) and big ({last})")
    return names[cluster]
