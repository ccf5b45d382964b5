"""Searches for the most accurate strategy that meets a latency budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from syncnas.api.models import Model, config_of, load_model
from syncnas.api.progress import OnNote, OnProgress, Reporter, remark_of
from syncnas.api.showing import html
from syncnas.api.showing.frames import frame
from syncnas.api.tables import Tables, load_tables, rows_of
from syncnas.api.values import require

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from collab.model import ModelConfig
    from search.driver import Search
    from search.evaluators.base import Evaluator
    from search.evaluators.choose import EvaluatorOptions
    from search.executors.base import Executor
    from search.results.archive import Found as ArchivedFound
    from search.searches import Outcome, Subject
    from search.state import Status


@dataclass(frozen=True)
class Evaluation:
    """An evaluator of the toolkit, which tells how accurate a strategy's model is.

    Attributes:
        name: ``supernet``: trained once, shared by all strategies. ``train``: each strategy is trained by itself. ``table``: accuracies
            that are known. ``command``: a program.
        data: with ``supernet`` and ``train``: ``glyphs``, ``digits``, or a folder of images.
        epochs: passes over the data; None: the evaluator's own.
        batch: images in a training step.
        learning_rate: the highest one; None: the evaluator's own.
        validation: images that an accuracy is measured on; None: the evaluator's own.
        weights: with ``train``: a checkpoint that models inherit their weights from.
        threads: of each training; None: all cores.
        table: with ``table``: a CSV of ``strategy,accuracy``.
        command: with ``command``: a program, in which ``{config}`` stands for the path of a config.
        timeout_s: with ``command``: how long one evaluation may take.
        retries: with ``command``: so often a failed evaluation is tried again.
    """

    name: str = "supernet"
    data: str = "glyphs"
    epochs: float | None = None
    batch: int = 64
    learning_rate: float | None = None
    validation: int | None = None
    weights: Path | str | None = None
    threads: int | None = None
    table: Path | str | None = None
    command: str = ""
    timeout_s: float = 3600.0
    retries: int = 1

    def __post_init__(self) -> None:
        require(0.001, 100_000, epochs=self.epochs)
        require(2, 65_536, batch=self.batch)
        require(1e-9, 100, learning_rate=self.learning_rate)
        require(1, validation=self.validation)
        require(1, 1024, threads=self.threads)
        require(0.1, 1e7, timeout_s=self.timeout_s)
        require(0, 100, retries=self.retries)


@dataclass(frozen=True)
class Ray:
    """A Ray cluster that evaluations of a search are sent to.

    Attributes:
        address: HOST:PORT; ``auto``: the cluster that this machine is part of; ``local``: one of this machine alone, which is started.
        cpus: of one evaluation.
        gpus: of one evaluation, such as 0.25.
        retries: so often a failed evaluation is tried again.
    """

    address: str = "auto"
    cpus: float = 1.0
    gpus: float = 0.0
    retries: int = 1

    def __post_init__(self) -> None:
        require(0, 1024, cpus=self.cpus)
        require(0, 64, gpus=self.gpus)
        require(0, 100, retries=self.retries)


@dataclass(frozen=True, repr=False)
class Found:
    """A strategy that was evaluated.

    Attributes:
        strategy: a letter per stage.
        accuracy: as the evaluator told it.
        objective: the quantity that the search maximises.
        latency_us: the predicted latency.
        placement: which unit runs what, as `predict`, `verify` and `export` take it.
        budget: the budget that it was found for.
        model: the model with the widths that it was given.
        is_pareto: whether no other that was found is at least as accurate and as fast, and better in one of the two.
    """

    strategy: str
    accuracy: float
    objective: float
    latency_us: float
    placement: str
    budget: str
    model: Model
    is_pareto: bool

    @property
    def latency_ms(self) -> float:
        """The predicted latency in milliseconds."""
        return self.latency_us / 1e3

    def __repr__(self) -> str:
        return f"Found({self.strategy!r}, accuracy={self.accuracy:.4f}, latency_ms={self.latency_ms:.3f}, placement={self.placement!r})"

    def _repr_html_(self) -> str:
        facts = {
            "accuracy": f"{self.accuracy:.4f}",
            "predicted latency": f"{self.latency_ms:.3f} ms, within {self.budget}",
            "placement": self.placement,
            "multiply-accumulates": f"{self.model.macs:,}",
        }
        return html.card(f"Strategy {self.strategy}", facts)


@dataclass(frozen=True, repr=False)
class SearchResult:
    """The strategies that a search has evaluated.

    Attributes:
        folder: with the journal, ``archive.csv``, and the best one's config.
        found: all, the best by the objective first.
        evaluated: evaluations that succeeded, of earlier calls too.
        failed: evaluations that failed, and are not tried again.
        last_failure: why the last one failed; empty if none did.
        is_exhausted: whether nothing is left to evaluate.
    """

    folder: Path
    found: tuple[Found, ...]
    evaluated: int
    failed: int
    last_failure: str
    is_exhausted: bool

    @property
    def best(self) -> Found | None:
        """The best by the objective; None if nothing was evaluated."""
        return self.found[0] if self.found else None

    @property
    def front(self) -> tuple[Found, ...]:
        """Those that no other beats in both accuracy and latency, the most accurate first."""
        return tuple(sorted((found for found in self.found if found.is_pareto), key=lambda found: -found.accuracy))

    def frame(self) -> pd.DataFrame:
        """Returns a DataFrame with a row per strategy, the best first, with the fields of `Found`, ``macs`` and ``params``."""
        columns = ["strategy", "accuracy", "objective", "latency_us", "placement", "budget", "is_pareto"]
        rows = [(*(getattr(found, name) for name in columns), found.model.macs, found.model.params) for found in self.found]
        return frame(rows, [*columns, "macs", "params"])

    def plot(self) -> go.Figure:
        """Draws accuracy against predicted latency, and the line of those that no other beats."""
        from syncnas.api.showing.plots import points

        groups: dict[str, list[tuple[float, float, str]]] = {}
        for found in self.found:
            groups.setdefault(f"within {found.budget}", []).append(
                (found.latency_ms, found.accuracy, f"{found.strategy} ({found.placement})")
            )
        line = [(found.latency_ms, found.accuracy) for found in self.front]
        title = f"{self.evaluated} evaluations"
        return points(title, groups, x="predicted latency, ms", y="accuracy", line=line, line_name="beaten by none")

    def __repr__(self) -> str:
        return f"SearchResult({str(self.folder)!r}, evaluated={self.evaluated}, failed={self.failed}, best={self.best!r})"

    def _repr_html_(self) -> str:
        facts: dict[str, object] = {"folder": self.folder, "evaluated": self.evaluated}
        if self.failed:
            facts["failed"] = f"{self.failed}, the last one: {self.last_failure}"
        rows = [
            (found.strategy, found.accuracy, found.latency_ms, found.placement, found.budget, "yes" if found.is_pareto else "")
            for found in self.found
        ]
        columns = ("strategy", "accuracy", "predicted ms", "placement", "budget", "beaten by none")
        return html.card("Search", facts, html.table(columns, rows))


def search(
    tables: Tables | Path | str,
    model: Model | Path | str,
    *,
    out: Path | str,
    evaluate: Callable[[Model], float] | Evaluation,
    budget: str | Sequence[str] = "1.0x",
    evaluations: int = 60,
    label: str = "",
    margin: float = 0.0,
    placement: str = "best",
    latency_weight: float = 0.0,
    multiple: int = 4,
    method: str = "surrogate",
    workers: int = 1,
    ray: Ray | None = None,
    seed: int = 0,
    resume: bool = False,
    on_progress: OnProgress | None = None,
    on_note: OnNote | None = None,
) -> SearchResult:
    """Searches a base model's strategies for the most accurate one that meets a latency budget.

    Every evaluation is in the folder's journal as soon as it is done. After Ctrl-C, an error of `on_progress` or a killed process, the
    same call with `resume` goes on as if nothing had been. It refuses other tables, another model, budget, method, seed or evaluator.

    A function that is given as `evaluate` fails for a strategy by raising an error: the journal has its reason, and the search goes on
    without that strategy. A function's numbers cannot be read off it: whoever changes them should give another `label` and folder.

    Args:
        tables: of the device, or their folder.
        model: the base model, as `load_model` takes it; ``NAME:blocks`` allows a sync after any block.
        out: the folder for journal, archive and the best one's config.
        evaluate: tells how accurate a model is, larger being better: a function, or an evaluator of the toolkit.
        budget: ``0.5x`` of what the base model takes on its fastest unit, or ``12ms``; several are searched one after the other.
        evaluations: how many strategies are evaluated, per budget.
        label: what a function is called in the journal, so that a search goes on with the same one; empty: where it is defined.
        margin: predictions stay this fraction below the budget.
        placement: ``best``: the roomiest for each strategy; ``tree``: part of the search; or one placement.
        latency_weight: maximise accuracy x (budget / latency) ^ this; 0: accuracy alone.
        multiple: expansion channels are multiples of this.
        method: ``surrogate``, ``tree`` or ``uct``; see the page on searches.
        workers: evaluations at once, each in a process; a function must then be one that can be pickled, such as one of a module.
        ray: the cluster that evaluations are sent to; a function must then be one that its machines can import. None: this machine.
        seed: of the search and of all that is trained.
        resume: go on with the search in the folder.
        on_progress: takes the progress; `Progress.done` counts evaluations of the present budget.
        on_note: takes notes and warnings; otherwise they go to the logger ``syncnas``.

    Raises:
        ConfigError: an option cannot be taken.
        InfeasibleError: no strategy meets the budget.
        JournalError: the folder holds another search, or none to go on with.
        EvaluationError: the first evaluations all failed.
        KeyboardInterrupt: Ctrl-C; what was evaluated is kept.

    Examples:
        >>> found = syncnas.search("luts/local", "micro_v2", out="found_small", evaluate=lambda model: -model.params, evaluations=4)
        >>> found.best.latency_us > 0
        True
    """
    from search.evaluators.choose import check_options
    from search.searches import OnDevice, SearchOptions, run_searches

    require(1, 1_000_000, evaluations=evaluations)
    require(1, 256, workers=workers)
    require(1, 1024, multiple=multiple)
    require(0, 100, margin=margin)
    require(0, 10, latency_weight=latency_weight)
    require(0, seed=seed)
    tables, model, folder = load_tables(tables), load_model(model), Path(out)
    chosen = _chosen(evaluate, label, seed, travels=workers > 1 or ray is not None)
    check_options(chosen, has_tables=True)
    remark = remark_of(on_note)
    budgets = budget if isinstance(budget, str) else ",".join(budget)

    def make_workers(made: Evaluator) -> Executor:
        from search.executors.choose import make_executor

        if ray is None:
            return make_executor(made, workers=workers, kind="local", address="", resources=(), say=remark)
        resources = (ray.cpus, ray.gpus)
        return make_executor(made, workers=workers, kind="ray", address=ray.address, resources=resources, retries=ray.retries, say=remark)

    @contextmanager
    def watching(subject: Subject, searching: Search) -> Iterator[Callable[[Status], None]]:
        report = Reporter(f"searching {subject.budget}", on_progress)
        yield lambda status: report(status.evaluated, evaluations)
        # One that finds nothing more to evaluate ends before what was expected.
        report(searching.status.evaluated, searching.status.evaluated)

    outcomes = run_searches(
        SearchOptions(folder, chosen, evaluations, seed, method, latency_weight, resume),
        lambda: OnDevice(config_of(model), rows_of(tables), str(tables.folder), budgets, margin, placement, multiple),
        make_workers,
        watching=watching,
        say=remark,
    )
    return _result(folder, outcomes)


def _chosen(evaluate: Callable[[Model], float] | Evaluation, label: str, seed: int, *, travels: bool) -> EvaluatorOptions:
    from collab.errors import ConfigError
    from search.evaluators.choose import EvaluatorOptions
    from search.evaluators.function import NAME, FunctionEvaluator, label_of

    if isinstance(evaluate, Evaluation):
        return EvaluatorOptions(
            evaluate.name,
            table=_path(evaluate.table),
            command=evaluate.command,
            timeout_s=evaluate.timeout_s,
            retries=evaluate.retries,
            data=evaluate.data,
            epochs=evaluate.epochs,
            batch=evaluate.batch,
            learning_rate=evaluate.learning_rate,
            validation=evaluate.validation,
            weights=_path(evaluate.weights),
            threads=evaluate.threads,
            seed=seed,
        )
    if not callable(evaluate):
        raise ConfigError(f"evaluate is {type(evaluate).__name__}: give a function that takes a model, or an Evaluation")
    if travels:
        _require_picklable(evaluate)
    return EvaluatorOptions(NAME, seed=seed, function=FunctionEvaluator(_OfModel(evaluate), label or label_of(evaluate)))


@dataclass(frozen=True)
class _OfModel:
    """A function of models as one of their configs. It travels to worker processes where the function does."""

    function: Callable[[Model], float]

    def __call__(self, config: ModelConfig) -> float:
        return self.function(Model("", config))


def _require_picklable(evaluate: Callable[[Model], float]) -> None:
    import pickle

    from collab.errors import ConfigError

    try:
        pickle.dumps(evaluate)
    except Exception as error:  # noqa: BLE001 - whatever an object raises that cannot be pickled
        raise ConfigError(
            f"evaluate cannot be sent to worker processes ({error}); define it in a module that they can import, or leave workers at 1"
            " and ray out"
        ) from None


def _path(path: Path | str | None) -> Path | None:
    return None if path is None else Path(path)


def _result(folder: Path, outcomes: Sequence[Outcome]) -> SearchResult:
    from search.results.archive import pareto

    archived = [found for outcome in outcomes for found in outcome.status.found]
    front = {id(found) for found in pareto(archived)}
    found = [_found(each, is_pareto=id(each) in front) for each in archived]
    statuses = [outcome.status for outcome in outcomes]
    return SearchResult(
        folder=folder,
        found=tuple(sorted(found, key=lambda each: (-each.objective, each.latency_us))),
        evaluated=sum(status.evaluated for status in statuses),
        failed=sum(status.failed for status in statuses),
        last_failure=next((status.last_reason for status in reversed(statuses) if status.last_reason), ""),
        is_exhausted=all(status.exhausted for status in statuses),
    )


def _found(archived: ArchivedFound, *, is_pareto: bool) -> Found:
    from search.results.files import named

    assert archived.config is not None
    assert archived.latency_us is not None
    placement = "" if archived.placement is None else archived.placement.text
    return Found(
        strategy=archived.strategy,
        accuracy=archived.accuracy,
        objective=archived.objective,
        latency_us=archived.latency_us,
        placement=placement,
        budget=archived.budget,
        model=Model("", named(archived.config, archived.budget)),
        is_pareto=is_pareto,
    )
