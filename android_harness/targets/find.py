"""Lookup of devices and targets by the name on a command line: ``local``, a serial number, or ``host:port``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from android_harness.device.adb.device import DEFAULT_PATIENCE_S, AdbDevice
from android_harness.device.adb.route import route_to
from android_harness.device.adb.transport import Transport
from android_harness.device.base import Device, Notice
from android_harness.device.gpu_driver import software_note
from android_harness.device.local_device import LocalDevice
from android_harness.device.machine import LOCAL_NAME
from android_harness.protocol.phases import Gate
from android_harness.targets.base import Target
from android_harness.targets.options import PHONE_GATE, HarnessOptions
from collab.console import one_line, tell
from collab.errors import ConnectionLostError, DeviceError
from collab.wording.commands import command_named
from collab.wording.options import option_named

if TYPE_CHECKING:
    from android_harness.device.state import DeviceState
    from android_harness.targets.remote import RemoteTarget

_FIND_CLASSIC: Final = 'for library in /usr/lib/*/libtensorflow-lite.so.*; do [ -e "$library" ] && echo "$library" && break; done'


@dataclass(frozen=True)
class Seen:
    """Visible device: its serial, the way it is reached, and its state (``device`` when it can be used)."""

    serial: str
    way: str
    state: str


@dataclass(frozen=True)
class Survey:
    """Devices that are visible, and a sentence on each path (adb server, USB) that could not be searched."""

    seen: tuple[Seen, ...]
    blind: tuple[str, ...]


def survey() -> Survey:
    """Searches a running adb server and USB for devices. Devices on the network are visible to the server only."""
    from android_harness.device.adb.direct import usb_serials
    from android_harness.device.adb.server import ServerAddress, server_entries

    seen: list[Seen] = []
    blind: list[str] = []
    address = ServerAddress.from_environment()
    try:
        if address.is_up:
            seen += [Seen(entry.serial, "adb server", entry.state) for entry in server_entries(address)]
        else:
            blind.append(f"no adb server on port {address.port} (not needed; it has the USB devices while it runs)")
    except ConnectionLostError as error:
        blind.append(f"what listens on port {address.port} is no adb server ({error})")
    try:
        known = {device.serial for device in seen}
        seen += [Seen(serial, "USB", "device") for serial in usb_serials() if serial not in known]
    except DeviceError as error:
        blind.append(str(error))
    return Survey(tuple(seen), tuple(blind))


def choose(found: Sequence[Seen]) -> str:
    """Returns the serial of the only device.

    Raises:
        DeviceError: there is none, or there are several.
    """
    serials = sorted({device.serial for device in found})
    if not serials:
        raise DeviceError(
            f"no phone is connected; plug one in with USB debugging allowed, name one on the network with"
            f" {option_named('--device', 'HOST:PORT')}, or this"
            f" machine with {option_named('--device', LOCAL_NAME)}. What is seen: {command_named('devices')}"
        )
    if len(serials) > 1:
        raise DeviceError(f"several devices are connected ({', '.join(serials)}); name one with {option_named('--device')}")
    return serials[0]


def open_device(name: str, *, patience_s: float = DEFAULT_PATIENCE_S, notice: Notice = tell, cluster: str = "") -> Device:
    """Connects to the device of a name; without a name, to the only phone that is connected.

    Args:
        cluster: address of the Ray cluster whose node the phone is plugged into; empty: it is reached from this computer.
        patience_s: how long later calls wait for a lost device.
        notice: receives a sentence when the connection is lost, and when it is back.

    Raises:
        DeviceError: the device is unknown or cannot be reached, does not trust this computer, or no name was given and there are several.
    """
    if name == LOCAL_NAME:
        from android_harness.kits.native_build import require_linux_here

        require_linux_here()
        return LocalDevice()
    if cluster:
        from android_harness.device.adb.ray_node import RayTransport

        transport: Transport = RayTransport(name, cluster)
    else:
        name = name or choose(survey().seen)
        transport = route_to(name, notice=notice)
    device = AdbDevice(name, transport, patience_s=patience_s, notice=notice)
    device.connect()
    return device


def default_device(name: str, *, cluster: str = "") -> str:
    """Returns the given name, else the only phone's serial, else this machine's name where no phone is connected.

    Args:
        cluster: address of a Ray cluster, whose nodes' phones are meant; empty: this computer's.

    Raises:
        DeviceError: several phones are connected, or the cluster offers none.
    """
    if name:
        return name
    if cluster:
        from android_harness.device.adb.ray_node import phones_offered

        return choose([Seen(serial, "Ray", "device") for serial in phones_offered(cluster)])
    found = survey().seen
    return choose(found) if found else LOCAL_NAME


def _visible(cluster: str) -> list[str]:
    if not cluster:
        return [device.serial for device in survey().seen]
    from android_harness.device.adb.ray_node import phones_offered

    return phones_offered(cluster)


def device_of(given: str, named: str, file: Path, *, cluster: str = "") -> str:
    """Returns the name of the device to use: the one given on the command line, else the one that a file names.

    The author of a file must not choose which address is dialled, nor for whom the user's adb key signs. So a device from a file is used
    only if it is this machine, or if it is visible without a new connection.

    Raises:
        DeviceError: the file's device is not visible.
    """
    if given or named == LOCAL_NAME:
        return given or named
    if named in _visible(cluster):
        return named
    raise DeviceError(
        f"{file} is of the device '{one_line(named)}', which is not connected, and an address out of a file is not dialled unasked;"
        f" if it is the one that you mean, name it: {option_named('--device', one_line(named))}"
    )


def open_target(name: str, options: HarnessOptions | None = None, *, notice: Notice = tell) -> Target:
    """Opens the device of a name as a target, with the runner and runtime for its ABI; `Target.prepare` then makes it ready to measure.

    Raises:
        DeviceError: as for `open_device`; or the device lacks what is needed, or there is no runner for it.
    """
    if name == LOCAL_NAME:
        from android_harness.targets.local import LocalTarget

        return LocalTarget()
    options = options or HarnessOptions()
    return remote_target(open_device(name, patience_s=options.patience_s, notice=notice, cluster=options.cluster), options, notice=notice)


def remote_target(device: Device, options: HarnessOptions, *, notice: Notice = tell) -> RemoteTarget:
    """Makes a target of a connected device.

    Args:
        notice: receives a sentence where something of the device cannot be changed back when it is cleaned.

    Raises:
        DeviceError: the device lacks a tool, there is no kit for it, or it does not give the root that is asked for.
    """
    from android_harness.device.root import require_root
    from android_harness.device.state import gather
    from android_harness.device.tuning import tuning_for
    from android_harness.kits.kit import Platform, kit_for
    from android_harness.targets.remote import RemoteSettings, RemoteTarget

    state = gather(device, options.layout.root)
    kit = kit_for(Platform(state.machine, state.libc, state.page_bytes), aar=options.aars)
    settings = RemoteSettings(
        layout=options.layout,
        storage_bytes=options.storage_mb << 20,
        tuning=tuning_for(
            state,
            root=require_root(device, otherwise=f"So its clocks cannot be fixed: leave {option_named('--root')} out")
            if options.root
            else None,
            cpu_mhz=options.cpu_mhz,
            gpu_mhz=options.gpu_mhz,
            fixed_performance=options.steady,
        ),
        gate=_gate(state, options) if state.is_android else None,
        libraries=device_libraries(device),
        notice=notice,
    )
    return RemoteTarget(device, state, kit, settings)


def _gate(state: DeviceState, options: HarnessOptions) -> Gate:
    """Returns the thermal gate of a phone; sentinels do not count on a software GPU, whose times vary with the load of its host."""
    gate = replace(PHONE_GATE, cool_s=options.cool_limit_s, hot_at=options.hot_at)
    return replace(gate, slowdown=0.0) if software_note(state.gpu_driver) else gate


def device_libraries(device: Device) -> dict[str, str]:
    """Finds engines whose library the device itself has: engine to path. Debian packages the classic engine."""
    found = device.shell(_FIND_CLASSIC).text
    return {"classic": found} if found.startswith("/") else {}


_AnyTarget = TypeVar("_AnyTarget", bound=Target)


@contextmanager
def closing(target: _AnyTarget) -> Iterator[_AnyTarget]:
    """Yields the target, and closes it at the end."""
    try:
        yield target
    finally:
        target.close()
