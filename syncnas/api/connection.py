"""Devices: which are connected, and one of them, opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from syncnas.api.progress import OnNote, notice_of
from syncnas.api.showing import html
from syncnas.api.showing.frames import frame
from syncnas.api.values import require

if TYPE_CHECKING:
    import pandas as pd

    from android_harness.targets.base import Target
    from android_harness.targets.options import HarnessOptions
    from android_harness.targets.remote import RemoteTarget


@dataclass(frozen=True)
class SeenDevice:
    """A device that can be seen.

    Attributes:
        name: its serial number, or ``local`` for this machine: what `open_device` takes.
        way: how it is reached, such as ``USB`` or ``adb server``.
        state: ``device`` when it can be used.
    """

    name: str
    way: str
    state: str


@dataclass(frozen=True)
class DeviceList:
    """The devices that can be seen, this machine the last of them.

    Attributes:
        seen: one entry each.
        not_searched: a sentence on each way that could not be searched, such as an adb server that does not run.
    """

    seen: tuple[SeenDevice, ...]
    not_searched: tuple[str, ...]

    def __iter__(self) -> Iterator[SeenDevice]:
        return iter(self.seen)

    def __len__(self) -> int:
        return len(self.seen)

    def frame(self) -> pd.DataFrame:
        """Returns a DataFrame with a row per device: ``name``, ``way``, ``state``."""
        return frame([(device.name, device.way, device.state) for device in self.seen], ["name", "way", "state"])

    def _repr_html_(self) -> str:
        rows = [(device.name, device.way, device.state) for device in self.seen]
        return html.card("Devices", {}, html.table(("name", "way", "state"), rows), notes=self.not_searched)


@dataclass(frozen=True)
class CoreCluster:
    """CPU cores with one highest clock.

    Attributes:
        number: 0 for the slowest cluster; units name it, as in ``cpu:cluster=0``.
        cores: numbers of the cores that may be used.
        max_clock_mhz: the highest clock; None where the device does not say.
    """

    number: int
    cores: tuple[int, ...]
    max_clock_mhz: float | None


class Device:
    """A device that is connected and can be measured; `open_device` makes one.

    It is closed at the end of a ``with`` block, or by `close`. One process at a time uses a phone.
    """

    def __init__(self, name: str, target: Target, options: HarnessOptions) -> None:
        """For `open_device`."""
        self._name, self._options = name, options
        self._target: Target | None = target
        self._info = target.info
        self._runtime = target.runtime

    @property
    def name(self) -> str:
        """``local``, a serial number or an address."""
        return self._name

    @property
    def is_open(self) -> bool:
        """True until `close`: the device can be used."""
        return self._target is not None

    @property
    def description(self) -> Mapping[str, str]:
        """Texts that tell this kind of device from others: model or processor, system (the version of Android), and others."""
        return dict(self._info.fingerprint)

    @property
    def runtime(self) -> str:
        """Name and version of the runtime that models are run with."""
        return self._runtime

    @property
    def android_api_level(self) -> int | None:
        """Android's API level; None of a device without Android."""
        return self._info.api_level

    @property
    def memory_bytes(self) -> int | None:
        """Total memory; None where the device does not say."""
        return self._info.memory_bytes

    @property
    def clusters(self) -> tuple[CoreCluster, ...]:
        """Its CPU cores with their clocks, the slowest cluster first."""
        return tuple(
            CoreCluster(number, found.cores, None if found.max_khz is None else found.max_khz / 1e3)
            for number, found in enumerate(self._info.clusters)
        )

    @property
    def conditions(self) -> Mapping[str, str]:
        """The state that it was in when it was opened: governors, heat, battery, as far as it says."""
        return dict(self._info.conditions)

    @property
    def default_units(self) -> tuple[str, ...]:
        """The units that `profile` measures where none are named: two CPU cores.

        Raises:
            DeviceError: there is only one core that may be used.
        """
        from android_harness.device.units import default_units

        return tuple(unit.text for unit in default_units(self._info))

    @property
    def gpu_backends(self) -> tuple[str, ...]:
        """Interfaces by which the runtime could drive a GPU, as in ``gpu:backend=opencl``; whether the device has one shows a profile."""
        return self._info.gpu_backends

    def clean(self) -> None:
        """Removes all that the toolkit has put on the device.

        Raises:
            DeviceError: it cannot be reached.
        """
        self._opened().clean()

    def close(self) -> None:
        """Lets go of the device; doing so twice is as good as once."""
        target, self._target = self._target, None
        if target is not None:
            target.close()

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        clocks = ", ".join(f"{len(cluster.cores)} x {_clock(cluster)}" for cluster in self.clusters)
        return f"Device({self.name!r}, {'open' if self.is_open else 'closed'}, cores: {clocks}, runtime: {self.runtime})"

    def _repr_html_(self) -> str:
        memory = "unknown" if self.memory_bytes is None else f"{self.memory_bytes / 2**30:.1f} GiB"
        facts = {**self.description, "memory": memory, "runtime": self.runtime, "state": "open" if self.is_open else "closed"}
        if self.android_api_level is not None:
            facts["Android API level"] = str(self.android_api_level)
        rows = [(f"cpu:cluster={found.number}", ", ".join(map(str, found.cores)), _clock(found)) for found in self.clusters]
        return html.card(f"Device {self.name}", facts, html.table(("unit", "cores", "highest clock"), rows))

    def _opened(self) -> Target:
        from collab.errors import DeviceError

        if self._target is None:
            raise DeviceError(f"the device {self.name} is closed; open it again with open_device")
        return self._target


def _clock(cluster: CoreCluster) -> str:
    return "unknown clock" if cluster.max_clock_mhz is None else f"{cluster.max_clock_mhz:.0f} MHz"


def devices() -> DeviceList:
    """Lists the devices that can be seen by USB or by an adb server that runs, and this machine.

    Examples:
        >>> [device.name for device in syncnas.devices()][-1]
        'local'
    """
    from android_harness.device.machine import LOCAL_NAME
    from android_harness.targets.find import survey

    found = survey()
    seen = [SeenDevice(device.serial, device.way, device.state) for device in found.seen]
    return DeviceList((*seen, SeenDevice(LOCAL_NAME, "this machine", "device")), found.blind)


def open_device(
    name: str = "",
    *,
    aars: Sequence[Path | str] = (),
    storage_mb: int = 1024,
    steady: bool = False,
    root: bool = False,
    cpu_mhz: int = 0,
    gpu_mhz: int = 0,
    hot_at: str = "",
    cool_limit_s: float = 300.0,
    patience_s: float = 600.0,
    ray_address: str = "",
    on_note: OnNote | None = None,
) -> Device:
    """Connects to a device; nothing is measured yet.

    Args:
        name: ``local`` for this machine, a phone's serial number, or ``HOST:PORT``; empty: the only phone that is connected, or this
            machine where none is.
        aars: AAR files with the runtime for Android, where another one than the usual is wanted.
        storage_mb: how much of the phone's storage may be used.
        steady: put the phone into its fixed performance mode while it is measured.
        root: fix the clocks while it is measured, which takes a rooted phone; `cpu_mhz` and `gpu_mhz` choose them, 0 is the highest.
        hot_at: lowest thermal status at which visits do not count, such as ``moderate``; empty: the usual one.
        cool_limit_s: how long a hot phone is given to cool down.
        patience_s: how long a lost phone is waited for.
        ray_address: the Ray cluster whose node the phone is plugged into; empty: this computer.
        on_note: takes notes and warnings, a sentence each; otherwise they go to the logger ``syncnas``.

    Raises:
        ConfigError: there is no such thermal status.
        DeviceError: it cannot be reached, does not trust this computer, lacks what is needed, or several are connected.

    Examples:
        >>> with syncnas.open_device("local") as device:
        ...     units = device.default_units
        >>> len(units)
        2
    """
    from android_harness.targets.find import default_device, open_target

    require(1, 1 << 24, storage_mb=storage_mb)
    require(0, 100_000, cpu_mhz=cpu_mhz, gpu_mhz=gpu_mhz)
    require(0, 1e6, cool_limit_s=cool_limit_s, patience_s=patience_s)
    options = harness_options(
        aars=tuple(map(Path, aars)),
        storage_mb=storage_mb,
        steady=steady,
        root=root,
        cpu_mhz=cpu_mhz,
        gpu_mhz=gpu_mhz,
        hot_at=hot_at,
        cool_limit_s=cool_limit_s,
        patience_s=patience_s,
        cluster=ray_address,
    )
    name = default_device(name, cluster=ray_address)
    return Device(name, open_target(name, options, notice=notice_of(on_note)), options)


def harness_options(*, hot_at: str, **options: object) -> HarnessOptions:
    """Returns the harness's options; an empty `hot_at` stands for its default.

    Raises:
        ConfigError: there is no such thermal status.
    """
    from android_harness.device.thermal_status import THERMAL_STATUSES
    from android_harness.targets.options import HarnessOptions
    from collab.errors import ConfigError
    from collab.names import shown

    if hot_at and hot_at not in THERMAL_STATUSES[1:]:
        raise ConfigError(f"hot_at {shown(hot_at)}: one of {', '.join(THERMAL_STATUSES[1:])}")
    made = HarnessOptions(**options)  # type: ignore[arg-type]
    return replace(made, hot_at=THERMAL_STATUSES.index(hot_at)) if hot_at else made


@contextmanager
def target_of(device: Device | str, named: str, file: Path, *, on_note: OnNote | None) -> Iterator[Target]:
    """Yields what carries out phases: that of an open device, or of a name, which is closed at the end.

    Args:
        device: empty for the device that a file names, if that is this machine or connected (see `android_harness.targets.find.device_of`).
        named: the device that the file names; empty where there is no file.
    """
    from android_harness.targets.find import default_device, device_of

    if isinstance(device, Device):
        yield device._opened()
        return
    name = device_of(device, named, file) if named else default_device(device)
    with open_device(name, on_note=on_note) as opened:
        yield opened._opened()


@contextmanager
def remote_target_of(device: Device | str, named: str, file: Path, *, on_note: OnNote | None) -> Iterator[RemoteTarget]:
    """Yields what bundles are put on; see `target_of`. This machine is one like others then, with a folder for what is put there."""
    from android_harness.device.layout import layout_of
    from android_harness.targets.find import closing, default_device, device_of, open_device, remote_target
    from android_harness.targets.options import HarnessOptions
    from android_harness.targets.remote import RemoteTarget

    if isinstance(device, Device):
        target = device._opened()
        if isinstance(target, RemoteTarget):
            yield target
            return
        name, options = device.name, device._options
    else:
        name, options = device_of(device, named, file) if named else default_device(device), HarnessOptions()
    notice = notice_of(on_note)
    reached = open_device(name, patience_s=options.patience_s, notice=notice, cluster=options.cluster)
    with closing(remote_target(reached, replace(options, layout=layout_of(name)), notice=notice)) as opened:
        yield opened
