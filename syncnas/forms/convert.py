"""Form of the command that makes a ``.tflite``."""

from __future__ import annotations

import msgspec

from syncnas.forms.base import Form, Printed
from syncnas.forms.model import CutCheck


class ConvertedInput(Form, frozen=True, kw_only=True):
    """An input of a converted model; `turned` where it is NHWC, and NCHW in the source."""

    name: str
    shape: list[int]
    dtype: str
    turned: bool


class ConvertedOutput(ConvertedInput, frozen=True, kw_only=True):
    """An output of a converted model, and the largest difference to the source's as a fraction of its range."""

    difference: float


class BranchedStretch(Form, frozen=True, kw_only=True):
    """Operators of each branch between two syncs, and of the second sync; `given` and `gives` are the tensors before and after."""

    stages: list[int]
    branches: list[list[int]]
    sync: list[int]
    given: int
    gives: int


class ConvertedBranches(Form, frozen=True, kw_only=True):
    """Parts of a collaborative network, as operators by their numbers in the file."""

    stem: list[int]
    stretches: list[BranchedStretch]
    head: list[int]


class Convert(Printed, frozen=True, kw_only=True):
    """A model that was made of a network of another framework.

    Attributes:
        computed_by: what the outputs were held against: "torch", "Keras" or "TensorFlow".
        transposes: the operators TRANSPOSE among all.
        reason: why the model cannot be cut.
        blocks: the number that were run for `check`.
    """

    source: str
    computed_by: str
    out: str
    bytes: int
    operators: int
    transposes: int
    inputs: list[ConvertedInput]
    outputs: list[ConvertedOutput]
    cuttable: bool
    reason: str | msgspec.UnsetType = msgspec.UNSET
    blocks: int | msgspec.UnsetType = msgspec.UNSET
    check: CutCheck | msgspec.UnsetType = msgspec.UNSET
    branches: ConvertedBranches | msgspec.UnsetType = msgspec.UNSET
