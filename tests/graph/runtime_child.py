"""A process of its own that runs models in LiteRT's interpreter: it may be ended by one of them, and tells how far it came.

``python -m tests.graph.runtime_child MODELS PROGRESS FIRST``: one file holds models, each behind its length, the other gets a line for each
from number FIRST on.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def run(model: bytes) -> str:
    try:
        interpreter = Interpreter(model_content=model, num_threads=1)
        interpreter.allocate_tensors()
        for detail in interpreter.get_input_details():
            interpreter.set_tensor(detail["index"], np.ones(detail["shape"], detail["dtype"]))
        interpreter.invoke()
        for detail in interpreter.get_output_details():
            interpreter.get_tensor(detail["index"])
    except (RuntimeError, ValueError) as error:
        return str(error).replace("\n", " ")[:300]
    return "ran"


def main() -> None:
    data = Path(sys.argv[1]).read_bytes()
    first = int(sys.argv[3])
    place, number = 0, 0
    with Path(sys.argv[2]).open("a", encoding="utf-8") as progress:
        while place < len(data):
            (length,) = struct.unpack_from("<I", data, place)
            if number >= first:
                progress.write(f"{number} {run(data[place + 4 : place + 4 + length])}\n")
                progress.flush()
            place += 4 + length
            number += 1


if __name__ == "__main__":
    main()
