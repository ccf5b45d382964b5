"""Profiles from Python, on the real device: what stops them leaves everything in order."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import syncnas
from android_harness.protocol.journal import TimeDone, read_journal
from profiler.request import JOURNAL_FILE
from tests.processes import wait_until

BLOCK, OTHER = "add_8_4x2", "add_8_8x2"


class StopError(Exception):
    """An error of a callback."""


def visits(out: Path) -> int:
    return sum(isinstance(event, TimeDone) for event in read_journal(out / JOURNAL_FILE))


def small(out: Path, **options: object) -> syncnas.Profile:
    return syncnas.profile(**{"blocks": [BLOCK], "device": "local", "out": out, "quick": True} | options)  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [StopError("enough"), KeyboardInterrupt()], ids=["error", "ctrl-c"])
def test_a_callback_that_raises_ends_a_profile_that_can_be_gone_on_with(runner: Path, tmp_path: Path, error: BaseException) -> None:
    assert runner.is_file()
    out = tmp_path / "lut"

    def stop(progress: syncnas.Progress) -> None:
        if progress.done > 0:
            raise error

    # Many, so that the runner has more to do when the first visits are told.
    keys = [f"mbconv_12_k3s1_24-{width}-24_relu6" for width in range(32, 160, 4)]
    with pytest.raises(type(error)):
        small(out, blocks=keys, on_progress=stop)
    before = visits(out)
    assert before > 0
    assert syncnas.load_tables(out).device == "local", "what was measured is in the tables"
    # At once: the runner must have let go of the journal.
    seen: list[syncnas.Progress] = []
    done = small(out, resume=True, on_progress=seen.append)
    assert visits(out) > before
    assert set(done.tables.blocks["status"]) <= {"ok", "unstable"}
    assert seen[-1].done == seen[-1].expected
    assert seen[-1].fraction == 1
    assert {progress.what for progress in seen} == {"profiling local"}


def test_what_ends_before_it_has_begun_leaves_nothing_in_the_way(runner: Path, tmp_path: Path) -> None:
    assert runner.is_file()
    out = tmp_path / "lut"

    def stop(progress: syncnas.Progress) -> None:
        raise StopError(progress.what)

    with pytest.raises(StopError, match="profiling local"):
        small(out, on_progress=stop)
    assert [path.name for path in out.iterdir()] == [".lock"]
    assert small(out).tables.statuses["failed"] == 0


def test_ctrl_c_ends_a_profile_that_can_be_gone_on_with(runner: Path, tmp_path: Path) -> None:
    assert runner.is_file()
    out = tmp_path / "lut"
    keys = [f"mbconv_12_k3s1_24-{width}-24_relu6" for width in range(32, 512, 8)]
    code = f"import syncnas; syncnas.profile(blocks={keys}, device='local', out={str(out)!r}); print('not reached')"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        journal = out / JOURNAL_FILE
        wait_until(lambda: process.poll() is not None or (journal.exists() and journal.read_text().count('"done"') > 20))
        process.send_signal(signal.SIGINT)
        said, complaint = process.communicate(timeout=120)
    assert said == "", "nothing is printed, and no cell below runs"
    assert complaint.strip().splitlines()[-1].startswith("KeyboardInterrupt: stopped; what was measured is kept in")
    assert visits(out) > 0
    assert not syncnas.load_tables(out).blocks.empty


def test_a_profile_is_not_begun_over_another(lut: Path) -> None:
    with pytest.raises(syncnas.TableError, match="holds a profile already"):
        small(lut)


def test_what_cannot_be_measured_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(syncnas.ConfigError, match="no model 'nothing'"):
        syncnas.profile("nothing", device="local", out=tmp_path / "lut")
    with pytest.raises(syncnas.ConfigError, match="give one of them"):
        syncnas.profile("micro_v2", device="local", out=tmp_path / "lut", quick=True, budget_s=10)
    with pytest.raises(syncnas.ConfigError, match="core 999"):
        syncnas.profile("micro_v2", device="local", out=tmp_path / "lut", units=["cpu:cores=999"])
    assert not (tmp_path / "lut" / "plan.json").exists()


def test_units_that_share_a_core_are_noted(runner: Path, tmp_path: Path) -> None:
    assert runner.is_file()
    notes: list[str] = []
    done = small(tmp_path / "lut", units=["cpu:cores=0", "cpu:cores=0"], on_note=notes.append)
    assert ["cpu0 and cpu1 share core 0" in note for note in notes] == [True]
    assert list(done.tables.units) == ["cpu0", "cpu1"]


def test_an_open_device_is_used_and_stays_open(runner: Path, tmp_path: Path) -> None:
    assert runner.is_file()
    with syncnas.open_device("local") as opened:
        done = syncnas.profile(blocks=[OTHER], device=opened, out=tmp_path / "lut", quick=True)
        assert opened.is_open
    assert set(done.tables.blocks["block"]) == {OTHER}
    with pytest.raises(syncnas.DeviceError, match="is closed; open it again"):
        syncnas.profile(blocks=[OTHER], device=opened, out=tmp_path / "other", quick=True)
