"""Forms of the commands that measure a device, or run a bundle on it."""

from __future__ import annotations

from typing import Literal

import msgspec

from syncnas.forms.base import Form, Numbers, Printed


class LackingBlock(Form, frozen=True, kw_only=True):
    """A block of a network that a unit does not take whole, and why."""

    block: str
    label: str
    reason: str


class UnitCoverage(Form, frozen=True, kw_only=True):
    """Coverage of a network by a unit.

    Attributes:
        whole: how many blocks it runs wholly.
        partly: blocks of which it leaves a part to the CPU.
        failed: blocks that it cannot run.
    """

    whole: int
    partly: list[LackingBlock]
    failed: list[LackingBlock]


class Profile(Printed, frozen=True, kw_only=True):
    """Summary of a profile: rows of its tables, those that failed or are unstable, seconds, visits that do not count, and coverage.

    `coverage` is by unit, and empty where no network is measured that is no config.
    """

    blocks: int
    transfers: int
    failed: int
    unstable: int
    complete: bool
    wall_s: float
    sampled_s: float
    dropped_hot: int
    not_counted: int
    coverage: dict[str, UnitCoverage]
    out: str


class ProfiledPhone(Form, frozen=True, kw_only=True):
    """One of several phones; the counts are those of its folder, and are left out where it holds no tables."""

    device: str
    state: Literal["done", "stopped", "failed"]
    error: str | None
    out: str
    schema_version: Literal[1] | msgspec.UnsetType = msgspec.UNSET
    blocks: int | msgspec.UnsetType = msgspec.UNSET
    transfers: int | msgspec.UnsetType = msgspec.UNSET
    failed: int | msgspec.UnsetType = msgspec.UNSET
    unstable: int | msgspec.UnsetType = msgspec.UNSET
    complete: bool | msgspec.UnsetType = msgspec.UNSET
    wall_s: float | msgspec.UnsetType = msgspec.UNSET
    sampled_s: float | msgspec.UnsetType = msgspec.UNSET
    dropped_hot: int | msgspec.UnsetType = msgspec.UNSET
    not_counted: int | msgspec.UnsetType = msgspec.UNSET
    coverage: dict[str, UnitCoverage] | msgspec.UnsetType = msgspec.UNSET


class ProfiledPhones(Printed, frozen=True, kw_only=True):
    """What came of several phones, profiled side by side."""

    devices: list[ProfiledPhone]


class MeasuredLatency(Form, frozen=True, kw_only=True):
    """A latency in microseconds over n runs in some visits; `se` is the standard error of the median over visits."""

    median: float
    p95: float
    mad: float
    n: int
    se: float | None
    visits: int


class Step(Form, frozen=True, kw_only=True):
    """A step of a unit: which of its segments, whether it runs, waits or hands over, and with which peer."""

    unit: str
    segment: str
    step: str
    peer: str


class RunStep(Step, frozen=True, kw_only=True):
    """A step of a unit as measured and, where there are tables, as predicted."""

    predicted_begin_us: float | None
    predicted_us: float | None
    measured_begin_us: float
    measured_us: float
    measured_mad_us: float
    error: float | None


class Verification(Form, frozen=True, kw_only=True):
    """A prediction beside its measurement."""

    model: str
    placement: str
    predicted_us: float
    measured_us: MeasuredLatency
    output_error: float
    output_off_by_one: float
    distinct_outputs: int
    paths: dict[str, str]
    steps: list[RunStep]
    error: float
    error_drift_corrected: float
    corrected_us: float
    drift: Numbers
    sentinel_drift: Numbers
    network_drift: Numbers
    repeatability: float
    dropped_hot: int
    notes: list[str]


class Verify(Verification, frozen=True, kw_only=True):
    """A prediction beside its measurement; `fails` says whether it is off by more than `--fail-above`."""

    schema_version: Literal[1]
    fails: bool


class Demo(Printed, frozen=True, kw_only=True):
    """Folder and page of a demo, and what its model was predicted and measured to take."""

    out: str
    report: str
    predicted_us: float
    measured_us: MeasuredLatency
    error: float


class Accuracy(Form, frozen=True, kw_only=True):
    """Errors of predictions as fractions, and the shares of strategies within 5 % and 10 %."""

    median_error: float
    p95_error: float
    within_5: float
    within_10: float


class Certified(Form, frozen=True, kw_only=True):
    """The figures of a certificate."""

    n: int
    median_error: float
    p95_error: float
    within_5: float
    within_10: float
    raw_median_error: float
    raw_p95_error: float
    raw_within_5: float
    raw_within_10: float
    bias: float
    bias_interval: tuple[float, float] | None
    repeatability: float
    repeatability_p95: float
    drift: Numbers
    baselines: dict[str, Accuracy]
    measured_at: str


class Certificate(Certified, frozen=True, kw_only=True):
    """How far predictions from some tables hold, as the tables carry it."""


class BiasTerm(Form, frozen=True, kw_only=True):
    """A term of the predictions and how much of their bias it carries."""

    carries: float
    low: float
    high: float
    proven: bool
    corrections: dict[str, Numbers]


class ErrorTrend(Form, frozen=True, kw_only=True):
    """Slope of the errors along a trait of strategies, with its interval."""

    slope: float
    low: float
    high: float
    per: str
    proven: bool


class CertifiedStrategy(Form, frozen=True, kw_only=True):
    """One random strategy, predicted and measured."""

    model: str
    placement: str
    predicted_us: float
    corrected_us: float
    measured_us: float
    mad_us: float
    n: int
    error: float
    error_drift_corrected: float
    repeatability: float
    critical: Numbers
    terms: dict[str, float]


class Certify(Certified, frozen=True, kw_only=True):
    """A certificate with all that it rests on."""

    schema_version: Literal[1]
    terms: dict[str, BiasTerm]
    trends: dict[str, ErrorTrend]
    dropped_hot: int
    notes: list[str]
    strategies: list[CertifiedStrategy]


class UnitChange(Form, frozen=True, kw_only=True):
    """The change of one unit's rows of a kind: the geometric mean of their ratios with its interval."""

    what: str
    unit: str
    rows: int
    ratio: float
    interval: tuple[float, float] | None
    slower: int
    faster: int
    p: float | None
    verdict: str
    least_provable: float | None


class ComparedAccuracies(Form, frozen=True, kw_only=True):
    """Errors of predictions on both sides, and how improbable so different ones are; `shared` strategies were run by both."""

    first: Accuracy
    second: Accuracy
    shared: int
    p: float | None


class ComparedRow(Form, frozen=True, kw_only=True):
    """A cost that both sides have; `label` is its name for people where `name` is none for them, else empty."""

    what: str
    unit: str
    name: str
    label: str
    first_us: float
    first_se_us: float | None
    second_us: float
    second_se_us: float | None
    ratio: float
    interval: tuple[float, float] | None
    p: float | None
    proven: bool
    least_provable: float | None


class Compare(Printed, frozen=True, kw_only=True):
    """Where two tables, certificates or runs differ; ratios are those of the second to the first."""

    kind: Literal["tables", "certificates", "runs"]
    first: str
    second: str
    margin: float
    verdict: str
    whole: UnitChange | None
    accuracies: ComparedAccuracies | None
    notes: list[str]
    differences: list[str]
    changes: list[UnitChange]
    rows: list[ComparedRow]
    only_first: int
    only_second: int
    fails: bool


class Deploy(Printed, frozen=True, kw_only=True):
    """A bundle on a device: what it takes, whether it is right, and the script that runs it again."""

    model: str
    device: str
    units: dict[str, str]
    measured_us: MeasuredLatency
    output_error: float
    output_off_by_one: float
    distinct_outputs: int
    paths: dict[str, str]
    steps: list[RunStep]
    predicted_us: float | None
    accelerated: bool
    pushed_bytes: int
    script: str
    notes: list[str]
