"""``python -m release.portable``: the tests that pass on every system, without a runner, a shell or Linux's own calls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
TESTS: Final = (
    *("tests/collab/test_blocks.py", "tests/collab/test_config.py", "tests/collab/test_model.py", "tests/collab/test_names.py"),
    *("tests/collab/test_placement.py", "tests/collab/test_schedule.py", "tests/collab/test_units.py", "tests/collab/test_variants.py"),
    *("tests/lut/test_certificate.py", "tests/lut/test_csv_rows.py", "tests/lut/test_statistics.py", "tests/lut/test_predict.py"),
    *("tests/lut/prediction", "tests/exporters/test_manifest.py", "tests/android_harness/protocol/test_phases.py"),
)
"""Tests of parsing, predicting and exporting; pytest's fixtures of phones and runners are left out, as these need Linux."""


def main() -> int:
    """Runs the tests, and returns pytest's status."""
    command = [sys.executable, "-m", "pytest", "--fast", "--quiet", *TESTS]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
