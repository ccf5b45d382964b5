"""Networks drawn at random, cut into blocks, with tables of costs drawn at random."""

from __future__ import annotations

import random
from itertools import permutations

from collab.tensors.opaque import Opaque
from graph.format.source import Source
from graph.format.writing import model_bytes
from graph.reading import network_of
from graph.scheduling import CutNetwork
from lut.entries import Contention, Measured, PairPath
from lut.prediction.costs import Costs
from lut.tables import Tables
from tests.graph.random_networks import random_network
from tests.graph.sample import NO_SOURCE, Sample
from tests.lut.made_tables import THREE_UNITS, block_row, made_meta, transfer_row

UNITS = ("cpu0", "cpu1", "gpu0")
"""Those that made tables know."""
SIZES = (4, 64, 576, 4096, 1 << 20)


def random_cut(seed: int, *, most: int, least: int = 2) -> CutNetwork:
    """A network of at least and at most so many blocks."""
    for attempt in range(1000):
        content = model_bytes(random_network(seed + 7919 * attempt), NO_SOURCE)
        cut = CutNetwork(network_of(Source("made", memoryview(content))), name="made", grain_us=0.0)
        if least <= len(cut.blocks) <= most:
            return cut
    raise AssertionError("no network is so small")


def chain(length: int) -> CutNetwork:
    """A network of so many convolutions, one after the other, each of another width."""
    sample = Sample(1)
    x = sample.input((1, 2, 2, 4))
    for number in range(length):
        x = sample.conv(x, 4 + number, kernel=1)
    content = model_bytes(sample.record(x), NO_SOURCE)
    return CutNetwork(network_of(Source("made", memoryview(content))), name="made", grain_us=0.0)


def random_tables(blocks: tuple[Opaque, ...], seed: int, *, contention: bool, units: tuple[str, ...] = UNITS) -> Tables:
    """Tables in which each block and hand-over has its own cost."""
    draw = random.Random(f"tables/{seed}")
    rows = [block_row(unit, block, draw.uniform(5, 100)) for unit in units for block in dict.fromkeys(blocks)]
    moves = []
    for one, other in permutations(units, 2):
        slow = draw.uniform(0, 30)
        path = "copy" if draw.random() < 0.5 else "shared"
        moves += [transfer_row(one, other, size, path=path, write_us=slow + size / 2000, wakeup_us=draw.uniform(0, 2)) for size in SIZES]
    meta = made_meta(
        units={unit: THREE_UNITS[unit] for unit in units},
        call_in_network={unit: Measured(draw.uniform(1, 10), 0.1, 10) for unit in units},
        paths={f"{row.from_unit}>{row.to_unit}": PairPath(row.path, "made so") for row in moves},
        contention=tuple(
            Contention(one, "opaque", other, factor := draw.uniform(1, 1.6), factor, 0.01, 9, pooled=False)
            for one, other in permutations(units, 2)
        )
        if contention
        else (),
    )
    return Tables(tuple(rows), tuple(moves), meta)


def costs_of(cut: CutNetwork, seed: int, *, contention: bool, units: tuple[str, ...] = UNITS) -> Costs:
    return Costs(random_tables(cut.opaque, seed, contention=contention, units=units), source="x")
