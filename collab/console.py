"""The one place that prints. Nothing else of the toolkit writes to the terminal.

Names come out of configs, tables, archives and phones, and are not trusted: rich's markup is off, and characters by which a text could move
the cursor, set colours or title, or turn the order of letters round are shown as escapes (``\\x1b``).
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TextColumn
    from rich.table import Table

_UNPRINTABLE: Final = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f"  # control characters but for the line feed
    "\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # invisible, and able to turn the order of letters round
    "\ud800-\udfff]"  # halves of characters, which no encoding has
)

_LONGEST_SENTENCE: Final = 2000


def printable(text: str) -> str:
    """The text with an escape for each character that does more than to be seen. Line feeds stay."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def one_line(text: str) -> str:
    """A name or another short text as part of a line: line feeds are escaped too."""
    return printable(text).replace("\n", "\\n")


def shortened(text: str, *, most: int = _LONGEST_SENTENCE) -> str:
    """A sentence that fits a screen, also when it quotes something of thousands of characters: the middle is left out."""
    return text if len(text) <= most else f"{text[: most * 2 // 3]} [...] {text[-most // 4 :]}"


def say(text: str = "") -> None:
    """Prints a line of results on the standard output."""
    print(printable(text), flush=True)


def tell(text: str) -> None:
    """Prints a line about the work, a note or a warning, on the standard error output."""
    print(printable(text), file=sys.stderr, flush=True)


def confirmed(question: str) -> bool:
    """Asks the user, who has to answer with y or yes; where nobody answers, the answer is no."""
    print(f"{printable(question)} [y/N] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline() if sys.stdin is not None else ""
    if not answer:
        tell("")
    return answer.strip().lower() in ("y", "yes")


def endure_any_encoding() -> None:
    """Makes both outputs replace what the terminal's encoding lacks; an ASCII terminal would end a command with an error otherwise."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def result_console(*, width: int | None = None, wraps: bool = False) -> Console:
    """A console for tables and text on the standard output. Lines are as long as they are, unless it `wraps` them."""
    return _console(stderr=False, width=width, soft_wrap=not wraps)


def print_titled(console: Console, title: str, table: Table) -> None:
    """Prints a title above a table. One that belongs to the table would break where the table ends, in the middle of a name."""
    console.print(title, soft_wrap=True)
    console.print(table)


def note_console() -> Console:
    """A console on the standard error output, for progress."""
    return _console(stderr=True, width=None, soft_wrap=True)


def _console(*, stderr: bool, width: int | None, soft_wrap: bool) -> Console:
    from rich.console import Console
    from rich.text import Text

    class SafeConsole(Console):
        """Renders every plain text as it is; styles are given with `Text` objects."""

        def render_str(self, text: str, **options: Any) -> Text:
            options |= {"markup": False, "emoji": False}
            return super().render_str(printable(text), **options)

        def on_broken_pipe(self) -> None:
            # Rich would end the process with status 1.
            raise BrokenPipeError

    return SafeConsole(stderr=stderr, width=width, soft_wrap=soft_wrap, highlight=False, markup=False, emoji=False)


def text_column(form: str) -> TextColumn:
    """A column of a progress bar whose text, with names in it, is shown as it is; `form` is a format of ``task``."""
    from rich.progress import TextColumn

    return TextColumn(form, markup=False)
