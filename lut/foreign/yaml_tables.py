"""Latency tables of ProxylessNAS and once-for-all: YAML, one mapping per layer.

::

    expanded_conv-input:7x7x192-output:7x7x320-expand:6-kernel:5-stride:1-idskip:0:
      count: 154
      mean: 5.264
      var: 0.195

`mean` is in milliseconds and `count` the number of measurements, as an author says (github.com/mit-han-lab/once-for-all, issue 37).
The keys are those that ``ofa/nas/efficiency_predictor/latency_lookup_table.py`` asks for, and before it ProxylessNAS'
``LatencyEstimator``; there the sum of means over a network's layers is its latency. Tables may lie in mappings of their own, by
resolution for example.

The file is not trusted. It is read as a stream of YAML's events by the safe loader's parser, and no object is ever made of it: tags have no
effect, nesting takes no stack, and aliases, by which a small file can stand for a huge one, are refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from collab.errors import TableError
from lut.foreign.entries import (
    UNITS_OF_TIME_US,
    Entry,
    LeftOut,
    Source,
    parse_count,
    parse_latency_us,
    printable,
    read_text,
    refuse_too_many,
)

MAX_DEPTH: Final = 8
_ROOT: Final = "(top)"


@dataclass
class _Node:
    """A mapping or list that is still open. `values` are its plain values; `key` waits for its value."""

    name: str
    line: int
    is_list: bool
    key: str | None = None
    values: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


def read_yaml(path: Path) -> Source:
    """Reads the entries of one file.

    Raises:
        TableError: not YAML, not made of mappings, nested too deeply, with aliases, or too large.
    """
    import yaml

    text, sha256 = read_text(path)
    walker = _Walker(path)
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for event in yaml.parse(text, Loader=loader):
            walker.take(event, yaml)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be parsed"
        raise TableError(f"{path}{place}: not YAML ({problem}); is it the file of a latency table?") from None
    return Source(printable(path.name), sha256, tuple(walker.entries), tuple(walker.left_out))


class _Walker:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = printable(path.name)
        self._open: list[_Node] = []
        self.entries: list[Entry] = []
        self.left_out: list[LeftOut] = []

    def take(self, event: Any, yaml: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise TableError(f"{self._path}, line {line}: an alias (*{event.anchor}), which tables have no use for; write the value out")
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event.value, line)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._start(is_list=isinstance(event, yaml.SequenceStartEvent), tag=event.tag, line=line)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end(self._open.pop())

    def _scalar(self, text: str, line: int) -> None:
        node = self._open[-1] if self._open else None
        if node is None or node.is_list:
            return
        if node.key is None:
            node.key = printable(text)
            node.lines[node.key] = line
            return
        self._value(node, text)

    def _value(self, node: _Node, text: str) -> None:
        assert node.key is not None
        node.values[node.key] = "given twice" if node.key in node.values else text
        node.key = None
        refuse_too_many(len(node.values), self._path)

    def _start(self, *, is_list: bool, tag: str | None, line: int) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise TableError(f"{self._path}, line {line}: nested more than {MAX_DEPTH} deep; a table maps layers to mean and count")
        parent = self._open[-1] if self._open else None
        name = _ROOT
        if parent is not None and not parent.is_list:
            if parent.key is None:
                raise TableError(f"{self._path}, line {line}: a key that is no plain text; keys are the names of layers")
            name, line = parent.key, parent.lines[parent.key]
            if is_list:
                self._value(parent, tag or "a list")
            parent.key = None
        self._open.append(_Node(name, line, is_list))

    def _end(self, node: _Node) -> None:
        if node.is_list:
            return
        if "mean" in node.values and node.name != _ROOT:
            self._entry(node)
            return
        for key in node.values:
            self._leave_out(key, node.lines[key], "no mapping with the mean latency in it (mean: milliseconds)")

    def _entry(self, node: _Node) -> None:
        count = node.values.get("count")
        try:
            mean_us = parse_latency_us(node.values["mean"], factor_us=UNITS_OF_TIME_US["ms"], what="mean")
            n = parse_count(count, what="count") if count is not None else None
        except TableError as error:
            self._leave_out(node.name, node.line, str(error))
            return
        self.entries.append(Entry(node.name, f"{self._file}, line {node.line}", mean_us, "mean", n=n))
        refuse_too_many(len(self.entries), self._path)

    def _leave_out(self, name: str, line: int, reason: str) -> None:
        self.left_out.append(LeftOut(name, f"{self._file}, line {line}", reason))
        refuse_too_many(len(self.left_out), self._path)
