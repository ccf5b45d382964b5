"""Damaged models, and whether the runtime endures those that pass the checks."""

from __future__ import annotations

import contextlib
import os
import random
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from collab.errors import NetworkError
from graph.checking.rule import Checked, options_for
from graph.checking.rules import RULES
from graph.format.flatbuffer import Decoder, Record
from graph.format.schema import fields_of, names_of
from graph.format.source import Source
from graph.format.writing import IDENTIFIER, model_bytes
from graph.network import Network, Operator, Tensor
from graph.reading import network_of
from tests.graph.sample import NO_SOURCE
from tests.pages import REPOSITORY

HOSTILE_WORDS = (
    0,
    1,
    2,
    4,
    5,
    127,
    255,
    0xFFFFFFFF,
    0xFFFFFFFE,
    0x7FFFFFFF,
    0x80000000,
    0x7F800000,
    0x7FC00000,
    0x00010001,
    0x40000000,
    0x3F800000,
    0x00800000,
)
"""Small numbers, ends of ranges, infinity, NaN, the smallest normal float."""
_SMALL = (0, 1, 2, 3, 4, 7, 16, 17, 64, 1000, 65536, 2**24, 2**31 - 1, -1, -2, -(2**31))
_KEPT = {
    "name",
    "description",
    "version",
    "builtinOptionsType",
    "arraySegmentsType",
    "arrayIndicesType",
    "detailsType",
    "builtinOptions2Type",
    "buffer",
    "opcodeIndex",
}
_BATCH = 500
_BATCH_TAKES_AT_MOST_S = 300


def every_word(model: bytes) -> Iterator[bytes]:
    """The model with each of its words replaced, by numbers near it and by a hostile one."""
    for number, place in enumerate(range(0, len(model) - 3, 4)):
        (word,) = struct.unpack_from("<I", model, place)
        for other in (word + 1, word - 1, HOSTILE_WORDS[number % len(HOSTILE_WORDS)]):
            yield model[:place] + struct.pack("<I", other & 0xFFFFFFFF) + model[place + 4 :]


def damaged(model: bytes, generator: random.Random) -> bytes:
    """The model with one to three damages: a byte, a short or a word changed, words swapped, bytes put in or taken out, the end cut off."""
    data = bytearray(model)
    for _ in range(generator.choice((1, 1, 1, 2, 3))):
        kind, place = generator.randrange(12), generator.randrange(len(data) - 8)
        word = place // 4 * 4
        if kind < 5:
            data[word : word + 4] = struct.pack("<I", generator.choice(HOSTILE_WORDS))
        elif kind < 7:
            data[place] = generator.choice((0, 1, 2, 3, 255, 127, 128, generator.randrange(256)))
        elif kind < 9:
            (old,) = struct.unpack_from("<i", data, word)
            data[word : word + 4] = struct.pack("<I", (old + generator.choice((-8, -4, -1, 1, 2, 4, 8, 16, old))) & 0xFFFFFFFF)
        elif kind == 9:
            other = generator.randrange(len(data) // 4 - 1) * 4
            data[word : word + 4], data[other : other + 4] = data[other : other + 4], data[word : word + 4]
        elif kind == 10:
            data[place : place + 4] = generator.choice((b"", bytes(8)))
        else:
            del data[place:]
            data += bytes(16) if len(data) < 16 else b""
    return bytes(data)


def altered(model: Record, generator: random.Random) -> bytes:
    """The model with one to three of its numbers or lists of numbers changed, and shapes of outputs made to fit as far as can be."""
    for _ in range(generator.choice((1, 1, 2, 3))):
        model = _altered(model, generator)
    return model_bytes(_with_fitting_shapes(model), NO_SOURCE)


def _altered(value: Any, generator: random.Random) -> Any:
    """A record, a vector or a number with one of its parts changed, a few levels down."""
    if isinstance(value, Record):
        names = [name for name, part in value.values.items() if part is not None and not isinstance(part, str) and name not in _KEPT]
        # Lists of records hold most of what there is to change.
        weights = [len(value[name]) if isinstance(value[name], tuple) else 1 for name in names]
        if not names or not sum(weights):
            return value
        (name,) = generator.choices(names, weights)
        changed = _altered(value[name], generator)
        dtype = next(field.dtype for field in fields_of(value.table) if field.name == name)
        if isinstance(changed, int) and not isinstance(changed, bool) and dtype is not None:
            changed = _wrapped(changed, dtype)
        return value.replaced(**{name: changed})
    if isinstance(value, tuple):
        place = generator.randrange(len(value))
        return (*value[:place], _altered(value[place], generator), *value[place + 1 :])
    if isinstance(value, bytes):
        return _altered_bytes(value, generator)
    if isinstance(value, np.ndarray):
        return _altered_vector(value, generator)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return generator.choice((value + 1, value - 1, -value, *_SMALL))
    return generator.choice((0.0, -1.0, 1e-30, 1e30, float("inf"), float("nan"), value * 2))


def _altered_vector(values: np.ndarray[Any, Any], generator: random.Random) -> np.ndarray[Any, Any]:
    changed = values.copy()
    if not len(changed) or generator.random() < 0.15:
        return (
            np.append(changed, changed[-1:] if len(changed) else np.zeros(1, changed.dtype)) if generator.random() < 0.5 else changed[:-1]
        )
    place = generator.randrange(len(changed))
    if changed.dtype.kind == "f":
        changed[place] = generator.choice((0.0, -1.0, 1e-30, 1e-6, 1e6, 1e30, float("inf"), float("nan")))
    else:
        changed[place] = _wrapped(generator.choice((int(changed[place]) + 1, int(changed[place]) - 1, *_SMALL)), changed.dtype)
    return changed


def _wrapped(value: int, dtype: np.dtype[Any]) -> Any:
    """A whole number as a type of fewer bits has it."""
    if dtype.kind == "f":
        return float(value)
    return np.array([value & ((1 << 8 * dtype.itemsize) - 1)], np.uint64).astype(dtype)[0].item()


def _altered_bytes(data: bytes, generator: random.Random) -> bytes:
    if len(data) < 4:
        return data
    place = generator.randrange(len(data) // 4) * 4
    word = generator.choice((*_SMALL, *HOSTILE_WORDS)) & 0xFFFFFFFF
    return data[:place] + struct.pack("<I", word) + data[place + 4 :]


def _with_fitting_shapes(model: Record) -> Record:
    """The model with the shapes that its operators' rules compute, as far as the rules let them; the rest is refused by the checks."""
    source = Source("sample", memoryview(model_bytes(model, NO_SOURCE)))
    (written,) = model.records("subgraphs")
    shapes = [np.asarray(tensor["shape"]) for tensor in written.records("tensors")]
    with contextlib.suppress(NetworkError, LookupError, ValueError, TypeError, OverflowError, ZeroDivisionError, AssertionError):
        _compute_shapes(Decoder(source.data, origin="sample").root("Model", identifier=IDENTIFIER), source, shapes)
    fitting = tuple(
        entry.replaced(shape=np.clip(shape, -(2**31), 2**31 - 1).astype(np.int32), shapeSignature=None)
        for entry, shape in zip(written.records("tensors"), shapes, strict=True)
    )
    return model.replaced(subgraphs=(written.replaced(tensors=fitting),))


def _compute_shapes(read: Record, source: Source, shapes: list[np.ndarray[Any, Any]]) -> None:
    """Puts the shapes of outputs into the list, operator by operator, until a rule refuses one."""
    (graph,) = read.records("subgraphs")
    buffers = read.records("buffers")
    tensors = [
        Tensor(index, "", entry.vector("shape"), names_of("TensorType")[entry["type"]], buffers[entry["buffer"]]["data"], entry)
        for index, entry in enumerate(graph.records("tensors"))
    ]
    for index, entry in enumerate(graph.records("operators")):
        name = names_of("BuiltinOperator")[read.records("operatorCodes")[entry["opcodeIndex"]]["builtinCode"]]
        operator = Operator(index, name, 1, entry.vector("inputs"), entry.vector("outputs"), entry["builtinOptions"], entry)
        network = Network(source, tuple(tensors), (operator,), (), (), (), read)
        rule = RULES[name]
        for tensor, shape in zip(operator.outputs, rule.shapes(Checked(network, operator, options_for(operator, rule))), strict=False):
            tensors[tensor] = replace(tensors[tensor], shape=tuple(shape))
            shapes[tensor] = np.array(shape, np.int64)


@dataclass
class Outcome:
    """Counts of damaged models: refused by the checks, refused by the runtime, run; and those that ended its process, with how."""

    counts: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    crashes: list[tuple[int, str, bytes]] = field(default_factory=list)


def endured(models: Iterable[bytes], folder: Path) -> Outcome:
    """Feeds models to the checks, and those that pass to the runtime, in a process of its own."""
    outcome = Outcome()
    batch: list[tuple[int, bytes]] = []
    for number, model in enumerate(models):
        try:
            network_of(Source("m.tflite", memoryview(model)))
        except NetworkError as error:
            text = str(error)
            assert text.startswith("m.tflite"), text
            assert len(text.splitlines()) == 1, text
            assert len(text) < 500, text
            outcome.counts["refused"] += 1
            continue
        batch.append((number, model))
        if len(batch) == _BATCH:
            _run(batch, folder, outcome)
            batch = []
    if batch:
        _run(batch, folder, outcome)
    return outcome


def _run(batch: Sequence[tuple[int, bytes]], folder: Path, outcome: Outcome) -> None:
    packed, progress = folder / "models", folder / "progress"
    packed.write_bytes(b"".join(struct.pack("<I", len(model)) + model for _, model in batch))
    progress.write_text("")
    first = 0
    while first < len(batch):
        command = [sys.executable, "-m", "tests.graph.runtime_child", str(packed), str(progress), str(first)]
        with (folder / "said").open("w") as said:
            ended = subprocess.run(
                command,
                stdout=said,
                stderr=said,
                timeout=_BATCH_TAKES_AT_MOST_S,
                check=False,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            )
        lines = progress.read_text().splitlines()
        done = int(lines[-1].split()[0]) + 1 if lines else 0
        if ended.returncode == 0:
            break
        last = (folder / "said").read_text(errors="replace").strip().splitlines()[-1:] or [""]
        outcome.crashes.append((batch[done][0], f"status {ended.returncode}: {last[0][:300]}", batch[done][1]))
        with progress.open("a") as file:
            file.write(f"{done} crashed\n")
        first = done + 1
    for line in progress.read_text().splitlines():
        text = line.partition(" ")[2]
        outcome.counts["ran" if text == "ran" else "crashed" if text == "crashed" else "refused by the runtime"] += 1
        if text not in ("ran", "crashed"):
            outcome.refusals[text] += 1
