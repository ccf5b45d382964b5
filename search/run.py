"""``python -m search.run``: find where the branches synchronise and how wide each block may be, within a latency budget."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collab.cli import make_app, print_json, run_app
from collab.console import say, tell
from collab.errors import ConfigError, JournalError, WeightsError
from collab.files import FolderLock, sha256_of
from collab.options import number, whole

if TYPE_CHECKING:
    from collab.model import ModelConfig
    from lut.meta import Meta
    from lut.prediction.costs import Costs
    from search.driver import Search
    from search.evaluators.base import Evaluator, Setting
    from search.evaluators.choose import EvaluatorOptions
    from search.executors.base import Executor
    from search.problems.base import Problem
    from search.problems.device import DeviceProblem
    from search.results.archive import Found
    from search.state import Status

_SHARED = "shared"
"""Folder of what all budgets of a search use together."""


def main(
    out: Annotated[Path, typer.Option(help="Folder of what is found: config, archive, journal.")],
    lut: Annotated[Path | None, typer.Option(help="Folder of the device's tables; not needed for --evaluator table.")] = None,
    model: Annotated[str, typer.Option(help="Base model: of the zoo, or a config. NAME:blocks allows a sync after any block.")] = "",
    budget: Annotated[str, typer.Option(help="0.5x of the base model's latency, or 12ms; several with commas between.")] = "1.0x",
    margin: Annotated[
        float, number(least=0, most=100, help="Predictions stay this fraction below the budget: 0.1 where verify finds them 10 % too low.")
    ] = 0.0,
    placement: Annotated[
        str,
        typer.Option(help="best: the roomiest for each strategy; tree: part of the search; or one, e.g. 0=cpu0,1=cpu1,stem=all,head=0."),
    ] = "best",
    evaluator: Annotated[str, typer.Option(help="What tells accuracies: supernet, train, command or table.")] = "supernet",
    evaluations: Annotated[int, whole(least=1, most=1_000_000, help="How many strategies are evaluated, per budget.")] = 60,
    data: Annotated[str, typer.Option(help="glyphs, digits, or a folder of images (train/CLASS/*, val/CLASS/*).")] = "glyphs",
    epochs: Annotated[
        float | None, number(least=0.001, most=100_000, help="Passes over the data: of the supernet (8) or of each training (5).")
    ] = None,
    batch: Annotated[int, whole(least=2, most=65536, help="Images in a training step.")] = 64,
    learning_rate: Annotated[float | None, number(least=1e-9, most=100, help="Highest learning rate of a training.")] = None,
    validation: Annotated[int | None, whole(least=1, help="Images that an accuracy is measured on. Default: all.")] = None,
    weights: Annotated[Path | None, typer.Option(help="With train: a checkpoint that models inherit their weights from.")] = None,
    table: Annotated[Path | None, typer.Option(help="With table: a CSV of strategy,accuracy.")] = None,
    command: Annotated[str, typer.Option(help="With command: a program; {config} stands for the config's path.")] = "",
    timeout_s: Annotated[float, number(least=0.1, most=1e7, help="With command: how long one evaluation may take.")] = 3600.0,
    retries: Annotated[int, whole(least=0, most=100, help="With command, ray: so often a failed evaluation is tried again.")] = 1,
    threads: Annotated[
        int | None, whole(least=1, most=1024, help="Threads of each training. Default: all cores, shared among workers.")
    ] = None,
    workers: Annotated[int, whole(least=1, most=256, help="Evaluations at the same time.")] = 1,
    executor: Annotated[str, typer.Option(help="local, or ray.")] = "local",
    address: Annotated[
        str, typer.Option(help="With ray: the cluster's address; auto finds the one that this machine is part of, local starts one.")
    ] = "auto",
    cpus: Annotated[float, number(least=0, most=1024, help="With ray: CPUs of one evaluation.")] = 1.0,
    gpus: Annotated[float, number(least=0, most=64, help="With ray: GPUs of one evaluation, e.g. 0.25.")] = 0.0,
    latency_weight: Annotated[
        float, number(least=0, most=10, help="Maximise accuracy x (budget / latency) ^ this; 0: accuracy alone.")
    ] = 0.0,
    multiple: Annotated[int, whole(least=1, most=1024, help="Expansion channels are multiples of this.")] = 4,
    method: Annotated[
        str,
        typer.Option(
            help="surrogate: the largest improvement expected; tree: down the tree, with priors from that; uct: down the tree without."
        ),
    ] = "surrogate",
    seed: Annotated[int, whole(least=0, help="Seed of the search and of all that is trained.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the search in the folder.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Find the most accurate model within a latency budget.

    The search goes over a base model's strategies: where its branches synchronise, and how wide each block is.
    """
    # Threads of torch that wait by spinning bring a machine with other work to a standstill: 20 s a step were seen instead of 2.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from search.evaluators.choose import EvaluatorOptions, check_options

    options = EvaluatorOptions(
        evaluator,
        table=table,
        command=command,
        timeout_s=timeout_s,
        retries=retries,
        data=data,
        epochs=epochs,
        batch=batch,
        learning_rate=learning_rate,
        validation=validation,
        weights=weights,
        threads=threads,
        seed=seed,
    )
    check_options(options, has_tables=lut is not None and bool(model))
    _check_method(method)
    run = _Run(out, options, evaluations, seed, method, latency_weight, resume, say=_quiet if json else say)
    run.check_folder()
    with FolderLock(out):
        run.check_content()
        device = lut is not None and bool(model)
        subjects = _device_subjects(run, lut, model, budget, margin, placement, multiple) if device else _table_subjects(run)

        def make_workers(made: Evaluator) -> Executor:
            from search.executors.choose import make_executor

            return make_executor(
                made, workers=workers, kind=executor, address=address, resources=(cpus, gpus), retries=retries, say=run.say
            )

        results = _search_all(run, subjects, make_workers, json=json)
    if json:
        print_json({"results": results})


def _check_method(method: str) -> None:
    from search.engine.tree_search import METHODS

    if method not in METHODS:
        raise ConfigError(f"--method {method}: one of {', '.join(METHODS)}")


@dataclass(frozen=True)
class _Run:
    """The options that all budgets of a search share."""

    out: Path
    options: EvaluatorOptions
    evaluations: int
    seed: int
    method: str
    latency_weight: float
    resume: bool
    say: Callable[[str], None]

    def check_folder(self) -> None:
        """Refuses a folder in which there can be no search; nothing is made yet.

        Raises:
            JournalError: the folder is a file, or has nothing to resume.
        """
        if self.out.exists() and not self.out.is_dir():
            raise JournalError(f"{self.out} is a file; name a folder with --out")
        if self.resume and not self.out.is_dir():
            raise JournalError(f"{self.out} holds no search to resume; leave --resume out to begin one")

    def check_content(self) -> None:
        """Refuses a folder, which is locked, that does not hold what `--resume` asks for, or something without it.

        Raises:
            JournalError: it does not.
        """
        from search.journals.journal import JOURNAL_FILE

        holds = any(self.out.glob(JOURNAL_FILE)) or any(self.out.glob(f"*/{JOURNAL_FILE}"))
        if holds and not self.resume:
            raise JournalError(f"{self.out} holds a search already; go on with it by --resume, or name another folder with --out")
        if not holds and self.resume and not (self.out / _SHARED).is_dir():
            raise JournalError(f"{self.out} holds no search to resume; leave --resume out to begin one")
        if not holds:
            self.check_free(self.out)

    def check_free(self, folder: Path) -> None:
        """Refuses a folder without a journal that holds a file that a search would replace.

        Raises:
            JournalError: it does.
        """
        from search.results.archive import ARCHIVE_FILE
        from search.results.files import FOUND_FILE, WEIGHTS_FILE

        for name in (ARCHIVE_FILE, FOUND_FILE, WEIGHTS_FILE):
            if (folder / name).exists():
                raise JournalError(f"{folder / name} is there, but no journal of a search beside it; name another folder with --out")


@dataclass(frozen=True)
class _Device:
    """The device that models are found for."""

    base: ModelConfig
    costs: Costs
    meta: Meta
    lut: Path


@dataclass(frozen=True)
class _Subject:
    """One budget's search."""

    folder: Path
    problem: Problem
    budget: str
    budget_us: float | None
    header: dict[str, Setting]
    inputs: dict[str, str]
    device: _Device | None = None
    known: dict[str, float] | None = None


def _table_subjects(run: _Run) -> list[_Subject]:
    from search.evaluators.table import read_accuracies
    from search.problems.known import StrategyTable

    assert run.options.table is not None
    known = read_accuracies(run.options.table)
    return [_Subject(run.out, StrategyTable(sorted(known)), "", None, _header(run), _inputs(run), known=known)]


def _device_subjects(run: _Run, lut: Path | None, model: str, budget: str, margin: float, placement: str, multiple: int) -> list[_Subject]:
    from collab.config import load as load_config
    from lut.prediction.costs import Costs
    from lut.tables import load_tables
    from search.evaluators.table import read_accuracies
    from search.journals.inputs import data_sha256, tables_sha256
    from search.problems.device import DeviceProblem
    from search.problems.known import Restricted
    from search.problems.placements import placements_to_try
    from search.widths.budget import base_latency, parse_budgets

    assert lut is not None
    budgets, base = parse_budgets(budget), load_config(model)
    tables = load_tables(lut)
    costs = Costs(tables, source=str(lut))
    units = list(tables.meta.units)
    placements, in_tree = placements_to_try(placement, units, branches=2)
    reference = base_latency(base, units, costs)
    run.say(f"{base.name} takes {reference.us / 1e3:.3f} ms on {reference.unit}, its fastest unit")
    run.say(f"Certificate of the tables: {costs.certificate_sentence}")
    device = _Device(base, costs, tables.meta, lut)
    known = read_accuracies(run.options.table) if run.options.name == "table" and run.options.table is not None else None
    data = data_sha256(base, run.options.data) if run.options.trains else None
    inputs = {"base": base.sha256, "tables": tables_sha256(tables), **_inputs(run), **({} if data is None else {"images": data})}
    subjects = []
    for each in budgets:
        limit_us = each.resolve_us(reference.us) / (1 + margin)
        on_device = DeviceProblem(base, costs, placements, limit_us, in_tree=in_tree, multiple=multiple)
        on_device.check()
        problem = on_device if known is None else Restricted(on_device, frozenset(known))
        folder = run.out if len(budgets) == 1 else run.out / each.text
        header = _header(run, model=base.name, placement=placement, budget=each.text, budget_us=round(limit_us, 3), multiple=multiple)
        subjects.append(_Subject(folder, problem, each.text, limit_us, header, inputs, device, known))
    return subjects


def _header(run: _Run, **more: Setting) -> dict[str, Setting]:
    own: dict[str, Setting] = {"seed": run.seed, "method": run.method, "latency_weight": run.latency_weight}
    return {**run.options.settings, **own, **more}


def _inputs(run: _Run) -> dict[str, str]:
    """Returns the SHA-256 of the files that the evaluator reads."""
    options = run.options
    inputs = {}
    if options.name == "table" and options.table is not None:
        inputs["table"] = sha256_of(options.table)
    if options.name == "train" and options.weights is not None:
        if not options.weights.is_file():
            raise WeightsError(f"{options.weights}: no such file; give a checkpoint (.pth, .pt or .npz) with --weights")
        inputs["weights"] = sha256_of(options.weights)
    return inputs


def _search_all(run: _Run, subjects: list[_Subject], make_workers: Callable[[Evaluator], Executor], *, json: bool) -> list[dict[str, Any]]:
    """Prepares the evaluator once, and searches one budget after the other."""
    evaluator = _prepared(run, subjects)
    executor = make_workers(evaluator)
    try:
        everything: list[Found] = []
        results = [_search_one(run, subject, evaluator, executor, everything, json=json) for subject in subjects]
    finally:
        executor.close()
    if len(subjects) > 1:
        from search.results.archive import ARCHIVE_FILE, write_archive

        write_archive(run.out / ARCHIVE_FILE, everything)
        run.say(f"All budgets together: {run.out / ARCHIVE_FILE}")
    return results


def _prepared(run: _Run, subjects: list[_Subject]) -> Evaluator:
    from search.evaluators.choose import make_evaluator

    device = subjects[0].device

    def widest() -> list[list[int]]:
        import numpy as np

        problems: list[DeviceProblem] = [subject.problem for subject in subjects]  # type: ignore[misc]
        most: list[list[int]] = np.max([problem.widest_blocks(np.random.default_rng(run.seed)) for problem in problems], axis=0).tolist()
        return most

    evaluator = make_evaluator(run.options, None if device is None else device.base, branches=2, widest=widest)
    shared = run.out / _SHARED
    shared.mkdir(parents=True, exist_ok=True)
    evaluator.prepare(shared, run.say)
    return evaluator


def _search_one(
    run: _Run, subject: _Subject, evaluator: Evaluator, executor: Executor, everything: list[Found], *, json: bool
) -> dict[str, Any]:
    from search.driver import Search
    from search.engine.tree_search import Settings
    from search.journals.journal import JOURNAL_FILE
    from search.progress import search_bar
    from search.results.files import summary, write_results
    from search.state import Objective

    subject.folder.mkdir(parents=True, exist_ok=True)
    if not (subject.folder / JOURNAL_FILE).exists():
        run.check_free(subject.folder)
    search = Search(
        subject.problem,
        Settings(seed=run.seed, method=run.method),
        Objective(run.latency_weight, subject.budget_us),
        subject.folder,
        subject.header,
        inputs=subject.inputs,
        known=subject.known,
        budget=subject.budget,
    )
    _announce(run, subject, search)
    try:
        with search_bar(f"Searching {subject.budget}".rstrip(), run.evaluations, search.resumed, quiet=json) as on_change:
            search.run(executor, run.evaluations, on_change)
    except KeyboardInterrupt:
        write_results(subject.folder, search.status.found, None, evaluator)
        tell(f"Stopped after {search.status.evaluated} evaluations; add --resume to the same command to go on.")
        raise typer.Exit(130) from None
    finally:
        search.close()
    status = search.status
    everything += status.found
    config = write_results(subject.folder, status.found, status.best, evaluator)
    _report(run, subject, status, config)
    return summary(subject.folder, status.best, status.evaluated, status.failed)


def _announce(run: _Run, subject: _Subject, search: Search) -> None:
    feasible = search.feasible_leaves
    size = subject.problem.space.size
    known = f"{size:,} strategies" if feasible is None else f"{feasible:,} feasible strategies of {size:,}"
    limit = "" if subject.budget_us is None else f", within {subject.budget_us / 1e3:.3f} ms ({subject.budget})"
    run.say(f"{known}{limit}")
    if search.resumed:
        run.say(f"Resumed: {search.resumed} evaluations are in the journal")


def _report(run: _Run, subject: _Subject, status: Status, config: Path | None) -> None:
    from search.results.archive import ARCHIVE_FILE
    from search.results.files import next_commands

    if status.failed:
        run.say(f"{status.failed} evaluations failed, the last one: {status.last_reason}")
    if status.exhausted:
        run.say("Nothing is left to evaluate")
    best = status.best
    if best is None:
        run.say("Nothing was evaluated")
        return
    latency = "" if best.latency_us is None else f", predicted {best.latency_us / 1e3:.3f} ms under {best.placement}"
    run.say(f"Best: {best.strategy}, accuracy {best.accuracy:.4f}{latency}, of {status.evaluated} evaluated")
    run.say(f"Written: {config or subject.folder / ARCHIVE_FILE}" + (f", {subject.folder / ARCHIVE_FILE}" if config else ""))
    run.say(f"Why it went there: python -m search.explain {shlex.quote(str(run.out))}")
    if config is not None and subject.device is not None:
        run.say("Next, to measure it, to split it, and to put it on the device:")
        for line in next_commands(subject.folder, best, subject.device.meta, subject.device.lut):
            run.say(f"  {line}")


def _quiet(_: str) -> None:
    return


app = make_app(main)

if __name__ == "__main__":
    run_app(app)
