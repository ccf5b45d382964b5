"""Two certificates: the latencies of the strategies that both ran, and the errors of both sides' predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec

from android_harness.protocol.journal import CollabDone
from collab.documents import Count, LatencyUs, SignedFraction, Text, read
from collab.errors import JournalError, TableError
from collab.wording.commands import command_named
from lut.statistics import Summary, summarise
from profiler.job_ids import TrialId, parse_job_id
from profiler.trials import CERTIFY_JOURNAL
from report.comparing.accuracies import accuracies
from report.comparing.comparison import CERTIFICATES, Comparison
from report.comparing.effects import Cost, Pair, judged, whole_of, wholes_by_unit
from report.comparing.runs_side import read_starts

_MAX_BYTES: Final = 64 << 20
_ROUNDED_US: Final = 0.001
"""The certificate's latencies are rounded to this."""


class _Strategy(msgspec.Struct, frozen=True):
    model: Text
    placement: Text
    measured_us: LatencyUs
    n: Count
    error_drift_corrected: SignedFraction


class _File(msgspec.Struct, frozen=True):
    """Content of a certificate.json that is compared; the file holds more."""

    strategies: Annotated[tuple[_Strategy, ...], msgspec.Meta(min_length=1, max_length=100_000)]
    measured_at: Text = ""


@dataclass(frozen=True)
class CertificateSide:
    """Strategies with what they took, by name. `note` says why their errors are not known, and is empty where they are."""

    path: Path
    costs: dict[str, Cost]
    errors: dict[str, float]
    note: str


def read_certificate(path: Path) -> CertificateSide:
    """Reads a certificate.json and the journal of its runs, which lies beside it.

    Raises:
        TableError: the file is none.
        JournalError: a line of the journal is damaged.
    """
    advice = f"certificates are made by: {command_named('certify')}"
    file = read(path, _File, limit_bytes=_MAX_BYTES, error=TableError, advice=advice)
    names = [f"{entry.model} ({entry.placement})" for entry in file.strategies]
    if len(set(names)) < len(names):
        raise TableError(f"{path}: a strategy stands there twice; {advice}")
    found = _visited(path.parent / CERTIFY_JOURNAL, file.strategies)
    entries = list(zip(names, file.strategies, strict=True))
    if found is None:
        costs = {name: Cost(entry.measured_us, None, None) for name, entry in entries}
        note = f"{path}: no {CERTIFY_JOURNAL} beside it holds its visits, so its latencies have no errors, and none is proven to differ"
    else:
        costs = {name: Cost(summary.median_us, summary.se_us, summary.visits) for name, summary in zip(names, found, strict=True)}
        note = ""
    errors = {name: entry.error_drift_corrected for name, entry in entries}
    return CertificateSide(path, costs, errors, note)


def _visited(journal: Path, strategies: Sequence[_Strategy]) -> list[Summary] | None:
    """Returns each strategy's statistics over its visits; None where the journal is missing or of another certificate.

    The journal is added to, and a certificate is of its last starts: of one, or of several where a run was broken off.
    """
    try:
        starts = read_starts(journal) if journal.exists() else []
    except JournalError as error:
        raise JournalError(f"{error}; move the journal elsewhere to compare without errors") from error
    visits: list[CollabDone] = []
    for start in reversed(starts):
        visits = [*start.visits, *visits]
        found = _by_strategy(visits, len(strategies))
        if found is not None and all(
            abs(summary.median_us - entry.measured_us) <= _ROUNDED_US for summary, entry in zip(found, strategies, strict=True)
        ):
            return found
    return None


def _by_strategy(visits: Sequence[CollabDone], count: int) -> list[Summary] | None:
    totals: dict[int, list[Sequence[int]]] = {}
    # A certificate takes the visits of each half by itself; their order does not matter to a median.
    for visit in visits:
        job = parse_job_id(visit.job)
        if isinstance(job, TrialId):
            totals.setdefault(job.number, []).append(visit.total_ns)
    return [summarise(totals[number]) for number in range(count)] if set(totals) == set(range(count)) else None


def compare_certificates(first: CertificateSide, second: CertificateSide, *, margin: float) -> Comparison:
    """Compares what the strategies took that both ran, and how far both sides' predictions were off."""
    pairs = [Pair.of("strategy", "", name, cost, second.costs[name]) for name, cost in first.costs.items() if name in second.costs]
    rows = judged(pairs, margin)
    notes = [side.note for side in (first, second) if side.note]
    if not rows:
        notes.append("The two ran no strategy in common, so their latencies say nothing of each other")
    return Comparison(
        kind=CERTIFICATES,
        margin=margin,
        whole=whole_of(rows) if rows else None,
        wholes=tuple(wholes_by_unit(rows)),
        rows=tuple(rows),
        differences=(),
        notes=tuple(notes),
        only_first=len(first.costs.keys() - second.costs.keys()),
        only_second=len(second.costs.keys() - first.costs.keys()),
        accuracies=accuracies(first.errors, second.errors),
    )
