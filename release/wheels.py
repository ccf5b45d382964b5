"""``python -m release.wheels``: the sdist, and a wheel for each kind of machine, with the runners of the package that it can use.

The runners are those that ``python -m android_harness.build --prebuilt`` has put into the package. A wheel for Linux is named after the
glibc that its runner needs, as read from the runner itself.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Annotated, Final

import typer

from android_harness.kits import prebuilt
from android_harness.kits.elf import glibc_needed, read_elf
from android_harness.kits.prebuilt import LINUX, STAMP, is_of_these_sources
from android_harness.kits.runner_sources import RUNNER
from collab.cli import make_app, print_json, run_app
from collab.console import say
from collab.errors import DeviceError

ROOT: Final = Path(__file__).parents[1]
_SYSTEM_LIBRARIES: Final = frozenset(
    {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
)
"""Libraries that PEP 600 lets a wheel for Linux expect of a system."""
ANY: Final = "any"


def main(
    out: Annotated[Path, typer.Option(help="Folder for the packages.")] = Path("dist"),
    isolation: Annotated[bool, typer.Option(help="Build in environments of their own, which pip fills.")] = True,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make the sdist and all wheels."""
    out.mkdir(parents=True, exist_ok=True)
    made = make_packages(out.resolve(), isolation=isolation)
    if json:
        print_json({"packages": [str(path) for path in made]})
    else:
        say("\n".join(map(str, made)))


def make_packages(out: Path, *, isolation: bool) -> list[Path]:
    """Makes the sdist, a wheel without a runner for Linux, and one for each of the package's own runners for Linux; returns their paths.

    Raises:
        DeviceError: a package cannot be built, or a runner needs more than every Linux has.
    """
    own = ("--no-isolation",) if not isolation else ()
    sdist = _built(["--sdist", *own], ROOT, out)
    linux = [abi for abi in _brought() if abi.startswith(LINUX)]
    return [sdist, *(_wheel(sdist, abi, out, own) for abi in (ANY, *linux))]


def _brought() -> list[str]:
    """Returns the names of the package's own runners."""
    return sorted(path.name for path in prebuilt.PREBUILT.iterdir()) if prebuilt.PREBUILT.is_dir() else []


def platform_tag(runner: Path) -> str:
    """Returns the tag of the systems that a runner for Linux can run on, as in ``manylinux_2_28_x86_64``.

    Raises:
        DeviceError: it needs a library that not every Linux has.
    """
    found = read_elf(runner)
    foreign = set(found.needed) - _SYSTEM_LIBRARIES
    if foreign:
        raise DeviceError(f"{runner} needs {', '.join(sorted(foreign))}, which not every Linux has; link it statically")
    major, minor = glibc_needed(runner) or (2, 17)
    return f"manylinux_{major}_{minor}_{found.machine}"


def _wheel(sdist: Path, abi: str, out: Path, own: tuple[str, ...]) -> Path:
    """Makes a wheel of the sdist's files, Android's runners, and this runner for Linux."""
    with tempfile.TemporaryDirectory(prefix="syncnas-wheel-") as folder:
        with tarfile.open(sdist) as archive:
            archive.extractall(folder, filter="data")
        [source] = Path(folder).iterdir()
        for name in _brought():
            if name == abi or not name.startswith(LINUX):
                _copy_runner(name, source / "android_harness" / "prebuilt" / name)
        tag = ANY if abi == ANY else platform_tag(prebuilt.PREBUILT / abi / RUNNER)
        options = [] if tag == ANY else [f"--config-setting=--build-option=--plat-name={tag}"]
        return _built(["--wheel", *options, *own], source, out)


def _copy_runner(abi: str, place: Path) -> None:
    """Copies one of the package's own runners with its stamp.

    Raises:
        DeviceError: it was built from other sources than those of this package.
    """
    folder = prebuilt.PREBUILT / abi
    if not is_of_these_sources(abi):
        raise DeviceError(f"{folder} is of other sources than these; build it again: python -m android_harness.build --prebuilt")
    place.mkdir(parents=True)
    for name in (RUNNER, STAMP):
        shutil.copy(folder / name, place / name)


def _built(options: list[str], source: Path, out: Path) -> Path:
    """Has ``python -m build`` make a package of a folder, and returns its path.

    Raises:
        DeviceError: it cannot be built.
    """
    with tempfile.TemporaryDirectory(prefix="syncnas-dist-") as made:
        command = [sys.executable, "-m", "build", *options, "--outdir", made, str(source)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        if done.returncode != 0:
            tail = "\n".join(done.stdout.splitlines()[-20:])
            raise DeviceError(f"a package cannot be built; is everything of setup.cfg's extra dev installed?\n{tail}")
        [package] = Path(made).iterdir()
        return Path(shutil.copy(package, out / package.name))


app = make_app(main)

if __name__ == "__main__":
    run_app(app)
