"""Explanations of plans, for people and as JSON."""

from __future__ import annotations

from typing import Any

from lut.prediction.explaining import BLOCK, CALL, COPY, HANDOVER, Link
from search.placing.explaining import PlanExplanation, merged

_MOST_LINKS = 60
"""Lines of a path that are printed; of a longer one, those that take longest."""
_WORDS = {BLOCK: "blocks", CALL: "calls", HANDOVER: "hand-overs", COPY: "copies of the network's inputs and outputs"}


def explanation_document(explained: PlanExplanation) -> dict[str, Any]:
    """Returns all that is known of a plan's latency as a JSON object."""
    prediction = explained.prediction
    return {
        "model": prediction.model,
        "placement": prediction.placement,
        "predicted_us": round(prediction.total_us, 3),
        "critical": {unit: round(share, 4) for unit, share in prediction.critical.items()},
        "by_kind_us": {kind: round(us, 3) for kind, us in explained.by_kind_us.items()},
        "path": [_link(link) for link in explained.path],
        "units": {
            idle.unit: {"works_us": round(idle.works_us, 3), "waits_us": round(idle.waits_us, 3), "longest_for": idle.longest_for}
            for idle in explained.idle
        },
    }


def _link(link: Link) -> dict[str, Any]:
    return {
        "unit": link.unit,
        "segment": link.segment,
        "kind": link.kind,
        "what": link.what,
        "peer": link.peer,
        "bytes": link.size_bytes,
        "begin_us": round(link.begin_us, 3),
        "end_us": round(link.end_us, 3),
    }


def print_explanation(explained: PlanExplanation) -> None:
    """Prints the critical path as a table, and below it what it is made of and for what units wait."""
    from rich.table import Table

    from collab.console import result_console

    prediction, total_us = explained.prediction, explained.prediction.total_us
    links = merged(explained.path)
    # The least time of a link that is printed; a sum of the others stands below.
    limit_us = sorted((link.duration_us for link, _ in links), reverse=True)[:_MOST_LINKS][-1] if links else 0.0
    table = Table(box=None, pad_edge=False)
    table.add_column("begin ms", justify="right", no_wrap=True)
    table.add_column("takes us", justify="right", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("segment", no_wrap=True)
    table.add_column("what")
    shown = [link for link, _ in links if link.duration_us >= limit_us][:_MOST_LINKS]
    for link in shown:
        size = f", {link.size_bytes / 1024:,.1f} KiB" if link.size_bytes else ""
        table.add_row(
            f"{link.begin_us / 1e3:.3f}",
            f"{link.duration_us:.1f}",
            _percent(link.duration_us / total_us),
            link.unit,
            link.segment,
            f"{link.what}{size}",
        )
    console = result_console(wraps=True)
    console.print(f"{prediction.model} on {prediction.placement}")
    console.print(f"Predicted: {total_us / 1e3:.3f} ms, the length of the critical path:")
    console.print(table)
    left = len(links) - len(shown)
    if left:
        rest_us = total_us - sum(link.duration_us for link in shown)
        console.print(f"and {left} shorter ones with {rest_us:.1f} us together")
    parts = (f"{_WORDS.get(kind, kind)} {_percent(us / total_us)}" for kind, us in explained.by_kind_us.items())
    console.print(f"It is made of: {', '.join(parts)}.")
    console.print(f"It is carried by: {', '.join(f'{unit} {_percent(share)}' for unit, share in prediction.critical.items())}.")
    for idle in explained.idle:
        waits = f", waits {idle.waits_us / 1e3:.3f} ms, longest for {idle.longest_for}" if idle.longest_for else ""
        console.print(f"{idle.unit} works {idle.works_us / 1e3:.3f} ms of {total_us / 1e3:.3f}{waits}.")


def _percent(share: float) -> str:
    return "<1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"
