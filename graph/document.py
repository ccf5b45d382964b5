"""A cut network as the document that `graph.cut` prints and writes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from graph.comparing import Comparison
from graph.cuts import Block
from graph.identity import identity_of, label_of
from graph.network import Network
from graph.splitting.stretches import Stretch


def document_of(network: Network, blocks: Sequence[Block], *, grain_us: float) -> dict[str, Any]:
    """Describes a network and its blocks in values that JSON has."""
    return {
        "model": network.source.origin,
        "operators": len(network.operators),
        "grain_us": grain_us,
        "inputs": [_tensor(network, tensor) for tensor in network.inputs],
        "outputs": [_tensor(network, tensor) for tensor in network.outputs],
        "blocks": [_block(network, block) for block in blocks],
    }


def _block(network: Network, block: Block) -> dict[str, Any]:
    return {
        "identity": identity_of(network, block),
        "label": label_of(network, block),
        "operators": [network.operators[index].name for index in block.operators],
        "unpacking": len(block.unpacking),
        "macs": block.work.macs,
        "bytes": block.work.size_bytes,
        "nominal_us": round(block.work.nominal_us, 3),
        "inputs": [_tensor(network, tensor) for tensor in block.inputs],
        "outputs": [_tensor(network, tensor) for tensor in block.outputs],
    }


def _tensor(network: Network, index: int) -> dict[str, Any]:
    tensor = network.tensors[index]
    return {"tensor": index, "name": tensor.name, "shape": list(tensor.shape), "dtype": tensor.dtype, "bytes": tensor.size_bytes}


def check_document(network: Network, comparison: Comparison) -> Mapping[str, Any]:
    """Describes how the slices' outputs compare with the whole's; a difference that is no number is left out."""
    computed = [tensor for tensor in network.outputs if tensor in network.producers]
    outputs = [
        {"tensor": tensor, "equal": difference is None, "range": extent}
        | ({"largest_difference": difference} if difference is not None and not math.isnan(difference) else {})
        for tensor, difference, extent in zip(computed, comparison.differences, comparison.ranges, strict=True)
    ]
    return {"equal": comparison.is_equal, "within_rounding": comparison.is_rounding, "outputs": outputs}


def split_document(network: Network, stretches: Sequence[Stretch], shares: Sequence[float]) -> dict[str, Any]:
    """Describes which stretches of a network are split."""
    return {"shares": list(shares), "stretches": [_stretch(network, stretch) for stretch in stretches]}


def _stretch(network: Network, stretch: Stretch) -> dict[str, Any]:
    return {
        "operators": [
            {"operator": index, "name": network.operators[index].name, "part": part.value} for index, part in stretch.parts.items()
        ],
        "groups": stretch.groups,
        "sums": list(stretch.summed),
        "joins": list(stretch.joined),
        "ends": [
            {"operator": index, "name": network.operators[index].name, "reason": reason} for index, reason in sorted(stretch.ends.items())
        ],
    }
