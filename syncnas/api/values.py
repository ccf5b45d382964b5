"""Values that several results share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from collab.documents import MAX_INT
from collab.errors import ConfigError
from syncnas.api.showing import html

if TYPE_CHECKING:
    from lut.statistics import Summary


@dataclass(frozen=True)
class Latency:
    """A measured latency in microseconds.

    Attributes:
        median_us: the median over visits.
        se_us: its standard error; None of a single visit.
        p95_us: the 95th percentile of all samples.
        mad_us: their median absolute deviation.
        n: samples.
        visits: visits that the samples are of; see the table of terms.
    """

    median_us: float
    se_us: float | None
    p95_us: float
    mad_us: float
    n: int
    visits: int

    @property
    def median_ms(self) -> float:
        """The median in milliseconds."""
        return self.median_us / 1e3

    def __str__(self) -> str:
        error = "" if self.se_us is None else f" ± {self.se_us / 1e3:.3f}"
        visits = "one visit" if self.visits == 1 else f"{self.visits} visits"
        return f"{self.median_us / 1e3:.3f}{error} ms (p95 {self.p95_us / 1e3:.3f} ms, n = {self.n} in {visits})"

    def _repr_html_(self) -> str:
        return html.text(self)


def latency_of(summary: Summary) -> Latency:
    """Returns the statistics of a job as a latency."""
    return Latency(summary.median_us, summary.se_us, summary.p95_us, summary.mad_us, summary.n, summary.visits)


def percent(fraction: float) -> str:
    """Writes a signed fraction as percents."""
    return f"{100 * fraction:+.1f} %"


def require(least: float, most: float = MAX_INT, /, **numbers: float | None) -> None:
    """Refuses arguments that are not within bounds, NaN among them; None stands for the default and passes.

    Raises:
        ConfigError: one is not.
    """
    for name, number in numbers.items():
        if number is not None and not least <= number <= most:
            raise ConfigError(f"{name}={str(number)[:40]}: give a number from {least:.16g} to {most:.16g}")
