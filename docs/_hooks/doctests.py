"""Shows the examples of docstrings as code: Markdown would take their ``>>>`` for quotations within quotations."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension

_EXAMPLE = re.compile(r"(?:^>>> .*\n?(?:^(?!\s*$).*\n?)*)", re.MULTILINE)


class Examples(Extension):
    """Puts every run of example lines into a section of its own, as the parser of docstrings knows it."""

    def on_object(self, *, obj: Any, **_: Any) -> None:
        """Rewrites the docstring of an object that has just been read."""
        if obj.docstring:
            obj.docstring.value = with_sections(obj.docstring.value)


def with_sections(docstring: str) -> str:
    """The docstring with ``Examples:`` above its example lines, which are indented."""
    return _EXAMPLE.sub(lambda found: "Examples:\n" + re.sub("^(?=.)", "    ", found[0], flags=re.MULTILINE), docstring)
