"""A block of a network as a model of its own: operators, quantisation, sparsity and names are kept, and constants come along."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from graph.cuts import Block
from graph.format.flatbuffer import Record, record
from graph.format.writing import MOST_INSIDE_BYTES, inside, model_bytes
from graph.network import Network

SIGNATURE: Final = "serving_default"
_KEPT_METADATA: Final = frozenset({"min_runtime_version"})
_VERSION: Final = 3


def slice_bytes(network: Network, block: Block, *, description: str = "", most_inside_bytes: int = MOST_INSIDE_BYTES) -> bytes:
    """Writes a block as a ``.tflite`` file, whose inputs and outputs are those of the block, in its order.

    Args:
        most_inside_bytes: see `model_bytes`.
    """
    return model_bytes(_Slice(network, block).model(description), network.source, most_inside_bytes=most_inside_bytes)


class _Slice:
    def __init__(self, network: Network, block: Block) -> None:
        self._network = network
        self._block = block
        self._operators = [network.operators[index] for index in sorted((*block.unpacking, *block.operators))]
        touched = [tensor for operator in self._operators for tensor in (*operator.inputs, *operator.outputs) if tensor != -1]
        self._tensors = {tensor: at for at, tensor in enumerate(dict.fromkeys((*block.inputs, *touched)))}
        self._buffers: dict[int, int] = {}
        """New indices of buffers by the old ones; 0 stands for no values, here and there."""

    def model(self, description: str) -> Record:
        network = self._network
        codes = dict.fromkeys(operator.record["opcodeIndex"] for operator in self._operators)
        places = {code: at for at, code in enumerate(codes)}
        tensors = tuple(self._tensor(index) for index in self._tensors)
        metadata = tuple(
            entry.replaced(buffer=self._buffer(entry["buffer"]))
            for entry in network.model.records("metadata")
            if entry["name"] in _KEPT_METADATA
        )
        graph = record(
            "SubGraph",
            name="main",
            tensors=tensors,
            operators=tuple(self._operator(operator.record, places) for operator in self._operators),
            inputs=self._places(self._block.inputs),
            outputs=self._places(self._block.outputs),
        )
        buffers = network.model.records("buffers")
        return record(
            "Model",
            version=_VERSION,
            description=description,
            operatorCodes=tuple(network.codes[code] for code in codes),
            subgraphs=(graph,),
            buffers=(record("Buffer"), *(inside(buffers[old]) for old in self._buffers)),
            metadata=metadata or None,
            signatureDefs=(self._signature(),),
        )

    def _places(self, tensors: Iterable[int]) -> Any:
        return np.array([-1 if tensor == -1 else self._tensors[tensor] for tensor in tensors], np.int32)

    def _tensor(self, index: int) -> Record:
        tensor = self._network.tensors[index]
        # Shapes are fixed from here on: the file's others were for resizing.
        return tensor.record.replaced(
            buffer=self._buffer(tensor.record["buffer"]) if tensor.constant is not None else 0, shapeSignature=None
        )

    def _buffer(self, old: int) -> int:
        return self._buffers.setdefault(old, len(self._buffers) + 1)

    def _operator(self, old: Record, places: Mapping[int, int]) -> Record:
        return old.replaced(
            opcodeIndex=places[old["opcodeIndex"]],
            inputs=self._places(old.vector("inputs")),
            outputs=self._places(old.vector("outputs")),
            debugMetadataIndex=-1,
        )

    def _signature(self) -> Record:
        known = _signature_names(self._network)
        return record(
            "SignatureDef",
            signatureKey=SIGNATURE,
            subgraphIndex=0,
            inputs=self._maps(self._block.inputs, known, "in"),
            outputs=self._maps(self._block.outputs, known, "out"),
        )

    def _maps(self, tensors: tuple[int, ...], known: Mapping[int, str], prefix: str) -> tuple[Record, ...]:
        """Names inputs or outputs as the network's signature does, else by their tensors, else by number."""
        names: list[str] = []
        for at, tensor in enumerate(tensors):
            wanted = known.get(tensor) or self._network.tensors[tensor].name or f"{prefix}{at}"
            names.append(wanted if wanted not in names else f"{prefix}{at}:{wanted}")
        return tuple(record("TensorMap", name=name, tensorIndex=self._tensors[tensor]) for name, tensor in zip(names, tensors, strict=True))


def _signature_names(network: Network) -> dict[int, str]:
    """Returns the names that the network's first signature gives its inputs and outputs."""
    signatures = network.model.records("signatureDefs")
    entries = [*signatures[0].records("inputs"), *signatures[0].records("outputs")] if signatures else []
    return {entry["tensorIndex"]: entry["name"] for entry in entries}
