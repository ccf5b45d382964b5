from __future__ import annotations

from profiler.options import hot_sentence


def test_heat_is_told_with_how_much_it_undid() -> None:
    assert "12 visits do not count" in hot_sentence(12)
