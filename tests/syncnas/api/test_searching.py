"""Searches by a function, with made tables: journals, resuming, failures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import syncnas
from tests.search.made import written
from tests.search.models import micro


@pytest.fixture(scope="module", name="made")
def made_tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[syncnas.Tables, syncnas.Model]:
    folder = tmp_path_factory.mktemp("made")
    (folder / "micro.json").write_text(micro().to_json())
    return syncnas.load_tables(written(folder / "lut", micro())), syncnas.load_model(folder / "micro.json")


def accuracy(model: syncnas.Model) -> float:
    """Prefers models without syncs; a function of a module, which worker processes can import."""
    return 0.5 + 0.1 * model.strategy.count("n") + 1e-9 * model.macs


def events(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / "journal.jsonl").read_text().splitlines()]


def evaluated(out: Path) -> list[object]:
    return [event["strategy"] for event in events(out) if event["event"] == "evaluated"]


def test_a_function_finds_the_best(made: tuple[syncnas.Tables, syncnas.Model], tmp_path: Path) -> None:
    tables, model = made
    seen: list[syncnas.Progress] = []
    result = syncnas.search(*made, out=tmp_path / "found", evaluate=accuracy, evaluations=8, on_progress=seen.append)
    assert result.evaluated == 8
    assert result.best is not None
    assert result.best.accuracy == max(result.frame()["accuracy"]) == accuracy(result.best.model)
    assert result.best.is_pareto
    assert result.best in result.front
    assert syncnas.predict(tables, result.best.model, placement=result.best.placement).total_us == pytest.approx(result.best.latency_us)
    assert (seen[-1].done, seen[-1].expected) == (8, 8)
    assert seen[-1].what == "searching 1.0x"
    assert model.name in result.best.model.name
    assert "1.0x" in result.best.model.name
    settings = events(tmp_path / "found")[0]["settings"]
    assert isinstance(settings, dict)
    assert (settings["evaluator"], settings["function"]) == ("function", "tests.syncnas.api.test_searching.accuracy")


@pytest.mark.parametrize("error", [RuntimeError("a bar of a notebook"), KeyboardInterrupt()], ids=["error", "ctrl-c"])
def test_a_search_goes_on_as_if_it_had_not_ended(made: tuple[syncnas.Tables, syncnas.Model], tmp_path: Path, error: BaseException) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    expected = syncnas.search(*made, out=whole, evaluate=accuracy, evaluations=6)
    calls = 0

    def stopping(model: syncnas.Model) -> float:
        nonlocal calls
        calls += 1
        if calls == 4 and isinstance(error, KeyboardInterrupt):
            raise error
        return accuracy(model)

    def on_progress(progress: syncnas.Progress) -> None:
        if progress.done >= 1 and not isinstance(error, KeyboardInterrupt):
            raise error

    with pytest.raises(type(error)):
        syncnas.search(*made, out=parts, evaluate=stopping, label="mine", evaluations=6, on_progress=on_progress)
    before = evaluated(parts)
    assert 0 < len(before) < 6
    assert before == evaluated(whole)[: len(before)]
    result = syncnas.search(*made, out=parts, evaluate=accuracy, label="mine", evaluations=6, resume=True)
    assert evaluated(parts) == evaluated(whole)
    assert result.frame().equals(expected.frame())


def test_another_function_does_not_go_on(made: tuple[syncnas.Tables, syncnas.Model], tmp_path: Path) -> None:
    syncnas.search(*made, out=tmp_path, evaluate=accuracy, evaluations=2)
    with pytest.raises(syncnas.JournalError, match=r"its function is .*accuracy, now it is .*lambda"):
        syncnas.search(*made, out=tmp_path, evaluate=lambda model: model.macs, evaluations=3, resume=True)
    with pytest.raises(syncnas.JournalError, match="holds a search already"):
        syncnas.search(*made, out=tmp_path, evaluate=accuracy, evaluations=3)


def test_a_function_that_fails_loses_its_strategy_only(made: tuple[syncnas.Tables, syncnas.Model], tmp_path: Path) -> None:
    def half(model: syncnas.Model) -> float:
        if model.strategy.startswith("n"):
            raise ValueError("no <b>weights</b> for it")
        return float("nan") if model.strategy.startswith("a") else accuracy(model)

    result = syncnas.search(*made, out=tmp_path, evaluate=half, evaluations=3)
    assert result.evaluated == 3
    assert result.failed > 0
    assert all(found.strategy.startswith("c") for found in result.found)
    reasons = {event["reason"] for event in events(tmp_path) if event["event"] == "failed"}
    assert any("no <b>weights</b> for it" in str(reason) for reason in reasons) or any("nan" in str(reason) for reason in reasons)
    assert "<b>" not in result._repr_html_()


def test_a_function_that_always_fails_ends_the_search(made: tuple[syncnas.Tables, syncnas.Model], tmp_path: Path) -> None:
    def never(model: syncnas.Model) -> float:
        raise ValueError(f"cannot build {model.name}")

    with pytest.raises(syncnas.EvaluationError, match=r"first 5 evaluations all failed.*ValueError: cannot build"):
        syncnas.search(*made, out=tmp_path, evaluate=never, evaluations=9)


def test_several_budgets_are_searched_one_after_the_other(made: tuple[syncnas.Tables, syncnas.Model], tmp_path: Path) -> None:
    result = syncnas.search(*made, out=tmp_path, evaluate=accuracy, evaluations=3, budget=["1.0x", "0.8x"])
    assert result.evaluated == 6
    assert set(result.frame()["budget"]) == {"1.0x", "0.8x"}
    assert (tmp_path / "0.8x" / "found.json").is_file()


def test_worker_processes_take_what_can_be_pickled(made: tuple[syncnas.Tables, syncnas.Model], tmp_path: Path) -> None:
    result = syncnas.search(*made, out=tmp_path / "two", evaluate=accuracy, evaluations=3, workers=2)
    assert result.evaluated == 3
    with pytest.raises(syncnas.ConfigError, match="cannot be sent to worker processes"):
        syncnas.search(*made, out=tmp_path / "lambda", evaluate=lambda model: model.macs, evaluations=3, workers=2)


def test_a_ray_cluster_evaluates_as_this_machine_does(made: tuple[syncnas.Tables, syncnas.Model], tmp_path: Path) -> None:
    pytest.importorskip("ray")
    here = syncnas.search(*made, out=tmp_path / "here", evaluate=accuracy, evaluations=3)
    there = syncnas.search(*made, out=tmp_path / "there", evaluate=accuracy, evaluations=3, ray=syncnas.Ray("local", cpus=0.5))
    assert there.frame().equals(here.frame())
    with pytest.raises(syncnas.SyncNasError, match=r"wants 0.5 CPUs and 64 GPUs"):
        syncnas.search(*made, out=tmp_path / "large", evaluate=accuracy, evaluations=3, ray=syncnas.Ray("local", cpus=0.5, gpus=64))
    with pytest.raises(syncnas.ConfigError, match="cannot be sent to worker processes"):
        syncnas.search(*made, out=tmp_path / "lambda", evaluate=lambda model: model.macs, evaluations=3, ray=syncnas.Ray())
    with pytest.raises(syncnas.ConfigError, match="cpus=-1"):
        syncnas.Ray(cpus=-1)


def test_an_evaluator_of_the_toolkit_is_named(made: tuple[syncnas.Tables, syncnas.Model], tmp_path: Path) -> None:
    table = tmp_path / "accuracies.csv"
    table.write_text("strategy,accuracy\nnna,0.5\ncca,0.7\naac,0.6\n")
    result = syncnas.search(*made, out=tmp_path / "found", evaluate=syncnas.Evaluation("table", table=table), evaluations=9)
    assert result.is_exhausted
    assert result.best is not None
    assert (result.best.strategy, result.best.accuracy) == ("cca", 0.7)
    with pytest.raises(syncnas.ConfigError, match="one of table, command, train, supernet"):
        syncnas.search(*made, out=tmp_path / "other", evaluate=syncnas.Evaluation("magic"))
    with pytest.raises(syncnas.ConfigError, match="give a function"):
        syncnas.search(*made, out=tmp_path / "other", evaluate="supernet")  # type: ignore[arg-type]
    with pytest.raises(syncnas.ConfigError, match="evaluations=0"):
        syncnas.search(*made, out=tmp_path / "other", evaluate=accuracy, evaluations=0)
