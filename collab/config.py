"""Model configs: the JSON of the SyncNAS release, read into a `ModelConfig` and checked as a whole.

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

import json
import re
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias, TypeVar

import msgspec

from collab import documents
from collab.blocks import (
    ACTIVATIONS,
    BYTES_PER_VALUE,
    MAX_BRANCHES,
    MAX_EXTENT,
    MAX_TENSOR_BYTES,
    Block,
    Head,
    MBConv,
    Stem,
    check_memory,
)
from collab.documents import read_bytes
from collab.errors import ConfigError
from collab.model import ModelConfig, Stage
from collab.names import NAME_RULE, derived_name, is_model_name, shown

_Value = TypeVar("_Value")

Extent: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=MAX_EXTENT)]
_Share: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=1)]

SYNCS: Final = ("n", "a", "c")
DEFAULT_CLASSES: Final = 1000
DEFAULT_EPS: Final = 1e-5
ZOO: Final = Path(__file__).parent / "zoo"
MAX_STAGES: Final = 1024
MAX_BLOCKS: Final = 4096
"""The most blocks of all branches together."""
MAX_MACS: Final = 10**13
"""The most multiply-accumulates of one inference: the reference output then takes an hour, and a phone as long for each sample."""
_ADVICE: Final = "docs and collab/zoo show what a config looks like"
_KNOWN: Final = ("name", "act", "stem", "head", "sync", "bn_momentum", "eps", "num_classes")
_MAX_CONFIG_BYTES: Final = 4 << 20
FINE: Final = ":blocks"
"""Stands behind a base model's name for that model with each block as a stage of its own, so that a sync may follow any block."""


def zoo_names() -> tuple[str, ...]:
    """Returns the names of the models that come with the toolkit."""
    return tuple(sorted(path.stem for path in ZOO.glob("*.json")))


def load(model: str | Path) -> ModelConfig:
    """Loads a model of the zoo by its name, or a config file by its path; a base model with ``:blocks`` behind it in stages of one block.

    Raises:
        ConfigError: no such model, unreadable file, or a config that is refused.
    """
    if isinstance(model, str) and model.endswith(FINE) and not _is_there(Path(model)):
        return in_single_blocks(load(model.removesuffix(FINE)))
    if isinstance(model, str) and model in zoo_names():
        path = ZOO / f"{model}.json"
    else:
        path = Path(model)
        if not str(model) or not _is_there(path):
            raise ConfigError(f"no model '{shown(str(model))}': neither a file nor one of the zoo ({', '.join(zoo_names())})")
    data = read_bytes(path, limit_bytes=_MAX_CONFIG_BYTES, error=ConfigError, advice=f"give a config or one of {', '.join(zoo_names())}")
    return _parsed(data, origin=str(path))


def _is_there(path: Path) -> bool:
    """Python 3.10 to 3.13 differ in what they raise for paths that cannot be."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def in_single_blocks(base: ModelConfig) -> ModelConfig:
    """Returns a base model with every block as a stage of its own: the network is the same, but a sync may follow any block.

    Raises:
        ConfigError: it is a collaborative model.
    """
    if base.is_collaborative:
        raise ConfigError(f"{base.name}: is a collaborative model, whose syncs stand where they stand; {FINE} is for base models")
    rows = [row for index in range(len(base.stages)) for row in base.document[str(index)]]
    document = {key: value for key, value in base.document.items() if not key.isdigit()}
    name = derived_name(f"{base.name}_blocks")
    return from_document({**document, "name": name, **{str(index): [row] for index, row in enumerate(rows)}}, origin=name)


def parse(text: str, *, origin: str = "config") -> ModelConfig:
    """Reads a config from JSON text; `origin` names it in errors."""
    return _parsed(text, origin=origin)


def _parsed(data: bytes | str, *, origin: str) -> ModelConfig:
    document = documents.parse(data, dict[str, Any], origin=origin, error=ConfigError, advice=_ADVICE)
    try:
        json.dumps(document)
    except ValueError as problem:
        # Python refuses to write whole numbers of more than 4300 digits; no config that we have read may be one that we cannot write.
        raise ConfigError(f"{origin}: holds a number that no program can write ({problem}); {_ADVICE}") from problem
    return from_document(document, origin=origin)


def from_document(document: Any, *, origin: str = "config") -> ModelConfig:
    """Checks a parsed JSON object and builds the config.

    Raises:
        ConfigError: names the field and the reason.
    """
    return _Reader(shown(origin, most=1000)).model(document)


class _Stem(msgspec.Struct, array_like=True, forbid_unknown_fields=True, frozen=True):
    in_c: Extent
    out_c: Extent
    kernel: Extent
    stride: Extent

    def __post_init__(self) -> None:
        _require_odd(self.kernel)


class _Row(msgspec.Struct, array_like=True, forbid_unknown_fields=True, frozen=True):
    in_size: Extent
    kernel: Extent
    stride: Extent
    in_c: Extent
    exp_c: Extent
    out_c: Extent

    def __post_init__(self) -> None:
        _require_odd(self.kernel)


def _require_odd(kernel: int) -> None:
    if kernel % 2 == 0:
        raise ValueError(f"kernel must be odd, is {kernel}")


_Rows: TypeAlias = Annotated[tuple[_Row, ...], msgspec.Meta(min_length=1, max_length=MAX_BLOCKS)]


class _Reader:
    """Walks the document; every refusal names the origin, the field and the reason."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._count = 0

    def _refuse(self, field: str, reason: str) -> ConfigError:
        return ConfigError(f"{self._origin}: {shown(field)}: {reason}")

    def _field(self, field: str, value: Any, kind: type[_Value]) -> _Value:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as problem:
            raise self._refuse(*_place_and_reason(field, problem, kind)) from problem

    def model(self, document: Any) -> ModelConfig:
        if not isinstance(document, dict):
            raise self._refuse("top level", "must be a JSON object")
        for field in ("name", "act", "stem", "head", "0", "bn_momentum"):
            if field not in document:
                raise self._refuse(field, "is missing")
        name = document["name"]
        if not isinstance(name, str) or not is_model_name(name):
            raise self._refuse("name", NAME_RULE)
        act = document["act"]
        if not isinstance(act, str) or act not in ACTIVATIONS:
            raise self._refuse("act", f"is {shown(repr(act), most=60)}; one of {', '.join(ACTIVATIONS)}")
        stages = self._stages(document, ACTIVATIONS[act])
        stem = self._stem(document["stem"], stages[0], ACTIVATIONS[act])
        self._check_chain(stem, stages)
        head = self._head(document, stages[-1], ACTIVATIONS[act])
        config = ModelConfig(
            name=name,
            stem=stem,
            stages=stages,
            head=head,
            document=document,
            bn_momentum=self._field("bn_momentum", document["bn_momentum"], _Share),
            eps=self._field("eps", document.get("eps", DEFAULT_EPS), _Share),
        )
        self._check_size(config)
        return config

    def _check_size(self, config: ModelConfig) -> None:
        blocks: list[Block] = [config.stem, *config.blocks, config.head]
        for block in blocks:
            check_memory(block, origin=f"{self._origin}: ")
        needed = config.params * BYTES_PER_VALUE
        if needed > MAX_TENSOR_BYTES:
            raise self._refuse(
                config.name,
                f"has weights of {needed / 2**30:.1f} GiB; at most {MAX_TENSOR_BYTES >> 30} GiB can be exported: make it smaller",
            )
        if config.macs > MAX_MACS:
            raise self._refuse(
                config.name, f"takes {config.macs:.1e} multiply-accumulates; at most {MAX_MACS:.0e} can be waited for: make it smaller"
            )

    def _stages(self, document: dict[str, Any], act: str) -> tuple[Stage, ...]:
        given = [key for key in document if isinstance(key, str) and key.isdigit()]
        if len(given) > MAX_STAGES:
            raise self._refuse("top level", f"has {len(given)} stages; at most {MAX_STAGES}")
        count = next(count for count in range(len(given) + 1) if str(count) not in document)
        if count < len(given):
            numbers = set(map(str, range(count)))
            stray = next(key for key in given if key not in numbers)
            raise self._refuse(stray, f"stages must be numbered 0, 1, 2 ... without a gap; stage {count} is missing")
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
            if not isinstance(letter, str) or letter not in SYNCS:
                raise self._refuse("sync", f"letter {index} is {shown(repr(letter), most=40)}; one of n (none), a (add), c (concat)")
        if letters[-1] == "n":
            raise self._refuse("sync", "the last stage must be synced (a or c): the head needs the features of all branches")
        return list(letters)

    def _branches(self, field: str, value: Any, act: str, *, collaborative: bool) -> tuple[tuple[MBConv, ...], ...]:
        if not collaborative:
            return (self._block_list(field, value, act),)
        if not isinstance(value, dict) or not 2 <= len(value) <= MAX_BRANCHES or list(value) != [str(b) for b in range(len(value))]:
            raise self._refuse(field, f'must be an object of branches "0", "1" ... (2 to {MAX_BRANCHES}), like stage 0')
        return tuple(self._block_list(f"{field}.{branch}", blocks, act) for branch, blocks in value.items())

    def _block_list(self, field: str, value: Any, act: str) -> tuple[MBConv, ...]:
        rows = self._field(field, value, _Rows)
        self._count += len(rows)
        if self._count > MAX_BLOCKS:
            raise self._refuse(field, f"with it the model has more than {MAX_BLOCKS} blocks")
        return tuple(MBConv(row.in_size, row.kernel, row.stride, row.in_c, row.exp_c, row.out_c, act) for row in rows)

    def _stem(self, value: Any, first: Stage, act: str) -> Stem:
        stem = self._field("stem", value, _Stem)
        in_size = first.branches[0][0].in_size * stem.stride
        if in_size > MAX_EXTENT:
            raise self._refuse("stem", f"an input of {in_size} x {in_size} follows from stride {stem.stride} and stage 0: too large")
        return Stem(in_size, stem.kernel, stem.stride, stem.in_c, stem.out_c, act)

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
        head = self._field("head", document["head"], _Stem)
        if head.in_c != last.out_c:
            raise self._refuse("head", f"in_c is {head.in_c}, but the last stage hands over {last.out_c} channels")
        classes = self._field("num_classes", document.get("num_classes", DEFAULT_CLASSES), Extent)
        return Head(last.branches[0][-1].out_size, head.kernel, head.stride, head.in_c, head.out_c, classes, act)


def _place_and_reason(field: str, problem: msgspec.ValidationError, kind: object) -> tuple[str, str]:
    """Returns where in a field msgspec found something wrong (``3.0[1]``) and what, with the number's name instead of its index."""
    if kind is _Share:
        return field, "must be a number above 0 and at most 1"
    place, _, reason = documents.expectation(problem).rpartition(": ")
    *_, last = re.findall(r"\[(\d+)\]", place) or [""]
    names = _Stem if kind is _Stem else _Row
    if not last or reason.startswith(("expected a list", "kernel")) or (kind is _Rows and place.count("[") < 2):
        form = f"; a {'list of blocks, each' if kind is _Rows else 'list'} of [{', '.join(names.__struct_fields__)}]"
        return f"{field}{place}", reason + (form if kind in (_Stem, _Rows) and not reason.startswith("kernel") else "")
    return f"{field}{place.removesuffix(f'[{last}]')}", f"{names.__struct_fields__[int(last)]}: {reason}"
