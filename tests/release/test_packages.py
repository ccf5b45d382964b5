"""Packages as users get them: what is in the wheels, and a wheel that measures far from the checkout, without a compiler."""

from __future__ import annotations

import json
import os
import platform
import re
import signal
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

import pytest

from android_harness.kits import prebuilt
from android_harness.kits.elf import glibc_needed
from android_harness.kits.prebuilt import keep_prebuilt
from android_harness.kits.runner_sources import RUNNER
from collab import __version__
from collab.errors import DeviceError
from release.wheels import make_packages, platform_tag
from tests.pages import REPOSITORY
from tests.processes import wait_until
from tests.release.installed import Installed, install

pytestmark = pytest.mark.slow

HERE = f"linux-{platform.machine()}"


@pytest.fixture(scope="module", name="packages")
def made_packages(tmp_path_factory: pytest.TempPathFactory, runner: Path) -> Iterator[list[Path]]:
    """The sdist and the wheels around the runner that this machine's compiler has built."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prebuilt, "PREBUILT", tmp_path_factory.mktemp("prebuilt"))
        keep_prebuilt(runner, HERE)
        yield make_packages(tmp_path_factory.mktemp("dist"), isolation=False)


@pytest.fixture(scope="module", name="linux_wheel")
def wheel_for_this_machine(packages: list[Path]) -> Path:
    return packages[2]


@pytest.fixture(scope="module", name="installed")
def installed_wheel(linux_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install(linux_wheel, tmp_path_factory.mktemp("installed"))


def test_there_is_a_package_for_every_system(packages: list[Path], runner: Path) -> None:
    glibc = "_".join(map(str, glibc_needed(runner)))
    assert [path.name for path in packages] == [
        f"syncnas_profiler-{__version__}.tar.gz",
        f"syncnas_profiler-{__version__}-py3-none-any.whl",
        f"syncnas_profiler-{__version__}-py3-none-manylinux_{glibc}_{platform.machine()}.whl",
    ]


def test_wheels_hold_the_packages_and_only_their_own_runner(packages: list[Path]) -> None:
    _, everywhere, linux = packages
    folder = "android_harness/prebuilt"
    for wheel, runners in ((everywhere, set()), (linux, {f"{folder}/{HERE}/{RUNNER}", f"{folder}/{HERE}/stamp.json"})):
        with zipfile.ZipFile(wheel) as archive:
            names = set(archive.namelist())
            [metadata] = [name for name in names if name.endswith("/METADATA")]
            about = Parser().parsestr(archive.read(metadata).decode())
            for name in runners & {f"{folder}/{HERE}/{RUNNER}"}:
                assert archive.getinfo(name).external_attr >> 16 & stat.S_IXUSR
        assert about["Version"] == __version__
        assert {name for name in names if name.startswith(folder)} == runners
        assert {"android_harness/runner/CMakeLists.txt", "collab/zoo/LICENSE", "syncnas/commands.py"} <= names
        tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
        assert tops == {"android_harness", "collab", "exporters", "graph", "lut", "profiler", "report", "search", "syncnas"}
        assert not [name for name in names if "/build/" in name or name.endswith((".so", ".o", ".pyc"))], "nothing built, nothing of others"


def test_the_sdist_holds_sources_and_tests_but_nothing_built(packages: list[Path]) -> None:
    with tarfile.open(packages[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "tests/release/test_packages.py",
        "docs/explanation/architecture.md",
        "setup.cfg",
        "release/wheels.py",
        ".ci/run",
        "LICENSE",
    } <= names
    assert not [name for name in names if name.startswith(("android_harness/prebuilt", "android_harness/runner/build"))]


def test_a_runner_that_needs_what_not_every_linux_has_gets_no_tag() -> None:
    with pytest.raises(DeviceError, match=r"needs .*which not every Linux has"):
        platform_tag(Path("/bin/bash").resolve())


def test_an_installed_wheel_measures_without_a_compiler_and_goes_on_after_ctrl_c(installed: Installed) -> None:
    """Tests the demo, which profiles, predicts, verifies and draws the page; it is stopped once while it measures."""
    before = installed.digest()
    found = installed.run(installed.python, "-c", "import syncnas, collab; print(collab.__file__, collab.__version__)").stdout
    assert found.split() == [str(installed.packages / "collab" / "__init__.py"), __version__]
    assert installed.syncnas("--version").stdout.split() == ["syncnas", __version__]
    demo = ("demo", "--small", "--out", "demo", "--json")
    folder = installed.home / "demo"
    with installed.started(*demo) as running:
        wait_until(lambda: (folder / "journal.jsonl").is_file() or running.poll() is not None)
        os.killpg(running.pid, signal.SIGINT)
        assert running.wait(300) == 130
    assert not (folder / "report.html").exists()
    document = json.loads(installed.syncnas(*demo).stdout)
    assert document["predicted_us"] > 0
    assert (folder / "report.html").stat().st_size > 100_000
    assert {"blocks.csv", "transfers.csv", "meta.json"} <= {path.name for path in folder.iterdir()}
    assert installed.digest() == before, "nothing is written into the installed packages"


def test_the_version_stands_in_one_place() -> None:
    """Tests pages that name it as well; the changelog begins with the version that comes next or is there."""
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
    changes = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    first = next(line for line in changes.splitlines() if line.startswith("## "))
    assert (first == "## [Unreleased]" and f"Will be {__version__}" in changes) or first.startswith(f"## [{__version__}]")
    citation = REPOSITORY / "CITATION.cff"
    if citation.is_file():
        assert f"version: {__version__}" in citation.read_text(encoding="utf-8").replace('"', "").splitlines()
    assert "attr: collab.__version__" in (REPOSITORY / "setup.cfg").read_text(encoding="utf-8")
