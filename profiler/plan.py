"""Plans: the blocks, the openings of segments and the hand-overs that a model's search space needs.

Wherever a strategy syncs and however wide its blocks are, every piece of it must be in the table or between two measured points:

* every MBConv of every stage over a grid of expansion channels, from 4 to 1.25 times the base's and beyond (found models exceed it), and
  at every size two of them in steps of 4: what a width costs that lies between the grid's;
* an MBConv without an expansion convolution (exp == in) as a point of its own;
* for the last block of a stage, the same for shares of the output channels (a concat splits only that block), with a
  share that makes a residual as a line of its own;
* stem and head; the ADD and the CONCATs that may open a segment after each stage;
* hand-overs of every feature map that units can hand over, whole and in shares;
* *networks* on one unit, cut into pieces: the base itself, and from stem to head at every width of the grid, cut after every block or
  anywhere. What their pieces take against what their blocks take alone tells what a block adds inside a segment, and what a call costs;
  and the base while another unit runs it, or its narrowest form: how much units slow each other down;
* *rehearsals*: strategies drawn at random, on every two units at once. They tell what only shows where both work.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, TypeAlias, TypeVar

import numpy as np

from collab.blocks import BYTES_PER_VALUE, Add, AnyBlock, Block, Concat, MBConv, Stem
from collab.model import ModelConfig
from collab.tensors.opaque import Opaque
from collab.tensors.types import Shape
from collab.variants import even_shares
from lut.entries import PERIOD
from profiler.described import Described
from profiler.placed_rehearsal import PlacedRehearsal
from profiler.rehearsal import Rehearsal, draw_rehearsals

CHANNEL_STEP: Final = 4
_NARROW: Final = {CHANNEL_STEP: 8, 16: 12, 20: 24}
"""Widths below the first multiple of `PERIOD`, where costs rise in steps: the least, the end of a step and the beginning of the next. Each
with the one that takes its place where exp == in."""
LOADS: Final = 2
"""The number of networks that are run as loads: the base and its narrowest form. Only their times tell which one keeps a unit at work
about as long as another one is."""
_CUTS_SEED: Final = 0
"""Seed of the places where networks are cut: random, but the same in every plan of a model."""
_Item = TypeVar("_Item")

Network: TypeAlias = tuple[tuple[AnyBlock, ...], ...]
"""Blocks that follow each other, in the pieces that they are cut into; each piece is a model of its own. All are of a config, or none."""
ConfigNetwork: TypeAlias = tuple[tuple[Block, ...], ...]
"""Such blocks of a config."""
AnyRehearsal: TypeAlias = Rehearsal | PlacedRehearsal


def network_name(network: Network) -> str:
    """Returns a short name that no two networks share: the first 12 hexadecimal digits of the SHA-256 of its blocks' keys."""
    return hashlib.sha256(" | ".join(" ".join(block.key for block in piece) for piece in network).encode()).hexdigest()[:12]


def loads_of(networks: Sequence[Network]) -> Sequence[Network]:
    """Returns the networks that units run as loads, and beside loads: of a network of others the first alone, as all are the same work."""
    return networks[:LOADS] if networks and config_network(networks[0]) is not None else networks[:1]


def config_network(network: Network) -> ConfigNetwork | None:
    """Returns a network of blocks of a config as such; None of one of opaque blocks."""
    pieces = tuple(tuple(block for block in piece if not isinstance(block, Opaque)) for piece in network)
    return pieces if pieces == network else None


@dataclass(frozen=True)
class Grid:
    """Widths at which a search space is sampled: as fractions of the base's expansion channels, rounded up to multiples of `PERIOD`, and of
    its output channels, rounded to multiples of 4. `mixed`: how many networks have a width of the grid drawn for every block. `bodies`: at
    which widths there is a network without stem and head. `windows`: above which widths a size is measured in steps of 4 (`_windows`).
    `rehearsals`: how many of these there are.
    """

    expansion: tuple[float, ...]
    shares: tuple[float, ...]
    mixed: int
    windows: tuple[float, ...]
    bodies: tuple[float, ...]
    rehearsals: int


FULL: Final = Grid(
    expansion=(0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0, 1.125, 1.25, 1.5),
    shares=(0.25, 0.5, 0.75),
    mixed=6,
    windows=(0.75, 0.375),
    bodies=(0.0, 0.125, 0.375, 0.625),
    rehearsals=20,
)
COARSE: Final = Grid(expansion=(0.25, 0.5, 0.75, 1.0, 1.25), shares=(0.5,), mixed=3, windows=(0.75,), bodies=(0.0, 0.25), rehearsals=12)


@dataclass(frozen=True)
class NetworkGrid:
    """Fineness of what is measured of a network of others: how often it is cut at random, and how often it is rehearsed."""

    mixed: int
    rehearsals: int


FULL_NETWORK: Final = NetworkGrid(mixed=6, rehearsals=20)
COARSE_NETWORK: Final = NetworkGrid(mixed=3, rehearsals=10)


@dataclass(frozen=True)
class Plan:
    """Blocks to measure on every unit, and hand-overs: feature maps, one of each shape, to hand over between every two units.

    `networks` are timed on every unit, the first `LOADS` of them also while another unit runs one of these; `rehearsals` on every two
    units. `described` says of opaque blocks what their keys do not.
    """

    blocks: tuple[AnyBlock, ...]
    transfers: tuple[Shape, ...]
    networks: tuple[Network, ...] = ()
    rehearsals: tuple[AnyRehearsal, ...] = ()
    described: tuple[Described, ...] = ()

    @property
    def rehearsals_by_name(self) -> dict[str, AnyRehearsal]:
        return {rehearsal.name: rehearsal for rehearsal in self.rehearsals}

    @property
    def networks_by_name(self) -> dict[str, Network]:
        return {network_name(network): network for network in self.networks}

    def merged(self, other: Plan) -> Plan:
        """Returns both plans as one; what is in both is in it once."""
        return Plan(
            _distinct((*self.blocks, *other.blocks)),
            _distinct((*self.transfers, *other.transfers)),
            _distinct((*self.networks, *other.networks)),
            tuple({**self.rehearsals_by_name, **other.rehearsals_by_name}.values()),
            tuple({entry.block: entry for entry in (*self.described, *other.described)}.values()),
        )


def plan_model(config: ModelConfig, grid: Grid, *, branches: int = 2) -> Plan:
    """Returns what the search space of a model needs; of a collaborative model, that of the base it was derived from.

    The blocks of the model itself are always among them, so that its own prediction rests on measured points.

    Args:
        branches: the most branches that a strategy may have.
    """
    branches = max(branches, config.branches)
    blocks: list[Block] = [config.stem, config.head, *config.blocks]
    shapes: list[Shape] = [config.stem.out_shape]
    for stage in config.stages:
        for position in range(len(stage.branches[0])):
            is_last = position == len(stage.branches[0]) - 1
            slot = _widest([branch[position] for branch in stage.branches], out_c=stage.out_c if is_last else None)
            blocks += expansion_line(slot, grid)
            if is_last:
                shares = share_channels(slot, grid)
                blocks += [variant for share in shares for variant in expansion_line(replace(slot, out_c=share), grid)]
                blocks += _openings(slot, shares, branches)
                shapes += _handed_over(slot, shares)
        if stage.sync == "c":
            blocks.append(Concat(stage.branches[0][-1].out_size, tuple(branch[-1].out_c for branch in stage.branches)))
    chain = base_chain(config)
    return Plan(
        _distinct((*blocks, *_windows(chain, grid))),
        _distinct(shapes),
        _distinct(networks_of(chain, grid)),
        tuple(draw_rehearsals(config, grid.rehearsals)),
    )


def base_chain(config: ModelConfig) -> tuple[Block, ...]:
    """Returns the base's blocks from stem to head, of a collaborative model with the widest branch's expansions."""
    blocks: list[Block] = [config.stem]
    for stage in config.stages:
        last = len(stage.branches[0]) - 1
        for position in range(last + 1):
            out_c = stage.out_c if position == last else None
            blocks.append(_widest([branch[position] for branch in stage.branches], out_c=out_c))
    return (*blocks, config.head)


def pieces_of(chain: Sequence[Block]) -> tuple[tuple[Block, ...], ...]:
    """Returns a chain cut where features change their size, and before the head: about as a strategy with many syncs would cut it.

    The stem is in one piece with what follows it, as in a strategy whose stem is duplicated.
    """
    pieces: list[list[Block]] = [[chain[0]]]
    for before, block in pairwise(chain):
        same_size = isinstance(block, MBConv) and (isinstance(before, Stem) or before.in_shapes[0][1] == block.in_size)
        if same_size:
            pieces[-1].append(block)
        else:
            pieces.append([block])
    return tuple(tuple(piece) for piece in pieces)


def networks_of(chain: Sequence[Block], grid: Grid) -> list[Network]:
    """Returns the networks that are run on one unit; their blocks are those that the grid has anyway.

    The base in the pieces of `pieces_of`; as narrow as it can be; at every width of the grid, by turns cut after every block and at
    random; with mixed widths; and at some widths without stem and head, which have most of the weights and features: a branch that runs
    neither touches little from one inference to the next.
    """
    generator = np.random.default_rng(_CUTS_SEED)
    networks: list[Network] = [pieces_of(chain), tuple((_at_width(block, 0.0),) for block in chain)]
    for number, fraction in enumerate(grid.expansion):
        widened = [_at_width(block, fraction) for block in chain]
        networks.append(tuple((block,) for block in widened) if number % 2 == 0 else _cut_anywhere(widened, generator))
    for _ in range(grid.mixed):
        fractions = generator.choice(grid.expansion, size=len(chain))
        networks.append(_cut_anywhere([_at_width(block, float(f)) for block, f in zip(chain, fractions, strict=True)], generator))
    bodies = [_cut_anywhere([_at_width(block, fraction) for block in chain[1:-1]], generator) for fraction in grid.bodies]
    return [*networks, *filter(None, bodies)]


def _at_width(block: Block, fraction: float) -> Block:
    """Returns a block at a width of the grid, 0 being the narrowest: one that has an expansion convolution as well."""
    if not isinstance(block, MBConv) or not block.has_expansion:
        return block
    narrowest = CHANNEL_STEP if block.in_c != CHANNEL_STEP else _NARROW[CHANNEL_STEP]
    return replace(block, exp_c=_grid_width(fraction, block) if fraction else narrowest)


def _cut_anywhere(blocks: Sequence[Block], generator: np.random.Generator) -> Network:
    if not blocks:
        return ()
    count = int(generator.integers(0, len(blocks)))
    cuts = sorted(generator.choice(np.arange(1, len(blocks)), size=count, replace=False).tolist())
    return tuple(tuple(blocks[first:last]) for first, last in pairwise([0, *cuts, len(blocks)]))


def _grid_width(fraction: float, slot: MBConv) -> int:
    """Returns a multiple of `PERIOD`, at least one; the next one where exp == in, which is another block, without an expansion."""
    exp_c = max(math.ceil(fraction * slot.exp_c / PERIOD), 1) * PERIOD
    return exp_c if exp_c != slot.in_c else exp_c + PERIOD


def _windows(chain: Sequence[Block], grid: Grid) -> list[Block]:
    """Returns windows of every size: one block from a width of the grid to the next multiple of `PERIOD` in steps of 4.

    The last expanding block of a size has the first window, the first one the second: the one leads to the next size and the other does
    not, where a size has both. Windows whose ends have no expansion convolution begin a period later.
    """
    by_size: dict[int, list[MBConv]] = {}
    for block in chain:
        if isinstance(block, MBConv) and block.has_expansion:
            by_size.setdefault(block.in_size, []).append(block)
    found: list[Block] = []
    for blocks in by_size.values():
        for block, fraction in zip((blocks[-1], blocks[0]), grid.windows, strict=False):
            first = _grid_width(fraction, block)
            first += PERIOD if first + PERIOD == block.in_c else 0
            first += PERIOD if first == block.in_c else 0
            widths = range(first, first + PERIOD + 1, CHANNEL_STEP)
            found += [replace(block, exp_c=exp_c) for exp_c in widths if exp_c != block.in_c]
    return found


def plan_blocks(blocks: Iterable[AnyBlock]) -> Plan:
    """Returns a plan of these blocks alone, for example those that a prediction missed."""
    return Plan(_distinct(blocks), ())


def plan_handovers(sizes_bytes: Iterable[int]) -> Plan:
    """Returns a plan of hand-overs of these sizes alone."""
    return Plan((), _distinct((1, 1, 1, size // BYTES_PER_VALUE) for size in sizes_bytes))


def expansion_line(slot: MBConv, grid: Grid) -> list[Block]:
    """Returns a block over the grid of expansion channels: from 4 up, the base's own, and the point without an expansion convolution.

    That point is another block; the line of those that do expand has points around it instead.
    """
    wide = {_grid_width(fraction, slot) for fraction in grid.expansion}
    # Blocks that are much wider everywhere are seldom so narrow, and then cost next to nothing.
    narrow = list(_NARROW) if min(wide) <= 2 * PERIOD else [CHANNEL_STEP]
    narrow = [width if width != slot.in_c else _NARROW[width] for width in narrow]
    around = {PERIOD - CHANNEL_STEP, PERIOD + CHANNEL_STEP} if slot.in_c == PERIOD else set()
    return [replace(slot, exp_c=exp_c) for exp_c in sorted({*narrow, *around, *wide, slot.exp_c, slot.in_c})]


def share_channels(slot: MBConv, grid: Grid) -> list[int]:
    """Returns the shares of the output channels that the last block of a stage may emit before a concat: from 4 to all but 4."""
    last = slot.out_c - CHANNEL_STEP
    if last < CHANNEL_STEP:
        return []
    shares = {CHANNEL_STEP, last} | {_multiple(fraction * slot.out_c) for fraction in grid.shares}
    if slot.stride == 1 and slot.in_c < slot.out_c:
        shares.add(slot.in_c)
    return sorted(share for share in shares if share <= last)


def _widest(blocks: Sequence[MBConv], *, out_c: int | None) -> MBConv:
    widest = max(blocks, key=lambda block: block.exp_c)
    return widest if out_c is None else replace(widest, out_c=out_c)


def _openings(slot: MBConv, shares: Sequence[int], branches: int) -> list[Block]:
    """Returns the blocks that may open a segment after this one, of two to `branches` branches."""
    size, channels = slot.out_size, slot.out_c
    openings: list[Block] = []
    for count in range(2, branches + 1):
        openings.append(Add(size, channels, count))
        if channels >= CHANNEL_STEP * count and channels % CHANNEL_STEP == 0:
            openings.append(Concat(size, tuple(even_shares(channels, count))))
    return openings + [Concat(size, (share, channels - share)) for share in shares]


def _handed_over(slot: MBConv, shares: Sequence[int]) -> list[Shape]:
    return [(1, slot.out_size, slot.out_size, channels) for channels in (*shares, slot.out_c)]


def _multiple(channels: float) -> int:
    return max(CHANNEL_STEP, round(channels / CHANNEL_STEP) * CHANNEL_STEP)


def _distinct(items: Iterable[_Item]) -> tuple[_Item, ...]:
    return tuple(dict.fromkeys(items))
