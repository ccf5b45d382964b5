"""Arguments out of bounds are refused with a sentence, before anything is opened or made."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

import syncnas
from syncnas.api.values import Latency, require

NOT_USED = "not_used"
CALLS: list[tuple[str, Callable[[], object]]] = [
    ("seed=-1", lambda: syncnas.profile(device="local", out=NOT_USED, seed=-1)),
    ("budget_s=0", lambda: syncnas.profile(device="local", out=NOT_USED, budget_s=0)),
    ("storage_mb=0", lambda: syncnas.open_device("local", storage_mb=0)),
    ("patience_s=nan", lambda: syncnas.open_device("local", patience_s=math.nan)),
    ("rounds=0", lambda: syncnas.verify(NOT_USED, "micro_v2", rounds=0)),
    ("rounds=1", lambda: syncnas.certify(NOT_USED, rounds=1)),
    ("strategies=0", lambda: syncnas.certify(NOT_USED, strategies=0)),
    ("margin=nan", lambda: syncnas.compare(NOT_USED, NOT_USED, margin=math.nan)),
    ("margin=-1", lambda: syncnas.search(NOT_USED, "micro_v2", out=NOT_USED, evaluate=len, margin=-1)),  # type: ignore[arg-type]
    ("workers=1000", lambda: syncnas.search(NOT_USED, "micro_v2", out=NOT_USED, evaluate=len, workers=1000)),  # type: ignore[arg-type]
    ("epochs=inf", lambda: syncnas.Evaluation("train", epochs=math.inf)),
    ("runs=0", lambda: syncnas.deploy(NOT_USED, device="local", runs=0)),
    ("seed=-1", lambda: syncnas.export("micro_v2", NOT_USED, seed=-1)),
]


@pytest.mark.parametrize(("said", "call"), CALLS, ids=[said for said, _ in CALLS])
def test_numbers_out_of_bounds_are_refused(said: str, call: Callable[[], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(syncnas.ConfigError, match=f"^{said}: give a number from"):
        call()
    assert not list(tmp_path.iterdir())


def test_nothing_said_is_the_default() -> None:
    require(1, 2, number=None)
    require(1, 2, low=1, high=2)


def test_a_latency_reads_well() -> None:
    assert str(Latency(1234.5, 6.0, 1300.0, 5.0, 40, 4)) == "1.234 ± 0.006 ms (p95 1.300 ms, n = 40 in 4 visits)"
    assert str(Latency(1234.5, None, 1300.0, 5.0, 4, 1)) == "1.234 ms (p95 1.300 ms, n = 4 in one visit)"
