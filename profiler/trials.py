"""Trials of predictions as users ask for them: of one model, or of random strategies for a certificate."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from collab.errors import RunnerError, TableError
from collab.files import existing_folder_lock, holding, write_whole
from collab.wording.options import option_named

if TYPE_CHECKING:
    from android_harness.device.base import Notice
    from android_harness.protocol.journal import Event
    from android_harness.targets.base import Target
    from lut.certificate import Certificate
    from lut.prediction.costs import Costs
    from lut.tables import Tables
    from profiler.attribution import Term
    from profiler.candidates import Candidate
    from profiler.compare import Comparison, Trial
    from profiler.network_file import NetworkFile
    from profiler.progress import PhaseProgress
    from profiler.trends import Trend

VERIFY_JOURNAL: Final = "verify.jsonl"
CERTIFY_JOURNAL: Final = "certify.jsonl"
"""Files beside the tables that keep the raw samples of trials, unless another one is named."""


@dataclass(frozen=True)
class CertificationOptions:
    """Options of a certification; without `model` the strategies are of what the tables were made for, `rounds` is chosen if None.

    Of a network, strategies are placements of its blocks.
    """

    strategies: int = 60
    model: str = ""
    rounds: int | None = None
    runs: int = 3
    seed: int = 0


@dataclass(frozen=True)
class Certified:
    """A certificate with all that it rests on: the comparison of each strategy, what carries the bias, and what errors go with."""

    certificate: Certificate
    comparisons: tuple[Comparison, ...]
    terms: tuple[Term, ...]
    trends: tuple[Trend, ...]

    def to_document(self) -> dict[str, Any]:
        """Returns the JSON object that stands in ``certificate.json``."""
        return {
            **self.certificate.to_document(),
            "terms": {term.name: term.to_document() for term in self.terms},
            "trends": {line.name: line.to_document() for line in self.trends},
            "dropped_hot": self.comparisons[0].dropped_hot,
            "notes": list(self.comparisons[0].notes),
            "strategies": [_strategy_document(number, comparison, self.terms) for number, comparison in enumerate(self.comparisons)],
        }


def verify_model(
    candidate: Candidate,
    costs: Costs,
    trial: Trial,
    opened: Callable[[], AbstractContextManager[Target]],
    observed: Callable[[], AbstractContextManager[PhaseProgress]],
    *,
    journal: Path,
    notice: Notice,
    network_file: NetworkFile | None = None,
    on_event: Callable[[Event], None] = lambda _: None,
) -> Comparison:
    """Predicts one model and measures it with all units at once; whether its output is right is for the caller to look at.

    Where it is right, the result is kept beside the journal, as `comparison_document` gives it.

    Args:
        opened: opens the device.
        observed: gives what follows the measurement.
        journal: the file that keeps the raw samples.
        notice: receives notes and warnings, each a sentence.
        network_file: see `profiler.compare.compare`.
        on_event: receives the events that count.

    Raises:
        TableError, RunnerError: as for `profiler.compare.compare`.
    """
    from profiler.compare import compare, visits

    with holding(journal), opened() as target, observed() as progress:
        target.prepare(notice)
        progress.expect(visits(1, trial))

        def note(event: Event) -> None:
            progress.note(event)
            on_event(event)

        # One model's times are looked at and kept nowhere else, so a trace may be recorded meanwhile; the notes say so.
        traceable = replace(trial, may_be_traced=True)
        [comparison] = compare(target, [candidate], costs, traceable, journal=journal, network_file=network_file, on_event=note)
    if comparison.result.is_right:
        write_whole(result_of(journal), json.dumps(comparison_document(comparison), indent=1, allow_nan=False) + "\n")
    return comparison


def result_of(journal: Path) -> Path:
    """Returns the path of the result: the journal's with ``.json`` in place of its ending, or behind it where it ends so itself."""
    return journal.with_name(f"{journal.name}.json") if journal.suffix == ".json" else journal.with_suffix(".json")


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """Returns the comparison as a JSON object: times in microseconds, errors as signed fractions of the measured median."""
    shared = comparison.result.to_document(comparison.prediction.steps)
    return {
        "model": comparison.prediction.model,
        "placement": comparison.prediction.placement,
        "predicted_us": round(comparison.prediction.total_us, 3),
        **shared,
        "error": round(comparison.error, 5),
        "error_drift_corrected": round(comparison.error_drift_corrected, 5),
        "corrected_us": round(comparison.corrected_us, 3),
        "drift": {unit: round(drift, 5) for unit, drift in comparison.drift.items()},
        "sentinel_drift": {unit: round(drift, 5) for unit, drift in comparison.sentinel_drift.items()},
        "network_drift": {unit: round(drift, 5) for unit, drift in comparison.network_drift.items()},
        "repeatability": round(comparison.repeatability, 5),
        "dropped_hot": comparison.dropped_hot,
        "notes": list(comparison.notes),
    }


def certify_tables(
    lut: Path,
    options: CertificationOptions,
    opened: Callable[[Tables], AbstractContextManager[Target]],
    observed: Callable[[int], AbstractContextManager[PhaseProgress]],
    *,
    journal: Path | None,
    notice: Notice,
) -> Certified:
    """Runs random strategies and holds them against their predictions; the tables of the folder then carry the certificate.

    Args:
        opened: opens the device that tables are of.
        observed: gives what follows the measurement of so many strategies.
        journal: the file that keeps the raw samples; None: beside the tables.
        notice: receives notes and warnings, each a sentence.

    Raises:
        TableError: the tables are of another device, or do not say whose strategies to run.
        RunnerError: a strategy cannot be run or gives wrong outputs; the tables are as they were.
        KeyboardInterrupt: Ctrl-C was pressed; the tables are as they were.
    """
    from lut.certificate import CERTIFICATE_FILE
    from lut.meta import check_belongs
    from lut.prediction.costs import Costs
    from lut.tables import load_tables, save
    from profiler.attribution import attribute
    from profiler.certification import certify, rounds_for
    from profiler.compare import Trial, compare, visits
    from profiler.request import kept_network
    from profiler.trends import trends

    with existing_folder_lock(lut):
        tables = load_tables(lut)
        costs = Costs(tables, source=str(lut))
        network = kept_network(lut)
        candidates = _candidates(lut, tables, costs, options, network)
        with opened(tables) as target:
            target.prepare(notice)
            check_belongs(tables.meta, fingerprint=target.info.fingerprint, runtime=target.runtime)
            trial = Trial(rounds=options.rounds or rounds_for(candidates, costs, options.runs), runs=options.runs, seed=options.seed)
            with observed(len(candidates)) as progress:
                progress.expect(visits(len(candidates), trial))
                found = compare(
                    target,
                    candidates,
                    costs,
                    trial,
                    journal=journal or lut / CERTIFY_JOURNAL,
                    network_file=network,
                    on_event=progress.note,
                )
        _check_outputs(found)
        certified = Certified(
            certify(tables, candidates, found),
            tuple(found),
            tuple(attribute(candidates, found, costs)),
            tuple(trends(candidates, found)),
        )
        save(replace(tables, meta=replace(tables.meta, certificate=certified.certificate)), lut)
        write_whole(lut / CERTIFICATE_FILE, json.dumps(certified.to_document(), indent=1) + "\n")
    return certified


def _candidates(lut: Path, tables: Tables, costs: Costs, options: CertificationOptions, network: NetworkFile | None) -> Sequence[Candidate]:
    from profiler.network_file import is_network_file

    _require_two_units(tables)
    if is_network_file(options.model) or (network is not None and not options.model and not tables.meta.models):
        return _network_candidates(lut, costs, options, network)
    return _config_candidates(tables, costs, options)


def _network_candidates(lut: Path, costs: Costs, options: CertificationOptions, network: NetworkFile | None) -> Sequence[Candidate]:
    from profiler.heldout import network_candidates
    from profiler.network_file import open_network

    if network is None:
        raise TableError(f"{costs.source} holds no network that was profiled; name a model of the zoo or a config, or profile that .tflite")
    if options.model and open_network(Path(options.model), grain_us=network.grain_us).sha256 != network.sha256:
        raise TableError(f"{options.model} is not {network.name}, which was profiled into {costs.source}; profile it into another folder")
    rehearsed = _rehearsed(lut, costs.meta.units)
    return network_candidates(network, costs, options.strategies, seed=options.seed, rehearsed=rehearsed)


def _rehearsed(lut: Path, units: Iterable[str]) -> set[tuple[str, ...]]:
    """Returns the placements of a network that its tables were fitted with."""
    from profiler.placed_rehearsal import PlacedRehearsal
    from profiler.request import load_request

    found = [entry for entry in load_request(lut).plan.rehearsals if isinstance(entry, PlacedRehearsal)]
    return {entry.on(one, other) for one, other in permutations(units, 2) for entry in found}


def _require_two_units(tables: Tables) -> None:
    if len(tables.meta.units) < 2:
        raise TableError(
            f"the tables are of one unit only, and a strategy runs on two; profile again with two {option_named('--unit')}, then certify"
            " those"
        )


def _config_candidates(tables: Tables, costs: Costs, options: CertificationOptions) -> Sequence[Candidate]:
    from collab.config import load as load_config
    from profiler.heldout import draw_candidates

    names, count = [options.model] if options.model else list(tables.meta.models), options.strategies
    if not names:
        raise TableError(
            f"the tables were made for single blocks, not for a model; say whose strategies to run with {option_named('--model')}"
        )
    shares = [count // len(names) + (number < count % len(names)) for number in range(len(names))]
    candidates: list[Candidate] = []
    for number, (name, share) in enumerate(zip(names, shares, strict=True)):
        base = load_config(name)
        if base.is_collaborative:
            raise TableError(f"{name} is one strategy already; certify the base model that it comes from with {option_named('--model')}")
        if share:
            candidates += draw_candidates(base, costs, list(tables.meta.units), share, seed=options.seed + number)
    return candidates


def _check_outputs(comparisons: Sequence[Comparison]) -> None:
    wrong = [comparison for comparison in comparisons if not comparison.result.is_right]
    if wrong:
        raise RunnerError(
            f"{len(wrong)} of {len(comparisons)} strategies gave wrong outputs, the first {wrong[0].prediction.model} (off by"
            f" {wrong[0].result.output_error:.1e} of its range); latencies of wrong results mean nothing, so there is no certificate"
        )


def _strategy_document(number: int, comparison: Comparison, terms: Sequence[Term]) -> Mapping[str, Any]:
    return {
        "model": comparison.prediction.model,
        "placement": comparison.prediction.placement,
        "predicted_us": round(comparison.prediction.total_us, 3),
        "corrected_us": round(comparison.corrected_us, 3),
        "measured_us": round(comparison.result.measured.median_us, 3),
        "mad_us": round(comparison.result.measured.mad_us, 3),
        "n": comparison.result.measured.n,
        "error": round(comparison.error, 5),
        "error_drift_corrected": round(comparison.error_drift_corrected, 5),
        "repeatability": round(comparison.repeatability, 5),
        "critical": {unit: round(share, 4) for unit, share in comparison.prediction.critical.items()},
        "terms": {term.name: round(term.by_strategy[number], 5) for term in terms},
    }
