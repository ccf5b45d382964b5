"""Printing of the quality of tables at the end of a profile: how steady the device was, how well networks are explained, what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from lut.entries import CrossCheck, RehearsalCheck
    from lut.tables import Tables

_SHOWN: Final = 10
_MENTIONED: Final = 0.001
"""Smaller shares of disturbed samples are not worth a word."""
_SEEN: Final = 0.01
"""Smaller effects of a trend are not worth a word."""
_QUANTITIES: Final = {
    "footprint_mb": "the MB that a network touches",
    "width": "the mean width",
    "pieces": "the number of pieces",
    "position": "the position in the network, 0 being the first piece and 1 the last",
}


def print_quality(tables: Tables, console: Any) -> None:
    """Prints how steady the device was, how well its costs explain networks, which widths are cheap, and how units slow each other down."""
    from profiler.channels import channel_sentence
    from profiler.contention import in_words

    meta = tables.meta
    for fit in meta.fits:
        call_us, drift, again = meta.call_in_network[fit.unit].median_us, meta.drift.get(fit.unit), meta.disturbed.get(fit.unit, 0.0)
        steady = f"; drifted by {100 * drift:.0f} % (corrected)" if drift is not None else ""
        repeated = f"; {100 * again:.1f} % of samples were disturbed and taken again" if again >= _MENTIONED else ""
        console.print(
            f"{fit.unit}: a call costs {call_us:.1f} us in a network; {fit.n} pieces of networks are explained within"
            f" {100 * fit.median_residual:.1f} % (median){steady}{repeated}"
        )
    for entry in meta.cross_checks:
        console.print(_cross_check_sentence(entry))
    for unit in dict.fromkeys(entry.unit for entry in meta.ripple):
        console.print(channel_sentence(meta, unit))
    for check in meta.rehearsal_checks:
        console.print(_rehearsal_sentence(check))
    classes = {entry.block_class for entry in meta.contention}
    usual = "mbconv" if "mbconv" in classes else "opaque"
    factors = [in_words(entry) for entry in meta.contention if entry.block_class == usual]
    if factors:
        console.print(f"Contention: {', '.join(factors)}")


def _rehearsal_sentence(check: RehearsalCheck) -> str:
    """Returns how far strategies that were left out of what rehearsals tell are predicted."""
    found = f"within {100 * check.median_error:.1f} % (median of {check.n}, bias {100 * check.bias:+.1f} %)"
    return f"{check.unit} and {check.other} together: rehearsals are predicted by each other {found}"


def _cross_check_sentence(entry: CrossCheck) -> str:
    """Returns how far networks that were left out of the fit are predicted, and what their errors go with where that is proven."""
    trends = [t for t in entry.trends if t.is_proven and abs(t.effect) >= _SEEN]
    told = "; ".join(
        f"errors go with {_QUANTITIES.get(t.against, t.against)}: {100 * t.effect:+.1f} % from {t.low:.3g} to {t.high:.3g}"
        f" (standard error {100 * t.se:.1f} %)"
        for t in trends
    )
    return (
        f"{entry.unit}: networks left out of the fit are predicted within {100 * entry.median_error:.1f} % (median of {entry.n}, bias"
        f" {100 * entry.bias:+.1f} %); {told or 'no trend is proven'}"
    )


def print_coverage(tables: Tables, console: Any) -> None:
    """Prints which blocks of a network of others each unit takes whole, which in part and which not at all, with the reasons."""
    from profiler.coverage import coverage_of

    for found in coverage_of(tables):
        console.print(found.sentence)


def print_failures(tables: Tables, console: Any) -> None:
    """Prints what could not be measured, each with its reason, and in a line what is known but roughly."""
    from profiler.rows import PARTLY_DELEGATED

    bad = [(f"{row.name} on {row.unit}", row.status, row.reason) for row in tables.blocks]
    bad += [(f"{row.bytes} bytes {row.from_unit} to {row.to_unit}", row.status, row.reason) for row in tables.transfers]
    bad = [entry for entry in bad if entry[1] in ("failed", PARTLY_DELEGATED)]
    for what, status, reason in bad[:_SHOWN]:
        console.print(f"  {status}: {what}: {reason}")
    if len(bad) > _SHOWN:
        console.print(f"  and {len(bad) - _SHOWN} more; see the status column")
    moved = sum(row.status == "ok" and row.reason != "" for row in tables.blocks)
    if moved:
        console.print(f"Clocks: the visits of {moved} of {len(tables.blocks)} block rows ran at clocks that differ by more than 5 %")
    unstable = [row for row in tables.blocks if row.status == "unstable"]
    if unstable:
        longest = max(unstable, key=lambda row: row.median_us or 0)
        console.print(
            f"Unstable: {len(unstable)} of {len(tables.blocks)} block rows, whose medians are known to no better than 10 %;"
            f" the longest is {longest.name} on {longest.unit} ({longest.median_us:.0f} us)"
        )


def print_note(tables: Tables, console: Any) -> None:
    """Prints what must be known of GPU units beside their times: that a driver is software, and what the precision came to."""
    from android_harness.device.gpu_driver import NOTE

    units = [name for name, unit in tables.meta.units.items() if unit.kind == "gpu"]
    if units and NOTE in tables.meta.conditions:
        console.print(f"{', '.join(units)}: {tables.meta.conditions[NOTE]}")
    for name in units:
        if name in tables.meta.deviation:
            precision = tables.meta.units[name].precision
            console.print(f"{name}: in {precision} its output differs from the reference by {tables.meta.deviation[name]:.1e} of its range")
