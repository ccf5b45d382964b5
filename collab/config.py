"""Model configs: the JSON of the SyncNAS release as frozen dataclasses, checked as a whole.

A *base* model has one branch per stage and no syncs; a *collaborative* one has the same number of branches in
every stage and a sync letter after each. The format:

* ``stem``, ``head``: ``[in_c, out_c, kernel, stride]``
* ``"0"``, ``"1"`` ...: a stage; a list of blocks ``[in_size, kernel, stride, in_c, exp_c, out_c]``, or, in a collaborative model,
  an object from branch (``"0"``, ``"1"`` ...) to such a list
* ``sync``: a letter per stage, ``n``one, ``a``dd or ``c``oncat; the last stage is always synced
* ``name``, ``act`` (``ReLU`` or ``ReLU6``), ``bn_momentum``, and optionally ``eps`` and ``num_classes`` (1000)

Unknown keys are kept. The order of keys is kept. Sizes are those of square feature maps, channels are counts.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from collab.blocks import ACTIVATIONS, MAX_EXTENT, Head, MBConv, Stem
from collab.errors import ConfigError

SYNCS: Final = ("n", "a", "c")
DEFAULT_CLASSES: Final = 1000
DEFAULT_EPS: Final = 1e-5
ZOO: Final = Path(__file__).parent / "zoo"
_KNOWN: Final = ("name", "act", "stem", "head", "sync", "bn_momentum", "eps", "num_classes")
_MAX_CONFIG_BYTES: Final = 4 << 20
FINE: Final = ":blocks"
"""Behind a base model's name: the same model with each block as a stage of its own, so that a sync may follow any block."""


@dataclass(frozen=True)
class Stage:
    """The blocks between two possible sync points: `branches[b]` are those of branch b; `sync` is None in a base model."""

    branches: tuple[tuple[MBConv, ...], ...]
    sync: str | None

    @property
    def out_c(self) -> int:
        """Channels of what the following stage takes in."""
        outs = [blocks[-1].out_c for blocks in self.branches]
        return sum(outs) if self.sync == "c" else outs[0]


@dataclass(frozen=True)
class ModelConfig:
    """One model. Build it with `load`, `parse` or `from_document`, which check it."""

    name: str
    stem: Stem
    stages: tuple[Stage, ...]
    head: Head
    bn_momentum: float
    eps: float
    document: Mapping[str, Any]
    """The JSON object that it was read from, for writing it unchanged."""

    @property
    def is_collaborative(self) -> bool:
        return self.stages[0].sync is not None

    @property
    def branches(self) -> int:
        return len(self.stages[0].branches)

    @property
    def strategy(self) -> str:
        """One sync letter per stage, e.g. ``annnana``; of a base model the empty string."""
        return "".join(stage.sync or "" for stage in self.stages)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference, all branches together."""
        return self.stem.macs + self.head.macs + sum(block.macs for block in self.blocks)

    @property
    def params(self) -> int:
        return self.stem.params + self.head.params + sum(block.params for block in self.blocks)

    @property
    def blocks(self) -> tuple[MBConv, ...]:
        """All MBConv blocks, stage by stage, branch by branch."""
        return tuple(block for stage in self.stages for branch in stage.branches for block in branch)

    def to_json(self) -> str:
        """The config as JSON text, with all keys in the order in which they were read."""
        return json.dumps(self.document) + "\n"

    @property
    def sha256(self) -> str:
        """Hash of what the config says, whatever its white space and order of keys."""
        return hashlib.sha256(json.dumps(self.document, sort_keys=True).encode()).hexdigest()


def zoo_names() -> tuple[str, ...]:
    """Names of the models that come with the toolkit."""
    return tuple(sorted(path.stem for path in ZOO.glob("*.json")))


def load(model: str | Path) -> ModelConfig:
    """A model of the zoo by its name, or a config file by its path; a base model with ``:blocks`` behind it in stages of one block.

    Raises:
        ConfigError: no such model, unreadable file, or a config that is refused.
    """
    if isinstance(model, str) and model.endswith(FINE) and not Path(model).exists():
        return in_single_blocks(load(model.removesuffix(FINE)))
    if isinstance(model, str) and model in zoo_names():
        path = ZOO / f"{model}.json"
    else:
        path = Path(model)
        if not path.is_file():
            raise ConfigError(f"no model '{model}': neither a file nor one of the zoo ({', '.join(zoo_names())})")
    try:
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            raise ConfigError(f"{path}: larger than {_MAX_CONFIG_BYTES >> 20} MiB, which no model config is")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as UTF-8 text ({error})") from error
    return parse(text, origin=str(path))


def in_single_blocks(base: ModelConfig) -> ModelConfig:
    """A base model with every block as a stage of its own: the network is the same, but a sync may follow any block.

    Raises:
        ConfigError: it is a collaborative model.
    """
    if base.is_collaborative:
        raise ConfigError(f"{base.name}: is a collaborative model, whose syncs stand where they stand; {FINE} is for base models")
    rows = [row for index in range(len(base.stages)) for row in base.document[str(index)]]
    document = {key: value for key, value in base.document.items() if not key.isdigit()}
    name = f"{base.name}_blocks"
    return from_document({**document, "name": name, **{str(index): [row] for index, row in enumerate(rows)}}, origin=name)


def parse(text: str, *, origin: str = "config") -> ModelConfig:
    """Reads a config from JSON text; `origin` names it in errors."""
    try:
        document = json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{origin}: not valid JSON ({error})") from error
    return from_document(document, origin=origin)


def from_document(document: Any, *, origin: str = "config") -> ModelConfig:
    """Checks a parsed JSON object and builds the config.

    Raises:
        ConfigError: names the field and the reason.
    """
    return _Reader(origin).model(document)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [key for key, _ in pairs]
        raise ValueError(f"the key '{next(n for n in names if names.count(n) > 1)}' stands twice in one object")
    return result


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not a number that a config may hold")


class _Reader:
    """Walks the document; every refusal names the origin, the field and the reason."""

    def __init__(self, origin: str) -> None:
        self._origin = origin

    def _refuse(self, field: str, reason: str) -> ConfigError:
        return ConfigError(f"{self._origin}: {field}: {reason}")

    def model(self, document: Any) -> ModelConfig:
        if not isinstance(document, dict):
            raise self._refuse("top level", "must be a JSON object")
        for field in ("name", "act", "stem", "head", "0", "bn_momentum"):
            if field not in document:
                raise self._refuse(field, "is missing")
        name = document["name"]
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_.\-]{1,128}", name):
            raise self._refuse("name", "must be 1 to 128 letters, digits, '_', '.' or '-'")
        act = document["act"]
        if not isinstance(act, str) or act not in ACTIVATIONS:
            raise self._refuse("act", f"is {act!r}; one of {', '.join(ACTIVATIONS)}")
        stages = self._stages(document, ACTIVATIONS[act])
        stem = self._stem(document["stem"], stages[0], ACTIVATIONS[act])
        self._check_chain(stem, stages)
        head = self._head(document, stages[-1], ACTIVATIONS[act])
        return ModelConfig(
            name=name,
            stem=stem,
            stages=stages,
            head=head,
            document=document,
            bn_momentum=self._fraction("bn_momentum", document["bn_momentum"]),
            eps=self._fraction("eps", document.get("eps", DEFAULT_EPS)),
        )

    def _integers(self, field: str, value: Any, names: tuple[str, ...]) -> list[int]:
        form = f"[{', '.join(names)}]"
        if not isinstance(value, list) or len(value) != len(names):
            raise self._refuse(field, f"must be {form}, is {json.dumps(value)[:80]}")
        for name, number in zip(names, value, strict=True):
            if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MAX_EXTENT:
                raise self._refuse(field, f"{name} must be a whole number from 1 to {MAX_EXTENT}, is {json.dumps(number)[:80]}")
            if name == "kernel" and number % 2 == 0:
                raise self._refuse(field, f"kernel must be odd, is {number}")
        return value

    def _fraction(self, field: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1:
            raise self._refuse(field, f"must be a number above 0 and at most 1, is {value!r}")
        return float(value)

    def _stages(self, document: dict[str, Any], act: str) -> tuple[Stage, ...]:
        count = 0
        while str(count) in document:
            count += 1
        stray = [key for key in document if key.isdigit() and key not in map(str, range(count))]
        if stray:
            raise self._refuse(stray[0], f"stages must be numbered 0, 1, 2 ... without a gap; stage {count} is missing")
        if not isinstance(document["0"], (dict, list)):
            raise self._refuse("0", "must be a list of blocks, or an object from branch to list of blocks")
        collaborative = isinstance(document["0"], dict)
        syncs = self._syncs(document, count, collaborative=collaborative)
        stages = tuple(
            Stage(self._branches(str(index), document[str(index)], act, collaborative=collaborative), syncs[index])
            for index in range(count)
        )
        for index, stage in enumerate(stages):
            if len(stage.branches) != len(stages[0].branches):
                raise self._refuse(str(index), f"has {len(stage.branches)} branches, stage 0 has {len(stages[0].branches)}")
        return stages

    def _syncs(self, document: dict[str, Any], count: int, *, collaborative: bool) -> list[str | None]:
        if not collaborative:
            if "sync" in document:
                raise self._refuse("sync", "is given, but stage 0 has no branches to synchronise")
            return [None] * count
        letters = document.get("sync")
        if isinstance(letters, str):
            letters = list(letters)
        if not isinstance(letters, list) or len(letters) != count:
            raise self._refuse("sync", f"must be a list of {count} letters, one per stage")
        for index, letter in enumerate(letters):
            if letter not in SYNCS:
                raise self._refuse("sync", f"letter {index} is {json.dumps(letter)[:40]}; one of n (none), a (add), c (concat)")
        if letters[-1] == "n":
            raise self._refuse("sync", "the last stage must be synced (a or c): the head needs the features of all branches")
        return list(letters)

    def _branches(self, field: str, value: Any, act: str, *, collaborative: bool) -> tuple[tuple[MBConv, ...], ...]:
        if not collaborative:
            return (self._block_list(field, value, act),)
        if not isinstance(value, dict) or len(value) < 2 or list(value) != [str(b) for b in range(len(value))]:
            raise self._refuse(field, 'must be an object of branches "0", "1" ... (at least two), like stage 0')
        return tuple(self._block_list(f"{field}.{branch}", blocks, act) for branch, blocks in value.items())

    def _block_list(self, field: str, value: Any, act: str) -> tuple[MBConv, ...]:
        if not isinstance(value, list) or not value:
            raise self._refuse(field, "must be a list of at least one block")
        return tuple(self._block(f"{field}[{index}]", item, act) for index, item in enumerate(value))

    def _block(self, field: str, value: Any, act: str) -> MBConv:
        names = ("in_size", "kernel", "stride", "in_c", "exp_c", "out_c")
        in_size, kernel, stride, in_c, exp_c, out_c = self._integers(field, value, names)
        return MBConv(in_size, kernel, stride, in_c, exp_c, out_c, act)

    def _stem(self, value: Any, first: Stage, act: str) -> Stem:
        in_c, out_c, kernel, stride = self._integers("stem", value, ("in_c", "out_c", "kernel", "stride"))
        in_size = first.branches[0][0].in_size * stride
        if in_size > MAX_EXTENT:
            raise self._refuse("stem", f"an input of {in_size} x {in_size} follows from stride {stride} and stage 0: too large")
        return Stem(in_size, kernel, stride, in_c, out_c, act)

    def _check_chain(self, stem: Stem, stages: tuple[Stage, ...]) -> None:
        count = len(stages[0].branches)
        sizes, channels = [stem.out_size] * count, [stem.out_c] * count
        for index, stage in enumerate(stages):
            for branch, blocks in enumerate(stage.branches):
                prefix = f"{index}.{branch}" if stage.sync is not None else str(index)
                for number, block in enumerate(blocks):
                    self._check_block(f"{prefix}[{number}]", block, sizes[branch], channels[branch])
                    sizes[branch], channels[branch] = block.out_size, block.out_c
            if len(set(sizes)) != 1:
                raise self._refuse(str(index), f"the branches end at different sizes: {sizes}")
            if stage.sync == "a" and len(set(channels)) != 1:
                raise self._refuse(str(index), f"sync 'a' adds the branches, but they emit {channels} channels")
            if stage.sync in ("a", "c"):
                channels = [stage.out_c] * count

    def _check_block(self, field: str, block: MBConv, size: int, channels: int) -> None:
        if block.in_size != size:
            raise self._refuse(field, f"in_size is {block.in_size}, but {size} follows from the sizes and strides before it")
        if block.in_c != channels:
            raise self._refuse(
                field,
                f"in_c is {block.in_c}, but what comes before it emits {channels} channels"
                " (after a concat: the sum of the branches' shares)",
            )

    def _head(self, document: dict[str, Any], last: Stage, act: str) -> Head:
        in_c, hidden_c, kernel, stride = self._integers("head", document["head"], ("in_c", "out_c", "kernel", "stride"))
        if in_c != last.out_c:
            raise self._refuse("head", f"in_c is {in_c}, but the last stage hands over {last.out_c} channels")
        classes = document.get("num_classes", DEFAULT_CLASSES)
        if isinstance(classes, bool) or not isinstance(classes, int) or not 1 <= classes <= MAX_EXTENT:
            raise self._refuse("num_classes", f"must be a whole number from 1 to {MAX_EXTENT}, is {classes!r}")
        return Head(last.branches[0][-1].out_size, kernel, stride, in_c, hidden_c, classes, act)
