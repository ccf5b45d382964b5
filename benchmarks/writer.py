"""Benchmark of writing blocks, beside litert-torch on the same blocks in the same run."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from statistics import median

from benchmarks.results import keep, say
from collab import config as configs
from collab.blocks import MBConv
from exporters.checking import reference_input
from exporters.tflite_route import write_block
from profiler.plan import FULL, plan_model

PER_SECOND = 300
RATIO = 100
SAMPLED = 8


def run() -> None:
    """Writes every MBConv of mobilenet_v2's search space, and converts a seeded sample of them by litert-torch in between."""
    blocks = [block for block in plan_model(configs.load("mobilenet_v2"), FULL).blocks if isinstance(block, MBConv)]
    peers = set(random.Random(0).sample(blocks, SAMPLED))
    write_block(blocks[0])
    _convert(blocks[0])
    ours: dict[str, float] = {}
    theirs: dict[str, float] = {}
    for block in blocks:
        ours[block.key] = _seconds(block, write_block)
        if block in peers:
            theirs[block.key] = _seconds(block, _convert)
    per_second = len(ours) / sum(ours.values())
    ratios = [theirs[key] / ours[key] for key in theirs]
    say(f"writer: MBConv models per second (n = {len(ours)})", f"{per_second:.0f} / s", f">= {PER_SECOND}", met=per_second >= PER_SECOND)
    value = f"{median(ratios):.0f} x ({min(ratios):.0f}-{max(ratios):.0f})"
    say(f"writer: litert-torch / ours, same blocks (n = {len(ratios)})", value, f">= {RATIO} x", met=median(ratios) >= RATIO)
    print("  raw:", keep("writer", {"ours_s": ours, "litert_torch_s": theirs}))


def _seconds(block: MBConv, write: Callable[[MBConv], bytes]) -> float:
    """Returns the time that one writing of a block takes."""
    started = time.perf_counter()
    write(block)
    return time.perf_counter() - started


def _convert(block: MBConv) -> bytes:
    """Converts a block by litert-torch."""
    from collab.networks.network import InvertedResidual
    from exporters.litert_torch_route import convert_module

    module = InvertedResidual(block, momentum=0.1, eps=1e-5).eval()
    return convert_module(module, [reference_input(block.in_shapes[0])])
