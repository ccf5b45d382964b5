"""Evaluators of known accuracies that fail, dawdle or die; in a module of their own, as they travel to worker processes."""

from __future__ import annotations

import os
import signal
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from search.evaluators.base import EvaluationError, Query


@dataclass(frozen=True)
class Known:
    """Looks up."""

    accuracies: Mapping[str, float]

    def known(self) -> None:
        return None

    def prepare(self, folder: Path, say: Callable[[str], None]) -> None:
        return None

    def evaluate(self, query: Query) -> float:
        if query.strategy not in self.accuracies:
            raise EvaluationError(f"{query.strategy} is not known, only {', '.join(list(self.accuracies)[:3])}")
        return self.accuracies[query.strategy]


def _share(strategy: str) -> float:
    """A number from 0 to 1 that a strategy always has."""
    return zlib.crc32(strategy.encode()) / 2**32


@dataclass(frozen=True)
class Sleepy(Known):
    """Takes its time, and not always the same."""

    def evaluate(self, query: Query) -> float:
        time.sleep(0.02 + 0.06 * _share(query.strategy))
        return super().evaluate(query)


@dataclass(frozen=True)
class Flaky(Known):
    """Fails for a third of the strategies, half of them with a bug."""

    def evaluate(self, query: Query) -> float:
        share = _share(query.strategy)
        if share < 1 / 6:
            raise EvaluationError(f"{query.strategy} does not train")
        if share < 1 / 3:
            raise KeyError(f"{query.strategy} does not train")
        return super().evaluate(query)


@dataclass(frozen=True)
class Fatal(Known):
    """Kills its process for a fifth of the strategies."""

    def evaluate(self, query: Query) -> float:
        if _share(query.strategy) < 0.2:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().evaluate(query)


@dataclass(frozen=True)
class Slow(Known):
    """Takes so long that a machine can die in the middle."""

    def evaluate(self, query: Query) -> float:
        time.sleep(0.4)
        return super().evaluate(query)


@dataclass(frozen=True)
class Sharing(Known):
    """Gives for an accuracy how much of a GPU Ray has assigned to it."""

    def evaluate(self, query: Query) -> float:
        import ray

        return float(ray.get_runtime_context().get_assigned_resources().get("GPU", 0))


@dataclass(frozen=True)
class Gated(Sleepy):
    """Gives its first `free` answers, over all processes, and holds the others back until `gate` is there."""

    gate: Path
    free: int

    def evaluate(self, query: Query) -> float:
        accuracy = super().evaluate(query)
        while not any(self._passes(number) for number in range(self.free)) and not self.gate.exists():
            time.sleep(0.05)
        return accuracy

    def _passes(self, number: int) -> bool:
        """Takes one of the free places, if nobody has."""
        try:
            self.gate.with_name(f"{self.gate.name}.{number}").touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


@dataclass(frozen=True)
class Macs(Known):
    """Tells how much a model computes."""

    def evaluate(self, query: Query) -> float:
        if query.config is None:
            raise EvaluationError("a config is needed")
        return query.config.macs / 1e6
