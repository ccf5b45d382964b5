"""JSON schemas of what commands print with ``--json``: ``python -m syncnas.schemas FOLDER`` writes them."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from syncnas.commands import COMMANDS
from syncnas.forms import convert, device, measure, model, place, split

FORMS: Final[Mapping[str, type[msgspec.Struct]]] = {
    "devices": device.Devices,
    "devices-clean": device.Cleaned,
    "setup": device.Setup,
    "doctor": device.Doctor,
    "build": device.Build,
    "profile": measure.Profile,
    "profile-devices": measure.ProfiledPhones,
    "verify": measure.Verify,
    "certify": measure.Certify,
    "compare": measure.Compare,
    "convert": convert.Convert,
    "export": model.Export,
    "cut": model.Cut,
    "predict": model.Predict,
    "import": model.Import,
    "export-tables": model.ExportTables,
    "search": model.Search,
    "explain": model.Explain,
    "place": place.Place,
    "split": split.Split,
    "deploy": measure.Deploy,
    "demo": measure.Demo,
    "report": model.Report,
    "trace": model.Trace,
}
"""Forms by the names of commands; behind a hyphen stands what gives a command another form."""


def command_of(name: str) -> str:
    """Returns the command that prints a form."""
    return name if name in COMMANDS else name.partition("-")[0]


def schema_of(name: str) -> dict[str, Any]:
    """Returns a form as a JSON schema (draft 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"syncnas {command_of(name)} --json",
        **_open(msgspec.json.schema(FORMS[name])),
    }


def _open(part: Any) -> Any:
    """Returns a part of a schema that takes fields which it does not know, as a later version may have more.

    Its descriptions are docstrings, whose indentation Python 3.13 removes and earlier ones keep; here it is gone with all of them.
    """
    if isinstance(part, dict):
        kept = {key: _open(value) for key, value in part.items() if not (key == "additionalProperties" and value is False)}
        said = kept.get("description")
        return {**kept, "description": inspect.cleandoc(said)} if isinstance(said, str) else kept
    return [_open(value) for value in part] if isinstance(part, list) else part


def text_of(name: str) -> str:
    """Returns a form's JSON schema as its file has it."""
    return json.dumps(schema_of(name), indent=1, ensure_ascii=False) + "\n"


def write_schemas(folder: Path) -> None:
    """Writes all forms into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FORMS:
        (folder / f"{name}.json").write_text(text_of(name), encoding="utf-8")


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]))
