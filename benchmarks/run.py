"""``python -m benchmarks.run [NAME ...]``: all benchmarks, or those named. Run them on an otherwise idle machine."""

from __future__ import annotations

import argparse

from benchmarks import collab_run, gpu, imports, phone, tables, writer
from benchmarks.search import exact_splits, samples, search_speed
from collab.errors import SyncNasError

BENCHMARKS = {
    "imports": imports.run,
    "writer": writer.run,
    "collab": collab_run.run,
    "splits": exact_splits.run,
    "tables": tables.run,
    "phone": phone.run,
    "gpu": gpu.run,
    "search": search_speed.run,
    "samples": samples.run,
}


def main() -> None:
    """Runs the named benchmarks in their order."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}; default: all")
    names = parser.parse_args().names or list(BENCHMARKS)
    for name in names:
        if name not in BENCHMARKS:
            parser.error(f"no benchmark '{name}'; one of {', '.join(BENCHMARKS)}")
    try:
        for name in names:
            BENCHMARKS[name]()
    except SyncNasError as error:
        parser.exit(2, f"error: {error}\n")


if __name__ == "__main__":
    main()
