"""``python -m search.explain``: why a search asked for what it did, as the tree that it has grown; and why a plan takes what it takes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from collab.cli import make_app, print_json, run_app
from collab.console import result_console, say
from collab.errors import ConfigError
from collab.options import EXPERT, AsJson, models, option, place
from collab.wording.commands import command_named

if TYPE_CHECKING:
    from search.engine.pool import Feasible
    from search.engine.tree_search import ChildStatistics
    from search.explanation import GrownTree, Level

_WIDTH: Final = 200
"""Columns that the table may take: a narrower terminal wraps its lines, rather than lose digits of them."""
_PLAN_SUFFIX: Final = ".json"
_SYNC_WORDS: Final = {"n": "none", "a": "add", "c": "concat"}


def main(
    found: Annotated[
        Path, place("FOLDER", help="Folder of a search, its --out, which may be under way; or a plan that place has written.")
    ],
    path: Annotated[str, option(value="LETTERS", help="Look beneath the strategies that begin with these letters, e.g. ann.")] = "",
    json: AsJson = False,
    lut: Annotated[
        Path | None,
        option(value="FOLDER", help="Tables that a plan is explained by. A search needs its own for more than 20,000 strategies only."),
    ] = None,
    model: Annotated[
        str,
        option(
            value="MODEL",
            complete=models,
            help="The plan's .tflite. Default: the one that was profiled into the tables. Of a search its base model, with --lut.",
        ),
    ] = "",
    table: Annotated[
        Path | None, option(value="FILE", panel=EXPERT, help="The search's accuracies, with --lut, if it was given any.")
    ] = None,
) -> None:
    """Show why a search went where it did, or what makes the latency of a plan.

    Of a search, for each choice along the path to the best strategy: visits, mean, best and prior. Of a plan, its critical path: which
    blocks, calls and hand-overs the latency is made of, and for what units wait.
    """
    from search.explanation import journals_in, read_tree

    if found.is_file() and found.suffix == _PLAN_SUFFIX:
        _explain_plan(found, lut, model, others=path or table, json=json)
        return
    if (lut is None) != (not model):
        raise ConfigError(f"--lut and --model belong together: give both, as for {command_named('search')}, or neither")
    results = []
    for number, journal in enumerate(journals_in(found)):
        feasible = None if lut is None else _feasible_by_tables(journal, lut, model, table)
        tree = read_tree(journal, feasible=feasible)
        levels = tree.levels(tree.prefix(path))
        if json:
            results.append(_document(journal.parent, path, tree, levels))
            continue
        if number:
            say()
        _print(journal.parent, path, tree, levels)
    if json:
        print_json({"results": results})


def _explain_plan(plan_file: Path, lut: Path | None, model: str, *, others: object, json: bool) -> None:
    """Prints what makes the latency of a plan.

    Raises:
        ConfigError: there are no tables, or options that only searches take.
    """
    from graph.plan_file import read_plan
    from graph.planned.network import read_planned
    from lut.prediction.costs import Costs
    from lut.tables import load_tables
    from search.placing.explained import explanation_document, print_explanation
    from search.placing.explaining import explain_plan

    plan = read_plan(plan_file)
    if lut is None:
        raise ConfigError(f"{plan_file} is a plan, which tables explain; name their folder with --lut")
    if others:
        raise ConfigError(f"{plan_file} is a plan; --path and --table are for searches")
    planned = read_planned(plan, model=Path(model) if model else None, tables=lut)
    explained = explain_plan(planned, Costs(load_tables(lut), source=str(lut)))
    if json:
        print_json({"results": [], "plan": explanation_document(explained)})
    else:
        print_explanation(explained)


def _feasible_by_tables(journal: Path, lut: Path, model: str, table: Path | None) -> Feasible:
    from search.journals.journal import read_journal
    from search.journals.rebuilt import rebuilt_problem

    header, _ = read_journal(journal)
    return rebuilt_problem(header, lut, model, table=table).feasible


def _document(folder: Path, path: str, tree: GrownTree, levels: list[Level]) -> dict[str, Any]:
    """Returns all that is printed as a JSON object."""
    from search.results.files import summary

    status = tree.status
    return {
        **summary(folder, status.best, status.evaluated, status.failed),
        "method": tree.settings.method,
        "seed": tree.settings.seed,
        "strategies": tree.space.size,
        "feasible": tree.feasible_leaves,
        "under_way": tree.under_way,
        "path": path,
        "levels": [_level_document(tree, level) for level in levels],
    }


def _level_document(tree: GrownTree, level: Level) -> dict[str, Any]:
    depth = len(level.prefix)
    is_stage = depth < tree.space.stages
    return {
        "stage": depth if is_stage else None,
        "prefix": tree.space.strategy(level.prefix),
        "children": [
            {
                "sync" if is_stage else "placement": _name(tree, level, child),
                "on_path": child.value == level.chosen,
                "visits": child.visits,
                "under_way": child.in_flight,
                "mean": child.mean,
                "best": child.best,
                "prior": child.prior,
                # No JSON: UCT gives infinity to what was never visited.
                "score": child.score if child.score is not None and math.isfinite(child.score) else None,
                "open": child.is_open,
            }
            for child in level.children
        ],
    }


def _name(tree: GrownTree, level: Level, child: ChildStatistics) -> str:
    """Returns the letter, or the placement, that a child stands for."""
    if len(level.prefix) < tree.space.stages:
        return tree.space.strategy((*level.prefix, child.value))[-1]
    return tree.placement(child.value)


def _print(folder: Path, path: str, tree: GrownTree, levels: list[Level]) -> None:
    from rich.table import Table
    from rich.text import Text

    _print_heading(folder, path, tree)
    table = Table(box=None, pad_edge=False)
    table.add_column("stage", justify="right", no_wrap=True)
    table.add_column("path", no_wrap=True)
    table.add_column("sync", no_wrap=True)
    columns = ["visits", "mean", "best", "prior", "score"]
    if not any(child.prior is not None for level in levels for child in level.children):
        columns.remove("prior")
    if not any(child.score is not None for level in levels for child in level.children):
        columns.remove("score")
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for level in levels:
        for number, child in enumerate(level.children):
            cells = _cells(tree, level, child)
            style = "bold" if child.value == level.chosen else "" if child.visits or child.is_open else "dim"
            stage = str(len(level.prefix)) if len(level.prefix) < tree.space.stages else ""
            row = [stage if number == 0 else "", *cells[:2], *(cells[2][column] for column in columns), cells[3]]
            table.add_row(*(Text(cell, style=style) for cell in row), end_section=number == len(level.children) - 1)
        table.add_row()
    result_console(width=_WIDTH).print(table)
    _print_notes(tree, columns)


def _cells(tree: GrownTree, level: Level, child: ChildStatistics) -> tuple[str, str, dict[str, str], str]:
    """Returns a child's path, its sync in words, its numbers by column, and a remark."""
    name = _name(tree, level, child)
    is_stage = len(level.prefix) < tree.space.stages
    numbers = {
        "visits": f"{child.visits}+{child.in_flight}" if child.in_flight else str(child.visits),
        "mean": "-" if child.mean is None else f"{child.mean:.4f}",
        "best": "-" if child.best is None else f"{child.best:.4f}",
        "prior": "-" if child.prior is None else "<1 %" if 0 < child.prior < 0.005 else f"{100 * child.prior:.0f} %",
        "score": "-" if child.score is None else "first" if math.isinf(child.score) else f"{child.score:.2f}",
    }
    path = tree.space.strategy((*level.prefix, child.value)) if is_stage else tree.space.strategy(level.prefix)
    remark = "" if child.is_open else "closed"
    mark = "> " if child.value == level.chosen else "  "
    return mark + path, _SYNC_WORDS[name] if is_stage else name, numbers, remark


def _print_heading(folder: Path, path: str, tree: GrownTree) -> None:
    status = tree.status
    of = f"{tree.space.size:,} strategies" if tree.feasible_leaves is None else f"{tree.feasible_leaves:,} feasible strategies"
    failed = f", {status.failed} failed" if status.failed else ""
    under_way = f", {tree.under_way} without an answer yet" if tree.under_way else ""
    say(f"{folder}: {status.evaluated} of {of} evaluated{failed}{under_way}, by --method {tree.settings.method}")
    beneath = tree.best_beneath(tree.prefix(path))
    if beneath is None:
        say(f"Nothing was evaluated{f' beneath {path}' if path else ''}")
    else:
        best = beneath[1]
        latency = "" if best.latency_us is None else f", predicted {best.latency_us / 1e3:.3f} ms under {best.placement}"
        say(f"Best{f' beneath {path}' if path else ''}: {best.strategy}, accuracy {best.accuracy:.4f}{latency}")
    say()


def _print_notes(tree: GrownTree, columns: list[str]) -> None:
    """Says what the columns are, and why one is missing."""
    weight = tree.header.settings.get("latency_weight")
    objective = "the objective, accuracy x (budget / latency) ^ " + str(weight) if weight else "the accuracies"
    say(f"visits: evaluations beneath, +1 for one under way; mean, best: of {objective}; >: the way to the best")
    if "prior" in columns:
        say("prior: share of the improvement that is expected beneath, were the search to go on now")
    if "score" in columns:
        first = "; first: before all that were visited" if tree.settings.method == "uct" else ""
        say(f"score: the next question goes to the highest{first}; closed: nothing beneath is left to ask")
    if not tree.knows_priors:
        say(f"For priors in a space of {tree.space.size:,} strategies, give --lut and --model as {command_named('search')} had them")


app = make_app(
    main,
    examples=(
        "syncnas explain found",
        "syncnas explain found --path ann --json",
        "syncnas explain face.plan.json --lut luts/face",
    ),
)

if __name__ == "__main__":
    run_app(app)
