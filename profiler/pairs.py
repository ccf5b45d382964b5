"""Pairs of units: by which path each hands its features over, and why."""

from __future__ import annotations

from collections.abc import Iterable

from android_harness.protocol.journal import TransferDone
from lut.meta import PairPath
from lut.paths import copies_in, copies_out
from lut.tables import HandoverRow
from profiler.campaign import TransferId, parse_job_id
from profiler.samples import SampleStore

_UNKNOWN = "an unknown kind"


def pair_paths(store: SampleStore, units: Iterable[str]) -> dict[str, PairPath]:
    """Per pair of units (``cpu0>gpu0``) the path that the runner took last when it was free to choose."""
    units = set(units)
    found: dict[str, PairPath] = {}
    for text, samples in store.jobs.items():
        job = parse_job_id(text)
        if isinstance(job, TransferId) and job.path == "shared" and {job.sender, job.receiver} <= units and samples.transfers:
            visit = samples.transfers[-1]
            found[f"{job.sender}>{job.receiver}"] = PairPath(visit.path, _why(job, visit))
    return dict(sorted(found.items()))


def _why(job: TransferId, visit: TransferDone) -> str:
    gives, takes = (", ".join(kinds) or _UNKNOWN for kinds in (visit.sender_buffers, visit.receiver_buffers))
    return f"{job.sender} gives {gives}; {job.receiver} takes {takes}: {_reason(job, visit.path)}"


def _reason(job: TransferId, path: str) -> str:
    if copies_out(path) and copies_in(path):
        return f"neither works on host memory, so {job.sender} copies out and {job.receiver} copies in"
    if copies_out(path):
        return f"{job.sender} copies out, straight into {job.receiver}'s host memory"
    if copies_in(path):
        return f"{job.receiver} copies in, straight from {job.sender}'s host memory"
    return "both work on the same memory"


def distinct_rows(rows: Iterable[HandoverRow]) -> list[HandoverRow]:
    """The first row of each kind: units that cannot share memory may have copied although they were asked to share."""
    kinds: dict[tuple[str, str, int, str, str, str, str], HandoverRow] = {}
    for row in rows:
        kinds.setdefault((row.from_unit, row.to_unit, row.bytes, row.shape, row.path, row.wait, row.pacing), row)
    return list(kinds.values())
