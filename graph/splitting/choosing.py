"""Choosing how stretches are divided: in equal shares, and in shares that follow what units take, in whole groups of channels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from graph.splitting.cutting import Splittable
from graph.splitting.rewriting import narrowest_of
from graph.splitting.shares import bounds_of
from graph.splitting.split import Split


def wanted_splits(of: Splittable, times_us: Mapping[int, Sequence[float]]) -> tuple[Split, ...]:
    """Returns the splits of a network that are worth being measured, the larger arms of each first.

    Every stretch in halves; and for each two units, and for all of them, in shares that keep them at work for as long as each other.

    Args:
        times_us: what each unit takes for a stretch, by the operator that the stretch begins with; only of units that can run it.
    """
    found: dict[Split, None] = {}
    for opens, stretch in of.stretches.items():
        for shares in ((1.0, 1.0), *_in_balance(times_us.get(opens, ()))):
            bounds = bounds_of(stretch.groups, narrowest_of(of.network, stretch), shares)
            groups = tuple(sorted((end - begin for begin, end in bounds), reverse=True))
            if groups[-1] > 0:
                found[Split(opens, groups)] = None
    return tuple(found)


def apart_from_each_other(splits: Sequence[Split]) -> Iterator[list[Split]]:
    """Yields splits in as few lists as can be, none with two of one stretch."""
    left = list(splits)
    while left:
        first = {split.opens: split for split in reversed(left)}
        yield [split for split in left if first[split.opens] is split]
        left = [split for split in left if first[split.opens] is not split]


def _in_balance(times_us: Sequence[float]) -> Iterator[tuple[float, ...]]:
    speeds = [1 / us for us in times_us if us > 0]
    yield from combinations(speeds, 2)
    if len(speeds) > 2:
        yield tuple(speeds)
