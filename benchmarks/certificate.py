"""``make certificate``: tables made and certified, on two cores, on one core that two units share, and on CPU and GPU of the virtual phone.

Each part prints the output of ``profiler.run`` and ``profiler.certify``, and at the end all certificates stand in one table with their
targets. It takes three quarters of an hour on two otherwise idle cores. Names of parts as arguments select these parts.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.results import keep, say
from lut.certificate import CERTIFICATE_FILE

LUTS = Path("luts/certificate")
_MOST_BIAS = 0.015
"""Target of the bias, where there is one of the error."""


@dataclass(frozen=True)
class Part:
    """Tables to make and to certify; `targets` are the median error and the share within 10 % to reach, None where there are none.

    `limit_s` is the target of the profile's duration.
    """

    name: str
    what: str
    profile: tuple[str, ...]
    strategies: int
    targets: tuple[float, float] | None
    limit_s: int | None = None
    certify: tuple[str, ...] = ()
    on_phone: bool = False


PARTS = (
    Part("full", "two cores, full grid", ("--model", "mobilenet_v2"), 60, (0.03, 0.97), limit_s=900),
    Part("coarse", "two cores, coarse grid", ("--model", "mobilenet_v2", "--quick"), 60, None, limit_s=90),
    Part("micro", "two cores, full grid of a short model", ("--model", "micro_v2"), 60, (0.04, 0.97)),
    Part(
        "one-core",
        "two units on one core, coarse grid",
        ("--model", "mobilenet_v2", "--quick", "--unit", "cpu:cores=0", "--unit", "cpu:cores=0"),
        24,
        (0.03, 0.97),
        # Turns make single runs differ a lot.
        certify=("--rounds", "20"),
    ),
    Part(
        "phone",
        "CPU and software GPU of the virtual phone",
        ("--model", "duo_v2", "--budget", "10m", "--unit", "cpu:cores=0", "--unit", "gpu"),
        40,
        (0.05, 0.90),
        certify=("--rounds", "20"),
        on_phone=True,
    ),
)


def run(names: Sequence[str]) -> None:
    """Makes and reports the parts of these names; without names, all parts."""
    results: dict[str, Any] = {}
    for part in PARTS:
        if not names or part.name in names:
            results[part.name] = _on_phone(part) if part.on_phone else _make(part, "local")
    print()
    for part in PARTS:
        if part.name in results:
            _report(part, results[part.name])
    print("raw:", keep("certificate", results))


def _on_phone(part: Part) -> Any:
    """Makes a part on a new virtual phone."""
    from tests.phone.virtual.virtual_phone import VirtualPhone

    with VirtualPhone() as phone:
        return _make(part, phone.serial)


def _make(part: Part, device: str) -> Any:
    """Makes and certifies the tables of a part; returns the certificate with the profile's duration."""
    folder = LUTS / part.name
    shutil.rmtree(folder, ignore_errors=True)
    print(f"\n== {part.what}", flush=True)
    began = time.monotonic()
    _command("profiler.run", "--device", device, "--out", str(folder), *part.profile)
    profile_s = time.monotonic() - began
    _command("profiler.certify", "--device", device, "--lut", str(folder), "-n", str(part.strategies), *part.certify)
    return {"profile_s": profile_s, **json.loads((folder / CERTIFICATE_FILE).read_text(encoding="utf-8"))}


def _command(*arguments: str) -> None:
    print("$ python -m", *arguments, flush=True)
    subprocess.run([sys.executable, "-m", *arguments], check=True)


def _report(part: Part, found: Any) -> None:
    """Prints the median error, the share within 10 % and the repeatability of a certificate, with their targets."""
    value = f"{100 * found['median_error']:.1f} %, {100 * found['within_10']:.0f} % within 10 %"
    value += f" (raw {100 * found['raw_median_error']:.1f} %, repeatability {100 * found['repeatability']:.1f} %)"
    low, high = found["bias_interval"]
    value += f", bias {100 * found['bias']:+.1f} % [{100 * low:+.1f}, {100 * high:+.1f}]"
    name = f"{part.what}: median error of {found['n']}"
    if part.targets is None:
        say(name, value, "-", met=True)
    else:
        # An error below 1.5 times the difference of two measurements of the same model can hardly be told from no error.
        close = found["median_error"] <= max(part.targets[0], 1.5 * found["repeatability"]) and found["repeatability"] < 0.04
        say(
            name,
            value,
            f"<= {100 * part.targets[0]:.0f} %, >= {100 * part.targets[1]:.0f} %, bias within {100 * _MOST_BIAS:.1f} %",
            met=close and found["within_10"] >= part.targets[1] and abs(found["bias"]) <= _MOST_BIAS,
        )
    if part.limit_s is not None:
        say(f"{part.what}: profile", f"{found['profile_s']:.0f} s", f"<= {part.limit_s} s", met=found["profile_s"] <= part.limit_s)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *(part.name for part in PARTS)], help="Which parts; none: all.")
    run(parser.parse_args().parts)
