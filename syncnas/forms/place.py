"""Forms of what is said of plans: which unit runs which block of a network, and what makes the latency of that."""

from __future__ import annotations

import msgspec

from syncnas.forms.base import Form, Printed


class PlacedBlock(Form, frozen=True, kw_only=True):
    """A block of the network with the unit that runs it."""

    identity: str
    label: str
    unit: str


class PlacedSegment(Form, frozen=True, kw_only=True):
    """Blocks that a unit runs between two hand-overs.

    Attributes:
        blocks: how many.
        senders: the segments from which it takes something.
        bytes: of each of its outputs.
    """

    name: str
    unit: str
    blocks: int
    senders: list[str] = msgspec.field(name="from")
    bytes: list[int]


class PlacedSplit(Form, frozen=True, kw_only=True):
    """A stretch that several units run at once.

    Attributes:
        opens: number of its first operator in the network's file.
        groups: how many of its groups of channels each arm has.
    """

    opens: int
    groups: list[int]


class Place(Printed, frozen=True, kw_only=True):
    """The placement of a network.

    Attributes:
        predicted_us: a latency, or the time between two inferences (`objective`).
        units: what each unit that can run all blocks takes alone, in microseconds.
        best_unit: the fastest of these; null where no unit can.
        predicted_gain: what that unit takes over what the placement takes.
        proven: whether no other placement of these blocks is better, by these tables.
        judged: how many placements were replayed.
        splits: stretches that are split, their arms being blocks of their own.
        splits_measured: how many splits could be chosen.
        out: the plan.
    """

    model: str
    objective: str
    predicted_us: float
    units: dict[str, float]
    best_unit: str | None
    predicted_gain: float | None
    proven: bool
    judged: int
    splits: list[PlacedSplit]
    splits_measured: int
    blocks: list[PlacedBlock]
    segments: list[PlacedSegment]
    out: str | msgspec.UnsetType = msgspec.UNSET


class PathLink(Form, frozen=True, kw_only=True):
    """A piece of the critical path: from `begin_us` to `end_us` since all units were released.

    Attributes:
        kind: block, call, hand-over, copy (of the network's inputs and outputs) or buffers.
        peer: the other end of a hand-over or a copy; empty for others.
        bytes: that pass, where it is known.
    """

    unit: str
    segment: str
    kind: str
    what: str
    peer: str
    bytes: int | None
    begin_us: float
    end_us: float


class UnitShare(Form, frozen=True, kw_only=True):
    """Time of a unit during an inference.

    Attributes:
        longest_for: the segment that it waits for longest; empty where it waits for none.
    """

    works_us: float
    waits_us: float
    longest_for: str


class PlanPath(Form, frozen=True, kw_only=True):
    """Critical path of a plan's predicted latency.

    Attributes:
        critical: the fraction of the critical path that each unit carries.
        by_kind_us: the time on the critical path by kind of link.
        path: in the order of time, without gaps.
    """

    model: str
    placement: str
    predicted_us: float
    critical: dict[str, float]
    by_kind_us: dict[str, float]
    path: list[PathLink]
    units: dict[str, UnitShare]
