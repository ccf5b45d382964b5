"""Paths of hand-overs: what was asked for, and what was taken."""

from __future__ import annotations

from android_harness.protocol.journal import HandoverDone
from collab.units import parse_unit
from lut.tables import HandoverRow
from profiler.pairs import pair_paths
from profiler.plan import Plan
from profiler.samples import SampleStore
from profiler.tabulate import derive
from tests.profiler.made_events import handed_over

GPU_UNITS = {"cpu0": parse_unit("cpu:cores=0"), "gpu0": parse_unit("gpu")}


def derived_pair(*events: HandoverDone) -> tuple[SampleStore, tuple[HandoverRow, ...]]:
    store = SampleStore()
    store.add_all(events)
    return store, derive(store, GPU_UNITS, Plan((), ()), runtime="r", settings={}).transfers


def test_a_row_names_the_path_that_was_taken() -> None:
    back, copied = handed_over("shared", "readback"), handed_over("memcpy", "memcpy")
    store, rows = derived_pair(back, copied)
    assert [(row.path, row.status, row.write_us) for row in rows] == [("memcpy", "ok", 1.0), ("readback", "ok", 0.6)]
    [(pair, path)] = pair_paths(store, GPU_UNITS).items()
    assert (pair, path.path) == ("gpu0>cpu0", "readback")
    assert path.why == "gpu0 gives webgpu-packed; cpu0 takes host: gpu0 copies out, straight into cpu0's host memory"


def test_units_that_copy_though_asked_to_share_have_one_row() -> None:
    store, rows = derived_pair(handed_over("shared", "memcpy"), handed_over("memcpy", "memcpy"))
    assert [row.path for row in rows] == ["memcpy"]
    assert pair_paths(store, GPU_UNITS)["gpu0>cpu0"].path == "memcpy"
    assert not pair_paths(store, ["cpu0"])


def test_paths_that_change_are_no_measurement() -> None:
    _, [row] = derived_pair(handed_over("shared", "memcpy"), handed_over("shared", "readback"))
    assert (row.status, row.n) == ("failed", 0)
    assert "memcpy, readback" in row.reason
