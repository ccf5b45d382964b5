"""The problem of an earlier search, made anew out of the tables that its journal names by their digests."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from collab.config import load as load_config
from collab.errors import JournalError
from collab.files import sha256_of
from collab.wording.commands import command_named
from lut.prediction.costs import Costs
from lut.tables import load_tables
from search.evaluators.table import read_accuracies
from search.journals.inputs import tables_sha256
from search.journals.journal import Header, number_setting, text_setting, whole_setting
from search.problems.base import Problem
from search.problems.device import DeviceProblem
from search.problems.known import Restricted
from search.problems.placements import placements_to_try

_ROUNDED_US: Final = 0.001
"""A journal gives the budget in thousandths."""


def rebuilt_problem(header: Header, lut: Path, model: str, *, table: Path | None = None) -> Problem:
    """Makes the problem of a search on a device anew.

    Args:
        lut: the folder of the tables that the search was made with.
        model: the base model, as ``--model`` names it.
        table: the accuracies of ``--evaluator table``.

    Raises:
        JournalError: the search was made with others; says which.
    """
    tables, base = load_tables(lut), load_config(model)
    _check(header, "tables", tables_sha256(tables), f"--lut {lut}")
    _check(header, "base", base.sha256, f"--model {model}")
    placements, in_tree = placements_to_try(text_setting(header, "placement"), list(tables.meta.units), branches=2)
    budget_us = number_setting(header, "budget_us") + _ROUNDED_US
    multiple = whole_setting(header, "multiple")
    problem: Problem = DeviceProblem(base, Costs(tables, source=str(lut)), placements, budget_us, in_tree=in_tree, multiple=multiple)
    if "table" in header.inputs:
        if table is None:
            raise JournalError("only strategies of a table of accuracies were searched; give it with --table")
        _check(header, "table", sha256_of(table), f"--table {table}")
        problem = Restricted(problem, frozenset(read_accuracies(table)))
    if problem.space.options != header.space.options:
        raise JournalError(f"--model {model} has other strategies than those that were searched")
    return problem


def _check(header: Header, name: str, digest: str, option: str) -> None:
    if header.inputs.get(name) != digest:
        raise JournalError(
            f"{option} is not what the search was made with: its digest is another; name the same as for {command_named('search')}"
        )
