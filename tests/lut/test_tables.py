"""Tables are written as they are read, and refused when a value in them cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from collab import config as configs
from collab.blocks import parse_key
from collab.errors import TableError
from lut.entries import Contention, CopyLine, CrossCheck, Fit, HandoverFit, ReuseCost, Ripple, SharedCache, Trend
from lut.tables import Tables, load_tables, save
from profiler.plan import COARSE, plan_model
from tests.lut.made_tables import CERTIFICATE, block_row, made_meta, made_tables, transfer_row

BLOCK = parse_key("mbconv_28_k3s1_32-192-32_relu6")
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
        contention=(Contention("cpu0", "mbconv", "cpu1", 1.25, 1.25, 0.02, 30, pooled=True),),
        block_in_network={"cpu0": 2.0},
        features_share={"cpu0": 0.25},
        shared_caches=(SharedCache("cpu0", "cpu1", 0.25, 0.25, 0.1, 40),),
        cross_checks=(CrossCheck("cpu0", 9, 0.02, -0.01, (Trend("width", 10.0, 300.0, -0.05, 0.01),)),),
        reuse=(ReuseCost("cpu0", "weights", (1.0, 8.0), (0.0, 50.0), 12),),
        channel_step={"cpu0": 16},
        certificate=CERTIFICATE,
        fits=(Fit("cpu0", 40, 0.02, 0.1),),
        ripple=(Ripple("cpu0", 14, 4, 1.2, 7.0, 0.5, 3), Ripple("cpu0", 14, 8, 0.9, -2.0, 0.5, 3)),
        transfer_fits=(HandoverFit("cpu0", "cpu1", "memcpy", "spin", "hot", LINE, LINE, {"p5": 0.0, "p95": 2.5}, 80),),
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
        ({"n": None}, "n or visits is empty"),
        ({"visits": None}, "n or visits is empty"),
        ({"visits": 0}, "0 visits for 10 samples"),
        ({"visits": 11}, "11 visits for 10 samples"),
        ({"median_se_us": None}, "median_se_us is None"),
        ({"median_se_us": -0.1}, "median_se_us is -0.1"),
        ({"visits": 1, "median_se_us": -0.1}, "median_se_us is -0.1"),
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


def test_tables_of_before_there_were_columns_for_gpu_paths_are_read(tmp_path: Path) -> None:
    save(Tables((block_row("cpu0", BLOCK, 5.0),), (), made_meta()), tmp_path)
    later = ("cached_create_us", "backend", "driver", "input_buffers", "output_buffers", "label")
    header, line = (tmp_path / "blocks.csv").read_text().splitlines()
    assert tuple(header.split(",")[-len(later) :]) == later
    (tmp_path / "blocks.csv").write_text("\n".join(text.rsplit(",", len(later))[0] for text in (header, line)) + "\n")
    [row] = load_tables(tmp_path).blocks
    assert (row.cached_create_us, row.backend) == (None, "")


def test_negative_transfers_are_refused(tmp_path: Path) -> None:
    save(Tables((), (transfer_row("cpu0", "cpu1", 400, wakeup_us=-1.0),), made_meta()), tmp_path)
    with pytest.raises(TableError, match="wakeup_us is -1"):
        load_tables(tmp_path)


@pytest.mark.parametrize(("changes", "reason"), [({"visits": 0}, "0 visits"), ({"wakeup_se_us": None}, "wakeup_se_us is None")])
def test_hand_overs_without_visits_or_their_errors_are_refused(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    save(Tables((), (transfer_row("cpu0", "cpu1", 400, **changes),), made_meta()), tmp_path)
    with pytest.raises(TableError, match=reason):
        load_tables(tmp_path)


def test_what_was_visited_once_has_no_errors(tmp_path: Path) -> None:
    errors = dict.fromkeys(("claim_se_us", "read_se_us", "wakeup_se_us", "write_se_us"))
    row = block_row("cpu0", BLOCK, 5.0, visits=1, median_se_us=None, status="unstable", reason="visited once")
    made = Tables((row,), (transfer_row("cpu0", "cpu1", 400, visits=1, **errors),), made_meta())
    save(made, tmp_path)
    assert load_tables(tmp_path) == made


def test_a_folder_without_tables_names_the_command_that_makes_them(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"syncnas profile"):
        load_tables(tmp_path / "nothing")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'a,b\n"unclosed'])
def test_a_damaged_csv_is_refused(tmp_path: Path, content: bytes) -> None:
    save(tables(), tmp_path)
    (tmp_path / "blocks.csv").write_bytes(content)
    with pytest.raises(TableError):
        load_tables(tmp_path)
