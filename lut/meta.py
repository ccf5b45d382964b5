"""meta.json: what the tables of a device were measured on and with, and what holds for all of their rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias, get_type_hints

import msgspec

from collab.blocks import parse_key
from collab.documents import MAX_US, Count, DurationUs, Factor, Fraction, LatencyUs, Natural, SignedFraction, Text, parse, read_bytes
from collab.errors import ConfigError, TableError
from collab.units import UnitSpec, is_unit_name, parse_unit
from lut.certificate import Certificate, CertificateFile
from lut.paths import PATHS, REQUESTABLE_PATHS
from lut.provenance import RowProvenance

if TYPE_CHECKING:
    from lut.statistics import Summary

FORMAT: Final = 3
META_FILE: Final = "meta.json"
WAITS: Final = ("spin", "condvar", "hybrid")
MAX_FILE_BYTES: Final = 64 << 20
PERIOD: Final = 32
"""Period of the ripple, in expansion channels (`Ripple`)."""
_PROVEN: Final = 2.81
"""Standard errors: a normal variable is farther from its mean in 1 of 200 cases."""

MAX_NAME: Final = 256
Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
"""The name of a device or a unit."""
Quantity: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]
Key: TypeAlias = Annotated[str, msgspec.Meta(max_length=1024)]
"""The key of a block."""


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A median with the number of values it is of and their spread (median absolute deviation)."""

    median_us: LatencyUs
    mad_us: DurationUs
    n: Count


class Timed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Time of a job over its visits, as `lut.statistics.Summary` has it; `se_us` is None of a single visit."""

    median_us: LatencyUs
    se_us: DurationUs | None
    mad_us: DurationUs
    n: Count
    visits: Count

    @classmethod
    def of(cls, summary: Summary) -> Timed:
        return cls(summary.median_us, summary.se_us, summary.mad_us, summary.n, summary.visits)


class PairPath(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The path by which one unit hands features to another, and why: what memory the two of them work on."""

    path: Annotated[str, msgspec.Meta(pattern=rf"\A(?:{'|'.join(PATHS)})\Z")]
    why: Text


class Contention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Work of a block class on `unit` takes `factor` times as long while `other` works: what was `measured`, if that is proven, else 1.

    `se` is the standard error of `measured`, as a fraction, None where it is not known; `n` visits alone were each held against a loaded
    one. With `pooled`, `measured` is of all classes together.
    """

    unit: Name
    block_class: Text
    other: Name
    factor: Annotated[float, msgspec.Meta(ge=1, le=1e6)]
    measured: Factor
    se: Fraction | None
    n: Count
    pooled: bool


class ReuseCost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Cost of a megabyte (1e6 bytes) of `what` for a unit that last used it `distance_mb` ago; level before the first and after the last.

    `n` pieces of networks tell it. See `lut.prediction.reuse`.
    """

    unit: Name
    what: Literal["weights", "features"]
    distance_mb: Annotated[tuple[Factor, ...], msgspec.Meta(min_length=1, max_length=64)]
    us_per_mb: Annotated[tuple[DurationUs, ...], msgspec.Meta(min_length=1, max_length=64)]
    n: Count

    def __post_init__(self) -> None:
        if len(self.distance_mb) != len(self.us_per_mb):
            raise ValueError("distance_mb and us_per_mb must be equally long")
        if any(later <= earlier for earlier, later in pairwise(self.distance_mb)):
            raise ValueError("distance_mb must ascend")
        if any(later < earlier for earlier, later in pairwise(self.us_per_mb)):
            raise ValueError("us_per_mb must not fall: data used longer ago is never nearer")


class Ripple(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The time that blocks take beyond the line through widths that are multiples of 32, with `over` expansion channels above such a width.

    Of features of this `size`, over `n` widths: `factor` times as long as the line says, and `extra_ps` picoseconds (less than the line
    where below 0) for each multiply-accumulate of the expansion convolution, with its standard error over visits.
    """

    unit: Name
    size: Count
    over: Annotated[int, msgspec.Meta(ge=1, lt=PERIOD)]
    factor: Factor
    extra_ps: Annotated[float, msgspec.Meta(ge=-MAX_US, le=MAX_US)]
    se_ps: DurationUs
    n: Count


class Fit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Residuals, as fractions, of the `n` pieces of networks that a unit's costs in a network were fitted to."""

    unit: Name
    n: Count
    median_residual: Fraction
    p95_residual: Fraction


class SharedCache(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Share of what `other` touches that counts in the reuse distance of `unit`, as both have a cache in common; 0 unless it is proven.

    `measured` is what came out, with its standard error `se`, of `n` pairs of visits alone and loaded.
    """

    unit: Name
    other: Name
    share: Share
    measured: Share
    se: Fraction
    n: Count


class Trend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Change of errors (a fraction, predicted over measured) as a quantity goes from `low` to `high`, with its standard error."""

    against: Text
    low: Quantity
    high: Quantity
    effect: SignedFraction
    se: Fraction

    @property
    def is_proven(self) -> bool:
        """Whether chance alone makes so large an effect in less than 1 of 200 cases: a profile tests several, 1 of 20 is too many."""
        return abs(self.effect) > _PROVEN * self.se


class CrossCheck(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Errors, as fractions, of `n` networks that were left out of the fit in turn, and what they go with; `bias` is their median."""

    unit: Name
    n: Count
    median_error: Fraction
    bias: SignedFraction
    trends: tuple[Trend, ...]


class CopyLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A copy takes `base_us` and `us_per_kb` for each 1024 bytes; the line is `median_residual` (a fraction) from the `sizes` measured."""

    base_us: DurationUs
    us_per_kb: DurationUs
    median_residual: Fraction
    sizes: Count


class HandoverFit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All sizes of one way to hand over. `wakeup_us`: quantiles (``p5`` ... ``p95``) over `n` hand-overs."""

    from_unit: Name
    to_unit: Name
    path: Text
    wait: Text
    pacing: Text
    read: CopyLine
    write: CopyLine
    wakeup_us: Mapping[Name, DurationUs]
    n: Count


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
            " held against them; profile this device: python -m profiler.run"
        )
    if dict(meta.fingerprint) != dict(fingerprint):
        raise TableError(
            f"the tables are of another device ({dict(meta.fingerprint)}), this is {dict(fingerprint)};"
            " profile this one first: python -m profiler.run"
        )
    if meta.versions.get("runtime") != runtime:
        raise TableError(
            f"the tables were measured with {meta.versions.get('runtime', 'an unknown runtime')}, the runtime is {runtime} now, and kernels"
            " change from version to version; profile again into another folder: python -m profiler.run --out"
        )


def meta_document(meta: Meta) -> dict[str, Any]:
    """The whole file as a JSON object; `load_meta` reads it back."""
    document = {_FILE_NAMES.get(f.name, f.name): msgspec.to_builtins(getattr(meta, f.name)) for f in fields(Meta)}
    document["units"] = {name: unit.text for name, unit in meta.units.items()}
    document["certificate"] = meta.certificate.to_document() if meta.certificate is not None else None
    return {"format": FORMAT, **document}


def can_be_read(entry: msgspec.Struct) -> bool:
    """Whether an entry has numbers and texts that a reader of the file takes: finite, in bounds, no time of 0."""
    try:
        msgspec.json.decode(msgspec.json.encode(entry), type=type(entry))
    except msgspec.ValidationError:
        return False
    return True


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
        path, limit_bytes=MAX_FILE_BYTES, error=TableError, advice=f"make tables with: python -m profiler.run --out {path.parent}"
    )
    advice = f"tables beside their journal are derived anew by: python -m profiler.run --out {path.parent} --resume"
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
        parse_key(key)
    if not {*meta.timed_beside, *meta.timed_beside.values()} <= meta.units.keys():
        raise ValueError("company: names a unit that the tables do not have")
    if meta.handover.get("wait") not in WAITS or meta.handover.get("path") not in REQUESTABLE_PATHS:
        ways = f"wait ({', '.join(WAITS)}) and path ({', '.join(REQUESTABLE_PATHS)})"
        raise ValueError(f"handover: {dict(meta.handover)} does not say by which {ways}")
    if meta.lacks and not meta.source:
        raise ValueError("lacks, but no source: only imported tables may lack something")
    return meta
