"""Evaluations in several processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Final

from collab.system.portable import usable_cores
from search.evaluators.base import Evaluator, Query
from search.executors.base import EvaluationOutcome, evaluated

_TRIES: Final = 2
"""A worker process that dies takes its evaluation along; it is tried again, in case it was killed for another's sake."""
_END_S: Final = 5.0


class ProcessExecutor:
    """Evaluates in `workers` processes at once; implements `search.executors.base.Executor`.

    Processes are started afresh (spawn), as CUDA and torch's threads do not survive a fork. They share the cores evenly.
    """

    def __init__(self, evaluator: Evaluator, workers: int) -> None:
        self._evaluator = evaluator
        self._spawning = multiprocessing.get_context("spawn")
        self._threads = max(1, len(usable_cores()) // workers)
        self._workers = [self._start() for _ in range(workers)]
        self._waiting: deque[tuple[int, Query, int]] = deque()

    @property
    def slots(self) -> int:
        return len(self._workers)

    def submit(self, n: int, query: Query) -> None:
        self._waiting.append((n, query, 1))
        self._hand_out()

    def next(self) -> EvaluationOutcome:
        while True:
            busy = [worker for worker in self._workers if worker.assigned is not None]
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
        ours, theirs = self._spawning.Pipe()
        process = self._spawning.Process(target=_answer_queries, args=(theirs, self._evaluator, self._threads), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _hand_out(self) -> None:
        for number, worker in enumerate(self._workers):
            if worker.assigned is None and self._waiting:
                worker.assigned = self._waiting.popleft()
                try:
                    worker.connection.send(worker.assigned[:2])
                except OSError:
                    # It died while it had nothing to do.
                    assigned, fresh = worker.assigned, self._start()
                    worker.end()
                    fresh.assigned = assigned
                    self._workers[number] = fresh
                    fresh.connection.send(assigned[:2])

    def _receive(self, worker: _Worker) -> EvaluationOutcome | None:
        """Returns what a worker sent; None where it died and its evaluation is tried again."""
        assert worker.assigned is not None
        n, query, tries = worker.assigned
        try:
            outcome: EvaluationOutcome = worker.connection.recv()
            worker.assigned = None
            return outcome
        except (EOFError, OSError):
            worker.end()
            status = worker.process.exitcode
        self._workers[self._workers.index(worker)] = self._start()
        if tries < _TRIES:
            self._waiting.appendleft((n, query, tries + 1))
            return None
        return EvaluationOutcome(n, None, f"its worker process died {tries} times, the last time with status {status}", 0.0)


@dataclass
class _Worker:
    """A process, our end of its pipe, and what it evaluates: question, query and how often it was tried."""

    process: multiprocessing.process.BaseProcess
    connection: Connection
    assigned: tuple[int, Query, int] | None = None

    def end(self) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.join(_END_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _answer_queries(connection: Connection, evaluator: Evaluator, threads: int) -> None:
    """Runs in a worker process: evaluates what comes through the pipe, until the search closes its end."""
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
