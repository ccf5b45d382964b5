"""Visits of bundles whose times are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from android_harness.protocol.journal import CollabDone, Outputs, StepLabel


def collab_done(job: str, t_ns: int, runs_ns: list[int], *, output_hash: str = "aa", distinct: int = 1) -> CollabDone:
    """A visit of two inferences, each with one run step per number given."""
    steps = tuple(StepLabel("cpu0", f"cpu0.{index}", "run", "") for index in range(len(runs_ns)))
    total = sum(runs_ns)
    begins = tuple((sum(runs_ns[:index]),) * 2 for index in range(len(runs_ns)))
    ends = tuple((sum(runs_ns[: index + 1]),) * 2 for index in range(len(runs_ns)))
    return CollabDone(job, 0, t_ns, steps, begins, ends, (total, total), Outputs(distinct, output_hash), {})


ALIKE = Outputs(1, "aa")


def visit(
    totals_ns: Sequence[int],
    steps: Mapping[StepLabel, Sequence[tuple[int, int]]] | None = None,
    *,
    outputs: Outputs = ALIKE,
    paths: Mapping[str, str] | None = None,
    accelerated: bool = True,
) -> CollabDone:
    """A visit of one inference for each total; `steps` maps a step to its begin and end in each of them."""
    times = {label: tuple(spans) for label, spans in (steps or {}).items()}
    begins, ends = (tuple(tuple(span[side] for span in spans) for spans in times.values()) for side in (0, 1))
    return CollabDone("b", 0, 0, tuple(times), begins, ends, tuple(totals_ns), outputs, dict(paths or {}), accelerated=accelerated)
