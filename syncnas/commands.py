"""All commands of the toolkit under the name ``syncnas``: ``syncnas profile`` is ``python -m profiler.run``."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Final

COMMANDS: Final = {
    "export": ("exporters.run", "split a model into per-unit segments"),
    "build": ("android_harness.build", "compile the native runner"),
    "setup": ("android_harness.setup", "fetch and build what a device needs"),
    "devices": ("android_harness.devices", "list the phones that are connected"),
    "doctor": ("android_harness.doctor", "tell whether a device is ready to be measured"),
    "profile": ("profiler.run", "measure the latency tables of a device"),
    "import": ("lut.import_tables", "make tables of latencies that others measured"),
    "export-tables": ("lut.export_tables", "write latency tables in the formats of others"),
    "compare": ("report.compare", "say where two tables, certificates or runs differ, and whether that is proven"),
    "predict": ("lut.predict", "predict a model's latency and timeline"),
    "verify": ("profiler.verify", "hold a prediction against a measurement"),
    "certify": ("profiler.certify", "find out how far the predictions of some tables hold"),
    "search": ("search.run", "find where to synchronise and how wide to be within a budget"),
    "explain": ("search.explain", "show the tree that a search has grown, and so why it went where it did"),
    "deploy": ("android_harness.deploy", "put a split model on a device, run it and check it"),
}


def main() -> None:
    """Runs the command that the first argument names."""
    from collab.cli import run_app
    from collab.console import say, tell

    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in COMMANDS:
        wants_help = name in ("-h", "--help")
        lines = [f"  {command:8} {what}" for command, (_, what) in COMMANDS.items()]
        (say if wants_help else tell)("Usage: syncnas COMMAND [OPTIONS]\n\n" + "\n".join(lines))
        raise SystemExit(0 if wants_help else 2)
    sys.argv = [f"syncnas {name}", *sys.argv[2:]]
    run_app(import_module(COMMANDS[name][0]).app)
