from __future__ import annotations

from dataclasses import replace

import pytest

from collab import config as configs
from collab.blocks import Add, Concat, MBConv
from profiler.plan import COARSE, FULL, Grid, base_chain, expansion_line, networks_of, pieces_of, plan_model, share_channels


def test_a_grid_reaches_beyond_the_base_and_steps_around_no_expansion() -> None:
    base = configs.load("mobilenet_v2")
    for grid in (FULL, COARSE):
        blocks = plan_model(base, grid).blocks
        first = [b for b in blocks if isinstance(b, MBConv) and b.in_size == 112 and b.stride == 1 and b.out_c == 16]
        widths = {block.exp_c for block in first}
        assert {4, 28, 32, 36} <= widths
        assert max(widths) >= 1.25 * 32
        assert len(blocks) == len(set(blocks))
        assert {base.stem, base.head, *base.blocks} <= set(blocks)


@pytest.mark.parametrize("grid", [FULL, COARSE])
def test_shares_are_multiples_of_four_that_leave_four(grid: Grid) -> None:
    for name in ("mobilenet_v2", "mnasnet_b1", "fbnet_c"):
        for stage in configs.load(name).stages:
            slot = stage.branches[0][-1]
            shares = share_channels(slot, grid)
            assert shares[0] == 4
            assert shares[-1] == slot.out_c - 4
            assert all(share % 4 == 0 for share in shares)


def test_every_opening_and_feature_map_of_a_stage_is_planned() -> None:
    plan = plan_model(configs.load("mobilenet_v2"), FULL)
    for stage in configs.load("mobilenet_v2").stages:
        last = stage.branches[0][-1]
        assert Add(last.out_size, last.out_c, 2) in plan.blocks
        assert Concat(last.out_size, (last.out_c // 2, last.out_c // 2)) in plan.blocks
        assert (1, last.out_size, last.out_size, last.out_c) in plan.transfers
        assert (1, last.out_size, last.out_size, 4) in plan.transfers
    assert configs.load("mobilenet_v2").stem.out_shape in plan.transfers


@pytest.mark.parametrize("name", ["mobilenet_v2", "mnasnet_b1", "fbnet_c", "mini_v2"])
@pytest.mark.parametrize("grid", [FULL, COARSE])
def test_every_size_has_windows_from_one_multiple_of_32_to_the_next(name: str, grid: Grid) -> None:
    base = configs.load(name)
    planned = {block for block in plan_model(base, grid).blocks if isinstance(block, MBConv)}
    for size in {block.in_size for block in base.blocks if block.has_expansion}:
        whole = [block for block in planned if block.in_size == size and block.has_expansion and block.exp_c % 32 == 0]
        above = [[replace(block, exp_c=block.exp_c + more) for more in range(4, 33, 4)] for block in whole]
        windows = [blocks for blocks in above if all(block in planned for block in blocks if block.has_expansion)]
        assert len(windows) == len(grid.windows)
        assert all(blocks[-1].has_expansion for blocks in windows)


def test_widths_of_the_grid_are_multiples_of_32_and_blocks_that_may_be_narrow_have_points_below() -> None:
    slot = MBConv(28, 3, 1, 24, 144, 24, "relu6")
    assert [block.exp_c for block in expansion_line(slot, COARSE)] == [4, 16, 20, 24, 64, 96, 128, 144, 160, 192]
    wide = expansion_line(replace(slot, in_c=160, exp_c=960), COARSE)
    assert [block.exp_c for block in wide] == [4, 160, 256, 480, 736, 960, 1216]


@pytest.mark.parametrize(("in_c", "around"), [(4, {8}), (16, {12, 20}), (20, {16, 24}), (32, {28, 36, 64}), (64, {32, 96})])
def test_a_line_goes_around_the_point_without_an_expansion(in_c: int, around: set[int]) -> None:
    blocks = expansion_line(MBConv(28, 3, 1, in_c, 96, 24, "relu6"), FULL)
    assert around <= {block.exp_c for block in blocks if block.has_expansion}
    assert [block.exp_c for block in blocks if not block.has_expansion] == [in_c]


def test_a_base_that_nowhere_expands_has_no_windows() -> None:
    document = dict(configs.load("mini_v2").document)
    for index in range(7):
        document[str(index)] = [[*row[:4], row[3], row[5]] for row in document[str(index)]]
    plan = plan_model(configs.from_document(document), COARSE)
    assert not any(isinstance(block, MBConv) and block.exp_c % 32 and block.exp_c > 36 and block.has_expansion for block in plan.blocks)
    assert sum(map(len, plan.networks[0])) > 10


def test_the_chain_of_a_found_model_is_that_of_its_base_in_shape() -> None:
    base, found = (base_chain(configs.load(name)) for name in ("mnasnet_b1", "syncnas_mnasnet_b1_100"))
    assert [block.out_shape for block in base] == [block.out_shape for block in found]


def test_pieces_are_cut_where_features_change_their_size_and_before_the_head() -> None:
    chain = base_chain(configs.load("mobilenet_v2"))
    pieces = pieces_of(chain)
    assert [block for piece in pieces for block in piece] == list(chain)
    assert [len(piece) for piece in pieces] == [3, 2, 3, 7, 3, 1]


@pytest.mark.parametrize("grid", [COARSE, FULL])
def test_networks_are_cut_in_many_ways_and_made_of_blocks_that_are_timed_alone(grid: Grid) -> None:
    base = configs.load("mobilenet_v2")
    networks = networks_of(base_chain(base), grid)
    assert len(networks) == 2 + len(grid.expansion) + grid.mixed + len(grid.bodies)
    assert networks == networks_of(base_chain(base), grid), "the same whenever a profile goes on"
    plan = plan_model(base, grid)
    assert {block for network in networks for piece in network for block in piece} <= set(plan.blocks)
    lengths = {len(piece) for network in networks for piece in network}
    assert 1 in lengths
    assert max(lengths) > 3
    for network in networks:
        blocks = [block for piece in network for block in piece]
        assert [block.out_shape for block in blocks[:-1]] == [block.in_shapes[0] for block in blocks[1:]]
