"""Options are named as the reader writes them: on command lines, or in Python."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import syncnas
from collab.wording.options import ARGUMENTS, FLAGS, argument_of, option_named, writing_for_command_line
from tests.collab.wording.test_commands import sources, texts
from tests.pages import REPOSITORY

ONLY_COMMANDS = {
    "collab/cli.py",
    "collab/options.py",
    "collab/wording/commands.py",
    "collab/wording/options.py",
    "android_harness/device/diagnosis.py",
    "android_harness/device/nnapi.py",
    "android_harness/kits/check_runner.py",
    "android_harness/kits/downloads/litert.py",
    "android_harness/kits/downloads/web.py",
    "android_harness/kits/ndk.py",
    "android_harness/options.py",
    "android_harness/targets/settings_checks.py",
    "lut/traces/events.py",
    "profiler/budgeted.py",
    "profiler/candidates.py",
    "report/panels/network.py",
    "profiler/fleet.py",
    "report/panels/timeline.py",
    "search/executors/choose.py",
    "search/explanation.py",
    "search/journals/rebuilt.py",
    "search/options.py",
    "syncnas/group.py",
    "syncnas/schemas.py",
}
"""Modules whose sentences reach only who types commands: of doctor, setup, explain, ``--trace`` of others, and pages."""
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def is_command(path: Path) -> bool:
    return re.search(r"^app = make_app\(", path.read_text(encoding="utf-8"), re.MULTILINE) is not None


def arguments() -> set[str]:
    """All arguments of the public functions and values, and of their methods."""
    public = [getattr(syncnas, name) for name in syncnas.__all__]
    functions = [value for value in public if callable(value) and not is_error(value)]
    methods = [method for value in functions if isinstance(value, type) for method in vars(value).values() if inspect.isfunction(method)]
    return {name for function in [*functions, *methods] for name in inspect.signature(function).parameters}


def is_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Exception)


def named() -> Iterator[tuple[str, str]]:
    """Yields the arguments in Python of all options that sentences name, and where."""
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "option_named":
                [option] = [ast.literal_eval(argument) for argument in node.args[:1]]
                own = [ast.literal_eval(keyword.value) for keyword in node.keywords if keyword.arg == "argument"]
                yield own[0] if own else argument_of(option), f"{path.relative_to(REPOSITORY)}:{node.lineno}: {option}"


def test_sentences_that_reach_python_name_no_option_of_a_command_line() -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}:{line}: {text}"
        for path in sources()
        if str(path.relative_to(REPOSITORY)) not in ONLY_COMMANDS and not is_command(path)
        for line, text in texts(path)
        # A command line in a hint has its own options.
        if " " in text and OPTION.search(re.sub(r"(syncnas|pip|ray|sdkmanager) .*", "", text))
    ]
    assert found == []


def test_every_option_is_an_argument_in_python() -> None:
    known, found = arguments(), list(named())
    assert len(found) > 40
    assert [where for argument, where in found if argument not in known] == []


def test_no_exception_is_idle() -> None:
    named_options = {where.rpartition(" ")[2] for _, where in named()}
    assert {*ARGUMENTS, *FLAGS} - named_options == set()


@pytest.mark.parametrize(
    ("option", "value", "typed", "written"),
    [
        ("--out", None, "--out", "out=..."),
        ("--resume", None, "--resume", "resume=True"),
        ("--unit", None, "--unit", "units=..."),
        ("--format", "a b", "--format 'a b'", "format='a b'"),
        ("--hot-at", "", "--hot-at ''", "hot_at=''"),
        ("-n", 3, "-n 3", "strategies=3"),
    ],
)
def test_both_readers(option: str, value: str | int | None, typed: str, written: str) -> None:
    assert option_named(option, value) == written
    assert option_named(option, argument="other") in ("other=...", "other=True")
    with writing_for_command_line():
        assert option_named(option, value) == typed
    assert option_named(option, value) == written
