"""``python -m report.demo``: all of it on this machine, in minutes: profile, predict, verify, and a page that draws the result."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from collab.cli import make_app, print_json, run_app
from collab.config import load
from collab.console import say, tell
from collab.documents import read
from collab.errors import RunnerError, StorageError
from collab.files import in_the_way_of, write_whole
from collab.options import AsJson, flag, option
from collab.system.starting import INTERRUPTED
from collab.variants import collaborative

PAGE: Final = "report.html"
_RESULT: Final = "verify.json"
_MAX_RESULT_BYTES: Final = 1 << 24
_KEPT: Final = "What was measured is kept; the same command goes on."

_BASE, _FOUND = "mobilenet_v2", "syncnas_mobilenet_v2_100"
_SMALL_BASE: Final = "micro_v2"
_SMALL_FOUND: Final = "model.json"
"""Config, in the folder of a small demo, of a model of its base's search space."""


def main(
    out: Annotated[
        Path, option(value="FOLDER", help="Folder of tables, samples and page; a demo that was stopped goes on in its folder.")
    ] = Path("syncnas-demo"),
    small: Annotated[bool, flag("--small", help="With a model of a few blocks: quicker.")] = False,
    json: AsJson = False,
) -> None:
    """Try all of it on this machine, in minutes, without a phone.

    Two cores of this machine are the units. It profiles them, predicts a model, measures that model, and draws all of it as a page. Nothing
    is written but the folder and the user's cache.
    """
    base = _SMALL_BASE if small else _BASE
    there = in_the_way_of(out)
    if there is not None:
        raise StorageError(f"{out} cannot be made: {there} is no folder that may be written; name another with --out")
    _require_runner()
    tell(f"== Profiling what {base} strategies need, on two CPU units of this machine")
    _run(_profile(out, base), quiet=json)
    found = _write_variant(out, base) if small else _FOUND
    tables, page = ["--lut", str(out)], out / PAGE
    tell("== Predicting a model from the tables: what each unit does, and when")
    _run(["predict", *tables, "--model", found], quiet=json)
    tell("== Measuring that model with both units at once, beside the prediction")
    _run(["verify", *tables, "--device", "local", "--model", found], quiet=json)
    tell("== Drawing profile and verification as a page")
    _run(["report", str(out), "--out", str(page), "--model", found], quiet=json)
    if json:
        verified = _verified(out)
        numbers = {name: verified.get(name) for name in ("predicted_us", "measured_us", "error")}
        print_json({"out": str(out), "report": str(page), **numbers})
    else:
        both = f"{out / 'blocks.csv'} and {out / 'transfers.csv'}"
        say(f"\nLook at {page} in a browser. The tables are {both}; every sample is in {out / 'journal.jsonl'}.")


def _profile(out: Path, base: str) -> list[str]:
    """Returns the command line of the profile, which goes on with an earlier one in the folder, perhaps that of the other demo's model."""
    from profiler.request import PLAN_FILE

    wanted = ["profile", "--out", str(out), "--device", "local", "--model", base, "--quick"]
    return [*wanted, "--resume"] if (out / PLAN_FILE).is_file() else wanted


def _write_variant(out: Path, base: str) -> str:
    """Writes the config of a model that runs on two units, with features added and concatenated in turn; returns its path."""
    config = load(base)
    model = collaborative(config, ("ac" * len(config.stages))[: len(config.stages) - 1] + "a")
    path = out / _SMALL_FOUND
    write_whole(path, model.to_json())
    return str(path)


def _require_runner() -> None:
    """Compiles the runner where neither the package nor a build has one.

    Raises:
        DeviceError: this machine cannot be a device, or has no compiler.
    """
    from android_harness.kits.native_build import build_runner, host_runner, require_linux_here
    from collab.errors import DeviceError

    require_linux_here()
    try:
        host_runner()
    except DeviceError:
        tell("== Compiling the native runner, which this package does not bring for this machine")
        build_runner()


def _run(line: list[str], *, quiet: bool) -> None:
    """Runs a command of the toolkit in a process of its own, as a user would.

    Raises:
        RunnerError: it failed; it has said why.
        typer.Exit: it was stopped by Ctrl-C, which reaches both.
    """
    process = subprocess.Popen([sys.executable, "-m", "syncnas", *line], stdout=subprocess.DEVNULL if quiet else None)
    try:
        status = process.wait()
    except KeyboardInterrupt:
        # The command has heard it as well, and puts what was measured on the disk.
        process.wait()
        raise KeyboardInterrupt(_KEPT) from None
    if status == INTERRUPTED:
        raise KeyboardInterrupt(_KEPT)
    if status != 0:
        tell(f"syncnas {line[0]} ended with status {status}, for the reason above; the same command goes on from there")
        raise typer.Exit(status)


def _verified(out: Path) -> dict[str, Any]:
    return read(out / _RESULT, dict[str, Any], limit_bytes=_MAX_RESULT_BYTES, error=RunnerError, advice="start the demo anew")


app = make_app(main, examples=["syncnas demo", "syncnas demo --small --out demo"])

if __name__ == "__main__":
    run_app(app)
