"""meta.json: what the tables of a device were measured on and with, and what holds for all of their rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal, get_type_hints

import msgspec

from collab.blocks import parse_any_key
from collab.documents import Count, DurationUs, Fraction, Natural, Text, parse, read_bytes
from collab.errors import ConfigError, TableError
from collab.units import UnitSpec, is_unit_name, parse_unit
from collab.wording.commands import command_named
from lut.certificate import Certificate, CertificateFile
from lut.entries import (
    Contention,
    CrossCheck,
    Fit,
    HandoverFit,
    Key,
    Measured,
    Name,
    PairPath,
    RehearsalCheck,
    Rehearsed,
    ReuseCost,
    Ripple,
    SharedCache,
    Timed,
)
from lut.paths import REQUESTABLE_PATHS
from lut.provenance import RowProvenance

FORMAT: Final = 4
META_FILE: Final = "meta.json"
WAITS: Final = ("spin", "condvar", "hybrid")
MAX_FILE_BYTES: Final = 64 << 20


@dataclass(frozen=True)
class Meta:
    """Conditions of all rows of the tables: the device, its units, how they were measured, and what was fitted to them."""

    device: Name
    fingerprint: Mapping[Name, Text]
    units: Mapping[Name, UnitSpec]
    call_in_network: Mapping[Name, Measured]
    """The cost of a call: per unit, how long a call of a segment takes in a running network on top of its blocks."""
    call_alone: Mapping[Name, Timed]
    """Per unit, how long a call of next to nothing takes, over and over; the times of blocks alone contain it."""
    sentinels: Mapping[Name, Timed]
    """Per unit, how long `sentinel_block` took alone."""
    sentinel_block: Text
    network: tuple[tuple[Key, ...], ...]
    """The network that every unit ran by itself: the keys of the blocks of each of its pieces; empty where none was run."""
    network_runs: Mapping[Name, Timed]
    """Per unit, what all pieces of that network took together: a second sentinel, which feels what the block in its cache does not."""
    handover: Mapping[Name, Text]
    """`wait` and `path` of the hand-overs that predictions take; `between`, the block that units ran between two of them, where known."""
    versions: Mapping[Name, Text]
    models: tuple[Text, ...]
    settings: Mapping[Name, Any] = field(default_factory=dict)
    block_in_network: Mapping[Name, DurationUs] = field(default_factory=dict)
    """Per unit, what every block takes longer in a running network, where its code is no longer in the nearest cache."""
    reuse: tuple[ReuseCost, ...] = ()
    """Costs of weights and of features by their reuse distance, a curve of each per unit."""
    features_share: Mapping[Name, Fraction] = field(default_factory=dict)
    """Per unit, how much a megabyte of features counts in the reuse distance, against one of weights; 1 where it is missing."""
    fits: tuple[Fit, ...] = ()
    cross_checks: tuple[CrossCheck, ...] = ()
    """Errors of the fitted costs on networks that were left out of the fit, per unit."""
    transfer_fits: tuple[HandoverFit, ...] = ()
    channel_step: Mapping[Name, Count] = field(default_factory=dict)
    """Per unit, multiples of how many expansion channels are cheap; units of which that is not known are missing."""
    ripple: tuple[Ripple, ...] = ()
    shared_caches: tuple[SharedCache, ...] = ()
    contention: tuple[Contention, ...] = ()
    rehearsed: tuple[Rehearsed, ...] = ()
    rehearsal_checks: tuple[RehearsalCheck, ...] = ()
    """Errors of predictions on rehearsals that were left out of what they are made of, per pair of units."""
    jitter: Mapping[Name, Fraction] = field(default_factory=dict)
    """Per unit, the relative standard deviation of what a segment takes, over all runs of all visits."""
    certificate: Certificate | None = None
    conditions: Mapping[Name, Text] = field(default_factory=dict)
    """The state of the device when it was last measured: governors, heat, battery, as far as it says."""
    drift: Mapping[Name, Fraction] = field(default_factory=dict)
    """Per unit, how far its fastest and slowest spells were apart (a fraction of its time); samples are corrected for it."""
    disturbed: Mapping[Name, Fraction] = field(default_factory=dict)
    """Per unit, the share of samples that were taken again because something else had had the core."""
    measured_at: Text = ""
    timed_beside: Mapping[Name, Text] = field(default_factory=dict)
    """Units that were timed while another one worked all along, each with that one; others were timed alone."""
    paths: Mapping[Name, PairPath] = field(default_factory=dict)
    """Per pair of units, as ``cpu0>gpu0``: the path that the runner takes for it."""
    deviation: Mapping[Name, Fraction] = field(default_factory=dict)
    """Per unit: by how much its outputs of the networks differ from the reference's at most, as a fraction of the outputs' range."""
    provenance: Mapping[Name, RowProvenance] = field(default_factory=dict)
    """Per `config_hash` of a row, where rows of that hash come from."""
    source: Text = ""
    """The files that imported tables come from; empty where this toolkit measured them."""
    lacks: tuple[Text, ...] = ()
    """Everything that imported tables do not hold because their source does not."""


_FILE_NAMES: Final = {
    "call_in_network": "fixed",
    "timed_beside": "company",
}
"""Fields that have another name in the file."""


def check_belongs(meta: Meta, *, fingerprint: Mapping[str, str], runtime: str) -> None:
    """Refuses tables that are not of a device with this fingerprint, or not of the runtime that it has now.

    Raises:
        TableError: they are another's, or imported ones, which do not say whose they are.
    """
    if meta.source:
        raise TableError(
            f"the tables were imported from {meta.source} and do not say what device they are of, so nothing that is measured here can be"
            f" held against them; profile this device: {command_named('profile')}"
        )
    if dict(meta.fingerprint) != dict(fingerprint):
        raise TableError(
            f"the tables are of another device ({dict(meta.fingerprint)}), this is {dict(fingerprint)};"
            f" profile this one first: {command_named('profile')}"
        )
    if meta.versions.get("runtime") != runtime:
        raise TableError(
            f"the tables were measured with {meta.versions.get('runtime', 'an unknown runtime')}, the runtime is {runtime} now, and kernels"
            f" change from version to version; profile again into another folder: {command_named('profile', '--out', 'ANOTHER_FOLDER')}"
        )


def meta_document(meta: Meta) -> dict[str, Any]:
    """The whole file as a JSON object; `load_meta` reads it back."""
    document = {_FILE_NAMES.get(f.name, f.name): msgspec.to_builtins(getattr(meta, f.name)) for f in fields(Meta)}
    document["units"] = {name: unit.text for name, unit in meta.units.items()}
    document["certificate"] = meta.certificate.to_document() if meta.certificate is not None else None
    return {"format": FORMAT, **document}


class _Format(msgspec.Struct):
    format: Natural


_OPTIONAL: Final = ("conditions", "source", "lacks")
"""Fields that files of this format may lack."""


def _file_type() -> type[msgspec.Struct]:
    """`Meta` as it stands in the file, where units and the certificate are written otherwise."""
    hints = get_type_hints(Meta, include_extras=True) | {"units": Mapping[Name, Name], "certificate": CertificateFile | None}
    described: list[Any] = [("format", Literal[FORMAT])]
    described += [(f.name, hints[f.name]) for f in fields(Meta) if f.name not in _OPTIONAL]
    described += [
        (f.name, hints[f.name], f.default if f.default is not MISSING else msgspec.field(default_factory=dict))
        for f in fields(Meta)
        if f.name in _OPTIONAL
    ]
    return msgspec.defstruct("MetaFile", described, frozen=True, forbid_unknown_fields=True, rename=_FILE_NAMES)


_FILE: Final[Any] = _file_type()


def load_meta(path: Path) -> Meta:
    """Reads and checks the file.

    Raises:
        TableError: it cannot be read, is of another format, or a field is missing or impossible.
    """
    data = read_bytes(
        path, limit_bytes=MAX_FILE_BYTES, error=TableError, advice=f"make tables with: {command_named('profile', '--out', path.parent)}"
    )
    advice = f"tables beside their journal are derived anew by: {command_named('profile', '--out', path.parent, '--resume')}"
    found = parse(data, _Format, origin=str(path), error=TableError, advice=advice).format
    if found != FORMAT:
        raise TableError(
            f"{path}: format {found}; this version reads {FORMAT}; {advice} (and measured again where another runner measured), others must"
            " be measured or imported again"
        )
    file = parse(data, _FILE, origin=str(path), error=TableError, advice=advice)
    try:
        return _checked(file)
    except (ValueError, ConfigError) as error:
        raise TableError(f"{path}: {error}; {advice}") from error


def _checked(file: Any) -> Meta:
    """The file's content, once what no type says is checked too.

    Raises:
        ValueError, ConfigError: a unit, a block's key, a hand-over or a name is none.
    """
    values = {f.name: getattr(file, f.name) for f in fields(Meta)}
    certificate: CertificateFile | None = file.certificate
    meta = Meta(
        **{
            **values,
            "units": {name: parse_unit(text) for name, text in file.units.items()},
            "certificate": None if certificate is None else certificate.certificate,
        }
    )
    if not meta.units or not all(is_unit_name(name) for name in meta.units):
        raise ValueError("units: there must be some, named like cpu0")
    if not meta.device.isprintable():
        raise ValueError(f"device: {meta.device!a} cannot be a device's name, as it cannot be printed")
    said = [key for key in (meta.sentinel_block, meta.handover.get("between", "")) if key]
    for key in (*said, *(key for piece in meta.network for key in piece)):
        parse_any_key(key)
    if not {*meta.timed_beside, *meta.timed_beside.values()} <= meta.units.keys():
        raise ValueError("company: names a unit that the tables do not have")
    if meta.handover.get("wait") not in WAITS or meta.handover.get("path") not in REQUESTABLE_PATHS:
        ways = f"wait ({', '.join(WAITS)}) and path ({', '.join(REQUESTABLE_PATHS)})"
        raise ValueError(f"handover: {dict(meta.handover)} does not say by which {ways}")
    if meta.lacks and not meta.source:
        raise ValueError("lacks, but no source: only imported tables may lack something")
    return meta
