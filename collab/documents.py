"""Documents that come from outside: JSON files decoded into typed values by msgspec, strictly and within bounds.

msgspec checks types, required fields and the bounds that `Annotated` fields carry; this module reads the file within a limit, refuses a key
that stands twice, and turns what msgspec says into a sentence: which file, which field, what was expected.
"""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias, TypeVar

import msgspec

from collab.console import one_line
from collab.errors import SyncNasError
from collab.system.portable import AT_ONCE, PLAIN

_Value = TypeVar("_Value")

MAX_US: Final = 1e9
"""The longest time that a file may claim for anything that was timed: a quarter of an hour."""
MAX_NS: Final = int(MAX_US * 1000)
MAX_INT: Final = (1 << 53) - 1
"""Up to here every program that reads JSON agrees on whole numbers."""

Natural: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=MAX_INT)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=MAX_INT)]
ClockNs: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
"""A moment by some clock, in nanoseconds."""
DurationNs: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=MAX_NS)]
LatencyNs: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=MAX_NS)]
"""The time of something that ran: never 0."""
DurationUs: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=MAX_US)]
LatencyUs: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=MAX_US)]
Fraction: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1e6)]
SignedFraction: TypeAlias = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]
"""A share, an error or a spread as a fraction; above 1 where something is off by more than itself."""
Factor: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=1e6)]
Text: TypeAlias = Annotated[str, msgspec.Meta(max_length=4096)]
Sha256: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]

_AT: Final = re.compile(r"(?P<what>.*?)(?: - at `(?P<place>(?:key in )?\$.*)`)?", re.DOTALL)
_WORDS: Final = {
    "`int`": "a whole number",
    "`float`": "a number",
    "`str`": "a text",
    "`bool`": "true or false",
    "`array`": "a list",
    "`object`": "an object",
    "`null`": "null",
    r" matching regex '\\A[0-9a-f]{64}\\Z'": " of 64 hexadecimal digits",
}
_MOST_CHARACTERS: Final = 300


def read_bytes(path: Path, *, limit_bytes: int, error: type[SyncNasError], advice: str) -> bytes:
    """Reads a regular file.

    Args:
        advice: what a user should do, as the end of a sentence.

    Raises:
        error: the file cannot be read, or is larger than `limit_bytes`.
    """
    try:
        # Without waiting: opening a FIFO would take until somebody writes to it.
        descriptor = os.open(path, os.O_RDONLY | PLAIN | AT_ONCE)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise error(f"{one_line(str(path))} cannot be read (it is no regular file); {advice}")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                data = file.read(limit_bytes + 1)
        finally:
            os.close(descriptor)
    except OSError as problem:
        raise error(f"{path} cannot be read ({problem.strerror}); {advice}") from problem
    except ValueError as problem:
        # A NUL character, or half of a surrogate pair, in the path.
        raise error(f"{one_line(str(path))} is no path of a file ({problem}); {advice}") from problem
    if len(data) > limit_bytes:
        raise error(f"{path} is larger than {limit_bytes >> 20} MiB, which no such file is; {advice}")
    return data


def parse(data: bytes | str, kind: type[_Value], *, origin: str, error: type[SyncNasError], advice: str) -> _Value:
    """Parses a JSON text as a value of this type: a `msgspec.Struct`, a dataclass, or anything else that msgspec decodes.

    Args:
        origin: names the text in messages, usually a path.
        advice: what a user should do, as the end of a sentence.

    Raises:
        error: the text is no JSON, holds a key twice, or does not have this type.
    """
    try:
        _refuse_repeated_keys(data)
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as problem:
        raise error(f"{origin}: {expectation(problem)}; {advice}") from problem
    except RecursionError as problem:
        raise error(f"{origin}: is nested too deeply; {advice}") from problem
    except ValueError as problem:
        raise error(f"{origin}: not valid JSON ({_short(str(problem))}); {advice}") from problem


def convert(value: object, kind: type[_Value], *, origin: str, error: type[SyncNasError], advice: str) -> _Value:
    """Converts what a JSON text was parsed to into a value of this type, as strictly as `parse`.

    Raises:
        error: it does not have this type.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as problem:
        raise error(f"{origin}: {expectation(problem)}; {advice}") from problem
    except RecursionError as problem:
        raise error(f"{origin}: is nested too deeply; {advice}") from problem


def read(path: Path, kind: type[_Value], *, limit_bytes: int, error: type[SyncNasError], advice: str) -> _Value:
    """Reads and parses a JSON file: `read_bytes` and `parse` in one."""
    data = read_bytes(path, limit_bytes=limit_bytes, error=error, advice=advice)
    return parse(data, kind, origin=str(path), error=error, advice=advice)


def expectation(problem: msgspec.ValidationError) -> str:
    """Returns what msgspec found wrong in words for people: ``units[0].n: expected a whole number >= 0``."""
    match = _AT.fullmatch(str(problem))
    assert match is not None, "the pattern matches every text"
    what, place = match["what"], match["place"] or ""
    for code, words in _WORDS.items():
        what = what.replace(code, words)
    what = what.replace("Object missing required field", "a field is missing:").replace(
        "Object contains unknown field", "an unknown field:"
    )
    what = _short(what.replace("`", ""))
    field = place.removeprefix("key in ").removeprefix("$").removeprefix(".")
    return f"{field}: {what[:1].lower()}{what[1:]}" if field else f"{what[:1].lower()}{what[1:]}"


def _short(text: str) -> str:
    text = one_line(text)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 3]}..."


def _refuse_repeated_keys(data: bytes | str) -> None:
    """msgspec takes the last of several values without a word; which one was meant, nobody can tell."""
    json.loads(data, object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=str, parse_float=str)


def _unique(pairs: list[tuple[str, Any]]) -> None:
    keys: set[str] = set()
    for key, _ in pairs:
        if key in keys:
            raise ValueError(f"the key '{_short(key)}' stands twice in one object")
        keys.add(key)


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not a number that JSON has")
