from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from collab import config as configs
from collab.blocks import parse_key
from collab.errors import TableError
from lut.certificate import Accuracy, Certificate
from lut.meta import Contention, CopyLine, Fit, NetworkFactor, TransferFit, UnfilledGroup, check_belongs
from lut.tables import Tables, load_tables, save
from profiler.plan import COARSE, plan_model
from tests.lut.made_tables import block_row, made_meta, made_tables, transfer_row

BLOCK = parse_key("mbconv_28_k3s1_32-192-32_relu6")


CERTIFICATE = Certificate(
    n=60,
    corrected=Accuracy(0.02, 0.06, 0.9, 0.98),
    raw=Accuracy(0.03, 0.08, 0.8, 0.96),
    bias=-0.01,
    repeatability=0.015,
    repeatability_p95=0.04,
    drift={"cpu0": 1.02, "cpu1": 0.99},
    baselines={"macs": Accuracy(0.2, 0.4, 0.1, 0.2)},
    measured_at="2026-01-01T00:00:00+00:00",
)


LINE = CopyLine(0.0, 0.25, 0.1, 9)


def tables() -> Tables:
    plan = plan_model(configs.load("mini_v2"), COARSE)
    return made_tables(plan.blocks, plan.transfers, lambda unit, block: 1.5 + block.macs // 10000)


def test_tables_are_read_as_they_were_written(tmp_path: Path) -> None:
    made = tables()
    failed = block_row(
        "cpu0",
        parse_key("add_7_320x2"),
        1.0,
        status="failed",
        reason='no such file, said "she"',
        n=0,
        median_us=None,
        p95_us=None,
        mad_us=None,
        marginal_us=None,
        write_us=None,
        read_us=None,
    )
    meta = made_meta(
        contention=(Contention("cpu0", "mbconv", "cpu1", 1.25, 30),),
        context=(NetworkFactor("cpu0", "head", 7, 1.5, 12),),
        channel_step={"cpu0": 16},
        certificate=CERTIFICATE,
        fits=(Fit("cpu0", 40, 0.02, 0.1),),
        partial=(UnfilledGroup("cpu0", 14, 4, 1.2, 3),),
        transfer_fits=(TransferFit("cpu0", "cpu1", "memcpy", "spin", "hot", LINE, LINE, {"p5": 0.0, "p95": 2.5}, 80),),
        drift={"cpu0": 0.2},
        disturbed={"cpu0": 0.0},
    )
    made = Tables((*made.blocks, failed), made.transfers, meta)
    save(made, tmp_path)
    assert load_tables(tmp_path) == made
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blocks.csv", "meta.json", "transfers.csv"]


def test_saving_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        save(tables(), tmp_path / folder)
    for name in ("blocks.csv", "transfers.csv", "meta.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"median_us": 0.0}, "median_us is 0"),
        ({"marginal_us": -1.0}, "marginal_us is -1"),
        ({"marginal_us": None}, "marginal_us is None"),
        ({"median_us": None}, "median_us is None"),
        ({"p95_us": None}, "p95_us is None"),
        ({"mad_us": None}, "mad_us is None"),
        ({"n": None}, "n is empty"),
        ({"write_us": -0.5}, "write_us is -0.5"),
        ({"n": 0}, "0 samples"),
        ({"status": "fine"}, "status is 'fine'"),
        ({"status": "failed"}, "without a reason"),
        ({"unit": "gpu0"}, "no unit gpu0"),
        ({"block": "mbconv_28"}, "no block key"),
    ],
)
def test_rows_that_cannot_be_are_refused(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    row = block_row("cpu0", BLOCK, 5.0, **changes)
    save(Tables((row,), (), made_meta()), tmp_path)
    with pytest.raises(TableError, match=reason):
        load_tables(tmp_path)


@pytest.mark.parametrize("value", ["nan", "inf", "fast", "1,5"])
def test_what_is_no_finite_number_is_refused_with_line_and_column(tmp_path: Path, value: str) -> None:
    save(Tables((block_row("cpu0", BLOCK, 5.25),), (), made_meta()), tmp_path)
    text = (tmp_path / "blocks.csv").read_text().replace("5.2500", f'"{value}"')
    (tmp_path / "blocks.csv").write_text(text)
    with pytest.raises(TableError, match=r"line 2: marginal_us"):
        load_tables(tmp_path)


def test_a_missing_column_and_a_second_row_for_one_block_are_refused(tmp_path: Path) -> None:
    row = block_row("cpu0", BLOCK, 5.0)
    save(Tables((row, row), (), made_meta()), tmp_path)
    with pytest.raises(TableError, match="two rows for cpu0 mbconv_28"):
        load_tables(tmp_path)
    text = (tmp_path / "blocks.csv").read_text().replace("marginal_us", "cost")
    (tmp_path / "blocks.csv").write_text(text)
    with pytest.raises(TableError, match="column marginal_us is missing"):
        load_tables(tmp_path)


def test_negative_transfers_are_refused(tmp_path: Path) -> None:
    save(Tables((), (transfer_row("cpu0", "cpu1", 400, wakeup_us=-1.0),), made_meta()), tmp_path)
    with pytest.raises(TableError, match="wakeup_us is -1"):
        load_tables(tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("format", 99, "format 99"),
        ("units", {}, "units"),
        ("units", {"cpu0": "tpu"}, "unknown kind"),
        ("fixed", {"cpu0": {"median_us": 0, "mad_us": 0, "n": 3}}, "expected a number > 0"),
        ("fixed", {"cpu0": {"median_us": math.nan, "mad_us": 0, "n": 3}}, "NaN"),
        ("handover", {"wait": "sleep", "path": "shared"}, "handover"),
        ("contention", [{"unit": "cpu0", "block_class": "mbconv", "other": "cpu1", "factor": -2, "n": 1}], "factor"),
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


def test_a_folder_without_tables_names_the_command_that_makes_them(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"python -m profiler\.run"):
        load_tables(tmp_path / "nothing")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'a,b\n"unclosed'])
def test_a_damaged_csv_is_refused(tmp_path: Path, content: bytes) -> None:
    save(tables(), tmp_path)
    (tmp_path / "blocks.csv").write_bytes(content)
    with pytest.raises(TableError):
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
