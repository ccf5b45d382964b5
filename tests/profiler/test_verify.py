"""What `profiler.verify` refuses before it measures."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from collab.errors import ConfigError
from profiler.verify import app


@pytest.mark.parametrize("name", ["v.json", "v.jsonl"])
def test_a_trace_in_the_place_of_what_is_measured_is_refused(tmp_path: Path, name: str) -> None:
    arguments = ["--lut", tmp_path / "luts", "--model", "mini_v2", "--journal", tmp_path / "v.jsonl", "--trace", tmp_path / name]
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert isinstance(done.exception, ConfigError)
    assert "name another file" in str(done.exception)
    assert not list(tmp_path.iterdir())
