"""``python -m search.run``: find where the branches synchronise and how wide each block may be, within a latency budget."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collab.cli import make_app, print_json, run_app
from collab.console import say, tell
from collab.options import number, whole
from search.searches import OnDevice, Outcome, SearchInterrupt, SearchOptions, Subject, run_searches

if TYPE_CHECKING:
    from search.driver import Search
    from search.evaluators.base import Evaluator
    from search.executors.base import Executor
    from search.state import Status


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
    from search.evaluators.choose import EvaluatorOptions, check_options

    chosen = EvaluatorOptions(
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
    check_options(chosen, has_tables=lut is not None and bool(model))
    options = SearchOptions(out, chosen, evaluations, seed, method, latency_weight, resume)
    tell_user = _quiet if json else say

    def on_device() -> OnDevice:
        from collab.config import load as load_config
        from lut.tables import load_tables

        assert lut is not None
        return OnDevice(load_config(model), load_tables(lut), str(lut), budget, margin, placement, multiple)

    def make_workers(made: Evaluator) -> Executor:
        from search.executors.choose import make_executor

        return make_executor(made, workers=workers, kind=executor, address=address, resources=(cpus, gpus), retries=retries, say=tell_user)

    @contextmanager
    def watching(subject: Subject, search: Search) -> Iterator[Callable[[Status], None]]:
        from search.progress import search_bar

        _announce(subject, search, tell_user)
        with search_bar(f"Searching {subject.budget}".rstrip(), evaluations, search.resumed, quiet=json) as on_change:
            yield on_change

    try:
        outcomes = run_searches(
            options,
            on_device if lut is not None and bool(model) else None,
            make_workers,
            watching=watching,
            finished=lambda outcome: _report(outcome, out, lut, tell_user),
            say=tell_user,
        )
    except SearchInterrupt as stopped:
        tell(f"Stopped after {stopped.evaluated} evaluations; add --resume to the same command to go on.")
        raise typer.Exit(130) from None
    if json:
        print_json({"results": [_summary(outcome) for outcome in outcomes]})


def _summary(outcome: Outcome) -> dict[str, Any]:
    from search.results.files import summary

    status = outcome.status
    return summary(outcome.subject.folder, status.best, status.evaluated, status.failed)


def _announce(subject: Subject, search: Search, tell_user: Callable[[str], None]) -> None:
    feasible = search.feasible_leaves
    size = subject.problem.space.size
    known = f"{size:,} strategies" if feasible is None else f"{feasible:,} feasible strategies of {size:,}"
    limit = "" if subject.budget_us is None else f", within {subject.budget_us / 1e3:.3f} ms ({subject.budget})"
    tell_user(f"{known}{limit}")
    if search.resumed:
        tell_user(f"Resumed: {search.resumed} evaluations are in the journal")


def _report(outcome: Outcome, out: Path, lut: Path | None, tell_user: Callable[[str], None]) -> None:
    from search.results.archive import ARCHIVE_FILE
    from search.results.files import next_commands

    status, folder = outcome.status, outcome.subject.folder
    if status.failed:
        tell_user(f"{status.failed} evaluations failed, the last one: {status.last_reason}")
    if status.exhausted:
        tell_user("Nothing is left to evaluate")
    best = status.best
    if best is None:
        tell_user("Nothing was evaluated")
        return
    latency = "" if best.latency_us is None else f", predicted {best.latency_us / 1e3:.3f} ms under {best.placement}"
    tell_user(f"Best: {best.strategy}, accuracy {best.accuracy:.4f}{latency}, of {status.evaluated} evaluated")
    tell_user(f"Written: {outcome.config or folder / ARCHIVE_FILE}" + (f", {folder / ARCHIVE_FILE}" if outcome.config else ""))
    tell_user(f"Why it went there: python -m search.explain {shlex.quote(str(out))}")
    if outcome.config is not None and lut is not None:
        tell_user("Next, to measure it, to split it, and to put it on the device:")
        for line in next_commands(folder, best, outcome.device, lut):
            tell_user(f"  {line}")


def _quiet(_: str) -> None:
    return


app = make_app(main)

if __name__ == "__main__":
    run_app(app)
