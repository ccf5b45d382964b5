"""The executor that a user asks for, by name and options."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from collab.errors import SyncNasError
from search.evaluators.base import Evaluator
from search.executors.base import Executor


def make_executor(
    evaluator: Evaluator,
    *,
    workers: int,
    kind: str,
    address: str,
    resources: Sequence[float],
    retries: int = 1,
    say: Callable[[str], None] = lambda _: None,
) -> Executor:
    """Makes the executor of a name: ``local``, or ``ray`` with the address of its cluster and the CPUs and GPUs of an evaluation.

    Args:
        say: takes a line for the user.

    Raises:
        SyncNasError: there is no such executor, or the cluster cannot be reached.
    """
    if kind == "ray":
        from search.executors.ray import RayExecutor

        cpus, gpus = resources
        return RayExecutor(evaluator, address=address, workers=workers, cpus=cpus, gpus=gpus, retries=retries, say=say)
    if kind != "local":
        raise SyncNasError(f"--executor {kind}: one of local, ray")
    if workers == 1:
        from search.executors.inline import InlineExecutor

        return InlineExecutor(evaluator)
    from search.executors.processes import ProcessExecutor

    return ProcessExecutor(evaluator, workers)
