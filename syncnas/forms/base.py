"""Bases of all forms.

Times are in microseconds where a name ends with ``_us``, errors are signed fractions of what was measured. A form's number,
`schema_version`, grows when a field goes or changes its meaning; new fields may come without.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Numbers: TypeAlias = dict[str, float]
"""Numbers by the names of units."""


class Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Part of a form."""


class Printed(Form, frozen=True, kw_only=True):
    """Form of a command's whole output."""

    schema_version: Literal[1]
