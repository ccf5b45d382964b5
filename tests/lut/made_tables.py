"""Tables whose numbers follow from a rule, so that a test can work out by hand what a prediction must be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import permutations
from typing import Any

from collab.blocks import AnyBlock
from collab.tensors.opaque import Opaque
from collab.tensors.types import Shape
from collab.units import parse_unit
from lut.certificate import Accuracy, Bias, Certificate
from lut.entries import Measured, PairPath, Timed
from lut.meta import Meta
from lut.paths import REQUESTABLE_PATHS, copies_out
from lut.provenance import RowProvenance
from lut.tables import BlockRow, HandoverRow, Tables, shape_text

UNITS = {"cpu0": parse_unit("cpu:cores=0"), "cpu1": parse_unit("cpu:cores=1")}
THREE_UNITS = {**UNITS, "gpu0": parse_unit("gpu")}

CERTIFICATE = Certificate(
    n=60,
    corrected=Accuracy(0.02, 0.06, 0.9, 0.98),
    raw=Accuracy(0.03, 0.08, 0.8, 0.96),
    bias=Bias(-0.01, (-0.02, 0.001)),
    repeatability=0.015,
    repeatability_p95=0.04,
    drift={"cpu0": 1.02, "cpu1": 0.99},
    baselines={"macs": Accuracy(0.2, 0.4, 0.1, 0.2)},
    measured_at="2026-01-01T00:00:00+00:00",
)


def block_row(unit: str, block: AnyBlock, marginal_us: float, /, **changes: object) -> BlockRow:
    values: dict[str, object] = {
        "unit": unit,
        "block": block.key,
        "in_shape": "",
        "out_shape": "" if isinstance(block, Opaque) else shape_text(block.out_shape),
        "dtype": "float32",
        "engine": "litert",
        "runtime": "r",
        "n": 10,
        "visits": 5,
        "median_us": marginal_us + 1,
        "median_se_us": 0.01,
        "p95_us": marginal_us + 2,
        "mad_us": 0.1,
        "first_us": 9.0,
        "create_us": 99.0,
        "marginal_us": marginal_us,
        "write_us": 3.0,
        "read_us": 2.0,
        "coverage": "full",
        "status": "ok",
        "reason": "",
        "temperature_before_c": None,
        "temperature_after_c": 40.5,
        "clock_before_mhz": None,
        "clock_after_mhz": 1800.0,
        "config_hash": "one",
        "measured_at": "2026-01-01T00:00:00+00:00",
    }
    return BlockRow(**{**values, **changes})  # type: ignore[arg-type]


def transfer_row(sender: str, receiver: str, size_bytes: int, /, *, path: str = "shared", **changes: object) -> HandoverRow:
    values: dict[str, object] = {
        "from_unit": sender,
        "to_unit": receiver,
        "bytes": size_bytes,
        "shape": f"1x1x1x{size_bytes // 4}",
        "dtype": "float32",
        "path": path,
        "wait": "spin",
        "pacing": "hot",
        "gap_us": 0.0,
        "n": 10,
        "visits": 5,
        "claim_us": 0.0,
        "claim_se_us": 0.01,
        "claim_mad_us": 0.1,
        "read_us": 5.0 if copies_out(path) else 0.0,
        "read_se_us": 0.0,
        "read_mad_us": 0.0,
        "wakeup_us": 0.5,
        "wakeup_se_us": 0.01,
        "wakeup_mad_us": 0.1,
        "wakeup_p95_us": 0.9,
        "write_us": size_bytes / 1000,
        "write_se_us": 0.01,
        "write_mad_us": 0.1,
        "status": "ok",
        "reason": "",
        "config_hash": "one",
        "measured_at": "2026-01-01T00:00:00+00:00",
    }
    return HandoverRow(**{**values, **changes})  # type: ignore[arg-type]


def made_meta(**changes: object) -> Meta:
    values: dict[str, object] = {
        "device": "local",
        "fingerprint": {"cpu": "made", "cores": "2"},
        "units": UNITS,
        "call_in_network": {unit: Measured(1.0, 0.1, 10) for unit in UNITS},
        "call_alone": {unit: Timed(1.0, 0.01, 0.1, 10, 5) for unit in UNITS},
        "sentinels": {unit: Timed(100.0, 1.0, 1.0, 40, 10) for unit in UNITS},
        "sentinel_block": "mbconv_14_k3s1_64-384-64_relu6",
        "network": (("stem_32_k3s2_3-16_relu",), ("head_16_k1s1_16-32-10_relu",)),
        "network_runs": {"cpu0": Timed(900.0, 18.0, 5.0, 40, 10)},
        "handover": {"wait": "spin", "path": "shared"},
        "versions": {"runtime": "r"},
        "models": ("mini_v2",),
        "settings": {"seed": 0},
        "measured_at": "2026-01-01T00:00:00+00:00",
        "provenance": {"one": RowProvenance({name: unit.text for name, unit in THREE_UNITS.items()}, {"litert": "2"}, "0.2.0", 2, {})},
    }
    return Meta(**{**values, **changes})  # type: ignore[arg-type]


def made_tables(
    blocks: Iterable[AnyBlock],
    transfers: Iterable[Shape],
    cost_us: Callable[[str, Any], float],
    *,
    path: str = "shared",
    paths: Mapping[str, str] | None = None,
) -> Tables:
    """Of two units; where `paths` says for every pair of them (``cpu0>gpu0``) what it takes instead of `path`, of three."""
    units = UNITS if paths is None else THREE_UNITS
    rows = tuple(block_row(unit, block, cost_us(unit, block)) for unit in units for block in blocks)
    sizes = sorted({4 * shape[1] * shape[2] * shape[3] for shape in transfers})
    taken = {f"{a}>{b}": path for a, b in permutations(units, 2)} | dict(paths or {})
    directions = [(*pair.partition(">")[::2], way) for pair, way in taken.items()]
    moves = tuple(transfer_row(sender, receiver, size, path=way) for sender, receiver, way in directions for size in sizes)
    meta = made_meta(
        units=units,
        call_in_network={unit: Measured(1.0, 0.1, 10) for unit in units},
        handover={"wait": "spin", "path": path if path in REQUESTABLE_PATHS else "shared"},
        paths={pair: PairPath(way, "made so") for pair, way in taken.items()},
    )
    return Tables(rows, moves, meta)
