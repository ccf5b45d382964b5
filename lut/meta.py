"""meta.json: what the tables of a device were measured on and with, and what holds for all of their rows."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from collab.blocks import parse_key
from collab.errors import ConfigError, TableError
from collab.units import UnitSpec, is_unit_name, parse_unit
from lut.certificate import Certificate, parse_certificate
from lut.paths import PATHS, WISHES

FORMAT: Final = 2
WAITS: Final = ("spin", "condvar", "hybrid")


@dataclass(frozen=True)
class Measured:
    """A median with its number of samples and its spread (median absolute deviation)."""

    median_us: float
    mad_us: float
    n: int


@dataclass(frozen=True)
class Reference:
    """What a sentinel took while the tables were made. `error`: the standard error of its median over all visits, as a fraction."""

    median_us: float
    mad_us: float
    n: int
    error: float


@dataclass(frozen=True)
class PairPath:
    """The path by which one unit hands features to another, and why: what memory the two of them work on."""

    path: str
    why: str


@dataclass(frozen=True)
class Contention:
    """Work of a block class on `unit` takes `factor` times as long while `other` works."""

    unit: str
    block_class: str
    other: str
    factor: float
    n: int


@dataclass(frozen=True)
class Context:
    """How much longer blocks take in a running network than each alone, over and over: marginal costs hold this factor.

    Alone, a block finds its weights and its input in the nearest cache; in a network, others have been there in between. Of blocks that
    take in features of this `size`; `n` pieces of networks had any.
    """

    unit: str
    block_class: str
    size: int
    factor: float
    n: int


@dataclass(frozen=True)
class Partial:
    """A block whose last group of expansion channels has `channels` of them takes `factor` times what it takes with that group full.

    Of features of this `size`; the median of `n` groups.
    """

    unit: str
    size: int
    channels: int
    factor: float
    n: int


@dataclass(frozen=True)
class Fit:
    """How well a unit's call and context costs explain the `n` pieces of networks that they were fitted to: residuals as fractions."""

    unit: str
    n: int
    median_residual: float
    p95_residual: float


@dataclass(frozen=True)
class CopyLine:
    """A copy takes `base_us` and `us_per_kb` for each 1024 bytes; the line is `median_residual` (a fraction) from the `sizes` measured."""

    base_us: float
    us_per_kb: float
    median_residual: float
    sizes: int


@dataclass(frozen=True)
class TransferFit:
    """All sizes of one way to hand over. `wakeup_us`: quantiles (``p5`` ... ``p95``) over `n` hand-overs."""

    from_unit: str
    to_unit: str
    path: str
    wait: str
    pacing: str
    read: CopyLine
    write: CopyLine
    wakeup_us: Mapping[str, float]
    n: int


@dataclass(frozen=True)
class Meta:
    """What the tables were measured on and with."""

    device: str
    fingerprint: Mapping[str, str]
    units: Mapping[str, UnitSpec]
    fixed: Mapping[str, Measured]
    """Per unit, what a call of a segment takes in a running network, on top of its blocks."""
    call_alone: Mapping[str, Measured]
    """The same of next to nothing, over and over: it is in the times of blocks alone."""
    sentinels: Mapping[str, Reference]
    """Per unit, what `sentinel_block` took alone."""
    sentinel_block: str
    network: tuple[tuple[str, ...], ...]
    """The network that every unit ran by itself: the keys of the blocks of each of its pieces; empty where none was run."""
    network_runs: Mapping[str, Reference]
    """Per unit, what all pieces of that network took together: a second sentinel, which feels what the block in its cache does not."""
    handover: Mapping[str, str]
    """`wait` and `path` of the hand-overs that predictions take."""
    versions: Mapping[str, str]
    models: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    context: tuple[Context, ...] = ()
    fits: tuple[Fit, ...] = ()
    transfer_fits: tuple[TransferFit, ...] = ()
    channel_step: Mapping[str, int] = field(default_factory=dict)
    """Per unit, in groups of how many channels its kernels work."""
    partial: tuple[Partial, ...] = ()
    contention: tuple[Contention, ...] = ()
    certificate: Certificate | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)
    """How the device was when it was last measured: governors, heat, battery, as far as it says."""
    drift: Mapping[str, float] = field(default_factory=dict)
    """Per unit, how far its fastest and slowest spells were apart (a fraction of its time); samples are corrected for it."""
    disturbed: Mapping[str, float] = field(default_factory=dict)
    """Per unit, the share of samples that were taken again because something else had had the core."""
    measured_at: str = ""
    company: Mapping[str, str] = field(default_factory=dict)
    """Units that were timed while another one worked all along, each with that one; others were timed alone."""
    paths: Mapping[str, PairPath] = field(default_factory=dict)
    """Per pair of units, as ``cpu0>gpu0``: what the runner takes for it."""
    deviation: Mapping[str, float] = field(default_factory=dict)
    """Per unit: by how much its outputs of the networks differ from the reference's at most, as a fraction of the outputs' range."""
    source: str = ""
    """Where imported tables come from; empty where this toolkit measured them."""
    lacks: tuple[str, ...] = ()
    """What imported tables do not hold because their source does not."""


def check_belongs(meta: Meta, *, fingerprint: Mapping[str, str], runtime: str) -> None:
    """Whether tables are of a device with this fingerprint, and of the runtime that it has now.

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
    document = asdict(meta)
    document["units"] = {name: unit.text for name, unit in meta.units.items()}
    document["models"], document["lacks"] = list(meta.models), list(meta.lacks)
    document["network"] = [list(piece) for piece in meta.network]
    document["context"] = [asdict(entry) for entry in meta.context]
    document["certificate"] = meta.certificate.to_document() if meta.certificate is not None else None
    document["fits"] = [asdict(entry) for entry in meta.fits]
    document["transfer_fits"] = [asdict(entry) for entry in meta.transfer_fits]
    document["partial"] = [asdict(entry) for entry in meta.partial]
    document["contention"] = [asdict(entry) for entry in meta.contention]
    return {"format": FORMAT, **document}


def load_meta(path: Path) -> Meta:
    """Reads and checks the file.

    Raises:
        TableError: it cannot be read, is of another format, or a field is missing or impossible.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TableError(
            f"{path} cannot be read ({error.strerror}); make tables with: python -m profiler.run --out {path.parent}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise TableError(f"{path}: not valid JSON ({error})") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else None
        raise TableError(f"{path}: format {found!r}; this version reads {FORMAT}: measure again with profiler.run")
    try:
        return _parse_meta(document)
    except (KeyError, TypeError, ValueError, AttributeError, ConfigError) as error:
        raise TableError(
            f"{path}: a field is missing or wrong ({type(error).__name__}: {error}); tables beside their journal are derived anew"
            f" by: python -m profiler.run --out {path.parent} --resume"
        ) from error


def _parse_meta(document: Mapping[str, Any]) -> Meta:
    units = {name: parse_unit(text) for name, text in document["units"].items()}
    if not units or not all(is_unit_name(name) for name in units):
        raise ValueError("units must be named like cpu0")
    meta = Meta(
        device=str(document["device"]),
        fingerprint=_texts(document["fingerprint"]),
        units=units,
        fixed={name: _measured(value) for name, value in document["fixed"].items()},
        call_alone={name: _measured(value) for name, value in document["call_alone"].items()},
        sentinels={name: _reference(value) for name, value in document["sentinels"].items()},
        sentinel_block=str(document["sentinel_block"]),
        network=tuple(tuple(parse_key(key).key for key in piece) for piece in document["network"]),
        network_runs={name: _reference(value) for name, value in document["network_runs"].items()},
        handover=_texts(document["handover"]),
        versions=_texts(document["versions"]),
        models=tuple(map(str, document["models"])),
        settings=dict(document["settings"]),
        context=tuple(_context(entry) for entry in document["context"]),
        fits=tuple(_fit(entry) for entry in document["fits"]),
        transfer_fits=tuple(_transfer_fit(entry) for entry in document["transfer_fits"]),
        channel_step={str(name): int(_positive(step, "channel_step")) for name, step in document["channel_step"].items()},
        partial=tuple(_partial(entry) for entry in document["partial"]),
        contention=tuple(_contention(entry) for entry in document["contention"]),
        certificate=None if document["certificate"] is None else parse_certificate(document["certificate"]),
        conditions=_texts(document.get("conditions", {})),
        measured_at=str(document["measured_at"]),
        drift=_fractions(document["drift"], "drift"),
        disturbed=_fractions(document["disturbed"], "disturbed"),
        company=_texts(document["company"]),
        paths={str(pair): _pair_path(value) for pair, value in document["paths"].items()},
        deviation=_fractions(document["deviation"], "deviation"),
        source=str(document.get("source", "")),
        lacks=tuple(map(str, document.get("lacks", ()))),
    )
    if meta.handover["wait"] not in WAITS or meta.handover["path"] not in WISHES:
        raise ValueError(f"handover is {dict(meta.handover)}")
    if meta.lacks and not meta.source:
        raise ValueError("lacks, but no source: only imported tables may lack something")
    return meta


def _texts(value: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(text) for key, text in value.items()}


def _positive(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value <= 0:
        raise ValueError(f"{name} is {value!r}, not a number above 0")
    return float(value)


def _measured(value: Mapping[str, Any]) -> Measured:
    return Measured(_positive(value["median_us"], "median_us"), float(value["mad_us"]), int(_positive(value["n"], "n")))


def _reference(value: Mapping[str, Any]) -> Reference:
    measured = _measured(value)
    return Reference(measured.median_us, measured.mad_us, measured.n, _not_negative(value["error"], "error"))


def _pair_path(value: Mapping[str, Any]) -> PairPath:
    if value["path"] not in PATHS:
        raise ValueError(f"the path {value['path']!r} is none of {', '.join(PATHS)}")
    return PairPath(str(value["path"]), str(value["why"]))


def _fractions(value: Mapping[str, Any], name: str) -> dict[str, float]:
    return {str(unit): _not_negative(share, name) for unit, share in value.items()}


def _not_negative(value: Any, name: str) -> float:
    return 0.0 if value == 0 and not isinstance(value, bool) else _positive(value, name)


def _transfer_fit(value: Mapping[str, Any]) -> TransferFit:
    sender, receiver, path, wait, pacing = (str(value[name]) for name in ("from_unit", "to_unit", "path", "wait", "pacing"))
    read, write, n = _copy_line(value["read"]), _copy_line(value["write"]), int(_positive(value["n"], "n"))
    wakeup_us = {str(name): _not_negative(us, "wakeup_us") for name, us in value["wakeup_us"].items()}
    return TransferFit(sender, receiver, path, wait, pacing, read, write, wakeup_us, n)


def _copy_line(value: Mapping[str, Any]) -> CopyLine:
    base_us, us_per_kb, residual = (_not_negative(value[name], name) for name in ("base_us", "us_per_kb", "median_residual"))
    return CopyLine(base_us, us_per_kb, residual, int(_positive(value["sizes"], "sizes")))


def _fit(value: Mapping[str, Any]) -> Fit:
    median, p95 = (_not_negative(value[name], name) for name in ("median_residual", "p95_residual"))
    return Fit(str(value["unit"]), int(_positive(value["n"], "n")), median, p95)


def _context(value: Mapping[str, Any]) -> Context:
    factor = _positive(value["factor"], "context factor")
    return Context(str(value["unit"]), str(value["block_class"]), int(_positive(value["size"], "size")), factor, int(value["n"]))


def _partial(value: Mapping[str, Any]) -> Partial:
    size, channels, n = (int(_positive(value[name], name)) for name in ("size", "channels", "n"))
    return Partial(str(value["unit"]), size, channels, _positive(value["factor"], "partial factor"), n)


def _contention(value: Mapping[str, Any]) -> Contention:
    factor = _positive(value["factor"], "contention factor")
    return Contention(str(value["unit"]), str(value["block_class"]), str(value["other"]), factor, int(value["n"]))
