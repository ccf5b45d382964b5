"""``python -m android_harness.build``: compile the native runner for this machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Annotated, Final

import typer

from collab.cli import make_app, print_json, run_app
from collab.errors import DeviceError

SOURCE: Final = Path(__file__).parent / "runner"
RUNNER: Final = "syncnas_runner"
SANITIZERS: Final = ("none", "address", "thread")


def build_folder(*, sanitizer: str = "none") -> Path:
    """Where the runner for this machine is built; one folder per sanitizer, beside the sources."""
    return SOURCE / "build" / ("host" if sanitizer == "none" else f"host-{sanitizer}")


def host_runner() -> Path:
    """The runner for this machine.

    Raises:
        DeviceError: it was not built yet.
    """
    runner = build_folder() / RUNNER
    if not runner.is_file():
        raise DeviceError("the runner is not built yet; build it with: python -m android_harness.build")
    return runner


def build_runner(*, sanitizer: str = "none", tests: bool = False) -> Path:
    """Configures and compiles the runner; gives the path of the program.

    Raises:
        DeviceError: cmake, ninja or a compiler is missing, or the build fails; carries the compiler's words.
    """
    folder = build_folder(sanitizer=sanitizer)
    cmake, ninja = _tool("cmake"), _tool("ninja")
    configure = [
        cmake,
        "-S",
        str(SOURCE),
        "-B",
        str(folder),
        "-G",
        "Ninja",
        f"-DCMAKE_MAKE_PROGRAM={ninja}",
        "-DCMAKE_BUILD_TYPE=Release",
        "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
        f"-DSYNCNAS_SANITIZE={'' if sanitizer == 'none' else sanitizer}",
    ]
    _run(configure, "configuring the runner")
    targets = [RUNNER, "runner_tests"] if tests else [RUNNER]
    _run([cmake, "--build", str(folder), "--target", *targets], "compiling the runner")
    return folder / RUNNER


def _tool(name: str) -> str:
    """cmake and ninja come with the base install; those of this environment are taken before the system's."""
    found = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    if found is None:
        raise DeviceError(f"{name} is missing: pip install {name}")
    return found


def _run(command: list[str], doing: str) -> None:
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode != 0:
        tail = "\n".join(result.stdout.splitlines()[-30:])
        raise DeviceError(f"{doing} failed; is there a C++17 compiler (g++ or clang++)?\n{tail}")


def main(
    sanitizer: Annotated[str, typer.Option(help="none, address or thread.")] = "none",
    tests: Annotated[bool, typer.Option("--tests", help="Also compile the runner's own tests.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compile the native runner for this machine."""
    if sanitizer not in SANITIZERS:
        raise DeviceError(f"--sanitizer {sanitizer}: one of {', '.join(SANITIZERS)}")
    runner = build_runner(sanitizer=sanitizer, tests=tests)
    if json:
        print_json({"runner": str(runner)})
    else:
        print(f"Runner: {runner}", file=sys.stdout)


app = make_app(main)

if __name__ == "__main__":
    run_app(app)
