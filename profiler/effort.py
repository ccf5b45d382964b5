"""The effort of a profile: how many samples are taken of each job."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import msgspec

from android_harness.protocol.phases import MOST_MICROSECONDS, MOST_ROUNDS, MOST_RUNS
from collab.documents import Count

_Runs: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=MOST_RUNS)]
_Warmups: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=MOST_RUNS)]
_Microseconds: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=MOST_MICROSECONDS)]
_Rounds: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=MOST_ROUNDS)]


class Effort(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number of rounds, spread over the whole time, and of samples: `runs` a visit, of networks `network_runs`.

    From `min_rounds` on, a job is settled when 1.96 standard errors of its median, over visits, are less than `target_ci` of it.

    Few samples a visit and many visits: a machine that others use, or that is about to throttle, has slow and fast spells, and samples
    of one spell say the same thing again and again. What a visit may take is rather spent on warming up: at least `warmup` runs and
    `warmup_us` (networks: `network_warmup` runs), then until the runs are steady, but no longer than `warmup_limit_us`
    (`network_warmup_limit_us`) in all. The defaults of these are what plans say that were written before there was such a rule.
    """

    warmup: _Warmups
    warmup_us: _Microseconds
    runs: _Runs
    network_runs: _Runs
    min_rounds: _Rounds
    max_rounds: _Rounds
    target_ci: Annotated[float, msgspec.Meta(ge=0, le=1)]
    transfer_runs: _Runs
    transfer_rounds: _Rounds
    sentinel_every: Count
    all_waits: bool
    warmup_limit_us: _Microseconds = 0
    network_warmup: _Warmups = 1
    network_warmup_limit_us: _Microseconds = 0

    def __post_init__(self) -> None:
        if self.max_rounds < self.min_rounds:
            raise ValueError(f"max_rounds {self.max_rounds} is below min_rounds {self.min_rounds}")


FULL: Final = Effort(
    warmup=2,
    warmup_us=300,
    warmup_limit_us=1_000,
    network_warmup=3,
    network_warmup_limit_us=30_000,
    runs=3,
    network_runs=2,
    min_rounds=20,
    max_rounds=50,
    target_ci=0.02,
    transfer_runs=20,
    transfer_rounds=4,
    sentinel_every=16,
    all_waits=True,
)
QUICK: Final = Effort(
    warmup=2,
    warmup_us=300,
    warmup_limit_us=1_000,
    network_warmup=3,
    network_warmup_limit_us=30_000,
    runs=3,
    network_runs=2,
    min_rounds=14,
    max_rounds=24,
    target_ci=0.03,
    transfer_runs=20,
    transfer_rounds=3,
    sentinel_every=16,
    all_waits=False,
)
BUDGETED: Final = msgspec.structs.replace(QUICK, min_rounds=8, max_rounds=8)
"""The coarse grid that a budget begins with: what is left of the time is spent where it helps most."""
