"""Carrying out batches of jobs on a device: every sample is in the journal before it is anywhere else."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Protocol

from android_harness.protocol.journal import Event, PhaseStarted
from android_harness.targets.base import Target
from android_harness.targets.execute import execute
from collab.errors import RunnerError
from collab.files import write_whole, writing
from profiler.deviation import keep_deviation
from profiler.job_ids import NetworkId
from profiler.models import Models
from profiler.pending import JobBatch
from profiler.phases import is_common, make_phase
from profiler.provenance import Provenance
from profiler.request import JOURNAL_FILE, PLAN_FILE, Request
from profiler.samples import SampleStore


class Observer(Protocol):
    """A follower of what is measured, such as a progress bar."""

    def expect(self, visits: int) -> None:
        """Takes notice of so many more visits to come."""

    def note(self, event: Event) -> None:
        """Takes notice of an event that counts."""


class NoObserver:
    """An observer that looks away."""

    def expect(self, visits: int) -> None:
        """Takes no notice."""

    def note(self, event: Event) -> None:
        """Takes no notice."""


def carry_out(
    device: Target, request: Request, batches: Sequence[JobBatch], store: SampleStore, folder: Path, observer: Observer | None = None
) -> bool:
    """Measures; False if it was stopped before the end.

    The request is kept in the folder once the models of all jobs are written, and before the first of them is run. If the runner refuses
    them after all, the request that was there before is there again.

    Raises:
        ExportError, StorageError: a model cannot be written; the folder is as it was.
        RunnerError: see `execute`.
        TableError: the runner or a library has changed since the visits that count.
    """
    watching: Observer = observer or NoObserver()
    watching.expect(sum(batch.visits for batch in batches))

    def note(event: Event) -> None:
        if isinstance(event, PhaseStarted):
            store.check_goes_on(Provenance.of(event))
        store.add(event)
        watching.note(event)

    with temporary_folder() as models_folder:
        plan = request.plan
        models = Models(
            models_folder,
            plan.networks,
            plan.rehearsals,
            sentinel_block=request.sentinel_block,
            between=request.between,
            file=request.network,
        )
        try:
            phases = [
                make_phase(
                    f"{batch.name}-{number}",
                    batch.jobs,
                    request.units,
                    request.effort,
                    models,
                    rounds=batch.rounds,
                    seed=seed,
                    common=[job for job in batch.jobs if is_common(job, plan)],
                )
                for number, (batch, seed) in enumerate(zip(batches, count(request.seed)))
            ]
            with kept(request, folder):
                for phase in phases:
                    if not execute(device, phase, folder / JOURNAL_FILE, note):
                        return False
        finally:
            networks = {job.network for batch in batches for job in batch.jobs if isinstance(job, NetworkId)}
            libraries = store.provenance.engines if store.provenance is not None else {}
            keep_deviation(folder, [models.pieces(network) for network in networks], request.units, libraries)
    return True


@contextmanager
def kept(request: Request, folder: Path) -> Iterator[None]:
    """Keeps a request in a folder; gives the folder its earlier one back where the runner refuses what this one asks for."""
    plan = folder / PLAN_FILE
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        earlier = plan.read_bytes() if plan.exists() else None
    if request.network is not None:
        request.network.keep(folder)
    request.save(folder)
    try:
        yield
    except RunnerError:
        if earlier is not None:
            write_whole(plan, earlier)
        raise


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Makes a folder for model files that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="syncnas-models-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
