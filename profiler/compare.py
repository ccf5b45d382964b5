"""Predicted against measured: runs bundles on a device, interleaved with sentinels, and holds the result against a prediction.

Devices drift. Every bundle is therefore measured twice, as two jobs whose visits are shuffled among all others (how far the two medians
are apart is the *repeatability*: no prediction can be tested more finely than that), and two sentinels that were timed with the tables
are timed again all along: an isolated block, and the base model as a network, each on every unit. What they took since then, against
what they took with the tables, is the unit's *drift*; the corrected prediction replays the schedule with every unit at its speed of now.

The network feels all that a model feels, but takes so long that it is visited seldom: on a slow unit of a short campaign, its median is
known to some 10 % only. The block's is known to 1 to 3 %, but it lives in the nearest cache and does not feel what other tenants of a
machine do to the memory behind it. So both are asked, and count by how well they know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from android_harness.bundles.result import BundleResult, bundle_result, output_error
from android_harness.bundles.wakeups import Waiting, measured_wakeups
from android_harness.protocol.journal import Event, PhaseStarted
from android_harness.protocol.phases import CollabJob, Phase, Repeat, Sentinel
from android_harness.targets.base import Target
from android_harness.targets.device_notes import sentences
from android_harness.targets.execute import execute
from collab.blocks import parse_any_key
from collab.errors import RunnerError
from collab.units import UnitSpec
from exporters.manifests.manifest import MANIFEST
from exporters.references import OutputError
from lut.meta import Meta, check_belongs
from lut.prediction.costs import Costs
from lut.prediction.model_latency import Prediction, predict_schedule
from lut.statistics import summarise
from profiler.candidates import Candidate
from profiler.drift import Pace, agreed, pace, sentinel_us
from profiler.effort import QUICK
from profiler.execution import temporary_folder
from profiler.job_ids import NetworkSentinelId, SentinelId, TrialId
from profiler.models import PIECES_UNIT, Models
from profiler.network_file import NetworkFile
from profiler.networks import network_run, piece_runs
from profiler.phases import background_loads, make_jobs, sentinel_ids
from profiler.plan import Network, config_network, network_name
from profiler.provenance import Provenance, check_as_tables
from profiler.samples import JobSamples, SampleStore

_RESIDENT_MODELS = 8
_BLOCK_MISSES = 0.05
"""Standard error of the block's drift as a model's, besides chance: it was up to 6 % from the network's (shared x86 machine)."""
_FEW_APART, _MANY_APART = 4, 12
"""Visits between two turns of the sentinels, which take as long as several visits."""


@dataclass(frozen=True)
class Trial:
    """The number of samples: each bundle is visited `rounds` times as either of its two jobs, `runs` inferences each time.

    `may_be_traced`: the comparison may be made while the system records a trace, which its notes then say; else that is refused.
    """

    rounds: int = 8
    runs: int = 10
    warmup: int = QUICK.network_warmup
    seed: int = 0
    may_be_traced: bool = False


@dataclass(frozen=True)
class Comparison:
    """One model, predicted and measured. Errors are signed fractions of the measured median."""

    prediction: Prediction
    result: BundleResult
    repeatability: float
    drift: Mapping[str, float]
    """Per unit, how many times as long as with the tables it takes, as both sentinels together tell it."""
    sentinel_drift: Mapping[str, float]
    """Drift by the sentinel block alone, for units where it was timed."""
    network_drift: Mapping[str, float]
    """Drift by the network alone, for units where it was timed."""
    corrected_us: float
    """The prediction with every unit at its speed of now."""
    wakeups_us: Mapping[Waiting, float]
    """The duration of the wake-up, for each wait that began before the data was sent."""
    dropped_hot: int
    """Visits of the whole trial that do not count because the device was hot."""
    notes: tuple[str, ...] = ()
    """Sentences on what else the device did meanwhile: settings that did not hold, clock caps that fell."""

    @property
    def error(self) -> float:
        return self.prediction.total_us / self.result.measured.median_us - 1

    @property
    def error_drift_corrected(self) -> float:
        return self.corrected_us / self.result.measured.median_us - 1


def compare(
    device: Target,
    candidates: Sequence[Candidate],
    costs: Costs,
    trial: Trial,
    *,
    journal: Path,
    network_file: NetworkFile | None = None,
    on_event: Callable[[Event], None] = lambda _: None,
) -> list[Comparison]:
    """Exports, runs and compares all candidates in one phase.

    Args:
        journal: the file that keeps the raw samples.
        network_file: the network that the tables' opaque blocks are of, where it is at hand.

    Raises:
        TableError: the tables are another device's or another runtime's, or were measured otherwise than is measured now.
        RunnerError: a bundle cannot be run.
        KeyboardInterrupt: Ctrl-C was pressed; its text says what is kept.
    """
    check_belongs(costs.meta, fingerprint=device.info.fingerprint, runtime=device.runtime)
    predictions = [replace(predict_schedule(c.schedule, costs, placement=c.placed), model=c.label) for c in candidates]
    units = {name: costs.unit(name) for candidate in candidates for name in candidate.schedule.units}
    store = SampleStore()

    def note(event: Event) -> None:
        if isinstance(event, PhaseStarted):
            provenance = Provenance.of(event)
            check_as_tables(costs.meta, provenance.without_tracing() if trial.may_be_traced else provenance)
        store.add(event)
        on_event(event)

    with temporary_folder() as folder:
        bundles = {folder / f"bundle{number}": len(candidate.schedule.outputs) for number, candidate in enumerate(candidates)}
        for candidate, bundle in zip(candidates, bundles, strict=True):
            candidate.write(bundle)
        phase = trial_phase(bundles, units, costs, trial, folder, network_file=network_file)
        if not execute(device, phase, journal, note):
            raise KeyboardInterrupt(f"The samples so far are in {journal}; nothing can be said yet: give the same command again.")
        errors = [output_error(bundle, _output_file(folder, number)) for number, bundle in enumerate(bundles)]
    return [
        compared(candidate, prediction, number, store, costs, error)
        for number, (candidate, prediction, error) in enumerate(zip(candidates, predictions, errors, strict=True))
    ]


def visits(candidates: int, trial: Trial) -> int:
    """Returns how many visits a comparison takes, sentinels not counted."""
    return 2 * candidates * trial.rounds


def _output_file(folder: Path, number: int) -> Path:
    return folder / f"output{number}.f32"


def trial_phase(
    bundles: Mapping[Path, int],
    units: Mapping[str, UnitSpec],
    costs: Costs,
    trial: Trial,
    folder: Path,
    *,
    network_file: NetworkFile | None = None,
) -> Phase:
    """Returns the phase that runs bundles on these units, with the sentinels of the tables timed as they were with them.

    Args:
        bundles: with the number of each one's outputs.
        folder: where the sentinels' models are written.
        network_file: see `compare`.
    """
    handover = costs.meta.handover
    jobs = [
        CollabJob(
            TrialId(number, half).text,
            bundle / MANIFEST,
            warmup=trial.warmup,
            warmup_limit_us=QUICK.network_warmup_limit_us,
            runs=trial.runs,
            path=handover["path"],
            wait=handover["wait"],
            output=_output_file(folder, number) if half == "a" else None,
            outputs=outputs,
        )
        for number, (bundle, outputs) in enumerate(bundles.items())
        for half in ("a", "b")
    ]
    background = costs.meta.timed_beside
    network = tuple(tuple(map(parse_any_key, piece)) for piece in costs.meta.network)
    if network_file is None and config_network(network) is None:
        # A network of others that is not at hand: the sentinel block tells alone.
        network = ()
    models = Models(folder, [network], sentinel_block=costs.meta.sentinel_block, file=network_file)
    blocks = make_jobs(sentinel_ids(units), QUICK, models, background=background)
    sentinels = [*blocks, *_network_jobs(network, units, background, costs.meta, models)]
    return Phase(
        name="compare",
        # A unit that only carries a load beside another one has no place in a candidate.
        units={**units, **{name: costs.unit(name) for unit, name in background.items() if unit in units}},
        jobs=(*jobs, *sentinels),
        repeat=Repeat(trial.rounds, trial.rounds),
        seed=trial.seed,
        resident=len(bundles) <= _RESIDENT_MODELS,
        sentinel=Sentinel(tuple(job.id for job in sentinels), every=_FEW_APART if len(bundles) <= _RESIDENT_MODELS else _MANY_APART),
    )


def _network_jobs(
    network: Network, units: Mapping[str, UnitSpec], background: Mapping[str, str], meta: Meta, models: Models
) -> list[CollabJob]:
    """Returns the jobs of the tables' network on every unit by itself, as it was timed with them."""
    if not network:
        return []
    manifest = models.pieces(network_name(network))
    return [
        CollabJob(
            NetworkSentinelId(unit).text,
            manifest,
            warmup=QUICK.network_warmup,
            warmup_limit_us=QUICK.network_warmup_limit_us,
            runs=QUICK.network_runs,
            bind={PIECES_UNIT: unit},
            load=background_loads(unit, background, models),
        )
        for unit in units
        if unit in meta.network_runs
    ]


def compared(
    candidate: Candidate, prediction: Prediction, number: int, store: SampleStore, costs: Costs, output: OutputError
) -> Comparison:
    """Returns the comparison of the candidate of this number, derived from the samples of the whole trial."""
    halves = [_samples(store, TrialId(number, half), prediction.model) for half in ("a", "b")]
    collabs = [visit for half in halves for visit in half.collabs]
    medians = [summarise(visit.total_ns for visit in half.collabs).median_us for half in halves]
    own = prediction.units
    at_ns = [visit.t_ns for visit in collabs]
    blocks, networks = (
        {unit: said for unit in own if (said := ask(store, unit, at_ns, costs.meta)) is not None} for ask in (_block_pace, _network_pace)
    )
    drift = {unit: agreed(paces[unit] for paces in (blocks, networks) if unit in paces) for unit in own}
    return Comparison(
        prediction=prediction,
        result=bundle_result(collabs, output),
        repeatability=abs(medians[0] - medians[1]) / (sum(medians) / 2),
        drift=drift,
        sentinel_drift={unit: said.slowness for unit, said in blocks.items()},
        network_drift={unit: said.slowness for unit, said in networks.items()},
        corrected_us=predict_schedule(candidate.schedule, costs.slowed(drift), placement=candidate.placed).total_us,
        wakeups_us=measured_wakeups(collabs),
        dropped_hot=store.dropped_hot,
        notes=tuple(sentences(store.notes.conditions)),
    )


def _samples(store: SampleStore, job: TrialId, model: str) -> JobSamples:
    samples = store.jobs.get(job)
    if samples is None or samples.failure is not None or not samples.collabs:
        reason = samples.failure if samples is not None and samples.failure else "it was not visited"
        raise RunnerError(f"{model} could not be run: {reason}")
    return samples


def _block_pace(store: SampleStore, unit: str, at_ns: Sequence[int], meta: Meta) -> Pace | None:
    """Returns how slow the sentinel block was around the visits of a bundle; None where the tables have none, or it could not be run."""
    samples = store.measured(SentinelId(unit))
    if samples is None or unit not in meta.sentinels:
        return None
    visited_ns = [visit.t_ns for visit in samples.times]
    return pace(visited_ns, sentinel_us(samples.times), meta.sentinels[unit], at_ns, misses=_BLOCK_MISSES)


def _network_pace(store: SampleStore, unit: str, at_ns: Sequence[int], meta: Meta) -> Pace | None:
    """Returns how slow the tables' network was around the visits of a bundle; None where the tables have none, or it could not be run."""
    samples = store.measured(NetworkSentinelId(unit))
    if samples is None or unit not in meta.network_runs:
        return None
    visited_ns = [visit.t_ns for visit in samples.collabs]
    took_us = [network_run([piece_runs(visit)]).median_us for visit in samples.collabs]
    return pace(visited_ns, took_us, meta.network_runs[unit], at_ns)
