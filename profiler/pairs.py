"""Pairs of units: the path by which each hands its features over, and the reason for it."""

from __future__ import annotations

from collections.abc import Iterable

from android_harness.protocol.journal import HandoverDone
from lut.entries import PairPath
from lut.paths import copies_in, copies_out
from profiler.job_ids import HandoverId
from profiler.samples import SampleStore

_UNKNOWN = "an unknown kind"


def pair_paths(store: SampleStore, units: Iterable[str]) -> dict[str, PairPath]:
    """Returns for each pair of units (``cpu0>gpu0``) the path that the runner took last when it was free to choose."""
    units = set(units)
    found: dict[str, PairPath] = {}
    for job, samples in store.jobs.items():
        if isinstance(job, HandoverId) and job.path == "shared" and {job.sender, job.receiver} <= units and samples.transfers:
            visit = samples.transfers[-1]
            found[f"{job.sender}>{job.receiver}"] = PairPath(visit.path, _why(job, visit))
    return dict(sorted(found.items()))


def _why(job: HandoverId, visit: HandoverDone) -> str:
    gives, takes = (", ".join(kinds) or _UNKNOWN for kinds in (visit.sender_buffers, visit.receiver_buffers))
    return f"{job.sender} gives {gives}; {job.receiver} takes {takes}: {_reason(job, visit.path)}"


def _reason(job: HandoverId, path: str) -> str:
    if copies_out(path) and copies_in(path):
        return f"neither works on host memory, so {job.sender} copies out and {job.receiver} copies in"
    if copies_out(path):
        return f"{job.sender} copies out, straight into {job.receiver}'s host memory"
    if copies_in(path):
        return f"{job.receiver} copies in, straight from {job.sender}'s host memory"
    return "both work on the same memory"
