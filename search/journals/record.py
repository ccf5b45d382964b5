"""A space, and which of its leaves can be evaluated, as a journal holds them."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from collab.config import SYNCS
from collab.documents import Text
from collab.errors import ConfigError
from lut.prediction.replay import Ints
from search.engine.pool import Feasible
from search.engine.tree_search import ENUMERABLE
from search.problems.base import Problem
from search.space import Space

_Option: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=4095)]
_Options: TypeAlias = Annotated[tuple[_Option, ...], msgspec.Meta(min_length=1, max_length=4096)]


class SpaceRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The options of each decision of a space, and its feasible leaves.

    `feasible` has a bit for each leaf in the order of the codes, the first one the highest of the first byte; 1 says that the leaf can be
    evaluated. The bytes are given as base64; null stands for a space of more than `ENUMERABLE` leaves.
    """

    options: Annotated[tuple[_Options, ...], msgspec.Meta(min_length=2, max_length=512)]
    feasible: Text | None

    def space(self) -> Space:
        """Returns the space.

        Raises:
            ConfigError: the record is of none.
        """
        if any(list(options) != sorted(set(options)) for options in self.options):
            raise ConfigError("the options of a decision are not in ascending order")
        if any(options[-1] >= len(SYNCS) for options in self.options[:-1]):
            raise ConfigError(f"a stage has an option that is none of the syncs {', '.join(SYNCS)}")
        return Space(self.options)

    def feasible_codes(self) -> npt.NDArray[np.bool_] | None:
        """Returns, by code, whether a leaf can be evaluated, (leaves,); None where the space is too large.

        Raises:
            ConfigError: the record is of no space, or does not fit it.
        """
        size = self.space().size
        if size > ENUMERABLE:
            if self.feasible is not None:
                raise ConfigError(f"a space of {size} leaves is too large to say of each whether it can be evaluated")
            return None
        try:
            packed = base64.b64decode(self.feasible or "", validate=True)
        except (binascii.Error, ValueError) as error:
            raise ConfigError(f"the feasible leaves are no base64 ({error})") from error
        if len(packed) != -(-size // 8):
            raise ConfigError(f"the feasible leaves have {len(packed)} bytes, which do not fit a space of {size} leaves")
        return np.unpackbits(np.frombuffer(packed, np.uint8), count=size).astype(bool)


def feasible_of(record: SpaceRecord, feasible: Feasible) -> Feasible:
    """Returns a function that looks up which leaves can be evaluated; `feasible` itself where the record does not say it."""
    codes, space = record.feasible_codes(), record.space()
    if codes is None:
        return feasible

    def look_up(leaves: Ints) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = codes[space.codes(leaves)]
        return found

    return look_up


def record_of(problem: Problem) -> SpaceRecord:
    """Returns the record of a problem's space."""
    space = problem.space
    feasible: str | None = None
    if space.size <= ENUMERABLE:
        bits = np.packbits(problem.feasible(space.leaves(np.arange(space.size))))
        feasible = base64.b64encode(bits.tobytes()).decode("ascii")
    return SpaceRecord(options=space.options, feasible=feasible)
