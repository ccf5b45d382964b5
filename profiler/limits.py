"""Limits of a device: the sizes of jobs against its memory and the runner's bounds, told before anything is measured.

A plan may come from a folder that an older version, or another program, has written; jobs in it that cannot be carried out become failed
rows with the reason, and the rest goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from android_harness.device.info import DeviceInfo
from collab.blocks import BYTES_PER_VALUE, AnyBlock, MBConv, feature_bytes
from collab.console import one_line
from collab.errors import ConfigError
from collab.tensors.opaque import Opaque
from collab.tensors.types import Shape
from collab.units import UnitSpec
from profiler.job_ids import BlockId, HandoverId, JobId, LoadedId, NetworkId, RehearsalId
from profiler.placed_rehearsal import PlacedRehearsal
from profiler.plan import AnyRehearsal, Network, Plan, config_network

MAX_UNITS: Final = 16
_MAX_INPUTS: Final = 4 * MAX_UNITS
_MAX_JOBS: Final = 200_000
_MOST_BYTES: Final = 1 << 30
"""No job may take more, whatever the device: model files hold at most 2 GiB."""
_SHARE: Final = 8
"""A job gets this part of the memory: weights are there as they are read and again as kernels want them, and other jobs run beside it."""
_COPIES_OF_FEATURES: Final = 5
"""A hand-over has these: both ends of either unit's model, and the memory between the two."""


def room_bytes(info: DeviceInfo) -> int:
    """Returns how many bytes one job may take on a device; the most of any where the device does not say how much memory it has."""
    return _MOST_BYTES if info.memory_bytes is None else min(_MOST_BYTES, info.memory_bytes // _SHARE)


def check_new(plan: Plan, earlier: Plan | None, units: Mapping[str, UnitSpec], info: DeviceInfo) -> None:
    """Checks that what a plan asks for beyond an earlier one can be carried out.

    Raises:
        ConfigError: something in it is too large for the device, or there is too much of it; says what, its size, and the room there is.
    """
    room, old = room_bytes(info), earlier or Plan((), ())
    for block in _new(plan.blocks, old.blocks):
        _refuse(_block_reason(block, room), info)
    for shape in _new(plan.transfers, old.transfers):
        _refuse(_handover_reason(shape, room), info)
    for network in _new(plan.networks, old.networks):
        _refuse(_network_reason([network], room), info)
    for name, rehearsal in plan.rehearsals_by_name.items():
        if name not in old.rehearsals_by_name:
            _refuse(_rehearsal_reason(rehearsal, plan, room), info)
    jobs = len(units) * (len(plan.blocks) + len(plan.networks)) + len(units) ** 2 * (len(plan.transfers) + len(plan.rehearsals))
    if jobs > _MAX_JOBS:
        raise ConfigError(
            f"the plan has {jobs} jobs on {len(units)} units, at most {_MAX_JOBS} can be measured; name fewer units or models"
        )


def why_impossible(job: JobId, room: int, plan: Plan) -> str | None:
    """Returns the reason for which a job of a plan cannot be carried out in so many bytes; None where it can be tried."""
    if isinstance(job, BlockId):
        return _block_reason(job.block, room)
    if isinstance(job, HandoverId):
        return _handover_reason(job.shape, room)
    if isinstance(job, NetworkId):
        return _network_reason([plan.networks_by_name[job.network]], room)
    if isinstance(job, LoadedId):
        return _network_reason([plan.networks_by_name[name] for name in (job.network, job.load)], room)
    if isinstance(job, RehearsalId):
        return _rehearsal_reason(plan.rehearsals_by_name[job.rehearsal], plan, room)
    return None


def needed_bytes(block: AnyBlock) -> int:
    """Returns the bytes of a block's weights and features."""
    if isinstance(block, Opaque):
        return block.weight_bytes + block.working_bytes + block.in_bytes + block.out_bytes
    values = block.params + sum(feature_bytes(shape) for shape in (*block.in_shapes, block.out_shape)) // BYTES_PER_VALUE
    if isinstance(block, MBConv):
        values += (block.in_size**2 + block.out_size**2) * block.exp_c
    return values * BYTES_PER_VALUE


_Item = TypeVar("_Item")


def _new(wanted: Iterable[_Item], known: Iterable[_Item]) -> list[_Item]:
    there = set(known)
    return [item for item in wanted if item not in there]


def _block_reason(block: AnyBlock, room: int) -> str | None:
    inputs = block.inputs if isinstance(block, Opaque) else len(block.in_shapes)
    if inputs > _MAX_INPUTS:
        return f"the block {block.key} takes {inputs} inputs, and a model has {_MAX_INPUTS} at most"
    return _reason(f"the block {block.key} takes {_size(needed_bytes(block))} of weights and features", needed_bytes(block), room)


def _handover_reason(shape: Shape, room: int) -> str | None:
    size = feature_bytes(shape)
    needed = _COPIES_OF_FEATURES * size
    return _reason(f"a transfer of {size} bytes takes {_size(needed)} with all its copies", needed, room)


def _network_reason(networks: Iterable[Network], room: int) -> str | None:
    """Returns why these networks, which one job runs, do not fit."""
    needed = sum(needed_bytes(block) for network in networks for piece in network for block in piece)
    return _reason(f"a network takes {_size(needed)} of weights and features", needed, room)


def _rehearsal_reason(rehearsal: AnyRehearsal, plan: Plan, room: int) -> str | None:
    if isinstance(rehearsal, PlacedRehearsal):
        # All blocks of the network, equal ones as often as they are there, are in one of its runs in pieces.
        networks = [network for network in plan.networks if config_network(network) is None]
        return max((_network_reason([network], room) or "" for network in networks), key=len, default="") or None
    config = rehearsal.config
    blocks: list[AnyBlock] = [config.stem, *config.blocks, config.head]
    needed = sum(map(needed_bytes, blocks))
    return _reason(f"the strategy {config.name} takes {_size(needed)} of weights and features", needed, room)


def _reason(what: str, needed: int, room: int) -> str | None:
    return f"{what}, and there is room for {_size(room)} a job" if needed > room else None


def _refuse(reason: str | None, info: DeviceInfo) -> None:
    if reason is not None:
        raise ConfigError(f"{one_line(info.name)}: {reason}; nothing was changed: give the command again without it, or with a smaller one")


def _size(size_bytes: int) -> str:
    return f"{size_bytes / (1 << 20):.1f} MiB"
