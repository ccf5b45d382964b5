"""Rehearsals of a network of others: its own blocks on two units, as random placements have them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from graph.scheduling import CutNetwork

SEED: Final = 0x5265
"""Seed of rehearsed placements: fixed, so that a resumed profile draws them again. A certificate draws with another, 0 by default."""
_FEWEST: Final = 8
"""So many there are of any network, however large."""
_MOST_BYTES: Final = 1 << 29
"""Else all of them together take no more than this on the device."""
_TEXT: Final = re.compile(r"(?=.*0)(?=.*1)[01]{2,65536}")


@dataclass(frozen=True)
class PlacedRehearsal:
    """A placement of all blocks of a profile's network: for each one, in order, the digit of its role, 0 or 1."""

    roles: str

    def __post_init__(self) -> None:
        if not _TEXT.fullmatch(self.roles):
            raise ValueError("a rehearsal of a network has a digit for each of its blocks, 0 or 1, and either of them once at least")

    @property
    def name(self) -> str:
        """A short name that no two rehearsals of a network share: the first 12 hexadecimal digits of the SHA-256 of its roles."""
        return hashlib.sha256(f"blocks {self.roles}".encode()).hexdigest()[:12]

    def on(self, one: str, other: str) -> tuple[str, ...]:
        """Returns the unit of each block."""
        return tuple(one if role == "0" else other for role in self.roles)


def draw_placed(cut: CutNetwork, count: int) -> list[PlacedRehearsal]:
    """Returns so many rehearsals of a network; fewer of a large one, or where its blocks cannot be placed in so many ways."""
    from graph.random_placements import random_placements

    affordable = max(_MOST_BYTES // max(len(cut.network.source.data), 1), _FEWEST)
    found = random_placements(cut, ("0", "1"), min(count, affordable), seed=SEED)
    return [PlacedRehearsal("".join(placed)) for placed in found]
