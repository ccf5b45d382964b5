"""Comparison of two folders of tables: where they differ, by how much, and whether that is proven.

Each row that both have is one ratio of medians, whose standard error comes from the visits of both (`lut.statistics`). A difference counts
as proven where it exceeds a margin by more than chance allows, at a false discovery rate of 5 % over all rows (Benjamini and Hochberg,
Controlling the false discovery rate, J. R. Statist. Soc. B 57, 1995). The margin stands for what visits of one profile cannot tell: that a
device is a little faster or slower on another day.

The errors of a few visits are themselves hardly known, so chance is Student's t with the degrees of freedom of both (Welch, The
generalization of Student's problem, Biometrika 34, 1947).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collab.errors import TableError
from lut.meta import Meta
from lut.statistics import degrees_of_freedom
from lut.tables import USABLE, BlockRow, HandoverRow, Tables

FALSE_DISCOVERIES: Final = 0.05
_FEWEST_ROWS: Final = 2
"""Rows without which there is no interval of a mean."""
_CONFIDENCE: Final = 0.95
_LEAST_ERROR_US: Final = 1 / 13 / math.sqrt(12)
"""Error of a time that is read off a counter of 13 MHz: the slowest known, of phones with MediaTek's processors (Linux's device trees).

Visits that all fall on the same tick have no spread, and still do not know their time better than this.
"""


@dataclass(frozen=True)
class Cost:
    """A cost in one of the tables, with its standard error over so many `visits`; None where it is not known."""

    us: float
    se_us: float | None
    visits: int | None


@dataclass(frozen=True)
class Row:
    """A row that both tables have. `what` is ``block``, ``call`` or ``hand-over``, `unit` its unit or both, `name` what tells it apart.

    `p` is the probability of such a difference, or a larger one, where the true one is within the margin; None where an error is unknown.
    """

    what: str
    unit: str
    name: str
    first: Cost
    second: Cost
    p: float | None
    is_proven: bool

    @property
    def ratio(self) -> float:
        return self.second.us / self.first.us


@dataclass(frozen=True)
class Change:
    """The geometric mean of the ratios of one unit's rows of a kind, with its interval of 95 % over rows; None for a single one.

    `slower` and `faster` count the rows in which that is proven.
    """

    what: str
    unit: str
    rows: int
    ratio: float
    interval: tuple[float, float] | None
    slower: int
    faster: int


@dataclass(frozen=True)
class Comparison:
    """Result of a comparison; `differences` says in what the origins differ, `only_first` and `only_second` count rows of one alone."""

    rows: tuple[Row, ...]
    changes: tuple[Change, ...]
    differences: tuple[str, ...]
    only_first: int
    only_second: int
    margin: float

    def exceeds(self, limit: float) -> bool:
        """Tells whether a row, or a unit as a whole, is proven to be slower in the second tables by more than `limit`, a fraction."""
        slower = [
            row for row in _judged([(row.what, row.unit, row.name, row.first, row.second) for row in self.rows], limit) if row.ratio > 1
        ]
        of_units = [change.interval is not None and change.interval[0] > 1 + limit for change in self.changes]
        return any(row.is_proven for row in slower) or any(of_units)


def compare(first: Tables, second: Tables, *, margin: float) -> Comparison:
    """Compares the costs of two tables.

    Args:
        margin: difference, as a fraction, up to which two tables count as alike.

    Raises:
        TableError: they have no row in common.
    """
    ours, theirs = _costs(first), _costs(second)
    common = [(*key, ours[key], theirs[key]) for key in ours if key in theirs]
    if not common:
        raise TableError("the two tables have no row in common: their units have other names, or their blocks are others")
    rows = tuple(_judged(common, margin))
    return Comparison(
        rows=rows,
        changes=tuple(_changes(rows)),
        differences=tuple(_origins(first.meta, second.meta)),
        only_first=len(ours.keys() - theirs.keys()),
        only_second=len(theirs.keys() - ours.keys()),
        margin=margin,
    )


_Key = tuple[str, str, str]


def _costs(tables: Tables) -> dict[_Key, Cost]:
    """Returns all costs that can be used, by kind, unit and name."""
    found = {
        ("call", unit, "a call alone"): Cost(timed.median_us, timed.se_us, timed.visits) for unit, timed in tables.meta.call_alone.items()
    }
    found |= {("block", row.unit, row.block): cost for row in tables.blocks if (cost := _block_cost(row)) is not None}
    for row in tables.transfers:
        cost = _handover_cost(row)
        if cost is not None:
            name = f"{row.bytes} bytes {row.shape}, {row.path}, {row.wait}, {row.pacing}"
            found["hand-over", f"{row.from_unit}>{row.to_unit}", name] = cost
    return found


def _block_cost(row: BlockRow) -> Cost | None:
    usable = row.status in USABLE and row.median_us is not None and row.median_us > 0
    return Cost(row.median_us, row.median_se_us, row.visits) if usable and row.median_us is not None else None


def _handover_cost(row: HandoverRow) -> Cost | None:
    """Returns what a hand-over takes from the sender's output to the receiver's input."""
    parts = (row.read_us, row.wakeup_us, row.write_us)
    errors = (row.read_se_us, row.wakeup_se_us, row.write_se_us)
    known = [part for part in parts if part is not None]
    if row.status not in USABLE or len(known) < len(parts) or sum(known) <= 0:
        return None
    told = [error for error in errors if error is not None]
    return Cost(sum(known), math.hypot(*told) if len(told) == len(errors) else None, row.visits)


def _judged(common: Sequence[tuple[str, str, str, Cost, Cost]], margin: float) -> Iterator[Row]:
    from scipy.stats import false_discovery_control

    judged = [(first, second) for *_, first, second in common if _is_known(first) and _is_known(second)]
    chances = _chances(judged, margin)
    told = iter(zip(chances, false_discovery_control(chances) if judged else (), strict=True))
    for what, unit, name, first, second in common:
        if _is_known(first) and _is_known(second):
            p, adjusted = next(told)
            yield Row(what, unit, name, first, second, float(p), bool(adjusted <= FALSE_DISCOVERIES))
        else:
            yield Row(what, unit, name, first, second, None, False)


def _is_known(cost: Cost) -> bool:
    """Tells whether a cost has an error, which takes two visits."""
    return cost.se_us is not None and cost.visits is not None and cost.visits >= 2


def _chances(pairs: Sequence[tuple[Cost, Cost]], margin: float) -> npt.NDArray[np.float64]:
    """Returns, for each pair of costs with errors, the probability of such a difference where the true one is no larger than the margin."""
    from scipy.stats import t

    if not pairs:
        return np.zeros(0)
    us, errors, degrees = (
        np.array([[of(cost) for cost in pair] for pair in pairs])
        for of in (lambda cost: cost.us, _error_us, lambda cost: degrees_of_freedom(cost.visits))
    )
    beyond = np.abs(np.log(us[:, 1] / us[:, 0])) - math.log1p(margin)
    variances = (errors / us) ** 2
    of_both = variances.sum(axis=1) ** 2 / (variances**2 / degrees).sum(axis=1)
    found: npt.NDArray[np.float64] = 2 * t.sf(np.maximum(beyond, 0.0) / np.sqrt(variances.sum(axis=1)), of_both)
    return found


def _error_us(cost: Cost) -> float:
    return max(cost.se_us or 0.0, _LEAST_ERROR_US)


def _changes(rows: Iterable[Row]) -> Iterator[Change]:
    from scipy.stats import t

    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.what, row.unit), []).append(row)
    for (what, unit), found in groups.items():
        logs = np.log([row.ratio for row in found])
        mean = float(np.mean(logs))
        interval = None
        if len(found) >= _FEWEST_ROWS:
            distance = float(t.ppf((1 + _CONFIDENCE) / 2, len(found) - 1))
            reach = distance * float(np.std(logs, ddof=1)) / math.sqrt(len(found))
            interval = (math.exp(mean - reach), math.exp(mean + reach))
        proven = [row for row in found if row.is_proven]
        slower = sum(row.ratio > 1 for row in proven)
        yield Change(what, unit, len(found), math.exp(mean), interval, slower, len(proven) - slower)


def _origins(first: Meta, second: Meta) -> Iterator[str]:
    """Yields in what the origins of two tables differ, in words."""
    pairs: list[tuple[str, Any, Any]] = [("device", first.device, second.device)]
    pairs += _both("", first.fingerprint, second.fingerprint)
    pairs += _both(
        "unit ", {name: spec.text for name, spec in first.units.items()}, {name: spec.text for name, spec in second.units.items()}
    )
    pairs += _both("", first.versions, second.versions)
    pairs += [("measurement protocol", _protocols(first), _protocols(second))]
    pairs += _both("hand-over ", first.handover, second.handover)
    pairs += _both("", _conditions(first), _conditions(second))
    for what, one, other in pairs:
        if one != other:
            yield f"{what}: {one} (second: {other})"


def _both(prefix: str, one: Mapping[str, str], other: Mapping[str, str]) -> list[tuple[str, str, str]]:
    return [(f"{prefix}{name}", one.get(name, "not said"), other.get(name, "not said")) for name in sorted({*one, *other})]


def _protocols(meta: Meta) -> str:
    return " and ".join(str(protocol) for protocol in sorted({entry.protocol for entry in meta.provenance.values()})) or "not said"


def _conditions(meta: Meta) -> dict[str, str]:
    """Returns the conditions that the host had set for the rows; where there are several, those of all."""
    found: dict[str, set[str]] = {}
    for entry in meta.provenance.values():
        for name, text in entry.conditions.items():
            found.setdefault(name, set()).add(text)
    return {name: " and ".join(sorted(texts)) for name, texts in found.items()}
