"""Result of running a bundle: its latency, its steps, and the error of its output. Deploying, verifying and certifying share it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from android_harness.bundles.steps import MeasuredStep, measured_steps, pair_steps
from android_harness.protocol.journal import CollabDone
from android_harness.protocol.phases import output_files
from collab.errors import RunnerError
from exporters.manifests.reading import load_manifest
from exporters.references import NO_OUTPUT, OutputError, compare_outputs, read_tensor
from lut.statistics import Summary, summarise

if TYPE_CHECKING:
    from lut.prediction.model_latency import Step


@dataclass(frozen=True)
class BundleResult:
    """Latency and output of a bundle over all its visits.

    `output` tells how far the output is from the reference;
    `distinct_outputs` is 1 where all runs gave the same bits. `paths` maps each pair of units to the path of its hand-overs.
    """

    measured: Summary
    steps: tuple[MeasuredStep, ...]
    output: OutputError
    distinct_outputs: int
    accelerated: bool
    paths: Mapping[str, str]

    @property
    def is_right(self) -> bool:
        """Whether every run computed the reference's numbers, up to rounding."""
        return self.output.is_rounding and self.distinct_outputs == 1

    @property
    def output_error(self) -> float:
        """The largest difference to the reference, as a fraction of its range; infinite where there is no output."""
        return self.output.share

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
            "output_off_by_one": self.output.off_by_one,
            "distinct_outputs": self.distinct_outputs,
            "paths": dict(self.paths),
            "steps": [step.to_document() for step in pair_steps(self.steps, predicted)],
        }


def bundle_result(visits: Sequence[CollabDone], output: OutputError) -> BundleResult:
    """Summarises at least one visit of one bundle: median, p95 and MAD of its latency (`lut.statistics.Summary`)."""
    return BundleResult(
        measured=summarise(visit.total_ns for visit in visits),
        steps=measured_steps(visits),
        output=output,
        distinct_outputs=_distinct_outputs(visits),
        accelerated=all(visit.accelerated for visit in visits),
        paths=visits[0].paths,
    )


def output_error(bundle: Path, output: Path) -> OutputError:
    """Compares the outputs of the runner with the bundle's references.

    Args:
        output: the first output's file, the others' beside it.

    Returns:
        How far they are from them; infinitely far where an output was not written.

    Raises:
        ExportError: a reference or an output cannot be read, or is not of the manifest's shape.
    """
    manifest = load_manifest(bundle, verify_files=False)
    files = output_files(output, len(manifest.outputs))
    if not all(file.exists() for file in files):
        return NO_OUTPUT
    return compare_outputs(
        (read_tensor(file, entry.type), read_tensor(bundle / entry.file, entry.type, finite=True))
        for file, entry in zip(files, manifest.outputs, strict=True)
    )


def require_right(result: BundleResult) -> None:
    """Checks that the output is right, as the latency of a wrong result has no meaning.

    Raises:
        RunnerError: the output differs from the reference's, or from run to run.
    """
    if not result.is_right:
        raise RunnerError(
            f"the output is wrong: it differs from the reference by {_difference(result)}, and the runs gave"
            f" {result.distinct_outputs} different outputs; latencies of a wrong result mean nothing"
        )


def latency_line(result: BundleResult) -> str:
    """Returns the measured latency as a line for people."""
    measured = result.measured
    spread = f"{measured.p95_us / 1e3:.3f} ms p95, MAD {measured.mad_us / 1e3:.3f} ms (n = {measured.n})"
    return f"Measured:  {measured.median_us / 1e3:.3f} ms median, {spread}"


def output_line(result: BundleResult) -> str:
    """Returns the error of the output as a line for people."""
    return f"Output: differs from the reference by {_difference(result)}, {result.distinct_outputs} distinct"


def _difference(result: BundleResult) -> str:
    """Tells how far the output is from the reference, and how much of a quantised one is one step off."""
    off = result.output.off_by_one
    return f"{result.output_error:.1e} of its range" + (f" ({off:.2%} of its numbers are one step off)" if off else "")


def _distinct_outputs(visits: Sequence[CollabDone]) -> int:
    """Counts the different outputs that all runs of all visits gave: 1 if they were all alike."""
    hashes = {visit.output_hash for visit in visits}
    return len(hashes | {f"{visit.output_hash}/{extra}" for visit in visits for extra in range(1, visit.distinct_outputs)})
