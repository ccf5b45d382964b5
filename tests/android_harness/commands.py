"""Commands as users run them, in an environment without phones."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def home_alone(folder: Path) -> Mapping[str, str]:
    """Returns an environment in which this machine's device folder is new and no adb server is seen."""
    return {**os.environ, "HOME": str(folder / "home"), "ANDROID_ADB_SERVER_PORT": "1"}


def run(module: str, *arguments: object, env: Mapping[str, str], status: int = 0) -> str:
    """Runs a command that must end with this status; returns what it prints, or at another status than 0 what it complains of."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=env)
    assert result.returncode == status, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    return result.stdout if status == 0 else result.stderr
