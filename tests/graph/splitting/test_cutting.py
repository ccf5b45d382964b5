"""Networks cut around their stretches: a split changes one block only, and segments on any units compute what the whole does."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collab.errors import NetworkError
from graph.comparing import ROUNDING, Request, Step
from graph.format.writing import model_bytes
from graph.interpreter import carry_out
from graph.reading import read_network
from graph.slicing import slice_bytes
from graph.splitting.cutting import SplitCut, Splittable
from graph.splitting.rewriting import narrowest_of
from graph.splitting.shares import bounds_of
from graph.splitting.split import Split
from tests.graph.sample import NO_SOURCE, Sample
from tests.graph.samples import written
from tests.graph.splitting.random_splits import Drawn

UNITS = ("cpu0", "cpu1", "gpu0")


def splittable(path: Path, *, grain_us: float = 0.0) -> Splittable:
    return Splittable(read_network(path), name="made", grain_us=grain_us)


def drawn(folder: Path, seed: int, *, grain_us: float = 0.0) -> Splittable:
    return splittable(written(folder, model_bytes(Drawn(seed).network(), NO_SOURCE), "whole.tflite"), grain_us=grain_us)


def random_splits(of: Splittable, draw: random.Random) -> list[Split]:
    found = []
    for opens, stretch in of.stretches.items():
        shares = draw.choice(((1, 1), (3, 1), (1, 1, 1)))
        groups = [end - begin for begin, end in bounds_of(stretch.groups, narrowest_of(of.network, stretch), shares) if end > begin]
        if len(groups) > 1 and draw.random() < 0.7:
            found.append(Split(opens, tuple(groups)))
    return found


def sizes(of: Splittable) -> int:
    return sum(len(group) for group in of.groups)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), grain_us=st.sampled_from([0.0, 0.05, 0.2]))
def test_segments_of_a_split_network_compute_what_the_whole_does(seed: int, grain_us: float, tmp_path: Path) -> None:
    of = drawn(tmp_path, seed, grain_us=grain_us)
    assert sizes(of) == sum(len(block.operators) for block in of.plain.blocks)
    draw = random.Random(seed)
    cut = of.cut(random_splits(of, draw)).cut
    units = [draw.choice(UNITS) for _ in cut.blocks]
    schedule = cut.schedule(units, order=UNITS)
    steps = []
    for segment, block in zip(schedule.segments, cut.segment_blocks(units), strict=True):
        assert all(source.segment in ("input", *(step.file.split("/")[-1][:-7] for step in steps)) for source in segment.sources)
        file = written(tmp_path, slice_bytes(cut.network, block), f"{segment.name}.tflite")
        steps.append(Step(str(file), block.inputs, block.outputs))
    whole = tmp_path / "whole.tflite"
    report = carry_out(Request(str(whole), of.network.inputs, of.network.outputs, of.network.outputs, tuple(steps)))
    for difference, extent in zip(report.differences, report.ranges, strict=True):
        assert difference is None or 0 <= difference <= ROUNDING * extent


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6))
def test_a_split_leaves_all_other_blocks_as_they_are(seed: int, tmp_path: Path) -> None:
    of = drawn(tmp_path, seed)
    splits = random_splits(of, random.Random(seed))
    apart, together = of.cut([]), of.cut(splits)

    def blocks(of_cut: SplitCut, owner: int) -> list[str]:
        return [block.key for block, other in zip(of_cut.cut.opaque, of_cut.owners, strict=True) if other == owner]

    assert apart.owners == tuple(range(len(of.groups)))
    owners = {of.owner_of(split.opens): split for split in splits}
    for number in range(len(of.groups)):
        alone = of.cut([owners[number]]) if number in owners else apart
        assert blocks(together, number) == blocks(alone, number)
    for split in splits:
        arms = {arm for arm, owner in zip(together.arms, together.owners, strict=True) if owner == of.owner_of(split.opens)}
        assert arms >= set(range(len(split.groups)))


def test_stretches_that_are_worth_less_than_two_grains_are_left_whole(tmp_path: Path) -> None:
    of = drawn(tmp_path, 1)
    assert of.stretches
    coarse = Splittable(of.network, name="made", grain_us=1e6)
    assert not coarse.stretches
    assert [block.operators for block in coarse.plain.blocks] == list(coarse.groups)


@pytest.mark.parametrize(
    ("split", "said"),
    [
        (Split(77, (8, 8)), "no stretch that can be split at 0 us begins with its operator 77"),
        (Split(0, (8, 9)), "has 16 groups of channels, not 17"),
    ],
)
def test_a_split_that_cannot_be_is_one_sentence(split: Split, said: str, tmp_path: Path) -> None:
    sample = Sample()
    x = sample.conv(sample.conv(sample.input((1, 6, 6, 8)), 16), 8)
    of = splittable(written(tmp_path, sample.bytes(x), "whole.tflite"))
    with pytest.raises(NetworkError, match=said):
        of.cut([split])
    with pytest.raises(NetworkError, match="is split twice"):
        of.cut([Split(0, (8, 8)), Split(0, (8, 8))])
