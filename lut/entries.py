"""Entries of meta.json: what was measured of, or fitted to, a unit or two of them, each checked when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

import msgspec

from collab.documents import MAX_US, Count, DurationUs, Factor, Fraction, LatencyUs, SignedFraction, Text
from lut.paths import PATHS

if TYPE_CHECKING:
    from lut.statistics import Summary

PERIOD: Final = 32
"""Period of the ripple, in expansion channels (`Ripple`)."""
_PROVEN: Final = 2.81
"""Standard errors: a normal variable is farther from its mean in 1 of 200 cases."""
MAX_NAME: Final = 256
Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
"""The name of a device or a unit."""
Quantity: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]
Change: TypeAlias = Annotated[float, msgspec.Meta(ge=-MAX_US, le=MAX_US)]
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

    `se` is the standard error of `measured`, as a fraction, None where it is not known. It was told by `n` rehearsals, or by `n` pairs of a
    visit alone and a loaded one. With `pooled`, `measured` is of all classes together.
    """

    unit: Name
    block_class: Text
    other: Name
    factor: Annotated[float, msgspec.Meta(ge=1, le=1e6)]
    measured: Factor
    se: Fraction | None
    n: Count
    pooled: bool
    told_by: Literal["pairs", "rehearsals"] = "pairs"


class Rehearsed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Cost to `unit` of hand-overs with `other` in runs of both, beyond what each costs by itself; 0 unless it is proven.

    `what` is ``resume`` (us for each hand-over that `unit` waits for), ``wakeup`` (us likewise), ``fetch`` or ``claim`` (us for each KB
    that `unit` fetches, or writes where `other` has read), ``write`` or ``read`` (a fraction of what copying in, or out, takes),
    ``each_write`` or ``each_read`` (us for each such copy).
    `measured` is what came out of `n` rehearsals, with its standard error `se`.
    """

    unit: Name
    other: Name
    what: Literal["resume", "wakeup", "fetch", "claim", "write", "read", "each_write", "each_read"]
    value: Change
    measured: Change
    se: DurationUs
    n: Count


class RehearsalCheck(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Errors, as fractions, of `n` rehearsals of two units, each predicted by what the others tell; `bias` is their median."""

    unit: Name
    other: Name
    n: Count
    median_error: Fraction
    bias: SignedFraction


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

    `measured` is what came out, with its standard error `se`, of `n` rehearsals, or of `n` pairs of visits alone and loaded.
    """

    unit: Name
    other: Name
    share: Share
    measured: Share
    se: Fraction
    n: Count
    told_by: Literal["pairs", "rehearsals"] = "pairs"


class Trend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Change of errors (a fraction, predicted over measured) as a quantity goes from `low` to `high`, with its standard error."""

    against: Text
    low: Quantity
    high: Quantity
    effect: SignedFraction
    se: Fraction

    @property
    def is_proven(self) -> bool:
        """True if chance alone makes so large an effect in less than 1 of 200 cases: a profile tests several trends."""
        return abs(self.effect) > _PROVEN * self.se


class CrossCheck(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Errors, as fractions, of `n` networks that were left out of the fit in turn, and what they go with; `bias` is their median."""

    unit: Name
    n: Count
    median_error: Fraction
    bias: SignedFraction
    trends: tuple[Trend, ...]


class CopyLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A copy takes `base_us` and `us_per_kb` for each 1024 bytes. The `sizes` measured are off by `median_residual` of the line."""

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


def can_be_read(entry: msgspec.Struct) -> bool:
    """Tells whether a reader of the file would take an entry: all numbers are finite and in bounds, no time is 0."""
    try:
        msgspec.json.decode(msgspec.json.encode(entry), type=type(entry))
    except msgspec.ValidationError:
        return False
    return True
