"""Differences between two measurements: ratios with intervals, and which of them are proven.

A visit is the unit of every statistic (`lut.statistics`): a cost comes with the standard error of its median over visits. The errors of a
few visits are themselves hardly known, so chance is Student's t with the degrees of freedom of both (Welch, The generalization of
Student's problem, Biometrika 34, 1947). Where two things were measured by turns, each turn is one difference, and what slows a device down
for a while is in both of it.

A difference counts as proven where it exceeds a margin by more than chance allows: the whole at a level of 5 %, rows at a false discovery
rate of 5 % over all of them (Benjamini and Hochberg, Controlling the false discovery rate, J. R. Statist. Soc. B 57, 1995). The margin
stands for what visits of one day cannot tell: that a device is a little faster or slower on another one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from lut.statistics import degrees_of_freedom

FALSE_DISCOVERIES: Final = 0.05
LEVEL: Final = 0.05
"""The probability of taking the whole for different where it is not."""
_LEAST_ERROR_US: Final = 1 / 13 / math.sqrt(12)
"""Error of a time that is read off a counter of 13 MHz: the slowest known, of phones with MediaTek's processors (Linux's device trees).

Visits that all fall on the same tick have no spread, and still do not know their time better than this.
"""

_WIDEST: Final = math.log(1e6)
"""Reach of an interval, as a logarithm, beyond which nothing is known of a ratio anyway: one long pause among three visits leaves an error
of hundreds of times the median, and the end of its interval would be no number at all.
"""


@dataclass(frozen=True)
class Cost:
    """A cost on one side, with its standard error over so many `visits`; None where it is not known."""

    us: float
    se_us: float | None
    visits: int | None

    @property
    def has_error(self) -> bool:
        """Tells whether the cost has an error, which takes two visits."""
        return self.se_us is not None and self.visits is not None and self.visits >= 2


@dataclass(frozen=True)
class Effect:
    """The logarithm of a ratio (second over first) with its standard error, which is known with so many `degrees` of freedom."""

    log_ratio: float
    se: float
    degrees: float

    @staticmethod
    def of_costs(first: Cost, second: Cost) -> Effect | None:
        """Computes the effect from two costs that were measured independently; None where an error is not known."""
        if not (first.has_error and second.has_error):
            return None
        variances, degrees = [], []
        for cost in (first, second):
            variances.append((max(cost.se_us or 0.0, _LEAST_ERROR_US) / cost.us) ** 2)
            degrees.append(degrees_of_freedom(cost.visits or 0))
        of_both = sum(variances) ** 2 / sum(variance**2 / d for variance, d in zip(variances, degrees, strict=True))
        return Effect(math.log(second.us / first.us), math.sqrt(sum(variances)), of_both)

    @staticmethod
    def of_pairs(first_us: Sequence[float], second_us: Sequence[float]) -> Effect | None:
        """Computes the effect from pairs, each of which was measured at one time; None of fewer than two."""
        if len(first_us) < 2:
            return None
        logs = np.log(np.asarray(second_us, dtype=np.float64) / np.asarray(first_us, dtype=np.float64))
        least = _LEAST_ERROR_US * math.sqrt(2) / float(np.median(first_us))
        return Effect(float(np.mean(logs)), max(float(np.std(logs, ddof=1)), least) / math.sqrt(len(logs)), len(logs) - 1)

    @property
    def interval(self) -> tuple[float, float]:
        """Returns the interval in which the ratio lies with a probability of 95 %; its ends are a millionfold from the ratio at most."""
        reach = self._reach
        return math.exp(self.log_ratio - reach), math.exp(self.log_ratio + reach)

    def least_provable(self, margin: float) -> float:
        """Returns the smallest difference, a fraction, that would have been proven with errors like these."""
        return (1 + margin) * math.exp(self._reach) - 1

    @property
    def _reach(self) -> float:
        from scipy.stats import t

        return min(float(t.ppf(1 - LEVEL / 2, self.degrees)) * self.se, _WIDEST)


def chances(effects: Sequence[Effect], margin: float) -> list[float]:
    """Returns for each effect the probability of such a difference, or a larger one, where the true one is no larger than the margin."""
    from scipy.stats import t

    if not effects:
        return []
    logs, errors, degrees = np.array([(effect.log_ratio, effect.se, effect.degrees) for effect in effects]).T
    beyond = np.maximum(np.abs(logs) - math.log1p(margin), 0.0)
    found: list[float] = (2 * t.sf(beyond / errors, degrees)).tolist()
    return found


@dataclass(frozen=True)
class Pair:
    """A cost that both sides have. `what` is its kind, `unit` the unit or both, `name` what tells it apart.

    `effect` is None where an error is not known; `label` is the name for people, where `name` is none for them.
    """

    what: str
    unit: str
    name: str
    first: Cost
    second: Cost
    effect: Effect | None
    label: str = ""

    @staticmethod
    def of(what: str, unit: str, name: str, first: Cost, second: Cost, *, label: str = "") -> Pair:
        """Returns the pair of two costs that were measured independently."""
        return Pair(what, unit, name, first, second, Effect.of_costs(first, second), label)

    @property
    def shown_name(self) -> str:
        return self.label or self.name

    @property
    def ratio(self) -> float:
        return math.exp(self.effect.log_ratio) if self.effect is not None else self.second.us / self.first.us


@dataclass(frozen=True)
class Row:
    """A pair with its verdict; `p` is the probability of such a difference where the true one is within the margin, None if unknown."""

    pair: Pair
    p: float | None
    is_proven: bool

    @property
    def ratio(self) -> float:
        return self.pair.ratio

    @property
    def interval(self) -> tuple[float, float] | None:
        return self.pair.effect.interval if self.pair.effect is not None else None


def judged(pairs: Sequence[Pair], margin: float) -> list[Row]:
    """Judges all pairs together, those first that are proven, and among them the largest differences first."""
    from scipy.stats import false_discovery_control

    effects = [pair.effect for pair in pairs if pair.effect is not None]
    found = chances(effects, margin)
    told = iter(zip(found, false_discovery_control(found) if found else (), strict=True))
    rows = []
    for pair in pairs:
        if pair.effect is None:
            rows.append(Row(pair, None, is_proven=False))
        else:
            p, adjusted = next(told)
            rows.append(Row(pair, p, is_proven=bool(adjusted <= FALSE_DISCOVERIES)))
    return sorted(rows, key=lambda row: (not row.is_proven, -abs(math.log(row.ratio))))


@dataclass(frozen=True)
class Whole:
    """The ratio of everything that both sides have, or of one unit's costs of a kind: the geometric mean of `rows` ratios.

    `effect` is None of a single cost without error. `slower` and `faster` count the rows in which that is proven.
    """

    what: str
    unit: str
    rows: int
    ratio: float
    effect: Effect | None
    slower: int
    faster: int

    @property
    def interval(self) -> tuple[float, float] | None:
        return self.effect.interval if self.effect is not None else None

    def chance(self, margin: float) -> float | None:
        """Returns the probability of such a difference where the true one is within the margin; None where it is not known."""
        return chances([self.effect], margin)[0] if self.effect is not None else None

    def verdict(self, margin: float) -> str:
        """Returns ``slower`` or ``faster`` where the second side is proven to be so, else ``no difference shown``."""
        chance = self.chance(margin)
        if chance is None or chance > LEVEL:
            return NO_DIFFERENCE
        return "slower" if self.ratio > 1 else "faster"


NO_DIFFERENCE: Final = "no difference shown"


def whole_of(rows: Sequence[Row], *, what: str = "all", unit: str = "") -> Whole:
    """Returns the whole of at least one row. Several rows tell by how much they differ among each other how well their mean is known."""
    logs = np.log([row.ratio for row in rows])
    mean = float(np.mean(logs))
    effect = rows[0].pair.effect
    if len(rows) > 1:
        error = float(np.std(logs, ddof=1)) / math.sqrt(len(rows))
        # Equal files differ in nothing, which leaves no error at all; a ratio is no better known than its times.
        least = _LEAST_ERROR_US / float(np.median([row.pair.first.us for row in rows])) / math.sqrt(len(rows))
        effect = Effect(mean, max(error, least), len(rows) - 1)
    proven = [row for row in rows if row.is_proven]
    slower = sum(row.ratio > 1 for row in proven)
    return Whole(what, unit, len(rows), math.exp(mean), effect, slower, len(proven) - slower)


def wholes_by_unit(rows: Iterable[Row]) -> Iterator[Whole]:
    """Yields the whole of each unit's rows of a kind."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.pair.what, row.pair.unit), []).append(row)
    for (what, unit), found in sorted(groups.items()):
        yield whole_of(found, what=what, unit=unit)
