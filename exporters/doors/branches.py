"""Finds which operators of a converted collaborative network belong to which branch.

Converters fuse, reorder and rename, so neither names nor the order in the file tell. Values do: the network is run in torch and the file in
the interpreter, and the tensor that holds what a branch, or a sync, computes is the one with its values. What lies between two such
tensors follows from the graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from collab.errors import ExportError
from collab.networks.weights import Array
from exporters.checking import MAX_ERROR
from exporters.doors.converted import Converted
from exporters.quiet import quiet
from graph.cuts import Cutter
from graph.format.source import Source
from graph.network import Network
from graph.reading import network_of

if TYPE_CHECKING:
    from torch import Tensor

    from exporters.doors.collaborative import CollaborativeNetwork


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Stretch of a network between two places where branches meet.

    Attributes:
        stages: the numbers of the stages in it: several where branches go on alone after a stage.
        branches: for each branch its operators, in their order; one that several branches need stands with each.
        sync: the operators that bring the branches together.
        given, gives: the tensor that all branches read, and the one that the sync computes.
    """

    stages: tuple[int, ...]
    branches: tuple[tuple[int, ...], ...]
    sync: tuple[int, ...]
    given: int
    gives: int


@dataclass(frozen=True, kw_only=True)
class Branches:
    """The operators of a collaborative network: every one that computes an output from an input is in here."""

    stem: tuple[int, ...]
    stretches: tuple[Stretch, ...]
    head: tuple[int, ...]


def branches_of(module: CollaborativeNetwork, image: Tensor, converted: Converted) -> Branches:
    """Finds the branches of a collaborative network in the file that was made of it.

    Args:
        image: what the module takes, as it takes it.
        converted: what came of this module and this image.

    Raises:
        NetworkError: the file cannot be read (`graph.reading`).
        ExportError: no tensor of the file holds what a sync or branch computes, as the converter has merged it with what follows; or two
            branches compute the same values.
    """
    network = network_of(Source("the converted model", memoryview(converted.model)))
    return _Finder(network, _all_values(network, converted)).found(module, image)


class _Finder:
    def __init__(self, network: Network, values: dict[int, Array]) -> None:
        self._network = network
        self._values = values
        self._working = frozenset(Cutter(network).working)

    def found(self, module: CollaborativeNetwork, image: Tensor) -> Branches:
        import torch

        with torch.no_grad():
            meetings = list(module.meetings(image))
            stem_output = module.stem(image)
        given = start = self._first(stem_output, "the stem")
        stem = self._between(set(), [start])
        stretches: list[Stretch] = []
        for meeting in meetings:
            where = f"stage {meeting.stages[-1]}"
            gives = self._first(meeting.met, f"the sync after {where}")
            within = {given, *self._computed(self._between({given}, [gives]))}
            ends = [
                self._last(output, within, f"branch {branch} of {where}", unless=gives) for branch, output in enumerate(meeting.outputs)
            ]
            if len(set(ends) - {given}) != sum(end != given for end in ends):
                raise ExportError(f"two branches of {where} compute the same values, so nothing tells them apart; give them other weights")
            stretches.append(
                Stretch(
                    stages=meeting.stages,
                    branches=tuple(self._between({given}, [end]) for end in ends),
                    sync=self._between({given, *ends}, [gives]),
                    given=given,
                    gives=gives,
                )
            )
            given = gives
        found = Branches(stem=stem, stretches=tuple(stretches), head=self._between({given}, self._network.outputs))
        self._require_all(found)
        return found

    def _require_all(self, found: Branches) -> None:
        parts = [found.stem, found.head, *(part for stretch in found.stretches for part in (*stretch.branches, stretch.sync))]
        left = self._working - {index for part in parts for index in part}
        if left:
            name = self._network.operators[min(left)].name
            raise ExportError(
                f"operator {min(left)} ({name}) belongs to no branch, nor to stem and head;"
                " have stages read only what the stage before gives"
            )

    def _between(self, known: set[int], ends: Iterable[int]) -> tuple[int, ...]:
        """Returns the operators that it takes to compute some tensors from others, in order."""
        wanted, found = list(ends), set[int]()
        while wanted:
            tensor = wanted.pop()
            operator = self._network.producers.get(tensor, -1)
            if tensor not in known and operator in self._working and operator not in found:
                found.add(operator)
                wanted += [each for each in self._network.operators[operator].inputs if each != -1]
        return tuple(sorted(found))

    def _computed(self, operators: Iterable[int]) -> set[int]:
        return {tensor for index in operators for tensor in self._network.operators[index].outputs}

    def _first(self, sought: Tensor, what: str) -> int:
        return self._holding(sought, list(self._values), what)[0]

    def _last(self, sought: Tensor, within: set[int], what: str, *, unless: int) -> int:
        return self._holding(sought, [tensor for tensor in self._values if tensor in within and tensor != unless], what)[-1]

    def _holding(self, sought: Tensor, among: Sequence[int], what: str) -> list[int]:
        """Returns the tensors with these values, in either layout, in the order in which they are computed."""
        wanted = sought.numpy()
        layouts = [wanted.ravel()] + ([np.ascontiguousarray(wanted.transpose(0, 2, 3, 1)).ravel()] if wanted.ndim == 4 else [])
        most = MAX_ERROR * (float(np.ptp(wanted)) or float(np.abs(wanted).max()) or 1.0)
        found = [
            tensor
            for tensor in among
            if self._values[tensor].size == wanted.size
            and any(float(np.abs(self._values[tensor].ravel() - layout).max()) <= most for layout in layouts)
        ]
        if not found:
            raise ExportError(
                f"no tensor of the converted model holds what {what} computes, as the converter has merged it with what follows;"
                " begin and end branches with layers of their own"
            )
        return found


def _all_values(network: Network, converted: Converted) -> dict[int, Array]:
    """Computes the float tensors of a network that depend on its inputs, in the order in which they come about."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    try:
        with quiet():
            interpreter = Interpreter(
                model_content=converted.model,
                num_threads=1,
                experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
                experimental_preserve_all_tensors=True,
            )
            runner = interpreter.get_signature_runner()
            runner(**converted.inputs)
            wanted = [*network.inputs, *(tensor for operator in network.operators for tensor in operator.outputs)]
            return {tensor: np.array(interpreter.get_tensor(tensor)) for tensor in wanted if network.tensors[tensor].dtype == "FLOAT32"}
    except (RuntimeError, ValueError) as error:
        raise ExportError(f"the runtime rejects the model: {' '.join(str(error).split())[:300]}") from error
