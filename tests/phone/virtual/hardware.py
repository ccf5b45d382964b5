"""Stand-in for /sys: clocks of CPU and GPU, and thermal zones, as files that the phone and a test may write."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ZONES: Final = ("cpu-0-0", "gpuss-0", "battery", "skin")
"""Types of the thermal zones, by number."""

_AT_REST_C: Final = 31.0
_GOVERNORS: Final = "schedutil performance powersave userspace"
_GPU_CLOCKS_HZ: Final = (257_000_000, 414_000_000, 587_000_000, 740_000_000)


@dataclass(frozen=True)
class Cluster:
    """Group of cores that share a clock."""

    cores: tuple[int, ...]
    min_khz: int
    max_khz: int
    capacity: int
    """Capacity relative to the fastest core's, which is 1024."""

    @property
    def policy(self) -> Path:
        return Path(f"devices/system/cpu/cpufreq/policy{self.cores[0]}")


def clusters_of(cores: Sequence[int]) -> tuple[Cluster, ...]:
    """Returns a little and a big cluster, each of half of the cores; a single core is big."""
    half = len(cores) // 2
    little = Cluster(tuple(cores[:half]), min_khz=300_000, max_khz=1_804_800, capacity=400)
    big = Cluster(tuple(cores[half:]), min_khz=500_000, max_khz=2_841_600, capacity=1024)
    return (little, big) if half else (big,)


def write_sys(folder: Path, clusters: Sequence[Cluster]) -> None:
    """Writes the tree as after a boot, without pinned or capped clocks; earlier content of the folder is removed."""
    for entry in folder.iterdir():
        shutil.rmtree(entry)
    last = max(core for cluster in clusters for core in cluster.cores)
    present = ",".join(map(str, sorted(core for cluster in clusters for core in cluster.cores)))
    _write(folder / "devices/system/cpu", {"possible": f"0-{last}", "present": present, "online": present})
    for package, cluster in enumerate(clusters):
        _write_cluster(folder, cluster, package)
    for number, kind in enumerate(ZONES):
        _write(folder / f"class/thermal/thermal_zone{number}", {"type": kind, "temp": millidegrees(_AT_REST_C), "mode": "enabled"})
    _write(folder / "class/kgsl/kgsl-3d0", {"gpu_model": "Virtual", "gpuclk": _GPU_CLOCKS_HZ[0]})
    _write(
        folder / "class/kgsl/kgsl-3d0/devfreq",
        {
            "governor": "msm-adreno-tz",
            "available_governors": "msm-adreno-tz performance powersave userspace",
            "available_frequencies": " ".join(map(str, _GPU_CLOCKS_HZ)),
            "min_freq": _GPU_CLOCKS_HZ[0],
            "max_freq": _GPU_CLOCKS_HZ[-1],
            "cur_freq": _GPU_CLOCKS_HZ[0],
        },
    )


def _write_cluster(folder: Path, cluster: Cluster, package: int) -> None:
    siblings = ",".join(map(str, cluster.cores))
    _write(
        folder / cluster.policy,
        {
            "cpuinfo_min_freq": cluster.min_khz,
            "cpuinfo_max_freq": cluster.max_khz,
            "scaling_min_freq": cluster.min_khz,
            "scaling_max_freq": cluster.max_khz,
            "scaling_cur_freq": cluster.max_khz,
            "scaling_governor": "schedutil",
            "scaling_available_governors": _GOVERNORS,
            "related_cpus": " ".join(map(str, cluster.cores)),
            "affected_cpus": " ".join(map(str, cluster.cores)),
        },
    )
    for core in cluster.cores:
        cpu = folder / f"devices/system/cpu/cpu{core}"
        _write(cpu, {"online": 1, "cpu_capacity": cluster.capacity})
        _write(
            cpu / "topology",
            {
                "physical_package_id": package,
                "core_id": core,
                "core_siblings_list": siblings,
                "thread_siblings_list": core,
                "package_cpus_list": siblings,
                "core_cpus_list": core,
            },
        )
        (cpu / "cpufreq").symlink_to(Path("..") / "cpufreq" / cluster.policy.name)


def millidegrees(temperature_c: float) -> int:
    """Returns a temperature in the kernel's unit, thousandths of a degree Celsius."""
    return round(temperature_c * 1000)


def _write(folder: Path, files: Mapping[str, str | int]) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_text(f"{content}\n", encoding="ascii")
