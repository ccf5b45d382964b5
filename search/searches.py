"""Searches as users ask for them: a folder, an evaluator, and, on a device, one search for each latency budget."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from collab.errors import ConfigError, JournalError, WeightsError
from collab.files import FolderLock, sha256_of
from collab.wording.options import option_named

if TYPE_CHECKING:
    from collab.model import ModelConfig
    from lut.tables import Tables
    from search.driver import Search
    from search.evaluators.base import Evaluator, Setting
    from search.evaluators.choose import EvaluatorOptions
    from search.executors.base import Executor
    from search.problems.base import Problem
    from search.problems.device import DeviceProblem
    from search.results.archive import Found
    from search.state import Status

SHARED: Final = "shared"
"""Folder of what all budgets of a search use together."""
Say: TypeAlias = "Callable[[str], None]"
Watching: TypeAlias = "Callable[[Subject, Search], AbstractContextManager[Callable[[Status], None]]]"
"""Gives what takes each change of a search that begins or goes on."""


class SearchInterrupt(KeyboardInterrupt):
    """Ctrl-C in the middle of a search, of which `evaluated` evaluations are kept, and its results written."""

    def __init__(self, evaluated: int) -> None:
        super().__init__(f"stopped after {evaluated} evaluations")
        self.evaluated = evaluated


@dataclass(frozen=True)
class SearchOptions:
    """Options that all budgets of a search share."""

    out: Path
    evaluator: EvaluatorOptions
    evaluations: int = 60
    seed: int = 0
    method: str = "surrogate"
    latency_weight: float = 0.0
    resume: bool = False

    def check_folder(self) -> None:
        """Refuses a folder in which there can be no search; nothing is made yet.

        Raises:
            JournalError: the folder is a file, or has nothing to resume.
        """
        if self.out.exists() and not self.out.is_dir():
            raise JournalError(f"{self.out} is a file; name a folder with {option_named('--out')}")
        if self.resume and not self.out.is_dir():
            raise JournalError(f"{self.out} holds no search to resume; leave {option_named('--resume')} out to begin one")

    def check_content(self) -> None:
        """Refuses a folder, which is locked, that does not hold what `resume` asks for, or something without it.

        Raises:
            JournalError: it does not.
        """
        from search.journals.journal import JOURNAL_FILE

        holds = any(self.out.glob(JOURNAL_FILE)) or any(self.out.glob(f"*/{JOURNAL_FILE}"))
        if holds and not self.resume:
            raise JournalError(
                f"{self.out} holds a search already; go on with it by {option_named('--resume')}, or name another folder with"
                f" {option_named('--out')}"
            )
        if not holds and self.resume and not (self.out / SHARED).is_dir():
            raise JournalError(f"{self.out} holds no search to resume; leave {option_named('--resume')} out to begin one")
        if not holds:
            check_free(self.out)


@dataclass(frozen=True)
class OnDevice:
    """The device that models are found for, and what they are made of.

    Args:
        source: the tables' folder as the user named it.
        budget: one or several with commas between, as ``0.5x,12ms``.
        margin: how far below the budget predictions stay, as a fraction.
        placement: ``best``, ``tree`` or one placement.
        multiple: expansion channels are multiples of this.
    """

    base: ModelConfig
    tables: Tables
    source: str
    budget: str = "1.0x"
    margin: float = 0.0
    placement: str = "best"
    multiple: int = 4


@dataclass(frozen=True)
class Subject:
    """One budget's search; `budget` is empty, and `budget_us` None, without a device."""

    folder: Path
    problem: Problem
    budget: str
    budget_us: float | None
    header: dict[str, Setting]
    inputs: dict[str, str]
    known: dict[str, float] | None = None
    base: ModelConfig | None = None


@dataclass(frozen=True)
class Outcome:
    """The findings of one budget's search so far; `config` is the path of the best one's config, if there is one."""

    subject: Subject
    status: Status
    config: Path | None
    device: str
    """The name of the device that was searched for; empty without one."""


def check_free(folder: Path) -> None:
    """Refuses a folder without a journal that holds a file that a search would replace.

    Raises:
        JournalError: it does.
    """
    from search.results.archive import ARCHIVE_FILE
    from search.results.files import FOUND_FILE, WEIGHTS_FILE

    for name in (ARCHIVE_FILE, FOUND_FILE, WEIGHTS_FILE):
        if (folder / name).exists():
            raise JournalError(
                f"{folder / name} is there, but no journal of a search beside it; name another folder with {option_named('--out')}"
            )


def check_method(method: str) -> None:
    """Refuses what is no method to search by.

    Raises:
        ConfigError: it is none.
    """
    from search.engine.tree_search import METHODS

    if method not in METHODS:
        raise ConfigError(f"{option_named('--method', method)}: one of {', '.join(METHODS)}")


def run_searches(
    options: SearchOptions,
    device: Callable[[], OnDevice] | None,
    make_workers: Callable[[Evaluator], Executor],
    *,
    watching: Watching,
    finished: Callable[[Outcome], None] = lambda _: None,
    say: Say,
) -> list[Outcome]:
    """Prepares the evaluator once, and searches one budget after the other, each in a folder of its own where there are several.

    Args:
        device: gives the device, once the folder is held; None: all accuracies stand in a table, and no device is searched for.
        finished: takes what a budget's search has found, before the next one begins.
        say: takes lines for the user.

    Raises:
        JournalError: the folder holds another search, or none to resume.
        SearchInterrupt: Ctrl-C was pressed while a search went on; what was evaluated is kept.
        SyncNasError: an option cannot be taken, or nothing can be evaluated.
    """
    if options.evaluator.trains:
        # Threads of torch that wait by spinning bring a machine with other work to a standstill: 20 s a step were seen instead of 2.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    check_method(options.method)
    options.check_folder()
    with FolderLock(options.out):
        options.check_content()
        on_device = None if device is None else device()
        subjects = _table_subjects(options) if on_device is None else _device_subjects(options, on_device, say)
        evaluator = _prepared(options, on_device, subjects, say)
        executor = make_workers(evaluator)
        name = "" if on_device is None else on_device.tables.meta.device
        try:
            outcomes = []
            for subject in subjects:
                outcomes.append(_search_one(options, subject, evaluator, executor, watching, name))
                finished(outcomes[-1])
        finally:
            executor.close()
        if len(subjects) > 1:
            _write_all(options.out, [found for outcome in outcomes for found in outcome.status.found], say)
    return outcomes


def _write_all(out: Path, everything: list[Found], say: Say) -> None:
    from search.results.archive import ARCHIVE_FILE, write_archive

    write_archive(out / ARCHIVE_FILE, everything)
    say(f"All budgets together: {out / ARCHIVE_FILE}")


def _table_subjects(options: SearchOptions) -> list[Subject]:
    from search.evaluators.table import read_accuracies
    from search.problems.known import StrategyTable

    assert options.evaluator.table is not None
    known = read_accuracies(options.evaluator.table)
    return [Subject(options.out, StrategyTable(sorted(known)), "", None, _header(options), _inputs(options), known=known)]


def _device_subjects(options: SearchOptions, device: OnDevice, say: Say) -> list[Subject]:
    from lut.prediction.costs import Costs
    from search.evaluators.table import read_accuracies
    from search.journals.inputs import data_sha256, tables_sha256
    from search.problems.device import DeviceProblem
    from search.problems.known import Restricted
    from search.problems.placements import placements_to_try
    from search.widths.budget import base_latency, parse_budgets

    chosen, base = options.evaluator, device.base
    budgets, costs = parse_budgets(device.budget), Costs(device.tables, source=device.source)
    units = list(device.tables.meta.units)
    placements, in_tree = placements_to_try(device.placement, units, branches=2)
    reference = base_latency(base, units, costs)
    say(f"{base.name} takes {reference.us / 1e3:.3f} ms on {reference.unit}, its fastest unit")
    say(f"Certificate of the tables: {costs.certificate_sentence}")
    known = read_accuracies(chosen.table) if chosen.name == "table" and chosen.table is not None else None
    data = data_sha256(base, chosen.data) if chosen.trains else None
    digests = {"base": base.sha256, "tables": tables_sha256(device.tables)}
    inputs = {**digests, **_inputs(options), **({} if data is None else {"images": data})}
    subjects = []
    for each in budgets:
        limit_us = each.resolve_us(reference.us) / (1 + device.margin)
        on_device = DeviceProblem(base, costs, placements, limit_us, in_tree=in_tree, multiple=device.multiple)
        on_device.check()
        problem = on_device if known is None else Restricted(on_device, frozenset(known))
        folder = options.out if len(budgets) == 1 else options.out / each.text
        header = _header(
            options,
            model=base.name,
            placement=device.placement,
            budget=each.text,
            budget_us=round(limit_us, 3),
            multiple=device.multiple,
        )
        subjects.append(Subject(folder, problem, each.text, limit_us, header, inputs, known, base))
    return subjects


def _header(options: SearchOptions, **more: Setting) -> dict[str, Setting]:
    own: dict[str, Setting] = {"seed": options.seed, "method": options.method, "latency_weight": options.latency_weight}
    return {**options.evaluator.settings, **own, **more}


def _inputs(options: SearchOptions) -> dict[str, str]:
    """Returns the SHA-256 of the files that the evaluator reads."""
    chosen, inputs = options.evaluator, {}
    if chosen.name == "table" and chosen.table is not None:
        inputs["table"] = sha256_of(chosen.table)
    if chosen.name == "train" and chosen.weights is not None:
        if not chosen.weights.is_file():
            raise WeightsError(f"{chosen.weights}: no such file; give a checkpoint (.pth, .pt or .npz) with {option_named('--weights')}")
        inputs["weights"] = sha256_of(chosen.weights)
    return inputs


def _prepared(options: SearchOptions, device: OnDevice | None, subjects: list[Subject], say: Say) -> Evaluator:
    from search.evaluators.choose import make_evaluator

    def widest() -> list[list[int]]:
        import numpy as np

        problems: list[DeviceProblem] = [subject.problem for subject in subjects]  # type: ignore[misc]
        most: list[list[int]] = np.max(
            [problem.widest_blocks(np.random.default_rng(options.seed)) for problem in problems], axis=0
        ).tolist()
        return most

    evaluator = make_evaluator(options.evaluator, None if device is None else device.base, branches=2, widest=widest)
    shared = options.out / SHARED
    shared.mkdir(parents=True, exist_ok=True)
    evaluator.prepare(shared, say)
    return evaluator


def _search_one(
    options: SearchOptions, subject: Subject, evaluator: Evaluator, executor: Executor, watching: Watching, device: str
) -> Outcome:
    from search.driver import Search
    from search.engine.tree_search import Settings
    from search.journals.journal import JOURNAL_FILE
    from search.results.files import write_results
    from search.state import Objective

    subject.folder.mkdir(parents=True, exist_ok=True)
    if not (subject.folder / JOURNAL_FILE).exists():
        check_free(subject.folder)
    search = Search(
        subject.problem,
        Settings(seed=options.seed, method=options.method),
        Objective(options.latency_weight, subject.budget_us),
        subject.folder,
        subject.header,
        inputs=subject.inputs,
        known=subject.known,
        base=subject.base,
        budget=subject.budget,
    )
    try:
        with watching(subject, search) as on_change:
            search.run(executor, options.evaluations, on_change)
    except KeyboardInterrupt:
        write_results(subject.folder, search.status.found, None, evaluator)
        raise SearchInterrupt(search.status.evaluated) from None
    finally:
        search.close()
    status = search.status
    return Outcome(subject, status, write_results(subject.folder, status.found, status.best, evaluator), device)
