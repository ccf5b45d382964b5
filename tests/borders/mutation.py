"""Seeded mutators: what a file looks like after an accident, another program, or an attacker."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Sequence
from typing import Any, Final

HOSTILE_VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, 1, -1, 2, 7, 0.5, -0.5, 1e-320, 1e25, 1e300, -1e300, 1e308),
    *(2**31, 2**53, 2**63 - 1, 2**63, 2**64, 10**25, 10**400),
    *("", " ", "0", "-1", "nan", "inf", "x" * 120, "x" * 5000, "\x00", "a\x00b", "\ud800", "\x1b[2J", "[red]", "[/]", "\u202e"),
    *("../../x", "/etc/passwd", ".", "..", "a/b", "ä", "ﬃ", "\n"),
    *([], {}, [None], [[]], {"": 0}, {"0": {}}, [0] * 1000),
)
"""Each of them has ended a program of somebody's."""

HOSTILE_TOKENS: Final = (
    *(b"NaN", b"Infinity", b"-Infinity", b"1e999", b"1e300", b"-0", b"0.5", b"9" * 400, b"9" * 5000),
    *(b"\x00", b"\xff", b"\xed\xa0\x80", b'"\\ud800"', b"\xef\xbb\xbf", b"null", b"true", b"[" * 2000, b'{"a":' * 2000),
    *(b"\r", b"\n", b"\n\n", b",", b'"', b"{}", b"[]", b"\\", b"/../", b"#", b";"),
)


def mutate_document(document: Any, generator: random.Random, *, most: int = 3) -> Any:
    """A copy of a JSON document with one to `most` of its values, keys or lists changed."""
    changed = copy.deepcopy(document)
    for _ in range(generator.randint(1, most)):
        changed = _mutate_once(changed, generator)
    return changed


def mutate_bytes(data: bytes, generator: random.Random, *, most: int = 3) -> bytes:
    """A copy of a file with one to `most` damages."""
    for _ in range(generator.randint(1, most)):
        data = _damage_once(data, generator)
    return data


def mutate_json(document: Any, generator: random.Random) -> bytes:
    """A JSON file of a changed document; of each three one is damaged as bytes besides or instead."""
    kind = generator.randrange(3)
    text = to_json(mutate_document(document, generator) if kind < 2 else document)
    return text if kind == 0 else mutate_bytes(text, generator)


def mutate_json_or_one_value(document: Any, generator: random.Random, plausible: Sequence[Any]) -> bytes:
    """As `mutate_json`; half of the time instead nothing but one value differs, which is one of the `plausible` ones, or not even that."""
    if generator.random() < 0.5:
        return mutate_json(document, generator)
    changed = copy.deepcopy(document)
    owner: Any = changed
    while True:
        key = generator.choice(list(owner) if isinstance(owner, dict) else range(len(owner)))
        if not isinstance(owner[key], (dict, list)) or not owner[key]:
            break
        owner = owner[key]
    owner[key] = generator.choice([owner[key], *plausible])
    return to_json(changed)


def to_json(document: Any) -> bytes:
    """JSON as other programs may write it: NaN, infinities and halves of characters go through."""
    return json.dumps(document).encode()


def _mutate_once(document: Any, generator: random.Random) -> Any:
    places = _places(document)
    if not places or generator.random() < 0.02:
        return copy.deepcopy(generator.choice(HOSTILE_VALUES))
    owner, key = generator.choice(places)
    action = generator.randrange(6)
    if action == 0:
        del owner[key]
    elif action == 1 and isinstance(owner, dict):
        owner[generator.choice(("", "x", "0", "\x00", "format", "units", "name", str(key) + "_"))] = owner.pop(key)
    elif action == 1:
        owner.insert(key, copy.deepcopy(owner[key]))
    elif action == 2 and isinstance(owner[key], (int, float)) and not isinstance(owner[key], bool) and abs(owner[key]) < 1e300:
        owner[key] = owner[key] * generator.choice((-1, 0, 2, 10, 1e6, 1e30)) + generator.choice((0, 1, -1, 0.5))
    else:
        owner[key] = copy.deepcopy(generator.choice(HOSTILE_VALUES))
    return document


def _places(document: Any) -> list[tuple[Any, Any]]:
    """Every place of a value: the list or object that holds it, and its index or key."""
    found: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting:
        owner = waiting.pop()
        keys = list(owner) if isinstance(owner, dict) else range(len(owner)) if isinstance(owner, list) else ()
        for key in keys:
            found.append((owner, key))
            waiting.append(owner[key])
    return found


def _damage_once(data: bytes, generator: random.Random) -> bytes:
    at = generator.randrange(len(data) + 1)
    end = min(len(data), at + generator.choice((1, 1, 2, 8, 64, 1024)))
    action = generator.randrange(7)
    if action == 0:
        return data[:at]
    if action == 1:
        return data[:at] + data[end:]
    if action == 2:
        return data[:end] + data[at:]
    if action == 3:
        return data[:at] + generator.choice(HOSTILE_TOKENS) + data[at:]
    if action == 4:
        return data[:at] + generator.choice(HOSTILE_TOKENS) + data[end:]
    if action == 5:
        return data[:at] + bytes(generator.randrange(256) for _ in range(end - at)) + data[end:]
    if at == len(data) or generator.random() < 0.1:
        return b""
    return data[:at] + bytes([data[at] ^ (1 << generator.randrange(8))]) + data[at + 1 :]
