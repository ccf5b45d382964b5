"""The result of a comparison, whatever was compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from report.comparing.accuracies import Accuracies
from report.comparing.effects import LEVEL, Row, Whole, judged

TABLES: Final = "tables"
CERTIFICATES: Final = "certificates"
RUNS: Final = "runs"


@dataclass(frozen=True)
class Comparison:
    """Differences between two measurements of one `kind`.

    Attributes:
        whole: everything that both have, or of runs their latency from end to end; None if they have nothing in common.
        wholes: per unit and kind of cost.
        rows: the ones that are proven first, and the largest differences first.
        differences: in what the origins differ, in words.
        notes: sentences on what counts and what does not.
        only_first, only_second: the number of costs that one side alone has.
        accuracies: errors of predictions on both sides, of certificates.
    """

    kind: str
    margin: float
    whole: Whole | None
    wholes: tuple[Whole, ...]
    rows: tuple[Row, ...]
    differences: tuple[str, ...]
    notes: tuple[str, ...]
    only_first: int
    only_second: int
    accuracies: Accuracies | None = None

    @property
    def verdict(self) -> str:
        """``slower``, ``faster`` or ``no difference shown``, of the second side as a whole."""
        return self.whole.verdict(self.margin) if self.whole is not None else "nothing in common"

    def exceeds(self, limit: float) -> bool:
        """Tells whether the second side is proven to be slower by more than `limit`, a fraction.

        Of runs, that is their latency from end to end; of tables and certificates, everything together, a unit's costs, or a single one.
        """
        wholes = [] if self.whole is None else [self.whole]
        wholes += [] if self.kind == RUNS else [whole for whole in self.wholes if whole.rows > 1]
        if any(whole.ratio > 1 and (chance := whole.chance(limit)) is not None and chance <= LEVEL for whole in wholes):
            return True
        rows = [] if self.kind == RUNS else judged([row.pair for row in self.rows], limit)
        return any(row.is_proven and row.ratio > 1 for row in rows)
