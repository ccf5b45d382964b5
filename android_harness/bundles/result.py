"""Result of running a bundle: its latency, its steps, and the error of its output. Deploying, verifying and certifying share it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from android_harness.bundles.steps import MeasuredStep, measured_steps, pair_steps
from android_harness.protocol.journal import CollabDone
from android_harness.protocol.phases import output_files
from collab.errors import RunnerError
from exporters.checking import MAX_ERROR
from exporters.manifests.reading import load_manifest
from exporters.references import difference, read_tensor
from lut.statistics import Summary, summarise

if TYPE_CHECKING:
    from lut.prediction.model_latency import Step


@dataclass(frozen=True)
class BundleResult:
    """Latency and output of a bundle over all its visits.

    `output_error` is the largest difference to the reference as a fraction of its range, infinite where there is no output;
    `distinct_outputs` is 1 where all runs gave the same bits. `paths` maps each pair of units to the path of its hand-overs.
    """

    measured: Summary
    steps: tuple[MeasuredStep, ...]
    output_error: float
    distinct_outputs: int
    accelerated: bool
    paths: Mapping[str, str]

    @property
    def is_right(self) -> bool:
        """Whether every run computed the reference's numbers, up to rounding."""
        return self.output_error <= MAX_ERROR and self.distinct_outputs == 1

    def to_document(self, predicted: Sequence[Step] = ()) -> dict[str, Any]:
        """Returns the parts of a JSON object that all commands share, times in microseconds; `predicted` are the steps of a prediction."""
        measured = self.measured
        return {
            "measured_us": {
                "median": round(measured.median_us, 3),
                "p95": round(measured.p95_us, 3),
                "mad": round(measured.mad_us, 3),
                "n": measured.n,
                "se": None if measured.se_us is None else round(measured.se_us, 3),
                "visits": measured.visits,
            },
            "output_error": self.output_error,
            "distinct_outputs": self.distinct_outputs,
            "paths": dict(self.paths),
            "steps": [step.to_document() for step in pair_steps(self.steps, predicted)],
        }


def bundle_result(visits: Sequence[CollabDone], output_error: float) -> BundleResult:
    """Summarises at least one visit of one bundle: median, p95 and MAD of its latency (`lut.statistics.Summary`)."""
    return BundleResult(
        measured=summarise(visit.total_ns for visit in visits),
        steps=measured_steps(visits),
        output_error=output_error,
        distinct_outputs=_distinct_outputs(visits),
        accelerated=all(visit.accelerated for visit in visits),
        paths=visits[0].paths,
    )


def output_error(bundle: Path, output: Path) -> float:
    """Compares the outputs of the runner with the bundle's references.

    Args:
        output: the first output's file, the others' beside it.

    Returns:
        The largest difference, as a fraction of the reference's range; infinite where an output was not written.

    Raises:
        ExportError: a reference or an output cannot be read, or is not of the manifest's shape.
    """
    manifest = load_manifest(bundle, verify_files=False)
    files = output_files(output, len(manifest.outputs))
    if not all(file.exists() for file in files):
        return float("inf")
    errors = [
        difference(read_tensor(file, entry.type), read_tensor(bundle / entry.file, entry.type, finite=True))
        for file, entry in zip(files, manifest.outputs, strict=True)
    ]
    # NaN, where an output is none, is the largest of all here.
    return float(np.max(errors))


def require_right(result: BundleResult) -> None:
    """Checks that the output is right, as the latency of a wrong result has no meaning.

    Raises:
        RunnerError: the output differs from the reference's, or from run to run.
    """
    if not result.is_right:
        raise RunnerError(
            f"the output is wrong: it differs from the reference by {result.output_error:.1e} of its range, and the runs gave"
            f" {result.distinct_outputs} different outputs; latencies of a wrong result mean nothing"
        )


def latency_line(result: BundleResult) -> str:
    """Returns the measured latency as a line for people."""
    measured = result.measured
    spread = f"{measured.p95_us / 1e3:.3f} ms p95, MAD {measured.mad_us / 1e3:.3f} ms (n = {measured.n})"
    return f"Measured:  {measured.median_us / 1e3:.3f} ms median, {spread}"


def output_line(result: BundleResult) -> str:
    """Returns the error of the output as a line for people."""
    return f"Output: differs from the reference by {result.output_error:.1e} of its range, {result.distinct_outputs} distinct"


def _distinct_outputs(visits: Sequence[CollabDone]) -> int:
    """Counts the different outputs that all runs of all visits gave: 1 if they were all alike."""
    hashes = {visit.output_hash for visit in visits}
    return len(hashes | {f"{visit.output_hash}/{extra}" for visit in visits for extra in range(1, visit.distinct_outputs)})
