"""Options of evaluators that do not go together."""

from __future__ import annotations

import platform

import pytest

from collab.errors import ConfigError
from collab.system.portable import is_windows
from search.evaluators.choose import EvaluatorOptions, check_options


def test_a_command_is_wanted_where_one_evaluates() -> None:
    with pytest.raises(ConfigError, match="name='command' needs command="):
        check_options(EvaluatorOptions("command"), has_tables=True)


def test_a_command_is_refused_on_windows_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    options = EvaluatorOptions("command", command="python evaluate.py {config}")
    if not is_windows():
        check_options(options, has_tables=True)
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    with pytest.raises(ConfigError, match=r"does not run on Windows.*WSL.*name='table'"):
        check_options(options, has_tables=True)
