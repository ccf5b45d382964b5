"""Optimisers of other projects that the search is held against, where they can be imported (extra `peers`).

* optuna tpe: Optuna's default, a tree-structured Parzen estimator;
* optuna gp: Optuna's Gaussian process with expected improvement;
* smac: SMAC3's facade for hyperparameters, random forests with expected improvement.

Each is asked for a strategy and told its accuracy, stage by stage a categorical parameter. What it proposes a second time, or what is
infeasible, is passed over and costs nothing; it is told that the latter failed. After `_STUCK` such proposals in a row a strategy is drawn
at random.
"""

from __future__ import annotations

import importlib
import logging
import tempfile
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Final

import numpy as np

from benchmarks.search.landscapes import Landscape, space
from benchmarks.search.searchers import Searcher, fresh_leaves
from search.space import Leaf

_STUCK: Final = 5
_TRIALS: Final = 100_000
"""More than are ever asked for: repeated and infeasible proposals count there as well."""


def _optuna(sampler: Callable[[Any, int], Any]) -> Callable[[Landscape, int], Searcher]:
    def search(landscape: Landscape, seed: int) -> Searcher:
        optuna: Any = importlib.import_module("optuna")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.simplefilter("ignore")
        study = optuna.create_study(direction="maximize", sampler=sampler(optuna, seed))
        options, draw = space(landscape.stages).options, fresh_leaves(landscape, seed)
        known: dict[Leaf, float] = {}
        passed_over = 0
        while True:
            if passed_over == _STUCK:
                leaf = draw()
                while leaf in known:
                    leaf = draw()
                study.enqueue_trial({str(place): value for place, value in enumerate(leaf)})
            trial = study.ask()
            leaf = tuple(trial.suggest_categorical(str(place), values) for place, values in enumerate(options))
            if not landscape.feasible(np.array([leaf]))[0]:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
                passed_over += 1
                continue
            passed_over = passed_over + 1 if leaf in known else 0
            if leaf not in known:
                known[leaf] = yield leaf
            study.tell(trial, known[leaf])

    return search


def _smac(landscape: Landscape, seed: int) -> Searcher:
    for name in ("smac", "ConfigSpace"):
        logging.getLogger(name).setLevel(logging.ERROR)
    smac: Any = importlib.import_module("smac")
    value_of: Any = importlib.import_module("smac.runhistory.dataclasses").TrialValue
    status: Any = importlib.import_module("smac.runhistory.enumerations").StatusType
    config_space: Any = importlib.import_module("ConfigSpace")
    options, draw = space(landscape.stages).options, fresh_leaves(landscape, seed)
    parameters = config_space.ConfigurationSpace(seed=seed)
    for place, values in enumerate(options):
        if len(values) > 1:
            parameters.add(config_space.CategoricalHyperparameter(f"stage{place:02}", list(values)))
    with tempfile.TemporaryDirectory() as folder:
        scenario = smac.Scenario(parameters, deterministic=True, n_trials=_TRIALS, seed=seed, output_directory=folder)
        facade = smac.HyperparameterOptimizationFacade(scenario, _unused, overwrite=True, logging_level=logging.ERROR)
        known: dict[Leaf, float] = {}
        passed_over = 0
        while True:
            info = facade.ask()
            chosen = dict(info.config)
            leaf = tuple(int(chosen.get(f"stage{place:02}", values[0])) for place, values in enumerate(options))
            if passed_over == _STUCK:
                passed_over = 0
                leaf = draw()
                while leaf in known:
                    leaf = draw()
                named = {f"stage{place:02}": value for place, value in enumerate(leaf) if len(options[place]) > 1}
                info = importlib.import_module("smac.runhistory.dataclasses").TrialInfo(
                    config_space.Configuration(parameters, values=named), seed=info.seed
                )
            if not landscape.feasible(np.array([leaf]))[0]:
                facade.tell(info, value_of(cost=1.0, status=status.CRASHED), save=False)
                passed_over += 1
                continue
            passed_over = passed_over + 1 if leaf in known else 0
            if leaf not in known:
                known[leaf] = yield leaf
            facade.tell(info, value_of(cost=-known[leaf]), save=False)


def _unused(config: object, seed: int = 0) -> float:
    """Stands where SMAC3 wants a function, although it is asked and told."""
    raise NotImplementedError


def peers() -> dict[str, Callable[[Landscape, int], Searcher]]:
    """Returns those that can be imported, by their names."""
    found: dict[str, Callable[[Landscape, int], Searcher]] = {}
    if find_spec("optuna"):
        found["optuna tpe"] = _optuna(lambda optuna, seed: optuna.samplers.TPESampler(seed=seed))
        found["optuna gp"] = _optuna(lambda optuna, seed: optuna.samplers.GPSampler(seed=seed))
    if find_spec("smac"):
        found["smac"] = _smac
    return found
