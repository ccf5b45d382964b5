"""Options of evaluators that do not go together."""

from __future__ import annotations

import pytest

from collab.errors import ConfigError
from search.evaluators.choose import EvaluatorOptions, check_options


def test_a_command_is_wanted_where_one_evaluates() -> None:
    with pytest.raises(ConfigError, match="name='command' needs command="):
        check_options(EvaluatorOptions("command"), has_tables=True)
