"""What a journal of verify is of, as the result beside it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from profiler.trials import result_of
from report.traces.sources import verified_model


@pytest.mark.parametrize("name", ["verify.jsonl", "mine.json", "mine"])
def test_the_result_is_found_beside_a_journal_of_any_name(name: str, tmp_path: Path) -> None:
    journal = tmp_path / name
    journal.write_text("{}\n")
    assert verified_model(journal) is None
    result_of(journal).write_text('{"model": "mini_v2", "placement": "0=cpu0", "error": 0.1}')
    assert journal.read_text() == "{}\n"
    assert verified_model(journal) == ("mini_v2", "0=cpu0")
