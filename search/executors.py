"""Where evaluations are carried out: in this process, in several processes of this machine, or elsewhere (`search.ray_executor`)."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Final, Protocol

from collab.errors import SyncNasError
from search.evaluators.base import MAX_ACCURACY, Evaluator, Query

_TRIES: Final = 2
"""A worker process that dies takes its evaluation along; it is tried again, in case it was killed for another's sake."""


@dataclass(frozen=True)
class Outcome:
    """How an evaluation ended: with an accuracy, or with a reason why there is none."""

    n: int
    accuracy: float | None
    reason: str
    seconds: float


class Executor(Protocol):
    """Carries evaluations out, in any order."""

    @property
    def slots(self) -> int:
        """How many evaluations go on at once."""

    def submit(self, n: int, query: Query) -> None:
        """Begins an evaluation; its outcome has the same n."""

    def next(self) -> Outcome:
        """The next outcome of what was submitted; waits for it."""

    def close(self) -> None:
        """Ends what is still going on."""


def evaluated(evaluator: Evaluator, n: int, query: Query) -> Outcome:
    """Carries out one evaluation. An error of the evaluator's own making is its outcome; a bug in it is one too, with its type's name."""
    begin = time.monotonic()
    try:
        accuracy = float(evaluator.evaluate(query))
    except SyncNasError as error:
        return Outcome(n, None, str(error), time.monotonic() - begin)
    except Exception as error:  # noqa: BLE001 - an evaluator is a plug-in: one strategy's bug must not end a search of days
        return Outcome(n, None, f"{type(error).__name__}: {error}", time.monotonic() - begin)
    if not abs(accuracy) <= MAX_ACCURACY:
        reason = f"the evaluator gave {accuracy}, which is no finite number within {MAX_ACCURACY:g}"
        return Outcome(n, None, reason, time.monotonic() - begin)
    return Outcome(n, accuracy, "", time.monotonic() - begin)


class InlineExecutor:
    """One evaluation at a time, in this process."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._waiting: deque[tuple[int, Query]] = deque()

    @property
    def slots(self) -> int:
        return 1

    def submit(self, n: int, query: Query) -> None:
        self._waiting.append((n, query))

    def next(self) -> Outcome:
        return evaluated(self._evaluator, *self._waiting.popleft())

    def close(self) -> None:
        self._waiting.clear()


class ProcessExecutor:
    """So many worker processes. They are started afresh (spawn), as CUDA and torch's threads do not survive a fork."""

    def __init__(self, evaluator: Evaluator, workers: int) -> None:
        self._evaluator = evaluator
        self._context = multiprocessing.get_context("spawn")
        self._threads = max(1, len(os.sched_getaffinity(0)) // workers)
        self._workers = [self._start() for _ in range(workers)]
        self._waiting: deque[tuple[int, Query, int]] = deque()

    @property
    def slots(self) -> int:
        return len(self._workers)

    def submit(self, n: int, query: Query) -> None:
        self._waiting.append((n, query, 1))
        self._hand_out()

    def next(self) -> Outcome:
        while True:
            busy = [worker for worker in self._workers if worker.job is not None]
            ready = wait([worker.connection for worker in busy])
            for worker in busy:
                if worker.connection in ready and (outcome := self._receive(worker)) is not None:
                    self._hand_out()
                    return outcome
            self._hand_out()

    def close(self) -> None:
        for worker in self._workers:
            worker.end()

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs, self._evaluator, self._threads), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _hand_out(self) -> None:
        for number, worker in enumerate(self._workers):
            if worker.job is None and self._waiting:
                worker.job = self._waiting.popleft()
                try:
                    worker.connection.send(worker.job[:2])
                except OSError:
                    # It died while it had nothing to do.
                    job, fresh = worker.job, self._start()
                    worker.end()
                    fresh.job = job
                    self._workers[number] = fresh
                    fresh.connection.send(job[:2])

    def _receive(self, worker: _Worker) -> Outcome | None:
        """What a worker sent; None where it died and its evaluation is tried again."""
        assert worker.job is not None
        n, query, tries = worker.job
        try:
            outcome: Outcome = worker.connection.recv()
            worker.job = None
            return outcome
        except (EOFError, OSError):
            worker.end()
            status = worker.process.exitcode
        self._workers[self._workers.index(worker)] = self._start()
        if tries < _TRIES:
            self._waiting.appendleft((n, query, tries + 1))
            return None
        return Outcome(n, None, f"its worker process died {tries} times, the last time with status {status}", 0.0)


@dataclass
class _Worker:
    process: multiprocessing.process.BaseProcess
    connection: Connection
    job: tuple[int, Query, int] | None = None

    def end(self) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.join(5.0)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _work(connection: Connection, evaluator: Evaluator, threads: int) -> None:
    """A worker's life: until the search closes its end of the pipe."""
    import signal

    # Ctrl-C reaches the whole group; the search decides what then happens.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))
    while True:
        try:
            n, query = connection.recv()
            connection.send(evaluated(evaluator, n, query))
        except (EOFError, BrokenPipeError):
            return


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
    """The executor that is asked for: ``local``, or ``ray`` with the address of its cluster and the CPUs and GPUs of an evaluation.

    Args:
        say: takes a line for the user.

    Raises:
        SyncNasError: there is no such executor, or the cluster cannot be reached.
    """
    if kind == "ray":
        from search.ray_executor import RayExecutor

        cpus, gpus = resources
        return RayExecutor(evaluator, address=address, workers=workers, cpus=cpus, gpus=gpus, retries=retries, say=say)
    if kind != "local":
        raise SyncNasError(f"--executor {kind}: one of local, ray")
    return InlineExecutor(evaluator) if workers == 1 else ProcessExecutor(evaluator, workers)
