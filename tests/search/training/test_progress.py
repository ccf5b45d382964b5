"""Lines about how far a training is."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from search.training.progress import Progress


def test_progress_is_said_now_and_then_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock_s = iter([0.0, 1.0, 90.0, 91.0, 92.0])
    monkeypatch.setattr("search.training.progress.time", SimpleNamespace(monotonic=lambda: next(clock_s)))
    lines: list[str] = []
    progress = Progress("training", 20, lines.append)
    for step, loss in ((5, 2.5), (10, 2.0), (15, 1.75), (20, 1.5)):
        progress(step, loss)
    assert lines == ["training: step 10 of 20, loss 2.000, 1 min 30 s left", "training: step 20 of 20, loss 1.500, 0 min 00 s left"]
