"""Walks a page as a reader would: writes its files, runs its commands and its Python, in order, in one folder for all pages."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from syncnas.commands import COMMANDS
from tests.pages import REPOSITORY, text_of

MODULES = {listed.module for listed in COMMANDS.values()}
SMALL = {
    "mobilenet_v2": "micro_v2",
    "syncnas_mobilenet_v2_100": "found/found.json",
    "mini_v2": "micro_v2",
    "my_model.json": "found/found.json",
}
"""Models of pages, and the quicker ones that take their place here."""
FEWER = {"--evaluations": "6", "--strategies": "4", "--rounds": "2", "--runs": "10", "--budget": "20s"}
"""Options of quick runs; one that says how much to do is replaced where the page names it, --budget only as a time of `profile`."""
ELSEWHERE = ("--executor", "--ndk", "--abi")
"""Options that take other computers or compilers."""
_LIMIT_S = 300
_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>file|parsed only): (?P<said>[^>]+) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Step:
    """One thing to do of a page: a file to write, a command line, or Python."""

    kind: str
    text: str
    name: str = ""

    @property
    def words(self) -> list[str]:
        """A command line's words, without comments."""
        return shlex.split(self.text, comments=True)


def steps_of(page: Path) -> Iterator[Step]:
    """All that a reader would do, in the page's order; blocks marked as parsed only are left out."""
    for block in _BLOCK.finditer(text_of(page)):
        if block["mark"] == "file":
            yield Step("file", block["text"], block["said"])
        elif block["mark"] is None and block["language"] == "python":
            yield Step("python", block["text"])
        elif block["mark"] is None and block["language"] in ("", "sh"):
            for line in block["text"].replace("\\\n", " ").splitlines():
                if line.startswith(("syncnas ", "python -m ")):
                    yield Step("command", line)


def parsed_only(page: Path) -> list[str]:
    """The reasons that a page gives for blocks which are not run."""
    return [block["said"] for block in _BLOCK.finditer(text_of(page)) if block["mark"] == "parsed only"]


def runs_here(words: list[str]) -> bool:
    """Whether a command line is one of this toolkit's that needs neither a phone nor another computer."""
    module = (
        COMMANDS[words[1]].module if words[0] == "syncnas" and words[1] in COMMANDS else words[2] if words[:2] == ["python", "-m"] else ""
    )
    devices = [word for option, word in itertools.pairwise(words) if option in ("--device", "--clean")]
    measures = "--device" in _options(module) and module != "lut.import_tables"
    imports = module == "lut.import_tables"
    here = imports or (set(devices) == {"local"} if devices else not measures)
    return module in MODULES and here and not set(ELSEWHERE) & set(words)


def _options(module: str) -> set[str]:
    import typer

    if module not in MODULES:
        return set()
    return {name for parameter in typer.main.get_command(importlib.import_module(module).app).params for name in parameter.opts}


def quick_form(words: list[str]) -> list[str]:
    """The command line with smaller models and less to do, but for what is being tested: that these commands work in this order."""
    quick = [SMALL.get(word, SMALL.get(word.removesuffix(":blocks"), word)) for word in words]
    profiles = "profile" in quick[:2] or "profiler.run" in quick[:3]
    for place, option in enumerate(quick[:-1]):
        if option in FEWER and (option != "--budget" or profiles):
            quick[place + 1] = FEWER[option]
    if "--format" in quick and "both" in quick:
        # Torch takes a minute to write ONNX.
        quick[quick.index("both")] = "tflite"
    return quick if not profiles or {"--quick", "--budget", "--resume"} & set(quick) else [*quick, "--quick"]


def same_work(words: list[str]) -> tuple[str, ...]:
    """Equal for two command lines that do the same: by name or by module; for what takes longest, also as text or as JSON."""
    module, *rest = [COMMANDS[words[1]].module, *words[2:]] if words[0] == "syncnas" else words[2:]
    takes_long = module in ("profiler.run", "profiler.certify")
    return (module, *(word for word in rest if not takes_long or word != "--json"))


@dataclass
class Walk:
    """Pages walked in one folder; what a page before has done already is not done again."""

    folder: Path
    done: set[tuple[str, ...]] = field(default_factory=set)
    outputs: dict[str, str] = field(default_factory=dict)

    def page(self, page: Path) -> list[str]:
        """Does all of a page that can be done here; returns the commands that were left out, as they need a phone."""
        namespace: dict[str, Any] = {"__name__": "__page__"}
        left_out: list[str] = []
        absent: set[str] = set()
        for step in steps_of(page):
            if step.kind == "file":
                (self.folder / step.name).write_text(step.text, encoding="utf-8")
            elif step.kind == "python":
                self._python(step.text, namespace, page)
            elif runs_here(step.words) and not any(word == gone or word.startswith(f"{gone}/") for word in step.words for gone in absent):
                self._command(step)
            else:
                left_out.append(step.text)
                # What a phone would have measured is not there for the lines that follow.
                absent |= {word for option, word in zip(step.words, step.words[1:], strict=False) if option in ("--out", "--lut")}
        return left_out

    def _command(self, step: Step) -> None:
        words = quick_form(step.words)
        known = same_work(words)
        if known in self.done:
            return
        program = [sys.executable, "-m", "syncnas", *words[1:]] if words[0] == "syncnas" else [sys.executable, *words[1:]]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "160"}
        # `python`, in what a command itself runs, is this one.
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        ended = subprocess.run(
            program, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=_LIMIT_S, check=False, input=""
        )
        self.outputs[step.text] = ended.stdout + ended.stderr
        # The doctor may find a unit that does not work; what was measured may have become slower.
        fails_by_answer = "doctor" in step.text or "--fail-above" in step.text
        assert ended.returncode in ((0, 1) if fails_by_answer else (0,)), f"{step.text}\n{ended.stdout}{ended.stderr}"
        assert ended.stdout.strip(), f"{step.text} says nothing"
        self.done.add(known)

    def _python(self, code: str, namespace: dict[str, Any], page: Path) -> None:
        printed = StringIO()
        with contextlib.chdir(self.folder) if hasattr(contextlib, "chdir") else _within(self.folder), contextlib.redirect_stdout(printed):
            exec(compile(quick_code(code), str(page), "exec"), namespace)
        self.outputs[code] = printed.getvalue()


def quick_code(code: str) -> str:
    """Python with the smaller models."""
    for model, small in SMALL.items():
        code = code.replace(f'"{model}"', f'"{small}"')
    return code


@contextlib.contextmanager
def _within(folder: Path) -> Iterator[None]:
    """Stands in for `contextlib.chdir`, which came with Python 3.11."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
