"""Evaluations on a real Ray cluster of two nodes, one of which dies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collab.errors import SyncNasError
from search.evaluators.base import Query
from search.executors.ray import RayExecutor
from search.training.recipe import Recipe, SupernetRecipe
from tests.search.models import micro
from tests.search.searches import ACCURACIES, evaluated, search
from tests.search.workers import Fatal, Flaky, Known, Sharing, Slow

pytest.importorskip("ray")


@pytest.fixture
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    yield nodes
    nodes.shutdown()


def executor(cluster: Any, evaluator: Any, **options: Any) -> RayExecutor:
    return RayExecutor(evaluator, **{"address": cluster.address, "workers": 4, "cpus": 0.5, "gpus": 0.0, "retries": 0, **options})


def test_a_node_that_dies_takes_no_evaluation_along(cluster: Any, tmp_path: Path) -> None:
    other = cluster.add_node(num_cpus=1)
    found, workers = search(tmp_path), executor(cluster, Slow(ACCURACIES))
    killed = []

    def kill_once(status: Any) -> None:
        if status.evaluated == 8 and not killed:
            killed.append(status.evaluated)
            cluster.remove_node(other, allow_graceful=False)

    try:
        found.run(workers, 24, kill_once)
    finally:
        workers.close()
        found.close()
    assert killed == [8]
    assert found.status.evaluated == 24
    assert found.status.failed == 0
    assert len(set(evaluated(tmp_path))) == 24
    asked = [line for line in (tmp_path / "journal.jsonl").read_text().splitlines() if json.loads(line)["event"] == "asked"]
    assert len(asked) == 24


def test_failures_are_the_evaluator_s_and_crashes_are_told(cluster: Any, tmp_path: Path) -> None:
    workers = executor(cluster, Flaky(ACCURACIES), retries=1)
    outcomes = {}
    strategies = sorted(ACCURACIES)[:24]
    try:
        for n, strategy in enumerate(strategies):
            workers.submit(n, Query(strategy, None, 0))
        for _ in strategies:
            outcome = workers.next()
            outcomes[outcome.n] = outcome
    finally:
        workers.close()
    assert len(outcomes) == 24
    assert any(outcome.accuracy is None and "does not train" in outcome.reason for outcome in outcomes.values())
    assert all(outcomes[n].accuracy in (None, ACCURACIES[strategy]) for n, strategy in enumerate(strategies))


def test_fractions_of_gpus_are_given_out(cluster: Any) -> None:
    cluster.add_node(num_cpus=1, num_gpus=1)
    workers = executor(cluster, Sharing(ACCURACIES), gpus=0.5)
    try:
        for n, strategy in enumerate(sorted(ACCURACIES)[:4]):
            workers.submit(n, Query(strategy, None, 0))
        assert {(outcome.n, outcome.accuracy) for outcome in (workers.next() for _ in range(4))} == {(n, 0.5) for n in range(4)}
    finally:
        workers.close()


def test_a_cluster_without_the_gpus_asked_for(cluster: Any) -> None:
    with pytest.raises(SyncNasError, match=r"wants 0.5 CPUs and 2 GPUs"):
        executor(cluster, Known(ACCURACIES), gpus=2.0)


def test_a_supernet_reaches_the_other_machines(cluster: Any, tmp_path: Path) -> None:
    from collab.variants import collaborative
    from search.evaluators.supernet import SupernetEvaluator

    widest = tuple(tuple(tuple(2 * block.exp_c for block in stage.branches[0]) for stage in micro().stages) for _ in range(2))
    recipe = SupernetRecipe(Recipe(epochs=0.2), samples=1)
    evaluator = SupernetEvaluator(micro(), 2, widest, "digits", recipe, validation=100, calibration_batches=1, threads=1)
    evaluator.prepare(tmp_path, lambda _: None)
    query = Query("aca", collaborative(micro(), "aca"), 0)
    here = evaluator.evaluate(query)
    workers = executor(cluster, evaluator)
    # Its file is elsewhere on other machines; here that is shown by taking it away.
    (tmp_path / "supernet.pth").rename(tmp_path / "gone")
    try:
        workers.submit(0, query)
        outcome = workers.next()
    finally:
        workers.close()
    assert outcome.accuracy == here


def test_no_cluster_is_a_sentence() -> None:
    with pytest.raises(SyncNasError, match="no Ray cluster is reached"):
        RayExecutor(Known(ACCURACIES), address="127.0.0.1:1", workers=1, cpus=1, gpus=0, retries=0)


def test_workers_that_crash_are_tried_again_and_then_given_up(cluster: Any) -> None:
    workers = executor(cluster, Fatal(ACCURACIES), workers=2)
    strategies = sorted(ACCURACIES)[:12]
    try:
        for n, strategy in enumerate(strategies):
            workers.submit(n, Query(strategy, None, 0))
        outcomes = [workers.next() for _ in strategies]
    finally:
        workers.close()
    failed = [outcome for outcome in outcomes if outcome.accuracy is None]
    assert 0 < len(failed) < len(strategies)
    assert all("the cluster could not carry it out" in outcome.reason for outcome in failed)


LOCAL = """
import json
from search.evaluators.base import Query
from search.executors.ray import RayExecutor
from tests.search.searches import ACCURACIES
from tests.search.workers import Known
said = []
workers = RayExecutor(Known(ACCURACIES), address="local", workers=1, cpus=0.5, gpus=0.0, retries=0, say=said.append)
workers.submit(0, Query("nnnnnna", None, 0))
accuracy = workers.next().accuracy
import ray
print(json.dumps({"address": ray.get_runtime_context().gcs_address, "nodes": len(ray.nodes()), "accuracy": accuracy, "said": said}))
workers.close()
"""


def test_local_joins_no_cluster_that_others_name(cluster: Any) -> None:
    """Neither the one of RAY_ADDRESS, nor that of the file that a running cluster leaves; and nobody else can reach it."""
    cluster.add_node(num_cpus=1)
    environment = {**os.environ, "RAY_ADDRESS": cluster.address}
    done = subprocess.run(
        [sys.executable, "-c", LOCAL], cwd=Path(__file__).parents[3], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["address"] != cluster.address
    assert found["address"].startswith("127.0.0.1:")
    assert found["nodes"] == 1
    assert found["accuracy"] == ACCURACIES["nnnnnna"]
    assert found["said"] == [f"evaluations go to a Ray cluster of this machine alone at {found['address']}"]


def test_an_empty_address_names_no_cluster() -> None:
    with pytest.raises(SyncNasError, match=r"ray_address=\.\.\. is empty"):
        RayExecutor(Known(ACCURACIES), address="", workers=1, cpus=1, gpus=0, retries=0)
