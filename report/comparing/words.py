"""A comparison in sentences and as rows of cells, for terminals, Markdown and pages alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from report.comparing.comparison import CERTIFICATES, RUNS, TABLES, Comparison
from report.comparing.effects import LEVEL, NO_DIFFERENCE, Row, Whole

COLUMNS: Final = ("what", "unit", "which", "first us", "second us", "change", "95 % interval", "verdict")
_ALL: Final = {TABLES: "all costs", CERTIFICATES: "all strategies"}


def change_text(ratio: float) -> str:
    """Returns a ratio as a change, ``+3.1 %``."""
    return f"{100 * (ratio - 1):+.1f} %"


def interval_text(interval: tuple[float, float] | None) -> str:
    """Returns the interval of a ratio as one of changes; a dash where there is none."""
    return f"{100 * (interval[0] - 1):+.1f} to {100 * (interval[1] - 1):+.1f} %" if interval is not None else "-"


def headline(found: Comparison) -> str:
    """Returns the comparison in one line: the whole with its interval, and its verdict."""
    whole = found.whole
    if whole is None:
        return "Nothing in common: neither can be said to be slower"
    times = f"{_times(found)}the second takes {whole.ratio:.3f}"
    if whole.interval is None or whole.effect is None:
        return f"{times} of the first; {NO_DIFFERENCE}: a single visit does not tell how well it is known"
    times += f" [{whole.interval[0]:.3f}, {whole.interval[1]:.3f}] of the first ({change_text(whole.ratio)})"
    verdict = found.verdict
    if verdict == NO_DIFFERENCE:
        return f"{times}; {NO_DIFFERENCE} (smallest provable: {100 * whole.effect.least_provable(found.margin):.1f} %)"
    chance = whole.chance(found.margin) or 0.0
    return f"{times}; it is {verdict} by more than {100 * found.margin:g} % (p {_chance_text(chance)})"


def _times(found: Comparison) -> str:
    if found.kind == RUNS:
        pair = found.rows[0].pair
        return f"The whole, from end to end: {pair.first.us / 1e3:.3f} and {pair.second.us / 1e3:.3f} ms; "
    rows = found.whole.rows if found.whole is not None else 0
    return f"The whole, {_ALL[found.kind]} (geometric mean of {rows}): "


def _chance_text(chance: float) -> str:
    return f"= {chance:.2g}" if chance >= 1e-4 else "< 0.0001"


def sentences(found: Comparison) -> Iterator[str]:
    """Yields all that is said besides the headline and the rows."""
    yield from (whole_sentence(whole, found.margin) for whole in found.wholes)
    yield from _accuracy_sentences(found)
    for difference in found.differences:
        yield f"Differs: {difference}"
    yield from found.notes
    if found.only_first or found.only_second:
        yield f"Not compared: {found.only_first} that only the first has, {found.only_second} that only the second has"


def whole_sentence(whole: Whole, margin: float) -> str:
    """Returns a unit's costs of a kind in one line."""
    interval = f" [{whole.interval[0]:.3f}, {whole.interval[1]:.3f}]" if whole.interval is not None else ""
    where = f"{whole.unit}, {whole.what}" if whole.unit else whole.what
    alike = whole.rows - whole.slower - whole.faster
    return (
        f"{where}: the second takes {whole.ratio:.3f}{interval} of the first (geometric mean of {whole.rows});"
        f" slower by more than {100 * margin:g} %: {whole.slower}, faster: {whole.faster}, {NO_DIFFERENCE}: {alike}"
    )


def _accuracy_sentences(found: Comparison) -> Iterator[str]:
    errors = found.accuracies
    if errors is None:
        return
    over = f"the {errors.shared} strategies of both" if errors.shared else "strategies of their own"
    medians = f"{100 * errors.first.median_error:.1f} and {100 * errors.second.median_error:.1f} %"
    tails = f"{100 * errors.first.p95_error:.1f} and {100 * errors.second.p95_error:.1f} %"
    if errors.p is None:
        verdict = "too few to tell"
    elif errors.p > LEVEL:
        verdict = f"{NO_DIFFERENCE} (p {_chance_text(errors.p)})"
    else:
        better = "first's" if errors.first.median_error < errors.second.median_error else "second's"
        verdict = f"the {better} are smaller (p {_chance_text(errors.p)})"
    yield f"Errors of predictions over {over}: median {medians}, 95th percentile {tails}; {verdict}"


@dataclass(frozen=True)
class Chosen:
    """Rows to show; `more` is the number of proven ones beyond them, `unproven` that of rows in which no difference is shown."""

    rows: tuple[Row, ...]
    more: int
    unproven: int


def chosen(found: Comparison, most: int) -> Chosen:
    """Chooses the rows to show: proven ones, the largest differences first. Of a run, all steps, as they are few."""
    rows = found.rows if found.kind == RUNS else tuple(row for row in found.rows if row.is_proven)
    proven = sum(row.is_proven for row in found.rows)
    shown = rows[:most]
    return Chosen(shown, max(proven - sum(row.is_proven for row in shown), 0), len(found.rows) - proven)


def cells(row: Row) -> Sequence[str]:
    """Returns a row's texts, one for each of `COLUMNS`."""
    pair = row.pair
    verdict = ("slower" if row.ratio > 1 else "faster") if row.is_proven else NO_DIFFERENCE
    return (
        pair.what,
        pair.unit,
        pair.shown_name,
        f"{pair.first.us:.2f}",
        f"{pair.second.us:.2f}",
        change_text(row.ratio),
        interval_text(row.interval),
        verdict,
    )
