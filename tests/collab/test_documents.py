"""Documents from outside: typed, bounded, and refused with a sentence that names file and field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collab.documents import Count, LatencyUs, Natural, Sha256, Text, parse, read, read_bytes
from collab.errors import TableError
from tests.borders.fuzzing import fuzz, watched
from tests.borders.mutation import mutate_json


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Text
    n: Count
    median_us: LatencyUs


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Natural
    rows: tuple[_Row, ...]
    digest: Sha256
    more: dict[str, Any] = msgspec.field(default_factory=dict)


_GOOD = {"format": 2, "rows": [{"name": "x", "n": 3, "median_us": 1.5}], "digest": "0" * 64, "more": {"a": [1, {"b": None}]}}


def _parse(text: bytes | str) -> _File:
    return parse(text, _File, origin="meta.json", error=TableError, advice="measure again")


def test_a_good_document_becomes_values() -> None:
    assert _parse(json.dumps(_GOOD)).rows == (_Row("x", 3, 1.5),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"format": 2}', "a field is missing: rows"),
        ('{"format": -1}', "format: expected a whole number >= 0"),
        ('{"format": 2.0}', "format: expected a whole number, got a number"),
        ('{"format": true}', "format: expected a whole number, got true or false"),
        ('{"format": ' + "9" * 400 + "}", "format: expected a whole number <="),
        ('{"format": 1, "rows": [{"name": "x", "n": 0}]}', "rows[0].n: expected a whole number >= 1"),
        ('{"format": 1, "rows": [{"name": "x", "n": 1, "median_us": 1e300}]}', "rows[0].median_us: expected a number <="),
        ('{"format": 1, "rows": [{"name": "x", "n": 1, "median_us": NaN}]}', "NaN is not a number that JSON has"),
        ('{"format": 1, "rows": [{"name": "x", "n": 1, "median_us": 1e999}]}', "out of range"),
        ('{"format": 1, "format": 1}', "the key 'format' stands twice"),
        ('{"format": 1, "\\u001b[2J": 1, "\\u001b[2J": 1}', "the key '\\x1b[2J' stands twice"),
        ('{"format": 1, "colour": 1}', "an unknown field: colour"),
        ("[" * 100_000, "not valid JSON|nested too deeply|expected an object"),
        ('{"format": 1, "more": ' + '{"a":' * 100_000, "not valid JSON|nested too deeply"),
        ('{"digest": "\\ud800"}', "not valid JSON"),
        ("", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(text: str | bytes, said: str) -> None:
    with pytest.raises(TableError) as refused:
        _parse(text)
    sentence = str(refused.value)
    assert any(alternative in sentence for alternative in said.split("|")), sentence
    assert sentence.startswith("meta.json: ")
    assert sentence.endswith("; measure again")


def test_sixty_thousand_keys_before_a_repeated_one_take_no_time() -> None:
    keys = ", ".join(f'"k{number}": 0' for number in range(60_000))
    with watched(), pytest.raises(TableError, match="stands twice"):
        _parse(f'{{{keys}, "k59999": 1}}')


def test_a_large_or_missing_file_is_refused(tmp_path: Path) -> None:
    def take(path: Path) -> object:
        return read_bytes(path, limit_bytes=1 << 20, error=TableError, advice="name another")

    with pytest.raises(TableError, match="cannot be read"):
        take(tmp_path / "nothing")
    with pytest.raises(TableError, match="cannot be read"):
        take(tmp_path)
    with pytest.raises(TableError, match="no path of a file"):
        take(tmp_path / "a\0b")
    large = tmp_path / "large"
    large.write_bytes(b" " * ((1 << 20) + 1))
    with pytest.raises(TableError, match="larger than 1 MiB"):
        take(large)


def test_hostile_documents_are_values_or_sentences(tmp_path: Path) -> None:
    path = tmp_path / "file.json"

    def feed(data: bytes) -> None:
        path.write_bytes(data)
        read(path, _File, limit_bytes=1 << 20, error=TableError, advice="measure again")

    counts = fuzz("documents", lambda generator: mutate_json(_GOOD, generator), feed)
    assert counts["refused"] > 0
