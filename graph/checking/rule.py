"""The rule of an operator, and the view of an operator that rules look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import numpy as np
import numpy.typing as npt

from collab.errors import NetworkError
from graph.format.flatbuffer import Record, record
from graph.network import Network, Operator, Shape, Tensor

MANY: Final = 1 << 20
"""As many inputs or outputs as an operator likes."""
_QUANTISED: Final = frozenset({"INT8", "UINT8", "INT16"})
_LARGEST_STEP: Final = 1 << 16
_MOST_AXES: Final = 8


class Checked:
    """An operator under a rule's eyes.

    Raises (all methods):
        NetworkError: the operator is not what the rule asks for.
    """

    def __init__(self, network: Network, operator: Operator, options: Record | None) -> None:
        self._network = network
        self._operator = operator
        self._options = options

    @property
    def name(self) -> str:
        return self._operator.name

    @property
    def inputs(self) -> int:
        return len(self._operator.inputs)

    @property
    def outputs(self) -> int:
        return len(self._operator.outputs)

    def refuse(self, what: str) -> NoReturn:
        raise NetworkError(
            f"{self._network.source.origin}: operator {self._operator.index} ({self.name}) {what}, so the model cannot be run;"
            " export it once more"
        )

    def require(self, fact: bool, what: str) -> None:
        """Refuses the operator with these words where a fact does not hold."""
        if not fact:
            self.refuse(what)

    def has(self, position: int) -> bool:
        """Whether an optional input is there."""
        return position < self.inputs and self._operator.inputs[position] != -1

    def tensor(self, position: int) -> Tensor:
        self.require(self.has(position), f"lacks its input {position}")
        return self._network.tensors[self._operator.inputs[position]]

    def shape(self, position: int) -> Shape:
        return self.tensor(position).shape

    def dtype(self, position: int) -> str:
        return self.tensor(position).dtype

    def out(self, position: int = 0) -> Tensor:
        return self._network.tensors[self._operator.outputs[position]]

    def option(self, name: str) -> Any:
        assert self._options is not None, "the rule names the table that it reads"
        return self._options[name]

    def options(self, name: str) -> tuple[int, ...]:
        """Returns an option that is a list of numbers."""
        assert self._options is not None, "the rule names the table that it reads"
        return self._options.vector(name)

    def rank(self, position: int, *ranks: int) -> Shape:
        """Returns an input's shape, which has to have one of these numbers of axes."""
        shape = self.shape(position)
        self.require(len(shape) in ranks, f"takes an input of {' or '.join(map(str, ranks))} axes, not of {len(shape)}")
        return shape

    def most_axes(self, position: int, most: int) -> Shape:
        shape = self.shape(position)
        self.require(1 <= len(shape) <= most, f"takes an input of 1 to {most} axes, not of {len(shape)}")
        return shape

    def numbers(self, position: int) -> npt.NDArray[Any]:
        """Returns the values of a constant input of whole numbers, which decide the output's shape."""
        values = self._network.constant_values(self.tensor(position).index)
        if values is None:
            self.refuse(f"takes its input {position} from what the network computes, which makes its shape dynamic")
        self.require(values.dtype.kind in "iu", f"has no whole numbers as input {position}")
        return values

    def number_list(self, position: int, *, length: int | None = None) -> tuple[int, ...]:
        """Returns the numbers of a constant input of at most one axis."""
        values = self.numbers(position)
        self.require(values.ndim <= 1, f"has a table as input {position}, where a list belongs")
        self.require(length is None or values.size == length, f"has {values.size} numbers as input {position}, not {length}")
        return tuple(int(value) for value in values.reshape(-1))

    def one_number(self, position: int) -> int:
        values = self.numbers(position)
        self.require(values.size == 1, f"has {values.size} numbers as input {position}, not one")
        return int(values.reshape(-1)[0])

    def axis(self, axis: int, rank: int) -> int:
        """Returns an axis counted from the front; negative ones count from the end."""
        self.require(-rank <= axis < rank, f"has axis {axis}, of {rank} axes")
        return axis % rank

    def step(self, *names: str) -> tuple[int, ...]:
        """Returns options that are strides, sizes of a window or dilations."""
        for name in names:
            self.require(1 <= self.option(name) <= _LARGEST_STEP, f"has {name} {self.option(name)}")
        return tuple(int(self.option(name)) for name in names)

    def same_dtypes(self, *positions: int, with_output: bool = True) -> None:
        """Requires one type of values of these inputs, and of the first output."""
        dtypes = {self.dtype(position) for position in positions} | ({self.out().dtype} if with_output else set())
        self.require(len(dtypes) == 1, f"mixes values of type {' and '.join(sorted(dtypes))}")

    def check_scales(self) -> None:
        """Requires scales of all narrow whole numbers that are computed with."""
        found = [self._network.tensors[tensor] for tensor in (*self._operator.inputs, *self._operator.outputs) if tensor != -1]
        for tensor in found:
            if tensor.dtype in _QUANTISED:
                self.require(
                    tensor.quantisation is not None, f"computes with tensor {tensor.index} of type {tensor.dtype}, which has no scale"
                )


Shapes = Callable[[Checked], Sequence[Shape]]


@dataclass(frozen=True)
class Rule:
    """A rule of an operator.

    Attributes:
        shapes: checks options and inputs, and returns the shapes of the outputs.
        inputs: least and greatest number of inputs.
        options: name of the table that the runtime reads options from; where the file has none, defaults count.
        required: inputs that cannot be left out, from the first on.
        scaled: narrow whole numbers need scales, as the operator computes with them.
        deciding: inputs whose values, not only their shapes, decide what there is to do.
    """

    shapes: Shapes
    inputs: tuple[int, int]
    options: str | None = None
    outputs: tuple[int, int] = (1, 1)
    required: int | None = None
    scaled: bool = False
    deciding: frozenset[int] = field(default_factory=frozenset)


def broadcast(op: Checked, *shapes: Shape, most: int = _MOST_AXES) -> Shape:
    """Returns the shape in which tensors of these shapes meet."""
    if len(set(shapes)) > 1 and max(map(len, shapes)) > most:
        op.refuse(f"stretches inputs of more than {most} axes")
    try:
        return tuple(int(extent) for extent in np.broadcast_shapes(*shapes))
    except ValueError:
        op.refuse(f"joins shapes that do not fit: {' and '.join(str(list(shape)) for shape in shapes)}")


def options_for(operator: Operator, rule: Rule) -> Record | None:
    """Returns the options that the runtime reads: the file's, or defaults."""
    if rule.options is None:
        return None
    return operator.options if operator.options is not None else record(rule.options)
