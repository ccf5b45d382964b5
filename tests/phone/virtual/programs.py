"""Programs that tests need and a machine may lack."""

from __future__ import annotations

import os
import shutil
from typing import Final, NoReturn

import pytest

REQUIRED: Final = "SYNCNAS_REQUIRE_PHONE"
"""Environment variable, 1 where no program that these tests need may be missing."""
_PACKAGES: Final = {
    "aarch64-linux-gnu-g++": "g++-aarch64-linux-gnu",
    "qemu-aarch64-static": "qemu-user-static",
    "ss": "iproute2",
    "nm": "binutils",
    "objdump": "binutils",
}
"""Debian's packages, of programs that are not called as their package is."""


def program(name: str) -> str:
    """Returns the path of a program. Without it the test is skipped, or fails where nothing may be missing."""
    found = shutil.which(name)
    return found if found is not None else lacking(f"{name} is missing: apt-get install {_PACKAGES.get(name, name)}")


def lacking(reason: object) -> NoReturn:
    """Ends a test for which the machine lacks something: skipped, or failed where nothing may be missing."""
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(str(reason))
    pytest.skip(str(reason))
