"""A network of others: its blocks as a graph in the colours of the units that run them, and what placements take."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

from report.data.networks import ShownNetwork, ShownPlan
from report.page.figures import Drawing
from report.page.frame import Section
from report.page.markup import Html, data_table, element, escaped, joined, missing, paragraph, sentence
from report.page.numbers import NOTHING, bytes_text, digits, time_text, us_text
from report.panels.graph_drawing import drawing
from report.panels.network_boxes import block_us, coverage_text, picture

_MANY: Final = 40
"""Blocks from which on chains of them are drawn as one box, unless each is asked for."""
_MOST: Final = 600
"""Blocks that are drawn: a browser is slow with more, and nobody reads them."""
_COLOURS: Final = 8
_SAME: Final = 0.002
"""Predictions that differ by less are the same."""


def section(networks: Sequence[ShownNetwork]) -> Section:
    """Returns the panel: of each network a picture for every plan, and tables of placements, blocks and hand-overs."""
    lead = (
        "A box is a block in the colour of the unit that runs it in the plan, with its segment, the shape that it gives, and what it takes"
        " alone on each unit. Lines carry the bytes that pass; thick ones are hand-overs to another unit. A thick frame is on the critical"
        " path; ! and ◐ mark units that did not take a block whole."
    )
    pieces = [piece for number, network in enumerate(networks) for piece in _network(network, f"network-{number}")]
    return Section("network", "Network", lead, Drawing(joined(pieces)))


def _network(network: ShownNetwork, key: str) -> list[Html]:
    folder = shlex.quote(str(network.profile.folder))
    count = len(network.nodes)
    title = element("h3", escaped(f"{network.name}, {count} blocks" if count else network.name))
    if not count:
        command = f"syncnas report {folder} --model {shlex.quote(network.name)}"
        return [title, paragraph(sentence(network.note), class_="about"), missing("Name its file.", command)]
    units = tuple(network.profile.tables.meta.units)
    pieces = [title, *(paragraph(sentence(text), class_="warning") for text in network.warnings)]
    if not network.plans:
        line = f"syncnas place --lut {folder} --model {shlex.quote(network.name)} --out {folder}/{shlex.quote(_stem(network))}.plan.json"
        pieces.append(missing("There is no plan yet, so no block has the colour of a unit.", line))
    pieces += [_placements(plan) for plan in network.plans]
    pieces += [paragraph(sentence(plan.note), class_="warning") for plan in network.plans if plan.note]
    if count > _MOST:
        pieces.append(paragraph(sentence(f"Of {count} blocks no picture is drawn; the table has them."), class_="about"))
    else:
        pieces += _pictures(network, units, key)
    return [*pieces, _blocks(network, units), *(_handovers(network, plan) for plan in network.plans)]


def _stem(network: ShownNetwork) -> str:
    return network.name.removesuffix(".tflite")


def _pictures(network: ShownNetwork, units: Sequence[str], key: str) -> list[Html]:
    """Returns the pictures of all plans, of which one is shown, with a choice above them, and what the colours mean."""
    views: list[tuple[str, Html]] = []
    for plan in network.plans or (None,):
        named = f"{plan.path.name}: " if plan is not None and len(network.plans) > 1 else ""
        each = picture(network, plan, units, is_grouped=False)
        chains = picture(network, plan, units, is_grouped=True)
        whole = (f"{named}every block", each)
        grouped = (f"{named}blocks in a row as one", chains)
        less = len(chains.boxes) < len(each.boxes)
        chosen = ([grouped, whole] if len(network.nodes) >= _MANY else [whole, grouped]) if less else [whole]
        for label, found in chosen:
            name = f"{key}-{len(views)}"
            what = f"Blocks of {network.name}" + (f" on {plan.plan.placement_text}" if plan is not None else "")
            views.append((label, drawing(name, f"{what}, {label}.", found.boxes, found.wires)))
    shown = [element("div", html, data_view=f"{key}", **({} if number == 0 else {"hidden": ""})) for number, (_, html) in enumerate(views)]
    options = [element("option", escaped(label), value=str(number)) for number, (label, _) in enumerate(views)]
    picker = element("label", Html("Show "), element("select", *options, data_shows=key), class_="choice")
    return [*([picker] if len(views) > 1 else []), _legend(network, units), *shown]


def _legend(network: ShownNetwork, units: Sequence[str]) -> Html:
    used = [unit for unit in units if any(unit in plan.plan.block_units for plan in network.plans)]
    swatches = [element("span", class_=f"swatch unit{units.index(unit) % _COLOURS}", aria_hidden="true") for unit in used]
    entries = [element("li", swatch, escaped(unit)) for swatch, unit in zip(swatches, used, strict=True)]
    return element("ul", *entries, class_="legend", aria_label="Colours of units") if entries else Html("")


def _placements(shown: ShownPlan) -> Html:
    """Returns the table of placements: each unit alone, and the plan."""
    plan = shown.plan
    what = "latency" if plan.objective == "latency" else "time between two inferences"
    best_us = min(plan.alone_us.values(), default=None)
    count = str(len(plan.blocks))
    rows = [
        [f"all on {unit}", count, "1", time_text(us), _gain(best_us, us)]
        for unit, us in sorted(plan.alone_us.items(), key=lambda entry: entry[1])
    ]
    used = " + ".join(unit for unit in plan.units if unit in plan.block_units)
    rows.append([f"plan: {used}", count, str(len(shown.planned.members)), time_text(plan.predicted_us), _gain(best_us, plan.predicted_us)])
    columns = ["placement", "blocks", "segments", what, "gain"]
    table = data_table(f"Placements of {shown.path.name}", columns, rows, is_open=True)
    proven = "No other placement of these blocks is better, by its tables." if plan.is_proven else "Others may be better."
    now = ""
    if shown.run is not None and plan.objective == "throughput":
        now = f" One inference takes {time_text(shown.run.total_us)}."
    elif shown.run is not None and abs(shown.run.total_us / max(plan.predicted_us, 1e-9) - 1) > _SAME:
        now = f" By the tables of now it takes {time_text(shown.run.total_us)}: they have changed since, or are others."
    return joined([table, paragraph(sentence(f"Searched for the least {what}. {proven}{now}"), class_="about")])


def _gain(best_us: float | None, us: float) -> str:
    return f"{digits(best_us / us)} x" if best_us is not None and us > 0 else NOTHING


def _blocks(network: ShownNetwork, units: Sequence[str]) -> Html:
    plans = network.plans
    columns = ["block", "label", "identity", *(f"unit in {plan.path.name}" if len(plans) > 1 else "unit" for plan in plans)]
    columns += [*(["segment"] if len(plans) == 1 else []), "coverage", *(f"{unit} us" for unit in units), "million MACs", "weights"]
    rows = []
    for node in network.nodes:
        said = [f"{unit} {text}" for unit in units if (text := coverage_text(node.rows.get(unit)))]
        rows.append(
            [
                str(node.number),
                node.label,
                node.identity[:8],
                *(plan.plan.block_units[node.number] for plan in plans),
                *([plans[0].segments[node.number]] if len(plans) == 1 else []),
                "; ".join(said) or "full",
                *(us_text(block_us(node.rows.get(unit))) for unit in units),
                f"{node.macs / 1e6:.2f}",
                bytes_text(node.weight_bytes),
            ]
        )
    texts = columns.index("coverage") + 1
    return data_table(f"Blocks of {network.name}", columns, rows, numbers_from=min(texts, 8))


def _handovers(network: ShownNetwork, shown: ShownPlan) -> Html:
    units = shown.plan.block_units
    rows = [
        [units[edge.sender], units[edge.receiver], str(edge.sender), str(edge.receiver), str(edge.tensors), bytes_text(edge.size_bytes)]
        for edge in network.edges
        if edge.sender is not None and edge.receiver is not None and units[edge.sender] != units[edge.receiver]
    ]
    columns = ["from", "to", "block", "to block", "tensors", "bytes"]
    return data_table(f"Hand-overs in {shown.path.name}", columns, rows, numbers_from=2)
