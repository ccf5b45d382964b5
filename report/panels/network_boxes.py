"""Boxes and wires of a network's picture: a box for each block, or for each chain of blocks on one unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lut.tables import USABLE, BlockRow
from report.data.networks import Edge, Node, ShownNetwork, ShownPlan
from report.page.numbers import NOTHING, bytes_text, time_text
from report.panels.graph_drawing import BOX, END, Box, Wire

_UNITS_IN_A_BOX: Final = 3


def block_us(row: BlockRow | None) -> float | None:
    """Returns what a block takes alone on a unit, or what it adds where its source says no more; None where it has no number."""
    if row is None or row.status not in USABLE:
        return None
    return row.median_us if row.median_us is not None else row.marginal_us


def coverage_text(row: BlockRow | None) -> str:
    """Tells how a unit took a block: empty where it took all of it, else in words, with the reason."""
    if row is None:
        return "not measured"
    if row.status == "partial":
        return f"partly delegated: {row.reason}" if row.reason else "partly delegated"
    if row.status not in USABLE:
        return f"not taken: {row.reason}" if row.reason else "not taken"
    return ""


@dataclass(frozen=True)
class Picture:
    """All boxes and wires of a network, boxes in an order in which every wire goes on."""

    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]


def picture(network: ShownNetwork, plan: ShownPlan | None, units: Sequence[str], *, is_grouped: bool) -> Picture:
    """Returns the picture of a network under a plan, or of the network alone.

    Args:
        units: all of them, in the order of their colours.
        is_grouped: whether blocks that follow each other on one unit become one box.
    """
    groups = _chains(network, plan) if is_grouped else [[node.number] for node in network.nodes]
    of = {number: place for place, group in enumerate(groups) for number in group}
    inputs = list(dict.fromkeys(edge.end for edge in network.edges if edge.sender is None))
    ends = [_end("input", number, inputs) for number in inputs]
    blocks = [_box([network.nodes[number] for number in group], plan, units) for group in groups]
    outputs = [edge for edge in network.edges if edge.receiver is None]
    last = [_end("output", edge.end, [each.end for each in outputs]) for edge in outputs]
    first = len(ends)

    def place(edge: Edge, *, sends: bool) -> int:
        number = edge.sender if sends else edge.receiver
        if number is not None:
            return first + of[number]
        return inputs.index(edge.end) if sends else first + len(blocks) + [each.end for each in outputs].index(edge.end)

    joined: dict[tuple[int, int], list[Edge]] = {}
    for edge in network.edges:
        ways = (place(edge, sends=True), place(edge, sends=False))
        if ways[0] != ways[1]:
            joined.setdefault(ways, []).append(edge)
    wires = [_wire(sender, receiver, edges, plan) for (sender, receiver), edges in joined.items()]
    return Picture((*ends, *blocks, *last), tuple(wires))


def _chains(network: ShownNetwork, plan: ShownPlan | None) -> list[list[int]]:
    """Returns the blocks in chains: each but the first takes from the one before it alone, which gives to it alone, on the same unit."""
    before: dict[int, set[int | None]] = {node.number: set() for node in network.nodes}
    after: dict[int, set[int | None]] = {node.number: set() for node in network.nodes}
    for edge in network.edges:
        if edge.receiver is not None:
            before[edge.receiver].add(edge.sender)
        if edge.sender is not None:
            after[edge.sender].add(edge.receiver)
    chain_of: dict[int, list[int]] = {}
    chains: list[list[int]] = []
    for node in network.nodes:
        [only] = before[node.number] if len(before[node.number]) == 1 else [None]
        follows = only is not None and after[only] == {node.number} and _unit(plan, only) == _unit(plan, node.number)
        if follows and only is not None:
            chain_of[node.number] = chain_of[only]
            chain_of[only].append(node.number)
        else:
            chain_of[node.number] = [node.number]
            chains.append(chain_of[node.number])
    # A chain is ready when its last block's inputs are: chains in the order of their first blocks keep every wire going on.
    return chains


def _unit(plan: ShownPlan | None, number: int) -> str:
    return plan.plan.block_units[number] if plan is not None else ""


def _end(word: str, number: int, all_of_them: Sequence[int]) -> Box:
    name = word if len(all_of_them) == 1 else f"{word} {number}"
    return Box(END, (name,), f"{word} of the network" + (f", number {number}" if len(all_of_them) > 1 else ""))


def _box(nodes: Sequence[Node], plan: ShownPlan | None, units: Sequence[str]) -> Box:
    first, last = nodes[0], nodes[-1]
    unit = _unit(plan, first.number)
    times = {name: _sum([block_us(node.rows.get(name)) for node in nodes]) for name in units}
    marks = _marks(nodes, units, unit)
    is_critical = plan is not None and any(node.number in plan.critical for node in nodes)
    words, _, shape = last.label.partition(" ")
    title = f"{first.number} {words}" if len(nodes) == 1 else f"{first.number}–{last.number} · {len(nodes)} blocks"
    segment = plan.segments[first.number] if plan is not None else ""
    where = [segment] if segment else []
    lines = (title, " · ".join([*where, shape]), _times_line(times, unit))
    said = [
        ", ".join(f"block {node.number} {node.label}" for node in nodes) if len(nodes) < 6 else f"blocks {first.number} to {last.number}",
        *([f"on {unit} in segment {segment}"] if unit else []),
        *(f"{name} {time_text(us)}" for name, us in times.items() if us is not None),
        *marks.values(),
        f"{_millions(sum(node.macs for node in nodes))} MACs, {bytes_text(sum(node.weight_bytes for node in nodes))} of weights",
        *(["on the critical path"] if is_critical else []),
    ]
    return Box(BOX, lines, "; ".join(said), units.index(unit) if unit in units else None, _short(marks, unit), is_critical)


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _marks(nodes: Sequence[Node], units: Sequence[str], unit: str) -> Mapping[str, str]:
    """Returns what is to be said of each unit that did not take all of the blocks whole; its own unit first."""
    found = {}
    for name in sorted(units, key=lambda each: each != unit):
        texts = [coverage_text(node.rows.get(name)) for node in nodes]
        said = [text for text in texts if text]
        if said:
            some = f" ({len(said)} of {len(nodes)} blocks)" if len(nodes) > 1 else ""
            found[name] = f"{name} {said[0]}{some}"
    return found


def _short(marks: Mapping[str, str], unit: str) -> str:
    """Returns the marks as a line of a box."""
    if not marks:
        return ""
    name, text = next(iter(marks.items()))
    others = f" +{len(marks) - 1}" if len(marks) > 1 else ""
    words = text.partition(":")[0].replace("partly delegated", "in part")
    return f"{'!' if name == unit else '◐'} {words}{others}"


def _times_line(times: Mapping[str, float | None], unit: str) -> str:
    """Returns what the blocks take on its own unit, and on the fastest others, as far as there is room."""
    known = {name: us for name, us in times.items() if us is not None}
    if not known:
        return "no time on any unit"
    order = sorted(known, key=lambda name: (name != unit, known[name]))[:_UNITS_IN_A_BOX]
    return " · ".join(f"{name} {time_text(known[name])}" for name in order)


def _wire(sender: int, receiver: int, edges: Sequence[Edge], plan: ShownPlan | None) -> Wire:
    size = sum(edge.size_bytes for edge in edges)
    ends = [(edge.sender, edge.receiver) for edge in edges]
    crossing = plan is not None and any(
        one is not None and other is not None and _unit(plan, one) != _unit(plan, other) for one, other in ends
    )
    one, other = ends[0]
    names = [f"block {number}" if number is not None else word for number, word in ((one, "the input"), (other, "the output"))]
    tensors = sum(edge.tensors for edge in edges)
    said = f"{bytes_text(size)} in {tensors} {'tensor' if tensors == 1 else 'tensors'} from {names[0]} to {names[1]}"
    if crossing and plan is not None and one is not None and other is not None:
        said = f"hand-over from {_unit(plan, one)} to {_unit(plan, other)}: {said}"
    return Wire(sender, receiver, size, said, crossing)


def _millions(macs: int) -> str:
    return f"{macs / 1e6:.2f} million" if macs else NOTHING
