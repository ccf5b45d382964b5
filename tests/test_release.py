"""Workflow that makes releases, which cannot run here: its commands are ones that there are, and a package holds what goes into it."""

from __future__ import annotations

import configparser
import importlib
import re
import shlex
from pathlib import Path
from typing import Any

import typer
import yaml

from android_harness.kits.native_build import ANDROID_ABIS
from android_harness.kits.prebuilt import PREBUILT, STAMP
from android_harness.kits.runner_sources import RUNNER, SOURCE
from tests.pages import REPOSITORY

WORKFLOW = REPOSITORY / ".github" / "workflows" / "release.yml"


def steps() -> list[dict[str, Any]]:
    [job] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"].values()
    found: list[dict[str, Any]] = job["steps"]
    return found


def test_every_command_of_the_toolkit_in_it_parses() -> None:
    lines = [line.strip() for step in steps() for line in step.get("run", "").splitlines()]
    commands = [shlex.split(line) for line in lines if "python -m android_harness" in line]
    assert len(commands) == 3
    for abi in ANDROID_ABIS:
        for _, _, module, *arguments in commands:
            words = [word.replace("$abi", abi) for word in arguments]
            typer.main.get_command(importlib.import_module(module).app).make_context(module, words)


def test_both_abis_are_built_by_an_ndk_that_knows_large_pages() -> None:
    document = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    assert int(document["env"]["NDK"].split(".")[0]) >= 27
    loops = [match for step in steps() for match in re.findall(r"for abi in (.*); do", step.get("run", ""))]
    assert [loop.split() for loop in loops] == [list(ANDROID_ABIS)] * 2


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
