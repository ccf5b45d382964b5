"""A real browser, for tests of what is drawn in one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

REQUIRED = "SYNCNAS_REQUIRE_BROWSER"
"""Where this is 1, a missing browser fails the tests instead of skipping them."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    chromium = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _without("playwright is not installed")
    if chromium is None:
        _without("chromium is not installed")
    with sync_playwright() as playwright:
        # A browser's own sandbox does not work for root.
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        opened = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield opened
        opened.close()


def _without(reason: str) -> None:
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(reason)
    pytest.skip(reason)
