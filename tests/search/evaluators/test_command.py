"""Programs that print an accuracy."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from collab.errors import ConfigError
from collab.variants import collaborative
from search.evaluators.base import EvaluationError, Query
from search.evaluators.command import CommandEvaluator
from tests.processes import state_of, wait_until
from tests.search.models import micro

MODEL = collaborative(micro(), "aca")
QUERY = Query("aca", MODEL, 7)


def program(folder: Path, body: str) -> tuple[str, ...]:
    path = folder / "evaluate.py"
    path.write_text(f"import json, os, sys, time\n{body}\n", encoding="utf-8")
    return sys.executable, str(path)


def test_a_command_gets_the_config_and_prints_an_accuracy(tmp_path: Path) -> None:
    body = "config = json.load(open(sys.argv[1])); print('training ...'); print(len(config['sync']) / 10)"
    assert CommandEvaluator(program(tmp_path, body)).evaluate(QUERY) == 0.3
    body = "print(json.dumps({'accuracy': int(os.environ['SYNCNAS_SEED']), 'name': os.environ['SYNCNAS_STRATEGY']}))"
    assert CommandEvaluator(program(tmp_path, body)).evaluate(QUERY) == 7.0
    words = (*program(tmp_path, "print(0.25 if sys.argv[1].startswith('--model=') else 1)"), "--model={config}", "x")
    assert CommandEvaluator(words).evaluate(QUERY) == 0.25


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("sys.exit('out of memory')", "status 1: out of memory"),
        ("os.kill(os.getpid(), 9)", "status -9"),
        ("pass", "printed ''"),
        ("print('accuracy: high')", "no accuracy"),
        ("print('nan')", "no accuracy"),
        ("print('NaN')", "no accuracy"),
        ("print([1, 2])", "no accuracy"),
        ("print('[' * 100000)", "no accuracy"),
        ("print(10**400)", "no accuracy"),
        ("print('1e300')", "no accuracy"),
        ("print('true')", "no accuracy"),
        ("print(json.dumps({'accuracy': None}))", "no accuracy"),
        ("sys.stderr.write('x' * 1000000); sys.exit(3)", "status 3: x{300}$"),
    ],
)
def test_what_a_failing_command_did(tmp_path: Path, body: str, says: str) -> None:
    with pytest.raises(EvaluationError, match=says):
        CommandEvaluator(program(tmp_path, body), retries=0).evaluate(QUERY)


def test_a_command_that_is_not_there() -> None:
    with pytest.raises(EvaluationError, match="cannot be started"):
        CommandEvaluator(("/no/such/program",)).evaluate(QUERY)


def test_a_failed_command_is_tried_again(tmp_path: Path) -> None:
    body = "p = sys.argv[1] + '.tried'\nif not os.path.exists(p):\n    open(p, 'w'); sys.exit(1)\nprint(0.5)"
    assert CommandEvaluator(program(tmp_path, body), retries=1).evaluate(QUERY) == 0.5
    with pytest.raises(EvaluationError):
        CommandEvaluator(program(tmp_path, body), retries=0).evaluate(QUERY)


def test_a_command_that_hangs_is_killed_with_what_it_started(tmp_path: Path) -> None:
    mark = tmp_path / "child"
    # Both sleep far longer than the timeout: they end only because they are killed.
    body = (
        f"import subprocess; c = subprocess.Popen(['sleep', '600']); open({str(mark)!r} + '.new', 'w').write(str(c.pid));"
        f"os.rename({str(mark)!r} + '.new', {str(mark)!r}); time.sleep(600)"
    )
    for timeout_s in (2, 4, 8, 16, 32):
        with pytest.raises(EvaluationError, match=f"longer than its {timeout_s} s"):
            CommandEvaluator(program(tmp_path, body), timeout_s=timeout_s, retries=0).evaluate(QUERY)
        if mark.exists():
            break
    child = int(mark.read_text())
    try:
        wait_until(lambda: state_of(child) in ("Z", None))
    except AssertionError:
        os.kill(child, signal.SIGKILL)
        raise


def test_of_what_a_command_prints_the_end_is_kept(tmp_path: Path) -> None:
    """It prints four times what this process may take besides."""
    body = "for _ in range(4096): sys.stdout.write('x' * 65536 + chr(10)); sys.stderr.write('y' * 1024)\nprint(0.25)"
    script = (
        "import resource, sys\nfrom tests.search.evaluators.test_command import *\nfrom pathlib import Path\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), used + (64 << 20)))\n"
        f"print(CommandEvaluator({program(tmp_path, body)!r}, retries=0).evaluate(QUERY))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    assert done.stdout == "0.25\n", done.stderr


@pytest.mark.parametrize("options", ["", ", start_new_session=True"])
def test_what_a_command_leaves_behind_is_not_waited_for(tmp_path: Path, options: str) -> None:
    mark = tmp_path / "child"
    body = f"import subprocess; c = subprocess.Popen(['sleep', '300']{options}); open({str(mark)!r}, 'w').write(str(c.pid)); print(0.5)"
    try:
        # With the time limit, the evaluation would fail if it were waited for.
        assert CommandEvaluator(program(tmp_path, body), timeout_s=60.0, retries=0).evaluate(QUERY) == 0.5
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(mark.read_text()), signal.SIGKILL)


@pytest.mark.parametrize("text", ["", "python 'open quote"])
def test_command_lines_that_are_none(text: str) -> None:
    with pytest.raises(ConfigError):
        CommandEvaluator.parse(text, timeout_s=1, retries=0)


def test_a_command_line_is_no_shell_text() -> None:
    assert CommandEvaluator.parse("echo 'a b' $HOME;", timeout_s=1, retries=0).command == ("echo", "a b", "$HOME;")


def test_configs_reach_the_command_whole(tmp_path: Path) -> None:
    seen = tmp_path / "seen.json"
    CommandEvaluator(program(tmp_path, f"open({str(seen)!r}, 'w').write(open(sys.argv[1]).read()); print(1)")).evaluate(QUERY)
    assert json.loads(seen.read_text()) == json.loads(MODEL.to_json())
