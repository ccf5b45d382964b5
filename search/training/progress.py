"""Lines about how far a training is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

Say: TypeAlias = Callable[[str], None]
"""Takes a line for the user."""

_SAY_EVERY_S: Final = 10.0


@dataclass
class Progress:
    """Says every few seconds how far a training is and how long it will take."""

    training: str
    total: int
    say: Say | None
    start: int = 0

    def __post_init__(self) -> None:
        self._began = self._said = time.monotonic()

    def __call__(self, step: int, loss: float) -> None:
        now = time.monotonic()
        if self.say is None or (now - self._said < _SAY_EVERY_S and step < self.total):
            return
        self._said = now
        left_s = (now - self._began) / max(1, step - self.start) * (self.total - step)
        self.say(f"{self.training}: step {step} of {self.total}, loss {loss:.3f}, {_duration(left_s)} left")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
