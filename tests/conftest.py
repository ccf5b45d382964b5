"""What tests of several folders share: the real device and small tables measured on it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from android_harness.kits.native_build import build_runner
from android_harness.targets.local import LocalTarget
from collab.system.portable import is_linux

# The virtual phone is made of Linux.
pytest_plugins = ["tests.fast", "tests.browser", "tests.sharing_out", *(["tests.phone.fixtures"] if is_linux() else [])]

# A shell has its background jobs ignore Ctrl-C, and all that they start with them; tests send it to programs that must heed it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No property depends on how quick the machine is.
settings.register_profile("any_pace", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any_pace")


@pytest.fixture(scope="session")
def runner() -> Path:
    """The real runner, built if it is not."""
    return build_runner()


@pytest.fixture(scope="session")
def device(runner: Path) -> LocalTarget:
    """This machine."""
    assert runner.is_file()
    return LocalTarget()
