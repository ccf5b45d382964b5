"""Options that commands share: a user gives each by itself, and the command takes them as one value."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from android_harness.deploy import app as deploy
from android_harness.options import DeviceName, with_harness_options
from android_harness.targets.options import HarnessOptions
from collab.cli import make_app
from profiler.certify import app as certify
from profiler.run import app as profile
from profiler.verify import app as verify
from tests.borders.fuzzing import refused_in_a_sentence, run_command

SHARED = ("--aar", "--storage-mb", "--steady", "--root", "--cpu-mhz", "--gpu-mhz", "--hot-at", "--executor", "--address")
Given = list[tuple[Path, str, int, HarnessOptions]]


def command_of(given: Given) -> Callable[..., None]:
    """A command with options of its own around those of the harness; it notes what it is given."""

    @with_harness_options
    def command(
        place: Annotated[Path, typer.Argument(help="The place.")],
        device: DeviceName = "",
        *,
        harness: HarnessOptions,
        times: Annotated[int, typer.Option(min=1, help="How many times.")] = 3,
    ) -> None:
        """Measure the place."""
        given.append((place, device, times, harness))

    return command


def invoke(*arguments: object) -> tuple[Path, str, int, HarnessOptions]:
    given: Given = []
    result = CliRunner().invoke(make_app(command_of(given)), list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    [seen] = given
    return seen


def test_a_user_who_gives_nothing_gets_the_defaults_of_both() -> None:
    assert invoke("here") == (Path("here"), "", 3, HarnessOptions())


def test_every_option_arrives_in_one_value() -> None:
    options = ["--aar", "a.aar", "--aar", "b.aar", "--storage-mb", 99, "--steady", "--root", "--cpu-mhz", 1800, "--gpu-mhz", 500]
    options += ["--hot-at", "severe", "--executor", "ray", "--address", "head:6379"]
    wanted = HarnessOptions(aars=(Path("a.aar"), Path("b.aar")), storage_mb=99, steady=True, root=True, cpu_mhz=1800, gpu_mhz=500, hot_at=3)
    wanted = replace(wanted, cluster="head:6379")
    assert invoke("here", *options, "--device", "R58M", "--times", 7) == (Path("here"), "R58M", 7, wanted)
    assert invoke(*options, "here")[-1] == wanted, "in any place"


@given(
    st.lists(st.sampled_from(["a.aar", "b.aar", "/x/c.aar"]), max_size=3),
    st.none() | st.integers(1, 1 << 24),
    st.booleans(),
    st.none() | st.integers(0, 100_000),
    st.none() | st.integers(0, 100_000),
)
def test_any_choice_of_options_arrives(
    aars: list[str], storage_mb: int | None, root: bool, cpu_mhz: int | None, gpu_mhz: int | None
) -> None:
    numbers = {"storage_mb": storage_mb, "cpu_mhz": cpu_mhz, "gpu_mhz": gpu_mhz}
    known = {name: value for name, value in numbers.items() if value is not None}
    words: list[object] = [word for aar in aars for word in ("--aar", aar)]
    words += [word for name, value in known.items() for word in (f"--{name.replace('_', '-')}", value)]
    words += ["--root"] if root else []
    assert invoke("here", *words)[-1] == HarnessOptions(aars=tuple(map(Path, aars)), root=root, **known)


def test_the_options_stand_where_the_value_stood_and_the_command_keeps_its_words() -> None:
    command = command_of([])
    shared = ["aar", "storage_mb", "steady", "root", "cpu_mhz", "gpu_mhz", "hot_at", "patience_s", "executor", "address"]
    names = ["place", "device", *shared, "times"]
    assert list(inspect.signature(command).parameters) == names
    assert (command.__name__, command.__doc__) == ("command", "Measure the place.")
    text = CliRunner(env={"COLUMNS": "200"}).invoke(make_app(command), ["--help"]).output
    assert "Measure the place." in text
    assert "harness" not in text.lower().split()
    places = [text.index(word) for word in ("--device", "--times", *SHARED)]
    assert places == sorted(places), "the command's own stand first, those of the phone in a panel of their own"
    assert all(words in text for words in ("The place.", "How many times.", "may be repeated", "fix the clocks of CPU and GPU"))


@pytest.mark.parametrize("app", [deploy, profile, verify, certify], ids=["deploy", "run", "verify", "certify"])
def test_all_commands_that_measure_on_devices_have_them(app: typer.Typer) -> None:
    text = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["--help"]).output
    assert {"--device", *SHARED} <= set(re.findall(r"^│ [ *]*(--[a-z0-9-]+)", text, re.MULTILINE))


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["--storage-mb", "0"], "--storage-mb"),
        (["--storage-mb", str((1 << 24) + 1)], "--storage-mb"),
        (["--storage-mb", "much"], "--storage-mb"),
        (["--cpu-mhz", "-1"], "--cpu-mhz"),
        (["--gpu-mhz", "100001"], "--gpu-mhz"),
        (["--gpu-mhz", "1.5"], "--gpu-mhz"),
        (["--aar"], "--aar"),
        (["--root=yes"], "--root"),
        (["--hot-at", "none"], "--hot-at"),
        (["--hot-at", "2"], "--hot-at"),
        (["--executor", "slurm"], "--executor"),
        (["--executor", "ray", "--address", ""], "--address"),
        (["--times", "0"], "--times"),
        (["--harness", "x"], "--harness"),
    ],
)
def test_a_bad_value_is_an_error_of_usage_that_names_the_option(arguments: list[str], option: str, monkeypatch: Any) -> None:
    given: Given = []
    assert option in refused_in_a_sentence(run_command(make_app(command_of(given)), ["here", *arguments], monkeypatch))
    assert not given, "the command is not begun"


def test_a_command_without_options_of_its_own_has_the_harness_s() -> None:
    seen: list[HarnessOptions] = []

    @with_harness_options
    def bare(harness: HarnessOptions) -> None:
        seen.append(harness)

    assert CliRunner().invoke(make_app(bare), ["--root"]).exit_code == 0
    assert seen == [HarnessOptions(root=True)]
