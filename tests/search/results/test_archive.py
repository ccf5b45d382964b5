"""The archive and its Pareto front."""

from __future__ import annotations

from pathlib import Path

from search.results.archive import Found, pareto, write_archive


def test_the_front_is_what_nothing_beats(tmp_path: Path) -> None:
    found = [
        Found(name, accuracy, accuracy, latency_us=us)
        for name, accuracy, us in [("a", 0.9, 9), ("b", 0.8, 9), ("c", 0.8, 5), ("d", 0.7, 6)]
    ]
    assert [item.strategy for item in pareto(found)] == ["a", "c"]
    write_archive(tmp_path / "archive.csv", found)
    rows = (tmp_path / "archive.csv").read_text().splitlines()
    assert [row[:3] for row in rows[1:]] == ["1,a", "0,b", "1,c", "0,d"]
