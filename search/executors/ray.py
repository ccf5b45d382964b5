"""Evaluations on a Ray cluster, which may have many machines and lose some of them (optional extra ``ray``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from collab.errors import SyncNasError
from collab.ray_cluster import LOCAL, first_line, joined
from search.evaluators.base import Evaluator, Query
from search.executors.base import EvaluationOutcome, evaluated
from search.executors.shipping import Shipped, ship

_NODE_TRIES: Final = 5
"""Times that Ray starts a task again whose node or worker died; an evaluator's own failures are no such thing."""


def _evaluate(shipped: Shipped, n: int, query: Query) -> EvaluationOutcome:
    return evaluated(shipped.unpacked(), n, query)


class RayExecutor:
    """Evaluates in Ray tasks; implements `search.executors.base.Executor`.

    The toolkit must be installed on every machine of the cluster, and data must be found there by the same path.

    Args:
        address: of the cluster; ``auto`` for the one that this machine is part of, ``local`` for one of this machine alone,
            which is started, whatever other clusters there are, and can be reached from this machine only.
        workers: evaluations at the same time.
        cpus: of one evaluation.
        gpus: of one evaluation; may be a fraction.
        retries: so often a failed evaluation is tried again.
        say: takes a line for the user: which cluster evaluations are sent to.

    Raises:
        SyncNasError: Ray is not installed, the cluster cannot be reached, or none of its machines is large enough.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        *,
        address: str,
        workers: int,
        cpus: float,
        gpus: float,
        retries: int,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._ray: Any = joined(address)
        self._workers, self._retries = workers, retries
        where = address if address not in ("auto", LOCAL) else self._ray.get_runtime_context().gcs_address
        say(f"evaluations go to {'a Ray cluster of this machine alone' if address == LOCAL else 'the Ray cluster'} at {where}")
        self._check_resources(cpus, gpus)
        remote = self._ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=_NODE_TRIES)
        self._task: Any = remote(_evaluate)
        self._shipped = self._ray.put(ship(evaluator))
        self._running: dict[Any, tuple[int, Query, int]] = {}

    def _check_resources(self, cpus: float, gpus: float) -> None:
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        if not any(node.get("CPU", 0.0) >= cpus and node.get("GPU", 0.0) >= gpus for node in nodes):
            largest = ", ".join(f"{node.get('CPU', 0.0):g} CPUs and {node.get('GPU', 0.0):g} GPUs" for node in nodes)
            self.close()
            raise SyncNasError(f"an evaluation wants {cpus:g} CPUs and {gpus:g} GPUs, the cluster's machines have {largest}; ask for less")

    @property
    def slots(self) -> int:
        return self._workers

    def submit(self, n: int, query: Query) -> None:
        self._start(n, query, 0)

    def _start(self, n: int, query: Query, failures: int) -> None:
        self._running[self._task.remote(self._shipped, n, query)] = (n, query, failures)

    def next(self) -> EvaluationOutcome:
        while True:
            [done], _ = self._ray.wait(list(self._running), num_returns=1)
            n, query, failures = self._running.pop(done)
            try:
                outcome: EvaluationOutcome = self._ray.get(done)
            except self._ray.exceptions.RayError as error:
                outcome = EvaluationOutcome(n, None, f"the cluster could not carry it out: {first_line(error)}", 0.0)
            if outcome.accuracy is not None or failures >= self._retries:
                return outcome
            self._start(n, query, failures + 1)

    def close(self) -> None:
        """Ends what is still going on, and leaves the cluster as it is."""
        self._ray.shutdown()
