"""meta.json: what is refused, and whose tables they are."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from collab import config as configs
from collab.errors import TableError
from lut.meta import check_belongs, meta_document
from lut.tables import Tables, load_tables, save
from profiler.plan import COARSE, plan_model
from tests.lut.made_tables import CERTIFICATE, made_meta, made_tables

CONTENTION = {
    "unit": "cpu0",
    "block_class": "mbconv",
    "other": "cpu1",
    "factor": 1.1,
    "measured": 1.1,
    "se": 0.01,
    "n": 9,
    "pooled": False,
}
ONE = {"units": {"cpu0": "cpu", "cpu1": "cpu"}, "libraries": {"litert": "2"}, "runner": "0.2.0", "protocol": 2, "conditions": {}}


def tables() -> Tables:
    plan = plan_model(configs.load("mini_v2"), COARSE)
    return made_tables(plan.blocks, plan.transfers, lambda unit, block: 1.5 + block.macs // 10000)


RIPPLE = {"unit": "cpu0", "size": 14, "over": 4, "factor": 1.2, "extra_ps": 7.0, "se_ps": 0.5, "n": 3}


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("format", 99, "format 99"),
        ("format", 2, r"format 2; this version reads 4; .*syncnas profile --out .* --resume"),
        ("provenance", {}, "knows no provenance of"),
        ("provenance", {"one": {}}, "provenance"),
        ("provenance", {"one": {**ONE, "units": {}}}, "provenance"),
        ("provenance", {"one": {**ONE, "protocol": 0}}, "protocol: expected a whole number >= 1"),
        ("provenance", {"one": {**ONE, "units": {"cpu1": "cpu"}}}, "which is of rows of cpu1"),
        ("provenance", {"one": {**ONE, "libraries": {"litert": None}}}, "libraries"),
        ("sentinel_block", "mbconv", "no block key"),
        ("handover", {"wait": "spin", "path": "shared", "between": "mbconv"}, "no block key"),
        ("company", {"gpu7": "cpu0"}, "company: names a unit"),
        ("company", {"cpu0": "gpu7"}, "company: names a unit"),
        ("format", 2, r"format 2; this version reads 4; tables beside their journal are .*syncnas profile .* --resume"),
        ("call_alone", {"cpu0": {"median_us": 2.0, "mad_us": 0.1, "n": 8}}, "a field is missing"),
        ("sentinels", {"cpu0": {"median_us": 2.0, "se_us": -0.1, "mad_us": 0.1, "n": 8, "visits": 2}}, "se_us: expected a number >= 0"),
        (
            "network_runs",
            {"cpu0": {"median_us": 2.0, "se_us": 0.1, "mad_us": 0.1, "n": 8, "visits": 0}},
            "visits: expected a whole number >= 1",
        ),
        ("units", {}, "units"),
        ("units", {"cpu0": "tpu"}, "unknown kind"),
        ("fixed", {"cpu0": {"median_us": 0, "mad_us": 0, "n": 3}}, "expected a number > 0"),
        ("fixed", {"cpu0": {"median_us": math.nan, "mad_us": 0, "n": 3}}, "NaN"),
        ("handover", {"wait": "sleep", "path": "shared"}, "handover"),
        ("contention", [{**CONTENTION, "factor": 0.9}], "factor: expected a number >= 1"),
        ("contention", [{**CONTENTION, "measured": -2}], "measured"),
        ("contention", [{**CONTENTION, "se": -0.1}], "se: expected"),
        ("contention", [{name: value for name, value in CONTENTION.items() if name != "se"}], "a field is missing"),
        ("handover", {"wait": "spin", "path": "readback"}, "handover"),
        ("paths", {"cpu0>cpu1": {"path": "post", "why": "slow"}}, r"paths\[...\].path: expected a text"),
        ("deviation", {"cpu0": -1.0}, "deviation"),
        ("versions", None, "versions: expected an object"),
        ("drift", {"cpu0": -0.1}, "drift"),
        ("fits", [{"unit": "cpu0", "n": 0, "median_residual": 0.1, "p95_residual": 0.2}], "n: expected a whole number >= 1"),
        ("certificate", {"n": 60}, "a field is missing"),
        ("certificate", {**CERTIFICATE.to_document(), "n": 0}, "certificate.n: expected"),
        ("certificate", {**CERTIFICATE.to_document(), "within_10": 1.5}, "within_10: expected a number <= 1"),
        ("certificate", {**CERTIFICATE.to_document(), "repeatability": -1}, "repeatability: expected a number >= 0"),
        ("certificate", {**CERTIFICATE.to_document(), "raw_p95_error": math.nan}, "NaN"),
        ("channel_step", {"cpu0": 0.5}, "channel_step.*expected a whole number"),
        ("channel_step", {"cpu0": 0}, "channel_step.*expected a whole number >= 1"),
        ("ripple", [{**RIPPLE, "over": 32}], "over: expected a whole number <"),
        ("ripple", [{**RIPPLE, "se_ps": -0.1}], "se_ps: expected a number >= 0"),
        ("ripple", [{**RIPPLE, "extra_ps": 1e300}], "extra_ps: expected a number <="),
        ("ripple", [{**RIPPLE, "factor": 0}], "factor: expected a number > 0"),
        ("fixed", {"cpu0": {"median_us": 1e300, "mad_us": 0, "n": 3}}, "expected a number <="),
        ("fixed", {"cpu0": {"median_us": 1.0, "mad_us": 0, "n": 10**400}}, "not valid JSON|expected|out of range"),
        ("fits", [{"unit": "cpu0", "n": 1, "median_residual": math.inf, "p95_residual": 0.2}], "Infinity"),
        ("device", "a\x1b[2J", "cannot be printed"),
        ("device", "", "device"),
        ("extra", 1, "unknown field"),
        ("handover", {}, "handover"),
        ("lacks", ["the fixed cost of a call"], "only imported tables"),
    ],
)
def test_wrong_meta_is_refused(tmp_path: Path, key: str, value: object, reason: str) -> None:
    save(tables(), tmp_path)
    document = json.loads((tmp_path / "meta.json").read_text())
    document[key] = value
    (tmp_path / "meta.json").write_text(json.dumps(document))
    with pytest.raises(TableError, match=reason):
        load_tables(tmp_path)


def test_tables_belong_to_one_device_and_one_version_of_the_runtime() -> None:
    meta = made_meta()
    check_belongs(meta, fingerprint=meta.fingerprint, runtime="r")
    with pytest.raises(TableError, match="another device"):
        check_belongs(meta, fingerprint={"cpu": "other"}, runtime="r")
    with pytest.raises(TableError, match="measured with r, the runtime is r2 now"):
        check_belongs(meta, fingerprint=meta.fingerprint, runtime="r2")
    with pytest.raises(TableError, match=r"imported from pixel1\.yaml"):
        check_belongs(made_meta(source="pixel1.yaml"), fingerprint=meta.fingerprint, runtime="r")


def test_fields_stand_in_the_file_under_the_names_of_its_format() -> None:
    keys = set(meta_document(made_meta()))
    assert {"format", "fixed", "reuse", "ripple", "company", "call_alone", "transfer_fits"} <= keys
    assert not {"call_in_network", "timed_beside"} & keys
