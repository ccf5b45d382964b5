"""Ids of jobs: types that print the text which phases and journals carry, and the one parser that reads it back.

A job's id says all that is needed to turn its samples into a row, so tables can be derived from the journal alone at any time. Networks
and rehearsals are the exception: their ids hold a name that is a digest of what they are (`network_name`, `Rehearsal.name`), and a plan
says which one has that name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from collab.blocks import AnyBlock, parse_any_key
from collab.errors import ConfigError
from collab.tensors.types import Shape
from collab.units import is_unit_name
from lut.meta import WAITS
from lut.paths import REQUESTABLE_PATHS
from lut.tables import shape_text
from profiler.plan import Network, network_name

_DIGEST: Final = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class CallId:
    """A call of next to nothing on a unit: the fixed cost that is in the time of every model."""

    unit: str

    @property
    def text(self) -> str:
        return f"fixed/{self.unit}"


@dataclass(frozen=True)
class SentinelId:
    """The block that tells how fast a unit is just now."""

    unit: str

    @property
    def text(self) -> str:
        return f"sentinel/{self.unit}"


@dataclass(frozen=True)
class NetworkSentinelId:
    """The tables' network on a unit, run again beside other bundles: a second sentinel."""

    unit: str

    @property
    def text(self) -> str:
        return f"sentinel/network/{self.unit}"


@dataclass(frozen=True)
class BlockId:
    """A block alone on a unit."""

    unit: str
    block: AnyBlock

    @property
    def text(self) -> str:
        return f"block/{self.unit}/{self.block.key}"


@dataclass(frozen=True)
class HandoverId:
    """A hand-over of a feature map; `gap_us` is the idle time before each. `path` is what is asked for, the samples say what was taken."""

    sender: str
    receiver: str
    shape: Shape
    path: str
    wait: str
    gap_us: int

    @property
    def text(self) -> str:
        return f"transfer/{self.sender}/{self.receiver}/{shape_text(self.shape)}/{self.path}/{self.wait}/{self.gap_us}"


@dataclass(frozen=True)
class NetworkId:
    """A network in its pieces on a unit; `network` is the network's name."""

    unit: str
    network: str

    @classmethod
    def of(cls, unit: str, network: Network) -> NetworkId:
        return cls(unit, network_name(network))

    @property
    def text(self) -> str:
        return f"network/{self.unit}/{self.network}"


@dataclass(frozen=True)
class LoadedId:
    """A network in its pieces on a unit while the unit `other` runs the network `load` over and over; both networks by name."""

    unit: str
    other: str
    network: str
    load: str

    @classmethod
    def of(cls, unit: str, other: str, network: Network, load: Network) -> LoadedId:
        return cls(unit, other, network_name(network), network_name(load))

    @property
    def text(self) -> str:
        return f"loaded/{self.unit}/{self.other}/{self.network}/{self.load}"


@dataclass(frozen=True)
class RehearsalId:
    """A rehearsal, by its name, on the units `one` and `other` in its two roles; `path` and `wait` are how they hand over."""

    one: str
    other: str
    rehearsal: str
    path: str
    wait: str

    @property
    def text(self) -> str:
        return f"rehearsal/{self.one}/{self.other}/{self.rehearsal}/{self.path}/{self.wait}"


@dataclass(frozen=True)
class TrialId:
    """A bundle that is compared with its prediction, by its number; each is measured as two jobs, `half` ``a`` and ``b``."""

    number: int
    half: str

    @property
    def text(self) -> str:
        return f"collab/{self.number}/{self.half}"


JobId: TypeAlias = CallId | SentinelId | NetworkSentinelId | BlockId | HandoverId | NetworkId | LoadedId | RehearsalId | TrialId


def parse_job_id(text: str) -> JobId | None:
    """Returns the id that prints as `text`; None of any other text."""
    kind, *parts = text.split("/")
    try:
        job = _PARSERS[kind, len(parts)](*parts)
    except (KeyError, ValueError, ConfigError):
        return None
    # Numbers and keys may be written in more than one way; ids are written in one.
    return job if job.text == text else None


def is_sentinel(text: str) -> bool:
    """Whether a job of this id is visited again and again to tell the speed of a unit."""
    return isinstance(parse_job_id(text), (SentinelId, NetworkSentinelId))


def timed_unit(text: str) -> str | None:
    """Returns the unit that a job of this id times a block or a call on; None of any other job."""
    job = parse_job_id(text)
    return job.unit if isinstance(job, (SentinelId, CallId, BlockId)) else None


def _unit(name: str) -> str:
    if not is_unit_name(name):
        raise ValueError(f"{name} is no unit's name")
    return name


def _digest(name: str) -> str:
    if not _DIGEST.fullmatch(name):
        raise ValueError(f"{name} is no name of a network or a rehearsal")
    return name


def _check_way(path: str, wait: str) -> None:
    if path not in REQUESTABLE_PATHS or wait not in WAITS:
        raise ValueError(f"{path}, {wait}")


def _handover(sender: str, receiver: str, shape: str, path: str, wait: str, gap_us: str) -> HandoverId:
    _check_way(path, wait)
    return HandoverId(_unit(sender), _unit(receiver), tuple(map(int, shape.split("x"))), path, wait, int(gap_us))


def _rehearsal(one: str, other: str, name: str, path: str, wait: str) -> RehearsalId:
    _check_way(path, wait)
    if one == other:
        raise ValueError("a rehearsal is run on two units")
    return RehearsalId(_unit(one), _unit(other), _digest(name), path, wait)


def _network_sentinel(kind: str, unit: str) -> NetworkSentinelId:
    if kind != "network":
        raise ValueError(f"{kind} is no kind of sentinel")
    return NetworkSentinelId(_unit(unit))


def _trial(number: str, half: str) -> TrialId:
    if half not in ("a", "b"):
        raise ValueError(f"{half} is neither half of a trial")
    return TrialId(int(number), half)


_PARSERS: Final[Mapping[tuple[str, int], Callable[..., JobId]]] = {
    ("fixed", 1): lambda unit: CallId(_unit(unit)),
    ("sentinel", 1): lambda unit: SentinelId(_unit(unit)),
    ("sentinel", 2): _network_sentinel,
    ("block", 2): lambda unit, key: BlockId(_unit(unit), parse_any_key(key)),
    ("transfer", 6): _handover,
    ("network", 2): lambda unit, network: NetworkId(_unit(unit), _digest(network)),
    ("loaded", 4): lambda unit, other, network, load: LoadedId(_unit(unit), _unit(other), _digest(network), _digest(load)),
    ("rehearsal", 5): _rehearsal,
    ("collab", 2): _trial,
}
"""The parser for each first word of a text and number of parts after it."""
