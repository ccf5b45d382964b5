"""Workflow that makes releases, which cannot run here: its commands are ones that there are, and a package holds what goes into it."""

from __future__ import annotations

import configparser
import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from android_harness.kits.native_build import ANDROID_ABIS
from android_harness.kits.prebuilt import PREBUILT, STAMP
from android_harness.kits.runner_sources import RUNNER, SOURCE
from tests.pages import REPOSITORY

WORKFLOW = REPOSITORY / ".github" / "workflows" / "release.yml"


def steps() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document()["jobs"]["package"]["steps"]
    return found


def document() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    return found


def test_every_command_of_the_toolkit_in_it_parses() -> None:
    lines = [line.strip() for step in steps() for line in step.get("run", "").splitlines()]
    commands = [shlex.split(line) for line in lines if re.search(r"python -m (android_harness|release)", line)]
    assert len(commands) == 5
    for abi, machine in zip(ANDROID_ABIS, ("x86_64", "aarch64"), strict=True):
        for _, _, module, *arguments in commands:
            words = [word.replace("$abi", abi).replace("$machine", machine) for word in arguments]
            typer.main.get_command(importlib.import_module(module).app).make_context(module, words)


def test_all_machines_are_built_by_an_ndk_that_knows_large_pages_and_for_an_old_glibc() -> None:
    assert int(document()["env"]["NDK"].split(".")[0]) >= 27
    assert document()["env"]["GLIBC"] == "2.28"
    text = "\n".join(step.get("run", "") for step in steps())
    assert [loop.split() for loop in re.findall(r"for abi in (.*); do", text)] == [list(ANDROID_ABIS)] * 2
    assert re.findall(r"for machine in (.*); do", text) == ["x86_64 aarch64"]


@pytest.mark.parametrize("path", sorted(WORKFLOW.parent.glob("*.yml")), ids=lambda path: path.name)
def test_no_action_can_be_exchanged_and_every_job_has_only_the_rights_it_needs(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    uses = re.findall(r"uses: (\S+)", path.read_text(encoding="utf-8"))
    assert uses
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action in uses)
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())


@pytest.mark.parametrize(("kind", "pattern"), [("workflows", "workflows/*.yml"), ("actions", "actions/*/action.yml")])
def test_files_for_github_are_of_its_formats(kind: str, pattern: str) -> None:
    pytest.importorskip("check_jsonschema")
    files = sorted((REPOSITORY / ".github").glob(pattern))
    assert files
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.github-{kind}", *map(str, files)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_whoever_publishes_compiles_nothing_and_knows_no_password() -> None:
    jobs = document()["jobs"]
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert not [step for step in jobs["publish"]["steps"] if "run" in step]
    assert "secrets." not in WORKFLOW.read_text(encoding="utf-8")


def test_the_package_takes_in_what_runs_on_devices() -> None:
    """Tests the patterns of the package's data against the files that the toolkit reads beside its modules."""
    parser = configparser.ConfigParser()
    parser.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    package = REPOSITORY / "android_harness"
    patterns = parser["options.package_data"]["android_harness"].split()
    needed = [
        PREBUILT / "arm64-v8a" / RUNNER,
        PREBUILT / "arm64-v8a" / STAMP,
        SOURCE / "CMakeLists.txt",
        *package.glob("kits/**/*.json"),
        *package.glob("kits/**/*.txt"),
        *package.glob("scripts/*.sh"),
    ]
    assert len(needed) > 6
    left_out = [path for path in needed if not any(is_taken(path.relative_to(package), pattern) for pattern in patterns)]
    assert not left_out


def is_taken(path: Path, pattern: str) -> bool:
    """Tells whether a pattern of setuptools matches a file's path. ``**`` matches any number of folders."""
    return re.fullmatch(re.escape(pattern).replace(r"\*\*/", "(?:[^/]+/)*").replace(r"\*", "[^/]*"), str(path)) is not None
