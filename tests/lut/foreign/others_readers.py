"""Run as a program with a folder of others' packages, a format and a file: reads the file by its own project's code, and prints JSON.

The packages are installed without what they depend on, and their ``__init__`` modules import much of that; so packages are entered by their
folders, and only the module that reads is run. ProxylessNAS' reader calls ``yaml.load`` as PyYAML had it before version 6.
"""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any


def enter(folder: Path, package: str, **names: Any) -> None:
    """Makes a package's modules importable without running its ``__init__``."""
    module = ModuleType(package)
    module.__path__ = [str(folder.joinpath(*package.split(".")))]
    for name, value in names.items():
        setattr(module, name, value)
    sys.modules[package] = module


def once_for_all(folder: Path, file: str, network: dict[str, Any]) -> object:
    """The latency of a network (ms) as once-for-all's table of ProxylessNAS' networks predicts it."""
    import yaml

    yaml.load = functools.partial(yaml.load, Loader=yaml.SafeLoader)
    for package in ("ofa", "ofa.nas", "ofa.nas.efficiency_predictor"):
        enter(folder, package)
    # Downloads, and counts of operations: nothing that reading a local file calls.
    enter(folder, "ofa.utils", download_url=None, make_divisible=None, MyNetwork=None)
    from ofa.nas.efficiency_predictor.latency_lookup_table import MBv3LatencyTable, ProxylessNASLatencyTable  # type: ignore[import-not-found]

    if "layers" in network:
        table = MBv3LatencyTable(url=file)
        return [table.query("expanded_conv", **layer) for layer in network["layers"]]
    return ProxylessNASLatencyTable(url=file).predict_network_latency_given_config(network["config"], network["size"])


def nn_meter(folder: Path, file: str, kernels: dict[str, Any]) -> object:
    """Features and latencies (ms) of kernels, as nn-Meter makes them to train its predictors by."""
    for package in ("nn_meter", "nn_meter.builder", "nn_meter.builder.backend_meta", "nn_meter.builder.kernel_predictor_builder"):
        enter(folder, package)
    enter(folder, "nn_meter.builder.kernel_predictor_builder.predictor_builder")
    from nn_meter.builder.kernel_predictor_builder.predictor_builder import extract_feature  # type: ignore[import-not-found]

    return {
        kernel: extract_feature.get_data_by_profiled_results(kernel, extract_feature.get_feature_parser(kernel), file) for kernel in kernels
    }


if __name__ == "__main__":
    readers = {"once-for-all": once_for_all, "nn-meter": nn_meter}
    print(json.dumps(readers[sys.argv[2]](Path(sys.argv[1]), sys.argv[3], json.loads(sys.argv[4]))))
