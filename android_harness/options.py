"""Options that all commands share which use a device."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from android_harness.device.adb.device import DEFAULT_PATIENCE_S
from android_harness.device.thermal_status import THERMAL_STATUSES
from android_harness.targets.options import PHONE_GATE, HarnessOptions
from collab.errors import ConfigError, SyncNasError
from collab.names import shown
from collab.options import CLUSTER, EXPERT, PHONE, flag, number, offering, option, whole


def seen_devices(incomplete: str) -> list[str]:
    """Completes the names of the devices that can be seen now, and this machine's."""
    from android_harness.device.machine import LOCAL_NAME
    from android_harness.targets.find import survey

    try:
        serials = [device.serial for device in survey().seen]
    except SyncNasError:
        serials = []
    return offering([*serials, LOCAL_NAME])(incomplete)


def wait_option(default: str) -> Any:
    """Makes the option that says how units wait for each other."""
    said = f"How units wait for each other: spin, condvar or hybrid. Default: {default}."
    return option("--wait", value="WAY", complete=("spin", "condvar", "hybrid"), panel=EXPERT, help=said)


def path_option(default: str) -> Any:
    """Makes the option that says how features get from one unit to another."""
    said = f"How units hand features over: shared or memcpy. Default: {default}."
    return option("--path", value="WAY", complete=("shared", "memcpy"), panel=EXPERT, help=said)


def _device_option(default: str) -> Any:
    said = f"A phone's serial number, HOST:PORT, or 'local' for this machine. Default: {default}."
    return option("--device", value="DEVICE", complete=seen_devices, help=said)


DeviceName: TypeAlias = Annotated[str, _device_option("the only phone that is connected")]
DeviceOfTables: TypeAlias = Annotated[str, _device_option("the one that the tables are of")]
Ndk: TypeAlias = Annotated[
    Path | None,
    option(value="FOLDER", help="Android's NDK. Default: ANDROID_NDK_HOME, ANDROID_NDK_ROOT or ANDROID_HOME/ndk."),
]
Aars: TypeAlias = Annotated[
    list[Path] | None,
    option("--aar", value="FILE", panel=PHONE, help="The LiteRT (or TFLite) AAR with the runtime for Android; may be repeated."),
]
StorageMb: TypeAlias = Annotated[
    int, whole(least=1, most=1 << 24, value="MB", panel=PHONE, help="How much of the phone's storage may be used.")
]
Steady: TypeAlias = Annotated[
    bool,
    flag("--steady", panel=PHONE, help="Put the phone into its fixed performance mode: a lower clock, but one that it can sustain."),
]
Root: TypeAlias = Annotated[bool, flag("--root", panel=PHONE, help="On a rooted phone: fix the clocks of CPU and GPU while measuring.")]
CpuMhz: TypeAlias = Annotated[
    int, whole(least=0, most=100_000, value="MHZ", panel=PHONE, help="With --root: the CPU clock, or the next lower one. 0: the highest.")
]
GpuMhz: TypeAlias = Annotated[int, whole(least=0, most=100_000, value="MHZ", panel=PHONE, help="With --root: the GPU clock, likewise.")]
HotAt: TypeAlias = Annotated[
    str,
    option(
        value="STATUS",
        complete=THERMAL_STATUSES[1:],
        panel=PHONE,
        help=f"Lowest thermal status at which what is measured does not count: {', '.join(THERMAL_STATUSES[1:])}.",
    ),
]
PatienceS: TypeAlias = Annotated[
    float,
    number(least=0, most=1e6, value="SECONDS", panel=PHONE, help="How long a phone that was lost is waited for, until the command ends."),
]
Executor: TypeAlias = Annotated[
    str,
    option(
        value="NAME", complete=("local", "ray"), panel=CLUSTER, help="local: phones of this computer; ray: of the nodes of a Ray cluster."
    ),
]
Address: TypeAlias = Annotated[
    str,
    option(value="ADDRESS", panel=CLUSTER, help="With ray: the cluster's address; auto finds the one that this computer is part of."),
]
CoolLimitS: TypeAlias = Annotated[
    float, number(least=0, most=1e6, value="SECONDS", panel=PHONE, help="How long a phone that got hot is given to cool down.")
]
TraceFile: TypeAlias = Annotated[
    Path | None,
    option("--trace", value="FILE", help="Also write a trace of the run nearest to the median, for Perfetto, to this file."),
]
Clean: TypeAlias = Annotated[bool, flag("--clean", panel=PHONE, help="Afterwards, remove all that was put on the phone.")]


def _gather(
    *,
    aar: Aars = None,
    storage_mb: StorageMb = 1024,
    steady: Steady = False,
    root: Root = False,
    cpu_mhz: CpuMhz = 0,
    gpu_mhz: GpuMhz = 0,
    hot_at: HotAt = THERMAL_STATUSES[PHONE_GATE.hot_at],
    patience_s: PatienceS = DEFAULT_PATIENCE_S,
    executor: Executor = "local",
    address: Address = "auto",
) -> HarnessOptions:
    """Returns the harness's options as one value.

    Raises:
        ConfigError: there is no such thermal status, or no such executor.
    """
    if executor not in ("local", "ray"):
        raise ConfigError(f"--executor {shown(executor)}: local or ray")
    if not address:
        # Ray would look for a cluster by itself.
        raise ConfigError("--address is empty; give a cluster's, or auto")
    if hot_at not in THERMAL_STATUSES[1:]:
        raise ConfigError(f"--hot-at {shown(hot_at)}: one of {', '.join(THERMAL_STATUSES[1:])}")
    return HarnessOptions(
        aars=tuple(aar or ()),
        storage_mb=storage_mb,
        steady=steady,
        root=root,
        cpu_mhz=cpu_mhz,
        gpu_mhz=gpu_mhz,
        hot_at=THERMAL_STATUSES.index(hot_at),
        patience_s=patience_s,
        cluster=address if executor == "ray" else "",
    )


def with_harness_options(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options of the harness: its user sets each by itself (``--aar``, ``--root`` ...), it takes them as one `harness`.

    Typer reads a command's options off its signature, so the one that is returned has them in place of `harness`.
    """
    own = inspect.signature(command, eval_str=True).parameters
    gathered = inspect.signature(_gather, eval_str=True).parameters
    parameters = [new for name, old in own.items() for new in (gathered.values() if name == "harness" else (old,))]

    def with_options(**given: Any) -> None:
        harness = _gather(**{name: given.pop(name) for name in gathered})
        command(**given, harness=harness)

    signature = inspect.Signature([parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters])
    attributes = {
        "__doc__": command.__doc__,
        "__name__": command.__name__,
        "__signature__": signature,
        "__annotations__": {parameter.name: parameter.annotation for parameter in parameters},
    }
    for name, value in attributes.items():
        setattr(with_options, name, value)
    return with_options
