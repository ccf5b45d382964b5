"""Fixtures of tests on the virtual phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from collab.errors import DeviceError
from tests.models import smallest
from tests.phone.profiles import profile
from tests.phone.virtual.programs import lacking
from tests.phone.virtual.rootfs import build
from tests.phone.virtual.virtual_phone import VirtualPhone
from tests.phone.wires.adb_server import RealAdbServer
from tests.phone.wires.hosts import Host, assert_no_visit_twice


@pytest.fixture(scope="session")
def phone_root() -> Path:
    """Returns the root file system of the amd64 phone. Tests are skipped where it cannot be made, unless the environment forbids that."""
    try:
        return build()
    except DeviceError as error:
        lacking(f"no virtual phone: {error}")


@pytest.fixture
def make_phone(phone_root: Path) -> Iterator[Callable[..., VirtualPhone]]:
    """Yields a function that makes phones with the arguments of VirtualPhone; they are closed after the test."""
    assert phone_root.is_dir()
    with ExitStack() as stack:

        def make(**options: Any) -> VirtualPhone:
            return stack.enter_context(VirtualPhone(**options))

        yield make


@pytest.fixture
def phone(make_phone: Callable[..., VirtualPhone]) -> VirtualPhone:
    """Returns a new phone, switched on."""
    return make_phone()


@pytest.fixture
def adb_server(tmp_path: Path) -> Iterator[RealAdbServer]:
    """Yields a real adb server, private to the test."""
    (tmp_path / "adb-home").mkdir()
    with RealAdbServer(tmp_path / "adb-home") as server:
        yield server


@pytest.fixture(scope="session", name="model")
def a_small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "smallest.json"
    path.write_text(smallest().to_json())
    return path


@pytest.fixture(scope="session", name="undisturbed")
def an_undisturbed_profile(runner: Path, phone_root: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the folder of the smallest model's tables, measured on a phone without faults."""
    assert runner.is_file()
    assert phone_root.is_dir()
    folder = tmp_path_factory.mktemp("undisturbed")
    with VirtualPhone() as phone:
        said = profile(Host(folder / "home"), phone.serial, model, folder / "luts")
    assert said["failed"] == 0
    assert_no_visit_twice(folder / "luts")
    return folder / "luts"
