"""Units: a compute unit of a device together with how it is used, e.g. ``cpu:threads=2,cores=4-7``.

A unit has a *name* (``cpu0``: its kind and its number among the units of that kind) and a *spec*. In files the spec
stands in one canonical, resolved form in which every option is spelled out, so that equal units compare equal as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from collab.errors import ConfigError
from collab.names import shown

KINDS: Final = ("cpu", "gpu", "nnapi", "npu")
ENGINES: Final = {"cpu": ("litert", "classic"), "gpu": ("litert", "classic"), "nnapi": ("classic",), "npu": ("litert",)}
PRECISIONS: Final = ("fp32", "fp16")
_OPTIONS: Final = {
    "cpu": ("threads", "cores", "cluster", "precision", "engine"),
    "gpu": ("backend", "driver", "precision", "engine"),
    "nnapi": ("accelerator", "precision", "engine"),
    "npu": ("precision", "engine"),
}
WEBGPU: Final = "webgpu"
"""The only GPU backend of LiteRT for Linux, over a Vulkan driver."""
GPU_BACKENDS: Final = ("opencl", "opengl", WEBGPU)
"""Interfaces by which a GPU is driven. One never takes another's place: their times differ."""
MAX_CORE: Final = 1023
_MAX_TEXT: Final = 3000
"""All cores of the largest device, every other one left out, take fewer."""
_NAME = re.compile(r"(cpu|gpu|nnapi|npu)(0|[1-9][0-9]{0,2})")
_WORD = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


@dataclass(frozen=True)
class UnitSpec:
    """One compute unit and how it is used.

    `cores` are CPU core numbers, ascending; None until a device has resolved `cluster` or chosen them.
    `backend` (gpu) is one of `GPU_BACKENDS`; None until a device has chosen, and where its runtime has WebGPU alone.
    `driver` (gpu) and `accelerator` (nnapi) name one of several; None takes the runtime's first.
    """

    kind: str
    engine: str = "litert"
    precision: str = "fp32"
    threads: int = 1
    cores: tuple[int, ...] | None = None
    cluster: str | None = None
    backend: str | None = None
    driver: str | None = None
    accelerator: str | None = None

    @property
    def text(self) -> str:
        """The canonical form; `parse_unit` reads it back to an equal spec."""
        options: list[str] = []
        if self.kind == "cpu":
            options.append(f"threads={self.threads}")
            if self.cores is not None:
                options.append(f"cores={format_cores(self.cores)}")
            elif self.cluster is not None:
                options.append(f"cluster={self.cluster}")
        if self.backend is not None:
            options.append(f"backend={self.backend}")
        if self.driver is not None:
            options.append(f"driver={self.driver}")
        if self.accelerator is not None:
            options.append(f"accelerator={self.accelerator}")
        options += [f"precision={self.precision}", f"engine={self.engine}"]
        return f"{self.kind}:{','.join(options)}"

    def __str__(self) -> str:
        return self.text

    def on_cores(self, cores: Iterable[int]) -> UnitSpec:
        """Returns this unit, resolved to these cores."""
        return replace(self, cores=tuple(sorted(set(cores))), cluster=None)


def shared_cores(one: UnitSpec, other: UnitSpec) -> set[int]:
    """Returns the cores that two units may both run on, which they take turns on."""
    return set(one.cores or ()) & set(other.cores or ())


def format_cores(cores: Sequence[int]) -> str:
    """Writes ``(0, 1, 2, 5)`` as ``0-2+5``; `parse_cores` reads it back."""
    runs: list[list[int]] = []
    for core in sorted(set(cores)):
        if runs and core == runs[-1][1] + 1:
            runs[-1][1] = core
        else:
            runs.append([core, core])
    return "+".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def parse_cores(text: str) -> tuple[int, ...]:
    """Reads ``0-2+5`` as ``(0, 1, 2, 5)``.

    Raises:
        ConfigError: not of that form, descending, or beyond core 1023.
    """
    cores: set[int] = set()
    for part in text.split("+"):
        match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", part, re.ASCII)
        if match is None:
            raise ConfigError(f"cores={shown(text)}: '{shown(part)}' is not a core or a range; write for example cores=4-7 or cores=0+2")
        first = int(match[1])
        last = int(match[2]) if match[2] is not None else first
        if last < first or last > MAX_CORE:
            raise ConfigError(f"cores={shown(text)}: the range '{shown(part)}' is empty or goes beyond core {MAX_CORE}")
        cores.update(range(first, last + 1))
    return tuple(sorted(cores))


def parse_unit(text: str) -> UnitSpec:
    """Reads a unit as written on a command line or in a file.

    Raises:
        ConfigError: unknown kind or option, an option given twice, or a value out of range.
    """
    if len(text) > _MAX_TEXT:
        raise ConfigError(f"unit '{shown(text, most=60)}' has more than {_MAX_TEXT} characters; write it like cpu:cores=4-7")
    kind, _, rest = text.strip().partition(":")
    if kind not in KINDS:
        raise ConfigError(f"unit '{shown(text)}': unknown kind '{shown(kind)}'; one of {', '.join(KINDS)}")
    options: dict[str, str] = {}
    for item in filter(None, rest.split(",")):
        key, equals, value = item.partition("=")
        if not equals or key not in _OPTIONS[kind]:
            raise ConfigError(f"unit '{shown(text)}': '{shown(item)}' is no option of {kind}; it takes {', '.join(_OPTIONS[kind])}")
        if key in options:
            raise ConfigError(f"unit '{shown(text)}': {key} is given twice")
        # Cores have a check of their own: a list of them may be long.
        if key != "cores" and not _WORD.fullmatch(value.replace("+", "")):
            raise ConfigError(f"unit '{shown(text)}': {key} has the value '{shown(value)}', which is empty or has odd characters")
        options[key] = value
    return _spec_from_options(text, kind, options)


def _spec_from_options(text: str, kind: str, options: dict[str, str]) -> UnitSpec:
    engine = options.get("engine", ENGINES[kind][0])
    if engine not in ENGINES[kind]:
        raise ConfigError(f"unit '{shown(text)}': engine={shown(engine)} does not drive {kind}; one of {', '.join(ENGINES[kind])}")
    precision = options.get("precision", "fp32")
    if precision not in PRECISIONS:
        raise ConfigError(f"unit '{shown(text)}': precision={shown(precision)}; one of {', '.join(PRECISIONS)}")
    backend = options.get("backend")
    if backend is not None and backend not in GPU_BACKENDS:
        raise ConfigError(f"unit '{shown(text)}': backend={shown(backend)}; one of {', '.join(GPU_BACKENDS)}")
    if "cores" in options and "cluster" in options:
        raise ConfigError(f"unit '{shown(text)}': give cores or cluster, not both")
    threads_text = options.get("threads", "1")
    if not (threads_text.isascii() and threads_text.isdigit() and 1 <= int(threads_text) <= 64):
        raise ConfigError(f"unit '{shown(text)}': threads={shown(threads_text)} is not a number from 1 to 64")
    cores = parse_cores(options["cores"]) if "cores" in options else None
    return UnitSpec(
        kind=kind,
        engine=engine,
        precision=precision,
        threads=int(threads_text),
        cores=cores,
        cluster=options.get("cluster"),
        backend=backend,
        driver=options.get("driver"),
        accelerator=options.get("accelerator"),
    )


def name_units(specs: Sequence[UnitSpec]) -> dict[str, UnitSpec]:
    """Names units by kind and number within the kind, in order: ``cpu0, cpu1, gpu0``."""
    counts: dict[str, int] = {}
    named: dict[str, UnitSpec] = {}
    for spec in specs:
        number = counts.get(spec.kind, 0)
        counts[spec.kind] = number + 1
        named[f"{spec.kind}{number}"] = spec
    return named


def is_unit_name(text: str) -> bool:
    """Whether `text` has the form of a unit's name, like ``cpu0``."""
    return _NAME.fullmatch(text) is not None
