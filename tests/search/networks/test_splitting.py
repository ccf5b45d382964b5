"""One network divided in one go, on this machine's cores, as a user does it; what is kept of it; and trials of networks by a plan."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from collab.errors import RunnerError
from exporters.manifests.reading import load_manifest
from exporters.references import OutputError
from graph.format.writing import model_bytes
from graph.plan_file import read_plan
from lut.certificate import CERTIFICATE_FILE
from lut.prediction.costs import Costs
from lut.tables import load_tables
from profiler.compare import Comparison
from profiler.placed_rehearsal import PlacedRehearsal
from profiler.request import kept_network, load_request
from search.networks.splitting import JOURNAL, RESULT, TABLES, Contender, Split, kept_of
from search.split import _sentences
from syncnas.schemas import schema_of
from tests.graph.sample import NO_SOURCE
from tests.graph.samples import forked_network, residual
from tests.profiler.made_certificates import Noise, drawn_strategies, held_against, measured, true_tables
from tests.profiler.test_run import run

UNIT_NAMES = ("cpu0", "cpu1")
UNITS = ("--unit", "cpu:cores=0", "--unit", "cpu:cores=1")


def by_block(text: str, blocks: int) -> tuple[str, ...]:
    """The unit of each block, of a placement as a text."""
    found = [""] * blocks
    for part in text.split(", "):
        unit, *spans = part.split(" ")
        for span in spans:
            first, _, last = span.partition("-")
            found[int(first) : int(last or first) + 1] = [unit] * (int(last or first) + 1 - int(first))
    return tuple(found)


@pytest.fixture(scope="module", name="network")
def network_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network") / "forked.tflite"
    path.write_bytes(forked_network())
    return path


@pytest.fixture(scope="module", name="split")
def divided(runner: Path, network: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("splits") / "forked"
    few = ("--quick", "--grain", 1, "--rounds", 2, "--runs", 3)
    return out, json.loads(run("search.split", network, "--device", "local", "--out", out, *UNITS, *few, "--json"))


def test_all_that_one_needs_is_in_the_folder(split: tuple[Path, dict[str, Any]]) -> None:
    out, said = split
    jsonschema.validate(said, schema_of("split"))
    assert json.loads((out / RESULT).read_text()) == {key: value for key, value in said.items() if key != "schema_version"}
    plan = read_plan(Path(said["plan"]))
    assert plan.placement_text == said["placement"]
    manifest = load_manifest(Path(said["bundle"]))
    assert set(manifest.units) == set(plan.block_units)
    assert (out / JOURNAL).read_text().count('"event":"done"') >= 2 * 2 * 2
    assert Path(said["lut"]) == out / TABLES


def test_figures_are_those_of_what_was_measured(split: tuple[Path, dict[str, Any]]) -> None:
    said = split[1]
    assert set(said["units"]) == {"cpu0", "cpu1"}
    assert said["best_unit"] == min(said["units"], key=said["units"].get)
    assert said["gain"] == pytest.approx(said["units"][said["best_unit"]] / said["measured_us"]["median"], rel=1e-3)
    assert said["output_error"] == 0.0
    assert said["measured_us"]["n"] == 2 * 2 * 3


def test_what_was_profiled_is_gone_on_with(split: tuple[Path, dict[str, Any]], network: Path, tmp_path: Path) -> None:
    # Whichever unit is the faster the next time: other tests know the first result.
    out = tmp_path / "forked"
    shutil.copytree(split[0], out)
    before = (out / TABLES / "journal.jsonl").read_bytes().count(b'"event":"done"')
    again = json.loads(run("search.split", network, "--device", "local", "--out", out, "--rounds", 2, "--runs", 3, "--json"))
    assert (out / TABLES / "journal.jsonl").read_bytes().count(b'"event":"done"') == before
    assert again["lut"] == str(out / TABLES)


def test_its_plan_can_be_verified(split: tuple[Path, dict[str, Any]], network: Path) -> None:
    out, said = split
    words = ("--lut", out / TABLES, "--device", "local", "--model", network)
    found = json.loads(run("profiler.verify", *words, "--plan", said["plan"], "--rounds", 2, "--runs", 2, "--json"))
    jsonschema.validate(found, schema_of("verify"))
    assert (found["placement"], found["output_error"]) == (said["placement"], 0.0)
    assert found["predicted_us"] == pytest.approx(said["predicted_us"], rel=1e-6)
    # The network's own runs tell drift as well, as for models of configs.
    assert set(found["network_drift"]) == set(dict.fromkeys(read_plan(Path(said["plan"])).block_units))


def test_tables_of_a_network_are_certified_by_random_placements(split: tuple[Path, dict[str, Any]], network: Path, tmp_path: Path) -> None:
    shutil.copytree(split[0] / TABLES, tmp_path / "lut")
    words = ("--lut", tmp_path / "lut", "--device", "local", "-n", 4, "--rounds", 2, "--runs", 2, "--json")
    found = json.loads(run("profiler.certify", *words))
    jsonschema.validate(found, schema_of("certify"))
    placements = {strategy["placement"] for strategy in found["strategies"]}
    assert len(placements) == 4
    plan = load_request(tmp_path / "lut").plan
    rehearsed = {entry.on(*pair) for entry in plan.rehearsals if isinstance(entry, PlacedRehearsal) for pair in permutations(UNIT_NAMES, 2)}
    assert rehearsed
    network = kept_network(tmp_path / "lut")
    assert network is not None
    assert not rehearsed.intersection(by_block(text, len(network.cut.blocks)) for text in placements)
    assert all("cpu0" in text and "cpu1" in text for text in placements)
    certificate = load_tables(tmp_path / "lut").meta.certificate
    assert certificate is not None
    assert certificate.n == 4
    assert (tmp_path / "lut" / CERTIFICATE_FILE).exists()
    other = tmp_path / "residual.tflite"
    other.write_bytes(model_bytes(residual(), NO_SOURCE))
    assert "is not forked.tflite" in run("profiler.certify", *words[:-1], "--model", other, status=2)


def contender(unit: str, candidate: Any, us: float, *, repeatability: float = 0.02, right: bool = True, like: Comparison) -> Contender:
    """A placement that was measured to take so long."""
    measured = replace(like.result.measured, median_us=us)
    result = replace(like.result, measured=measured, output=OutputError(0.0 if right else 0.5, is_rounding=right))
    return Contender(unit, candidate, replace(like, result=result, repeatability=repeatability))


@pytest.fixture(name="made")
def made_comparison() -> Comparison:
    tables = true_tables()
    candidates = drawn_strategies(tables, 1)
    [found] = held_against(measured(candidates, tables, Noise()), candidates, Costs(tables, source="x"))
    return found


def made_split(made: Comparison, alone_us: dict[str, float], found_us: float, **more: Any) -> Split:
    alone = tuple(contender(unit, None, us, like=made) for unit, us in alone_us.items())
    found = contender("", None, found_us, like=made, **more)
    return Split("x", "local", alone, found, found, Path("x"), Path("x"))


def test_a_split_that_is_no_faster_is_not_kept(made: Comparison) -> None:
    split = made_split(made, {"cpu0": 1000.0, "cpu1": 1100.0}, 1010.0)
    kept = kept_of(split)
    assert kept.unit == "cpu0"
    assert "measured to be no faster (0.990 x)" in " ".join(_sentences(replace(split, kept=kept)))
    assert split.gain(split.found) == pytest.approx(1000 / 1010)


def test_a_split_that_is_faster_is_kept(made: Comparison) -> None:
    assert kept_of(made_split(made, {"cpu0": 1000.0, "cpu1": 900.0}, 890.0)).unit == ""
    assert kept_of(made_split(made, {}, 890.0)).unit == ""


def test_a_split_that_computes_something_else_is_not_kept(made: Comparison) -> None:
    split = made_split(made, {"cpu0": 1000.0}, 500.0, right=False)
    assert kept_of(split).unit == "cpu0"
    assert "does not compute the same" in " ".join(_sentences(replace(split, kept=kept_of(split))))
    with pytest.raises(RunnerError, match="no placement of x computes"):
        kept_of(made_split(made, {}, 500.0, right=False))


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (["search.split", "x.pth"], "is no .tflite; of a torch module"),
        (["search.split", "{network}", "--quick", "--budget", "1m"], "give one of them"),
        (["search.split", "nothere.tflite", "--device", "local"], "cannot be read"),
        (["profiler.verify", "--lut", "{lut}", "--model", "{network}"], "needs --plan"),
        (["profiler.verify", "--lut", "{lut}", "--model", "micro_v2", "--plan", "{plan}"], "is none"),
        (
            ["profiler.verify", "--lut", "{lut}", "--model", "{network}", "--plan", "{plan}", "--placement", "0=cpu0"],
            "leave out --placement",
        ),
    ],
)
def test_mistakes_are_sentences(command: list[str], reason: str, split: tuple[Path, dict[str, Any]], network: Path) -> None:
    values = {"network": network, "lut": split[0] / TABLES, "plan": split[1]["plan"]}
    said = run(*[word.format(**values) for word in command], status=2)
    assert reason in said


def test_a_plan_of_other_units_is_refused(split: tuple[Path, dict[str, Any]], network: Path, tmp_path: Path) -> None:
    plan = json.loads(Path(split[1]["plan"]).read_text())
    plan["units"] = {name: text.replace("threads=1", "threads=2") for name, text in plan["units"].items()}
    other = tmp_path / "other.plan.json"
    other.write_text(json.dumps(plan))
    said = run("profiler.verify", "--lut", split[0] / TABLES, "--model", network, "--plan", other, status=2)
    assert "make the plan from these tables" in said


def test_its_bundle_is_deployed_beside_its_prediction(split: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    out, said = split
    bundle = tmp_path / "bundle"
    shutil.copytree(said["bundle"], bundle)
    found = json.loads(run("android_harness.deploy", bundle, "--device", "local", "--lut", out / TABLES, "--runs", 4, "--json"))
    jsonschema.validate(found, schema_of("deploy"))
    assert found["predicted_us"] == pytest.approx(said["predicted_us"], rel=1e-6)
    assert found["output_error"] == 0.0


def test_its_plan_is_predicted_from_the_tables_alone(split: tuple[Path, dict[str, Any]]) -> None:
    out, said = split
    found = json.loads(run("lut.predict", "--lut", out / TABLES, "--plan", said["plan"], "--json"))
    jsonschema.validate(found, schema_of("predict"))
    assert found["predicted_us"] == pytest.approx(said["predicted_us"], rel=1e-6)
    assert "give one of them" in run("lut.predict", "--lut", out / TABLES, "--plan", said["plan"], "--placement", "0=cpu0", status=2)
    assert "name a model with --model" in run("lut.predict", "--lut", out / TABLES, status=2)


def test_its_folder_is_drawn_with_its_plan(split: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    out, said = split
    page = tmp_path / "split.html"
    run("report.run", out, "--out", page)
    text = page.read_text(encoding="utf-8")
    assert Path(said["plan"]).name in text
    assert "forked.tflite" in text
