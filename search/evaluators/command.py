"""``command``: any program that takes the path of a config and prints an accuracy."""

from __future__ import annotations

import json
import math
import os
import selectors
import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collab.errors import ConfigError
from collab.files import write_whole
from collab.system.portable import kill_with_children
from collab.wording.options import option_named
from search.evaluators.base import MAX_ACCURACY, EvaluationError, Query

PLACE: Final = "{config}"
"""Stands for the config's path in a command, which otherwise goes to its end."""
_SHOWN: Final = 300
_KEPT_BYTES: Final = 64 << 10
"""Bytes that are kept of each output: a program may print more than there is memory for."""
_LOOK_EVERY_S: Final = 0.1
_DRAIN_S: Final = 1.0
"""Seconds for what is left in the pipes of a program that has ended."""


@dataclass(frozen=True)
class CommandEvaluator:
    """Runs a program per evaluation, without a shell.

    It gets the config's path as an argument, and ``SYNCNAS_STRATEGY`` and ``SYNCNAS_SEED`` in its environment. The last line that it prints
    is the accuracy: a number, or a JSON object with an ``accuracy``. What it writes to stderr is only shown if it fails.

    Args:
        timeout_s: it and all that it has started are killed after so long.
        retries: so many times a failed run is tried again.
    """

    command: tuple[str, ...]
    timeout_s: float = 3600.0
    retries: int = 1

    @classmethod
    def parse(cls, text: str, *, timeout_s: float, retries: int) -> CommandEvaluator:
        """Reads a command line as one would type it, quotes included.

        Raises:
            ConfigError: it is empty, or a quote is not closed.
        """
        try:
            words = tuple(shlex.split(text))
        except ValueError as error:
            raise ConfigError(f"{option_named('--command', text)}: {error}") from error
        if not words:
            raise ConfigError(
                f"{option_named('--evaluator', 'command')} needs {option_named('--command')}, e.g. 'python evaluate.py {{config}}'"
            )
        return cls(words, timeout_s, retries)

    def known(self) -> None:
        return None

    def prepare(self, folder: Path, say: Callable[[str], None]) -> None:
        del folder
        say(f"each evaluation runs: {shlex.join(self.command)}")

    def evaluate(self, query: Query) -> float:
        if query.config is None:
            raise EvaluationError(f"{query.strategy}: a command needs a config, and so device tables")
        with tempfile.TemporaryDirectory(prefix="syncnas-") as folder:
            path = Path(folder) / f"{query.config.name}.json"
            write_whole(path, query.config.to_json())
            for attempt in range(self.retries + 1):
                try:
                    return self._run(path, query)
                except EvaluationError:
                    if attempt == self.retries:
                        raise
        raise AssertionError("the last attempt returns or raises")

    def _run(self, config: Path, query: Query) -> float:
        words = [word.replace(PLACE, str(config)) for word in self.command]
        if not any(PLACE in word for word in self.command):
            words.append(str(config))
        environment = {**os.environ, "SYNCNAS_STRATEGY": query.strategy, "SYNCNAS_SEED": str(query.seed)}
        try:
            # A session of its own, so that what it starts can be killed with it.
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, start_new_session=True
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise EvaluationError(f"{words[0]} cannot be started ({reason}); is it the right command?") from error
        try:
            output, errors = _ends_of_outputs(process, self.timeout_s)
        except subprocess.TimeoutExpired:
            raise EvaluationError(f"{words[0]} took longer than its {self.timeout_s:g} s and was killed; give it more") from None
        finally:
            _kill(process)
        if process.returncode != 0:
            raise EvaluationError(
                f"{words[0]} ended with status {process.returncode}: {_last_line(errors)[:_SHOWN] or 'nothing on stderr'}"
            )
        return _accuracy(words[0], _last_line(output))


def _ends_of_outputs(process: subprocess.Popen[bytes], timeout_s: float) -> tuple[bytes, bytes]:
    """Waits for a program to end; returns the last part of what it wrote to stdout and stderr.

    Processes that it leaves behind may keep its pipes: they are killed, and what escapes that is not waited for.

    Raises:
        subprocess.TimeoutExpired: it took longer.
    """
    assert process.stdout is not None
    assert process.stderr is not None
    ends = {process.stdout: b"", process.stderr: b""}
    deadline = time.monotonic() + timeout_s
    has_ended = False
    with process.stdout, process.stderr, selectors.DefaultSelector() as selector:
        for pipe in ends:
            os.set_blocking(pipe.fileno(), False)
            selector.register(pipe, selectors.EVENT_READ, pipe)
        while selector.get_map() and time.monotonic() < deadline:
            ready = selector.select(min(_LOOK_EVERY_S, max(0.0, deadline - time.monotonic())))
            if not ready and has_ended:
                break
            for key, _ in ready:
                chunk = os.read(key.fd, _KEPT_BYTES)
                ends[key.data] = (ends[key.data] + chunk)[-_KEPT_BYTES:]
                if not chunk:
                    selector.unregister(key.data)
            if not has_ended and process.poll() is not None:
                has_ended = True
                _kill(process)
                deadline = min(deadline, time.monotonic() + _DRAIN_S)
    if not has_ended:
        process.wait(max(0.0, deadline - time.monotonic()))
    return ends[process.stdout], ends[process.stderr]


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kills a program with all that it has started."""
    kill_with_children(process)
    process.wait()


def _last_line(output: bytes) -> str:
    lines = [line.strip() for line in output.decode("utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _accuracy(program: str, line: str) -> float:
    try:
        value = json.loads(line)
        value = value["accuracy"] if isinstance(value, dict) else value
        accuracy = math.nan if isinstance(value, bool) else float(value)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        accuracy = math.nan
    if not abs(accuracy) <= MAX_ACCURACY:
        raise EvaluationError(f"{program} printed '{line[:_SHOWN]}' last, which is no accuracy; print one number")
    return accuracy
