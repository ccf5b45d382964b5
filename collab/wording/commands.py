"""Names of commands, in hints on what to do next: the one place that decides how a user is told of them."""

from __future__ import annotations

import shlex
import sys
from typing import Final

MODULES: Final = {
    "devices": "android_harness.devices",
    "setup": "android_harness.setup",
    "doctor": "android_harness.doctor",
    "build": "android_harness.build",
    "profile": "profiler.run",
    "verify": "profiler.verify",
    "certify": "profiler.certify",
    "compare": "report.compare",
    "demo": "report.demo",
    "convert": "exporters.convert",
    "export": "exporters.run",
    "cut": "graph.cut",
    "predict": "lut.predict",
    "import": "lut.import_tables",
    "export-tables": "lut.export_tables",
    "search": "search.run",
    "explain": "search.explain",
    "place": "search.place",
    "split": "search.split",
    "deploy": "android_harness.deploy",
    "report": "report.run",
    "trace": "report.trace",
}
"""The module of each command."""


def command_named(name: str, *arguments: object) -> str:
    """Returns a command line for a sentence: ``syncnas deploy``, or ``python -m android_harness.deploy`` for who started this one so.

    Args:
        name: the command, a key of `MODULES`.
        arguments: what follows, each quoted where a shell needs it.

    Raises:
        KeyError: there is no such command.
    """
    module = MODULES[name]
    way = ["python", "-m", module] if _is_called_by_module() else ["syncnas", name]
    return shlex.join([*way, *map(str, arguments)])


def words_after_python(name: str) -> list[str]:
    """Returns what follows ``python`` to start a command whose hints name commands as those of this process do.

    Raises:
        KeyError: there is no such command.
    """
    module = MODULES[name]
    return ["-m", module] if _is_called_by_module() else ["-m", "syncnas", name]


def _is_called_by_module() -> bool:
    """Tells whether Python was started with the module of a command, and not by the name ``syncnas`` or from code."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return spec is not None and spec.name in MODULES.values()
