"""``python -m search.run``: find where the branches synchronise and how wide each block may be, within a latency budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from collab.cli import keeping, make_app, print_json, run_app
from collab.console import say, tell
from collab.options import AsJson
from collab.wording.commands import command_named
from search import options as asked
from search.searches import OnDevice, Outcome, SearchInterrupt, SearchOptions, Subject, run_searches

if TYPE_CHECKING:
    from search.driver import Search
    from search.evaluators.base import Evaluator
    from search.executors.base import Executor
    from search.state import Status


def main(
    out: asked.Out,
    lut: asked.Tables = None,
    model: asked.BaseModel = "",
    budget: asked.Budget = "1.0x",
    evaluator: asked.Evaluator = "supernet",
    evaluations: asked.Evaluations = 60,
    resume: asked.Resume = False,
    json: AsJson = False,
    data: asked.Images = "glyphs",
    epochs: asked.Epochs = None,
    batch: asked.Batch = 64,
    learning_rate: asked.LearningRate = None,
    validation: asked.Validation = None,
    weights: asked.Weights = None,
    threads: asked.Threads = None,
    table: asked.AccuracyTable = None,
    command: asked.Program = "",
    timeout_s: asked.TimeoutS = 3600.0,
    retries: asked.Retries = 1,
    workers: asked.Workers = 1,
    executor: asked.Executor = "local",
    address: asked.Address = "auto",
    cpus: asked.Cpus = 1.0,
    gpus: asked.Gpus = 0.0,
    margin: asked.Margin = 0.0,
    placement: asked.Placement = "best",
    latency_weight: asked.LatencyWeight = 0.0,
    multiple: asked.Multiple = 4,
    method: asked.Method = "surrogate",
    seed: asked.Seed = 0,
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
        with keeping("What was trained is kept; add --resume to the same command to go on."):
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
    tell_user(f"Why it went there: {command_named('explain', out)}")
    if outcome.config is not None and lut is not None:
        tell_user("Next, to measure it, to split it, and to put it on the device:")
        for line in next_commands(folder, best, outcome.device, lut):
            tell_user(f"  {line}")


def _quiet(_: str) -> None:
    return


app = make_app(
    main,
    examples=(
        "syncnas search --lut luts/phone --model mobilenet_v2 \\\n    --out found",
        "syncnas search --lut luts/phone --model mobilenet_v2 \\\n    --budget 0.5x,0.8x --evaluations 200 --out found --resume",
    ),
)

if __name__ == "__main__":
    run_app(app)
