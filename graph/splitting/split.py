"""Splits as plans, profiles and tables name them."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

MAX_ARMS: Final = 16
_MAX_NUMBER: Final = 1 << 31

_Groups = Annotated[int, msgspec.Meta(ge=1, le=_MAX_NUMBER)]


class Split(msgspec.Struct, frozen=True, forbid_unknown_fields=True, order=True):
    """A stretch that runs as arms.

    Attributes:
        opens: number of the first operator of the stretch, in the network's file.
        groups: how many of the stretch's groups of channels each arm has, in order; all of them together.
    """

    opens: Annotated[int, msgspec.Meta(ge=0, le=_MAX_NUMBER)]
    groups: Annotated[tuple[_Groups, ...], msgspec.Meta(min_length=2, max_length=MAX_ARMS)]
