"""All commands of the toolkit under the name ``syncnas``: ``syncnas profile`` is ``python -m profiler.run``.

Nothing heavy is imported here, so that a Ctrl-C is heard from the start; `syncnas.group` makes the command line of this table.
"""

from __future__ import annotations

import os
import sys
from typing import Final

from collab.system.starting import INTERRUPTED
from collab.wording.commands import MODULES
from syncnas.completion import answer_bash, is_asked_by_bash
from syncnas.listed import Listed

_DEVICE: Final = "Get a device ready"
_MEASURE: Final = "Measure a device"
_MODEL: Final = "Work on models and tables"
_SEARCH: Final = "Search for models"
_PHONE: Final = "Run models on a phone"
_LOOK: Final = "Look at what was measured"


COMMANDS: Final = {
    "devices": Listed(MODULES["devices"], _DEVICE, "List the devices that can be seen, and by which way."),
    "setup": Listed(MODULES["setup"], _DEVICE, "Get all that a device's units need: the runner, LiteRT, its GPU accelerator."),
    "doctor": Listed(MODULES["doctor"], _DEVICE, "Tell whether a device is ready to be measured, and what to do where it is not."),
    "build": Listed(MODULES["build"], _DEVICE, "Compile the native runner."),
    "profile": Listed(
        MODULES["profile"], _MEASURE, "Time all blocks and hand-overs that a model's search space, or a .tflite, needs, as tables."
    ),
    "verify": Listed(MODULES["verify"], _MEASURE, "Hold a model's predicted latency against a measured one, step by step."),
    "certify": Listed(MODULES["certify"], _MEASURE, "Find out how far the predictions from some tables hold."),
    "compare": Listed(MODULES["compare"], _MEASURE, "Say where two tables, certificates or runs differ, and whether that is proven."),
    "demo": Listed(MODULES["demo"], _MEASURE, "Try all of it on this machine, in minutes, without a phone."),
    "convert": Listed(MODULES["convert"], _MODEL, "Make a .tflite of a torch module, a Keras model or a SavedModel."),
    "export": Listed(MODULES["export"], _MODEL, "Split a model into segments, one model file for each, and write them as a bundle."),
    "cut": Listed(MODULES["cut"], _MODEL, "Cut any .tflite into blocks, each of which can be run by itself."),
    "predict": Listed(MODULES["predict"], _MODEL, "Predict a model's latency and its timeline from tables."),
    "import": Listed(MODULES["import"], _MODEL, "Make tables of block latencies that others measured."),
    "export-tables": Listed(MODULES["export-tables"], _MODEL, "Write tables in the formats of others."),
    "search": Listed(MODULES["search"], _SEARCH, "Find the most accurate model within a latency budget."),
    "explain": Listed(MODULES["explain"], _SEARCH, "Show the tree that a search has grown, and so why it went where it did."),
    "place": Listed(MODULES["place"], _SEARCH, "Find out which unit should run which block of any network."),
    "split": Listed(MODULES["split"], _PHONE, "Divide any network over a device's units so that it is fastest, in one go."),
    "deploy": Listed(MODULES["deploy"], _PHONE, "Put a bundle on a device, run it and check what it computes."),
    "report": Listed(MODULES["report"], _LOOK, "Draw profiles, verifications and searches as one page of HTML."),
    "trace": Listed(MODULES["trace"], _LOOK, "Show predicted and measured runs on a timeline, in Perfetto."),
}


def main() -> None:
    """Runs the command that the first argument names, and ends the process with its status."""
    try:
        from collab.cli import run_app
        from syncnas.group import make_group

        app = make_group(COMMANDS)
        if is_asked_by_bash(os.environ):
            answer_bash(lambda: run_app(app))
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        raise SystemExit(INTERRUPTED) from None
    run_app(app)
