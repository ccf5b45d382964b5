"""All slices of a network, run one after the other, held against the whole: in a process of its own, which a model may end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from collab.documents import read
from collab.errors import NetworkError
from collab.files import write_whole
from collab.names import shown
from graph.cuts import Block
from graph.network import Network

ROUNDING: Final = 1e-5
"""The share of an output's range by which it may differ where sums are formed in another order."""
_LIMIT_BYTES: Final = 64 << 20
_REPORT: Final = "report.json"
_REQUEST: Final = "request.json"


class Step(msgspec.Struct, frozen=True):
    """A slice to run, with the tensors of the network that it takes and gives."""

    file: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class Request(msgspec.Struct, frozen=True):
    """A model and its slices, in the order in which they run.

    Attributes:
        inputs, all_outputs: tensors of the network, in its order.
        outputs: those that are compared; outputs that are constants or inputs are left out.
    """

    model: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    all_outputs: tuple[int, ...]
    steps: tuple[Step, ...]


class Report(msgspec.Struct, frozen=True):
    """Largest absolute difference of each output, None where all bits are the same; or the sentence of a runtime that refuses a model.

    Attributes:
        ranges: from the least to the greatest value of each output of the whole; of one value, its size.
    """

    differences: tuple[float | None, ...] = ()
    ranges: tuple[float, ...] = ()
    refused: str | None = None


@dataclass(frozen=True)
class Comparison:
    """Outcome of running slices against the whole.

    Attributes:
        differences: largest absolute difference of each output that was computed; None where all bits are the same, NaN where a value is
            no number on one side only.
        ranges: see `Report`.
    """

    differences: tuple[float | None, ...]
    ranges: tuple[float, ...] = ()

    @property
    def is_equal(self) -> bool:
        """Whether all outputs are equal to the bit."""
        return all(difference is None for difference in self.differences)

    @property
    def is_rounding(self) -> bool:
        """Tells whether every output is equal, or differs by at most `ROUNDING` of its range, as sums in another order do."""
        pairs = zip(self.differences, self.ranges, strict=True)
        return all(difference is None or difference <= ROUNDING * extent for difference, extent in pairs)


def compare(network: Network, model: Path, blocks: Sequence[Block], slices: Sequence[Path], folder: Path) -> Comparison:
    """Runs a model and its slices on the same seeded input, on one thread of the CPU.

    Args:
        model: the file that the network was read from.
        slices: a file for each block.
        folder: where request and report are put.

    Raises:
        NetworkError: the runtime refuses one of the models, or is ended by it.
    """
    computed = tuple(tensor for tensor in network.outputs if tensor in network.producers)
    steps = tuple(Step(str(file.resolve()), block.inputs, block.outputs) for block, file in zip(blocks, slices, strict=True))
    request = Request(str(model.resolve()), network.inputs, computed, network.outputs, steps)
    write_whole(folder / _REQUEST, msgspec.json.encode(request))
    (folder / _REPORT).unlink(missing_ok=True)
    command = [sys.executable, "-m", "graph.interpreter", str(folder / _REQUEST), str(folder / _REPORT)]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if ended.returncode < 0:
        raise NetworkError(
            f"{network.source.origin}: signal {-ended.returncode} ended the runtime; give another model, and tell us of this one"
        )
    if ended.returncode or not (folder / _REPORT).exists():
        last = ended.stderr.decode(errors="replace").strip().splitlines()[-1:] or [f"status {ended.returncode}"]
        raise NetworkError(f"{network.source.origin} could not be run: {shown(last[0])}; is there memory enough?")
    report = read(folder / _REPORT, Report, limit_bytes=_LIMIT_BYTES, error=NetworkError, advice="give the command once more")
    if report.refused is not None:
        raise NetworkError(
            f"{network.source.origin}: the runtime refuses it: {shown(report.refused)}; export it for a newer or older runtime"
        )
    return Comparison(tuple(float("nan") if difference == -1 else difference for difference in report.differences), report.ranges)
