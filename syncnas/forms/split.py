"""Form of the command that divides a network in one go."""

from __future__ import annotations

from syncnas.forms.base import Form, Printed


class SplitLatency(Form, frozen=True, kw_only=True):
    """A measured latency in microseconds, over n runs."""

    median: float
    p95: float
    n: int


class SplitContender(Form, frozen=True, kw_only=True):
    """A placement that was run.

    Attributes:
        placement: which unit runs which blocks, by their numbers.
        error_drift_corrected: of the prediction, as a fraction of what was measured.
        repeatability: how far two measurements of it were apart, as a fraction.
        gain: what the best unit alone takes over what this takes, both measured; null where no unit can run all of it.
        output_error: how far its output is from the whole network's, as a fraction of its range.
    """

    placement: str
    predicted_us: float
    measured_us: SplitLatency
    error_drift_corrected: float
    repeatability: float
    gain: float | None
    output_error: float


class Split(Printed, frozen=True, kw_only=True):
    """A network divided over units, with the figures of what was kept (`SplitContender`).

    Attributes:
        units: what each unit takes alone, in microseconds, as measured.
        best_unit: the fastest of these; null where no unit can run all of it.
        proven: whether no other placement is predicted to be faster.
        rejected: a placement that was found and measured to be slower than the best unit alone; null where there is none.
        lut: folder of the tables.
    """

    model: str
    device: str
    units: dict[str, float]
    best_unit: str | None
    placement: str
    predicted_us: float
    measured_us: SplitLatency
    error_drift_corrected: float
    repeatability: float
    gain: float | None
    output_error: float
    proven: bool
    rejected: SplitContender | None
    plan: str
    bundle: str
    lut: str
