"""``python -m benchmarks.gpu_wall MODEL WARMUP RUNS PRECISION``: wall time of a GPU model in LiteRT's Python interface.

Prints one JSON object of samples in nanoseconds: `write`, until the input is written; `returned`, from there until the run returns, which
does not wait for the GPU; `total`, from the beginning of the write until the output is read. It is a program of its own, as LiteRT's
benchmark is one.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
from ai_edge_litert.compiled_model import CompiledModel
from ai_edge_litert.gpu_options import GpuOptions
from ai_edge_litert.hardware_accelerator import HardwareAccelerator
from ai_edge_litert.options import Options


def main(model: str, warmup: int, runs: int, precision: str) -> None:
    """Times `runs` inferences after `warmup` others, and prints the samples."""
    options = Options(hardware_accelerators=HardwareAccelerator.GPU, gpu_options=GpuOptions(enforce_f32=precision == "fp32"))
    compiled = CompiledModel.from_file(model, options=options)
    source, destination = compiled.create_input_buffers(0)[0], compiled.create_output_buffers(0)[0]
    count_in, count_out = (_values(buffer.get_tensor_details()) for buffer in (source, destination))
    values = np.random.default_rng(0).random(count_in, dtype=np.float32)
    samples: dict[str, list[int]] = {"write": [], "returned": [], "total": []}
    for number in range(warmup + runs):
        begin = time.perf_counter_ns()
        source.write(values)
        written = time.perf_counter_ns()
        compiled.run_by_index(0, [source], [destination])
        returned = time.perf_counter_ns()
        destination.read(count_out, np.float32)
        end = time.perf_counter_ns()
        if number >= warmup:
            samples["write"].append(written - begin)
            samples["returned"].append(returned - written)
            samples["total"].append(end - begin)
    print(json.dumps(samples))


def _values(details: dict[str, object]) -> int:
    """Returns the number of values in a tensor."""
    shape = details["shape"]
    assert isinstance(shape, (list, tuple))
    return int(np.prod(shape))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
