"""``python -m release.lowest``: the lowest version of every dependency that setup.cfg allows, as exact pins for pip.

Whoever installs these and runs the tests knows that the bounds hold.
"""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Annotated, Final

import typer

from collab.cli import make_app, print_json, run_app
from collab.console import say
from collab.errors import ConfigError

SETTINGS: Final = Path(__file__).parents[1] / "setup.cfg"
_REQUIREMENT: Final = re.compile(r"(?P<name>[A-Za-z0-9._-]+(?:\[[a-z,]+\])?)(?:>=(?P<least>[0-9][0-9.]*))?(?:\s*;.*)?")


def main(
    extra: Annotated[list[str] | None, typer.Option(help="An extra whose dependencies are listed as well; again for others.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print the lowest versions that the package allows, a line each."""
    pins = lowest(extra or [])
    if json:
        print_json({"pins": pins})
    else:
        say("\n".join(pins))


def lowest(extras: list[str]) -> list[str]:
    """Returns requirements such as ``numpy==1.26``, one for each dependency of the package and of these extras.

    Raises:
        ConfigError: there is no such extra, or a dependency has no lower bound.
    """
    settings = configparser.ConfigParser()
    settings.read(SETTINGS, encoding="utf-8")
    known = settings["options.extras_require"]
    for extra in extras:
        if extra not in known:
            raise ConfigError(f"--extra {extra}: one of {', '.join(known)}")
    lines = [settings["options"]["install_requires"], *(known[extra] for extra in extras)]
    return [_pin(line.strip()) for text in lines for line in text.splitlines() if line.strip()]


def _pin(requirement: str) -> str:
    found = _REQUIREMENT.fullmatch(requirement)
    if found is None or found["least"] is None:
        raise ConfigError(f"{SETTINGS.name}: {requirement} has no lower bound of the form NAME>=VERSION; give it one")
    return f"{found['name']}=={found['least']}"


app = make_app(main)

if __name__ == "__main__":
    run_app(app)
