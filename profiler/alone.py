"""Time alone: what a block takes over and over by itself, less the call that running it alone takes as well.

Rows, the fit of networks in pieces, and the ripple all take it from here, so that what a row says a block adds is what the fit
was made with.
"""

from __future__ import annotations

from typing import Final

from collab.blocks import AnyBlock
from profiler.job_ids import BlockId
from profiler.samples import JobSamples, SampleStore

LEAST_ALONE_US: Final = 0.001
"""A nanosecond, the runner's clock's step: a block that takes no longer than a call is left with it, as no latency is 0.

Nothing higher, such as what a call's samples scatter by: that would make all small blocks dearer than they are, and with them every sum
of many. How little is known of such a block is told by the standard error in its row.
"""


def time_alone_us(samples: JobSamples, call_us: float) -> float:
    """Returns the median run of a block that was visited, less a call's."""
    return max(samples.summary("run").median_us - call_us, LEAST_ALONE_US)


def measured_alone_us(store: SampleStore, unit: str, block: AnyBlock, call_us: float) -> float | None:
    """Returns `time_alone_us` of a block on a unit; None where it was not measured."""
    samples = store.measured(BlockId(unit, block))
    return time_alone_us(samples, call_us) if samples is not None else None
