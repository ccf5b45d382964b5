"""Certificates from comparisons: how far the predictions of some tables were from measurements, beside simpler predictions."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Final

import numpy as np

from lut.certificate import Accuracy, Bias, Certificate
from lut.prediction.costs import Costs
from lut.prediction.model_latency import predict_schedule
from lut.tables import Tables
from profiler.attribution import ALIKE, LABELS, WORK, Term
from profiler.baselines import baselines
from profiler.candidates import Candidate
from profiler.compare import Comparison
from profiler.effort import QUICK
from profiler.trends import Trend

_LEAST_US: Final = 60e6
_CREATED_US: Final = 7_000.0
"""A visit takes about so long besides its runs."""
_FEWEST_ROUNDS, _MOST_ROUNDS = 12, 60


def rounds_for(candidates: Sequence[Candidate], costs: Costs, runs: int) -> int:
    """Returns how often either measurement of a strategy is visited so that all of it takes a minute, from 12 to 60 times.

    A device has slow and fast spells of seconds. What is over within one tells more of the spell than of the tables: certificates of a
    short model that took 11 s each had biases from -6 to +3 % (AMD EPYC).
    """
    visit_us = [(runs + QUICK.network_warmup) * _predicted_us(c, costs) + _CREATED_US for c in candidates]
    return min(max(math.ceil(_LEAST_US / (2 * sum(visit_us))), _FEWEST_ROUNDS), _MOST_ROUNDS)


def _predicted_us(candidate: Candidate, costs: Costs) -> float:
    return predict_schedule(candidate.schedule, costs, placement=candidate.placed).total_us


def certify(tables: Tables, candidates: Sequence[Candidate], comparisons: Sequence[Comparison]) -> Certificate:
    """Returns the certificate that follows from at least one comparison."""
    found: dict[str, Accuracy] = {}
    for name, simpler in baselines(tables).items():
        costs = Costs(simpler, source=name)
        pairs = zip(candidates, comparisons, strict=True)
        found[name] = Accuracy.of([_predicted_us(c, costs.slowed(r.drift)) / r.result.measured.median_us - 1 for c, r in pairs])
    repeatability = [comparison.repeatability for comparison in comparisons]
    units = {unit for comparison in comparisons for unit in comparison.drift}
    return Certificate(
        n=len(comparisons),
        corrected=Accuracy.of([comparison.error_drift_corrected for comparison in comparisons]),
        raw=Accuracy.of([comparison.error for comparison in comparisons]),
        bias=Bias.of([comparison.error_drift_corrected for comparison in comparisons]),
        repeatability=statistics.median(repeatability),
        repeatability_p95=float(np.percentile(repeatability, 95)),
        drift={unit: statistics.median(r.drift[unit] for r in comparisons if unit in r.drift) for unit in sorted(units)},
        baselines=found,
        measured_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )


def bias_line(bias: Bias, terms: Sequence[Term], trends: Sequence[Trend]) -> str:
    """Returns the bias, what carries it and how errors change, as a line for people: nothing in it that may be chance."""
    parts = [f"Bias: {bias.text}", *_carried(bias, terms), *(trend.sentence for trend in trends if trend.is_proven)]
    return "; ".join(parts)


def _carried(bias: Bias, terms: Sequence[Term]) -> list[str]:
    proven = [term for term in terms if term.is_proven]
    if any(term.name in ALIKE for term in proven):
        proven = [term for term in proven if term.name != WORK]
    if not bias.is_proven:
        return [f"within it: {_listed(proven)}"] if proven else []
    with_it = [term for term in proven if term.carries * bias.median > 0]
    against_it = [term for term in proven if term.carries * bias.median < 0]
    if with_it:
        carried = f"carried by: {_listed(with_it)}"
    else:
        carried = "what carries it is not known" if terms else "too few strategies to tell what carries it"
    return [carried, *([f"against it: {_listed(against_it)}"] if against_it else [])]


def _listed(terms: Sequence[Term]) -> str:
    return ", ".join(f"{LABELS[term.name]} ({100 * term.carries:+.1f})" for term in terms)
