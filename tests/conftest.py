"""What tests of several folders share: the real device and small tables measured on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from android_harness.kits.native_build import build_runner
from android_harness.targets.local import LocalTarget

pytest_plugins = ["tests.fast", "tests.phone.fixtures"]

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
