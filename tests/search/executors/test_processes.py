"""Worker processes, also those that die."""

from __future__ import annotations

from pathlib import Path

from search.executors.processes import ProcessExecutor
from tests.search.searches import ACCURACIES, lines, run
from tests.search.workers import Fatal


def test_a_worker_that_dies_fails_only_its_evaluation(tmp_path: Path) -> None:
    found = run(tmp_path, 20, ProcessExecutor(Fatal(ACCURACIES), 2))
    assert found.status.evaluated == 20
    assert found.status.failed > 0
    reasons = [line["reason"] for line in lines(tmp_path) if line["event"] == "failed"]
    assert all("worker process died 2 times" in reason and "-9" in reason for reason in reasons)
