"""Profiles of several phones side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from syncnas.api.connection import harness_options
from syncnas.api.profiling import names_of
from syncnas.api.progress import OnNote, OnProgress, Reporter, remark_of
from syncnas.api.showing import html
from syncnas.api.showing.frames import frame
from syncnas.api.tables import Tables, load_tables
from syncnas.api.values import require

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class PhoneProfile:
    """A profile of one of several phones.

    Attributes:
        device: the phone's serial number.
        folder: of its tables.
        is_done: whether it has come to its end.
        error: why it did not, a sentence; empty of one that is done.
        tables: what was measured; None where there are none yet.
    """

    device: str
    folder: Path
    is_done: bool
    error: str
    tables: Tables | None


@dataclass(frozen=True)
class FleetProfile:
    """Profiles of several phones.

    Attributes:
        profiles: one for each phone, in the order in which they were named.
    """

    profiles: tuple[PhoneProfile, ...]

    def __iter__(self) -> Iterator[PhoneProfile]:
        return iter(self.profiles)

    def __len__(self) -> int:
        return len(self.profiles)

    @property
    def failed(self) -> tuple[PhoneProfile, ...]:
        """Those that did not come to their end."""
        return tuple(profile for profile in self.profiles if not profile.is_done)

    def frame(self) -> pd.DataFrame:
        """Returns a DataFrame with a row per phone: ``device``, ``is_done``, ``blocks``, ``transfers``, ``error`` and ``folder``."""
        return frame(self._rows(), ["device", "is_done", "blocks", "transfers", "error", "folder"])

    def _rows(self) -> list[tuple[object, ...]]:
        return [(each.device, each.is_done, *_sizes(each.tables), each.error, str(each.folder)) for each in self.profiles]

    def _repr_html_(self) -> str:
        rows = [(device, "yes" if is_done else "no", *rest) for device, is_done, *rest in self._rows()]
        columns = ("device", "done", "blocks", "hand-overs", "error", "folder")
        return html.card("Profiles side by side", {"phones": len(self)}, html.table(columns, rows))


def _sizes(tables: Tables | None) -> tuple[int, int]:
    return (0, 0) if tables is None else tables.size


def profile_devices(
    models: str | Path | Sequence[str | Path] = (),
    *,
    devices: Sequence[str] | str = "all",
    out: Path | str = "luts",
    units: Sequence[str] = (),
    quick: bool = False,
    budget_s: int | None = None,
    resume: bool = False,
    blocks: Sequence[str] = (),
    transfer_bytes: Sequence[int] = (),
    wait: str = "",
    path: str = "",
    seed: int | None = None,
    grain_us: float | None = None,
    splits: bool = False,
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
    on_progress: OnProgress | None = None,
    on_note: OnNote | None = None,
) -> FleetProfile:
    """Profiles several phones side by side, each in a process of its own: what happens to one is nothing to the others.

    After Ctrl-C, or an error of a callback, all end after their present visit, and the same call with `resume` goes on. A phone that
    fails raises nothing: its `PhoneProfile` has the error.

    Args:
        models: as `profile` takes them, and so are `units`, `quick`, `budget_s`, `blocks`, `transfer_bytes`, `wait`, `path`, `seed`,
            `grain_us` and `splits`.
        devices: serial numbers of phones; ``all``: every phone that is connected, or that the Ray cluster offers.
        out: the folder in which each phone has one of its own, by its serial number.
        resume: go on with what is in the folders; a phone without one begins.
        aars: as `open_device` takes them, and so are `storage_mb`, `steady`, `root`, `cpu_mhz`, `gpu_mhz`, `hot_at`, `cool_limit_s` and
            `patience_s`.
        ray_address: the Ray cluster into whose nodes the phones are plugged; empty: this computer.
        on_progress: takes the progress of each; `Progress.what` names the phone.
        on_note: takes each line that one of them says, behind its serial number; otherwise they go to the logger ``syncnas``.

    Raises:
        ConfigError: a phone is named twice, this machine is named, or an option cannot be taken, such as a model that there is not.
        DeviceError: no phone is connected.
        KeyboardInterrupt: Ctrl-C; what was measured is kept.

    Examples:
        >>> syncnas.profile_devices(devices=["local"])
        Traceback (most recent call last):
        collab.errors.ConfigError: --device local measures the cores from which the others are led; profile this machine by itself
    """
    from profiler.fleet import FleetOptions, phones_of, profile_phones, written_option
    from profiler.network_file import MAX_GRAIN_US
    from profiler.profiling import ProfileOptions, check_options

    require(1, budget_s=budget_s)
    require(0, seed=seed)
    require(0, MAX_GRAIN_US, grain_us=grain_us)
    require(1, 1 << 24, storage_mb=storage_mb)
    require(0, 100_000, cpu_mhz=cpu_mhz, gpu_mhz=gpu_mhz)
    require(0, 1e6, cool_limit_s=cool_limit_s, patience_s=patience_s)
    harness_options(hot_at=hot_at)
    check_options(
        ProfileOptions(
            models=tuple(names_of(models)),
            blocks=tuple(blocks),
            transfer_bytes=tuple(transfer_bytes),
            units=tuple(units),
            wait=wait,
            path=path or None,
            grain_us=grain_us,
            splits=splits,
        )
    )
    serials = phones_of([devices] if isinstance(devices, str) else list(devices), ray_address)
    given: dict[str, object] = {
        "--model": names_of(models),
        "--unit": units,
        "--quick": quick,
        "--budget": "" if budget_s is None else f"{budget_s}s",
        "--block": blocks,
        "--transfer-bytes": transfer_bytes,
        "--wait": wait,
        "--path": path,
        "--seed": "" if seed is None else seed,
        "--grain": "" if grain_us is None else grain_us,
        "--splits": splits,
        "--aar": [str(aar) for aar in aars],
        "--storage-mb": storage_mb,
        "--steady": steady,
        "--root": root,
        "--cpu-mhz": cpu_mhz,
        "--gpu-mhz": gpu_mhz,
        "--hot-at": hot_at,
        "--cool-limit-s": cool_limit_s,
        "--patience-s": patience_s,
        **({"--executor": "ray", "--address": ray_address} if ray_address else {}),
    }
    arguments = tuple(word for name, value in given.items() if value is not False and value != "" for word in written_option(name, value))
    reporters = {serial: Reporter(f"profiling {serial}", on_progress) for serial in serials}
    remark = remark_of(on_note)
    found = profile_phones(
        serials,
        Path(out),
        FleetOptions(arguments, resume, bool(models or blocks or transfer_bytes)),
        on_visits=lambda serial, done, expected: reporters[serial](done, expected),
        on_words=lambda serial, words: remark(f"{serial}: {words}"),
    )
    if any(phone.state == "stopped" for phone in found):
        raise KeyboardInterrupt(f"stopped; what was measured is kept in {out}, and the same call with resume=True goes on")
    return FleetProfile(
        tuple(PhoneProfile(phone.serial, phone.out, phone.state == "done", phone.error, _tables(phone.out)) for phone in found)
    )


def _tables(folder: Path) -> Tables | None:
    from collab.errors import TableError

    try:
        return load_tables(folder)
    except TableError:
        return None
