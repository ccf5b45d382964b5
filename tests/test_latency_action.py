"""The GitHub Action: its steps are run as a runner would, on this machine, and no input is ever part of a command."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.models import changed, tiny

REPOSITORY = Path(__file__).parent.parent
ACTION: dict[str, Any] = yaml.safe_load((REPOSITORY / ".github" / "actions" / "latency" / "action.yml").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main")


@dataclass(frozen=True)
class Outcome:
    status: int
    said: str
    outputs: dict[str, str]
    summary: str
    results: Path


def git(folder: Path, *words: str) -> str:
    return subprocess.run([*GIT, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(name="repository")
def a_repository(tmp_path: Path) -> Path:
    """A repository whose newest commit makes its model slower by far: four times as many channels in the widest block."""
    folder = tmp_path / "a repository"
    (folder / "models").mkdir(parents=True)
    git(folder, "init", "--quiet")
    before = tiny()
    slower = changed(before, {"2": [[12, 3, 1, 24, 1536, 24]]})
    for name, config in (("before", before), ("after", slower)):
        (folder / "models" / "model.json").write_text(config.to_json(), encoding="utf-8")
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", name)
    return folder


def perform(repository: Path, home: Path, base: str, **inputs: str) -> Outcome:
    """Runs all steps but the installation until one fails, each with the inputs in its environment, as GitHub's runner does."""
    results = home / "results"
    given = {name: str(entry.get("default", "")) for name, entry in ACTION["inputs"].items()}
    given |= {"base": base, "results": str(results), "package": "", **inputs}
    files = {name: home / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    home.mkdir(parents=True, exist_ok=True)
    for path in files.values():
        path.touch()
    bin_folder = home / "bin"
    bin_folder.mkdir()
    (bin_folder / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (bin_folder / "python").chmod(0o755)
    shared = {
        **os.environ,
        **{name: str(path) for name, path in files.items()},
        "HOME": str(home / "home"),
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
        "ANDROID_ADB_SERVER_PORT": "1",
    }
    status, said = 0, ""
    for step in STEPS[1:]:
        environment = shared | {name: filled(value, given) for name, value in step["env"].items()}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        result = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, timeout=300, check=False)
        status, said = result.returncode, said + result.stdout + result.stderr
        if status:
            break
    outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
    return Outcome(status, said, outputs, files["GITHUB_STEP_SUMMARY"].read_text(), results)


def filled(value: str, given: dict[str, str]) -> str:
    match = re.fullmatch(r"\$\{\{ inputs\.([a-z-]+) \}\}", value)
    assert match, f"{value}: an environment variable holds one input and nothing else"
    return given[match[1]]


def test_no_input_is_part_of_a_command() -> None:
    assert all("${{" not in step["run"] for step in STEPS)
    assert all(step["shell"] == "bash" for step in STEPS)
    for step in STEPS:
        assert {filled(value, dict.fromkeys(ACTION["inputs"], "x")) for value in step["env"].values()} == {"x"}


def test_a_pull_request_that_makes_a_model_slower_fails_and_says_so(repository: Path, runner: Path, tmp_path: Path) -> None:
    assert runner.is_file()
    base = git(repository, "rev-parse", "HEAD^")
    found = perform(repository, tmp_path / "job", base, model="models/model.json", turns="3", runs="20")
    assert found.status == 1, found.said
    assert found.outputs["verdict"] == "slower"
    assert float(found.outputs["ratio"]) > 1.05
    assert found.summary.startswith("### Latency: slower\n")
    assert "**Fails:**" in found.summary
    assert json.loads((found.results / "comparison.json").read_text())["fails"] is True
    assert not (found.results / "base-tree").exists()
    assert git(repository, "worktree", "list").count("\n") == 0, "the base's tree is taken away again"


def test_a_model_that_is_new_has_nothing_to_be_slower_than(repository: Path, tmp_path: Path) -> None:
    (repository / "models" / "new.json").write_text(tiny().to_json(), encoding="utf-8")
    found = perform(repository, tmp_path / "job", git(repository, "rev-parse", "HEAD"), model="models/new.json")
    assert (found.status, found.outputs, found.summary) == (0, {"verdict": "new"}, "")


@pytest.mark.parametrize(
    "inputs",
    [
        {"base": "$(touch pwned)"},
        {"base": "--upload-pack=touch pwned"},
        {"model": "x; touch pwned"},
        {"model": "--help"},
        {"model": "models/model.json", "turns": "1; touch pwned"},
        {"model": "models/model.json", "placement": "`touch pwned`"},
        {"model": "models/model.json", "turns": "2"},
    ],
)
def test_inputs_that_are_none_end_the_job_and_run_nothing(inputs: dict[str, str], repository: Path, tmp_path: Path) -> None:
    said = {"model": "mini_v2", **inputs}
    base = said.pop("base", git(repository, "rev-parse", "HEAD"))
    found = perform(repository, tmp_path / "job", base, **said)
    assert found.status == 2, found.said
    assert not list(tmp_path.rglob("pwned"))
