"""Phases carried out by a runner on a `Device`, here this machine's own shell: all parts but the connection over ADB."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from android_harness.device.base import COMMAND_LIMIT_S, ShellResult, alive
from android_harness.device.layout import Layout
from android_harness.device.local_device import LocalDevice
from android_harness.device.tuning import Tuning
from android_harness.device.units import resolve_units
from android_harness.protocol.journal import CollabDone, Event, JobFailed, JobStarted, PhaseEnded, PhaseStarted, TimeDone, read_journal
from android_harness.protocol.phases import CollabJob, Phase, Repeat, TimeJob
from android_harness.targets.cursor import load_cursor
from android_harness.targets.execute import execute, finish_leftover
from android_harness.targets.find import remote_target
from android_harness.targets.options import HarnessOptions
from android_harness.targets.remote import RemoteTarget, remove_all
from collab.blocks import parse_key
from collab.config import load
from collab.errors import DeviceError, RunnerError
from collab.placement import default_placement
from exporters.bundle import write_bundle
from exporters.manifests.manifest import MANIFEST
from exporters.references import read_tensor
from exporters.tflite_route import write_block
from tests.android_harness.lasting import ActsOnStart
from tests.processes import held, state_of, wait_until

BLOCKS = ("mbconv_14_k3s1_16-64-16_relu6", "add_14_16x2", "head_7_k1s1_16-32-10_relu")


@pytest.fixture(name="layout")
def a_layout(tmp_path: Path) -> Layout:
    return Layout(str(tmp_path / "device" / "syncnas"))


@pytest.fixture(name="target")
def a_target(runner: Path, layout: Layout) -> Iterator[RemoteTarget]:
    target = remote_target(LocalDevice(), HarnessOptions(layout=layout))
    yield target
    target.close()


@pytest.fixture(name="phase")
def small_phase(target: RemoteTarget, tmp_path: Path) -> Phase:
    units = resolve_units((), target.info)
    jobs = []
    for key in BLOCKS:
        model = tmp_path / f"{key}.tflite"
        model.write_bytes(write_block(parse_key(key)))
        jobs += [TimeJob(f"block/{unit}/{key}", unit, model, warmup=1, runs=4) for unit in units]
    return Phase("small", units, tuple(jobs), Repeat(3, 3), seed=1)


def another(phase: Phase) -> TimeJob:
    return replace(phase.jobs[0], id="block/cpu0/another")  # type: ignore[return-value]


def visits(events: list[Event]) -> Counter[str]:
    return Counter(event.job for event in events if isinstance(event, TimeDone))


def the_phase_folder(layout: Layout) -> Path:
    [folder] = Path(layout.phases).iterdir()
    return folder


def kill_runner(layout: Layout, how: signal.Signals) -> None:
    os.kill(int((the_phase_folder(layout) / "runner.pid").read_text()), how)


def test_a_phase_comes_back_whole_and_leaves_only_what_is_kept(target: RemoteTarget, phase: Phase, layout: Layout, tmp_path: Path) -> None:
    journal, events = tmp_path / "j.jsonl", list[Event]()
    assert execute(target, phase, journal, events.append)
    assert set(visits(events).values()) == {3}
    assert len(visits(events)) == len(phase.jobs)
    assert list(read_journal(journal)) == events
    assert load_cursor(journal) is None
    assert not list(Path(layout.phases).iterdir())
    pushed = target.pushed
    assert pushed.bytes > 1_000_000
    assert execute(target, phase, journal, events.append)
    assert target.pushed == pushed, "the second time nothing is sent"


def test_the_journal_says_what_the_device_was_made_to_be_like(target: RemoteTarget, phase: Phase, tmp_path: Path) -> None:
    assert execute(target, replace(phase, jobs=()), tmp_path / "j.jsonl", lambda _: None)
    [begun] = [event for event in read_journal(tmp_path / "j.jsonl") if isinstance(event, PhaseStarted)]
    assert begun.conditions == target.conditions
    assert target.conditions == {**Tuning().conditions, "heat": "not looked at"}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_a_crashed_job_is_tried_once_more_at_the_end(
    target: RemoteTarget, phase: Phase, layout: Layout, tmp_path: Path, how: signal.Signals
) -> None:
    job = another(phase)
    note = ActsOnStart(target, job.id, times=1, act=lambda _: kill_runner(layout, how))
    assert execute(note, replace(phase, jobs=(*phase.jobs, job)), tmp_path / "j.jsonl", note.note)
    assert not [event for event in note.events if isinstance(event, JobFailed)]
    assert min(visits(note.events).values()) >= 3
    assert list(read_journal(tmp_path / "j.jsonl")) == note.events


def test_a_second_crash_makes_it_failed_and_the_others_are_measured(
    target: RemoteTarget, phase: Phase, layout: Layout, tmp_path: Path
) -> None:
    job = another(phase)
    note = ActsOnStart(target, job.id, times=2, act=lambda _: kill_runner(layout, signal.SIGSEGV))
    assert execute(note, replace(phase, jobs=(*phase.jobs, job)), tmp_path / "j.jsonl", note.note)
    [failed] = [event for event in note.events if isinstance(event, JobFailed)]
    assert failed.job == job.id
    assert "SIGSEGV" in failed.reason
    assert min(visits(note.events)[job.id] for job in phase.jobs) >= 3


def end_all(layout: Layout) -> None:
    """Kills the runner and the script that supervises it, as a restart would."""
    for name in ("pid", "runner.pid"):
        os.kill(int((the_phase_folder(layout) / name).read_text().split()[0]), signal.SIGKILL)


def wipe(layout: Layout) -> None:
    end_all(layout)
    subprocess.run(["rm", "-rf", layout.root], check=True)


def test_what_was_ended_from_outside_is_begun_again_and_no_job_is_blamed(
    target: RemoteTarget, phase: Phase, layout: Layout, tmp_path: Path
) -> None:
    job = another(phase)
    note = ActsOnStart(target, job.id, times=1, act=lambda _: wipe(layout))
    assert execute(note, replace(phase, jobs=(*phase.jobs, job)), tmp_path / "j.jsonl", note.note)
    assert not [event for event in note.events if isinstance(event, JobFailed)]
    assert min(visits(note.events).values()) >= 3


@pytest.mark.parametrize("end", [end_all, wipe])
def test_a_runner_that_is_ended_before_it_measures_is_given_up_in_a_sentence(
    target: RemoteTarget, phase: Phase, layout: Layout, tmp_path: Path, end: Callable[[Layout], None]
) -> None:
    job = another(phase)
    note = ActsOnStart(target, job.id, times=100, act=lambda _: end(layout))
    with pytest.raises(RunnerError, match="ended 3 times"):
        execute(note, replace(phase, jobs=(job,)), tmp_path / "j.jsonl", note.note)


def test_a_phase_that_the_runner_refuses_is_an_error_with_its_words(target: RemoteTarget, phase: Phase, tmp_path: Path) -> None:
    twice = replace(phase, jobs=(phase.jobs[0], phase.jobs[0]))
    with pytest.raises(RunnerError, match=r"small.*as an earlier job's"):
        execute(target, twice, tmp_path / "j.jsonl", lambda _: None)


def test_ctrl_c_ends_after_the_running_visit_and_keeps_everything(target: RemoteTarget, phase: Phase, tmp_path: Path) -> None:
    """Tests a Ctrl-C during a look at the device, once a visit has begun."""
    events: list[Event] = []
    shell = target.device.shell
    interrupted: list[int] = []

    def interrupted_shell(*arguments: Any, **options: Any) -> ShellResult:
        result = shell(*arguments, **options)
        if events and not interrupted:
            interrupted.append(len(events))
            signal.raise_signal(signal.SIGINT)
        return result

    paced = tuple(replace(job, gap_us=10_000) for job in phase.jobs if isinstance(job, TimeJob))
    with patch.object(target.device, "shell", interrupted_shell):
        assert not execute(target, replace(phase, jobs=paced, repeat=Repeat(1000, 1000)), tmp_path / "j.jsonl", events.append)
    assert interrupted
    assert isinstance(events[-1], PhaseEnded)
    assert events[-1].stopped == "signal"
    assert list(read_journal(tmp_path / "j.jsonl")) == events


HOST = """
import sys
from pathlib import Path
from android_harness.targets.find import remote_target
from android_harness.targets.options import HarnessOptions
from android_harness.targets.execute import execute
from android_harness.device.layout import Layout
from android_harness.device.local_device import LocalDevice
from android_harness.protocol.phases import Phase, Repeat, TimeJob
from android_harness.device.units import resolve_units
root, model, journal = sys.argv[1:]
target = remote_target(LocalDevice(), HarnessOptions(layout=Layout(root)))
units = resolve_units((), target.info)
jobs = tuple(TimeJob(f"block/{unit}/{n}", unit, Path(model), warmup=1, runs=5, gap_us=4000) for unit in units for n in range(10))
execute(target, Phase("long", units, jobs, Repeat(6, 6)), Path(journal), lambda event: print(type(event).__name__, flush=True))
"""


@pytest.mark.parametrize("wait_for_end", [False, True])
def test_what_a_killed_host_has_left_is_taken_up_by_the_next(
    target: RemoteTarget, phase: Phase, layout: Layout, tmp_path: Path, wait_for_end: bool
) -> None:
    journal = tmp_path / "j.jsonl"
    model = tmp_path / f"{BLOCKS[0]}.tflite"
    host = subprocess.Popen([sys.executable, "-c", HOST, layout.root, str(model), str(journal)], stdout=subprocess.PIPE, text=True)
    assert host.stdout is not None
    wait_until(lambda: bool(list(Path(layout.root).glob("phases/*/runner.pid"))))
    folder = the_phase_folder(layout)
    wait_until(lambda: (folder / "journal.jsonl").exists() and b'"done"' in (folder / "journal.jsonl").read_bytes())
    with held(int((folder / "runner.pid").read_text())):
        for line in host.stdout:
            if line == "TimeDone\n":
                break
        host.kill()
        host.wait()
        assert alive(LocalDevice(), str(folder)), "the runner goes on by itself"
        assert load_cursor(journal) is not None
        with pytest.raises(DeviceError, match="is measuring for"):
            execute(target, phase, tmp_path / "other.jsonl", lambda _: None)
    while wait_for_end and alive(LocalDevice(), str(folder)):
        time.sleep(0.05)
    finish_leftover(target, journal)
    counted = visits(list(read_journal(journal)))
    assert len(counted) == 20
    assert set(counted.values()) == {6}, "nothing is lost and nothing is there twice"
    assert load_cursor(journal) is None
    finish_leftover(target, journal)


class DamagingDevice(LocalDevice):
    """This machine behind a link that changes a number in a journal, so that its lines can still be read."""

    def shell(self, script: str, *arguments: str, timeout_s: float = COMMAND_LIMIT_S) -> ShellResult:
        result = super().shell(script, *arguments, timeout_s=timeout_s)
        return replace(result, stdout=result.stdout.replace(b'"round":0', b'"round":1', 1))


def test_the_devices_copy_stays_until_ours_is_like_it(target: RemoteTarget, phase: Phase, layout: Layout, tmp_path: Path) -> None:
    journal = tmp_path / "j.jsonl"
    damaged = remote_target(DamagingDevice(), HarnessOptions(layout=layout))
    with pytest.raises(DeviceError, match="arrived damaged; it is still on the device"):
        execute(damaged, phase, journal, lambda _: None)
    damaged.close()
    assert (the_phase_folder(layout) / "journal.jsonl").stat().st_size > 0
    assert journal.read_bytes() == b"", "nothing of it is believed"
    finish_leftover(target, journal)
    assert set(visits(list(read_journal(journal))).values()) == {3}
    assert not list(Path(layout.phases).iterdir())


def test_a_cursor_of_a_phase_that_is_gone_does_no_harm(target: RemoteTarget, layout: Layout, tmp_path: Path) -> None:
    journal = tmp_path / "j.jsonl"
    journal.write_text("")
    (tmp_path / ".j.jsonl.phase").write_text('{"identity": "0123456789ab", "token": "0123456789abcdef", "begin": 0}')
    finish_leftover(target, journal)
    assert load_cursor(journal) is None
    (tmp_path / ".j.jsonl.phase").write_text('{"identity": "../../x", "token": "0123456789abcdef", "begin": 0}')
    assert load_cursor(journal) is None


def test_a_bundle_is_run_and_its_output_fetched(target: RemoteTarget, phase: Phase, tmp_path: Path) -> None:
    config = load("mini_v2")
    manifest = write_bundle(config, default_placement(config.branches), tmp_path / "bundle")
    units = {name: phase.units[name] for name in manifest.units}
    job = CollabJob("collab", tmp_path / "bundle" / MANIFEST, warmup=1, runs=3, output=tmp_path / "out.f32")
    events: list[Event] = []
    assert execute(target, Phase("collab", units, (job,), Repeat(1, 1)), tmp_path / "j.jsonl", events.append)
    [done] = [event for event in events if isinstance(event, CollabDone)]
    assert done.accelerated
    output = read_tensor(tmp_path / "out.f32", manifest.outputs[0].type)
    assert output.tobytes() == read_tensor(tmp_path / "bundle" / manifest.outputs[0].file, manifest.outputs[0].type).tobytes()


def test_everything_is_in_one_folder_and_can_be_removed(target: RemoteTarget, phase: Phase, layout: Layout, tmp_path: Path) -> None:
    execute(target, phase, tmp_path / "j.jsonl", lambda _: None)
    assert [path.name for path in (tmp_path / "device").iterdir()] == ["syncnas"]
    target.clean()
    assert not Path(layout.root).exists()
    remove_all(LocalDevice(), layout)


@pytest.mark.parametrize("gap_us", [10_000, 50_000_000], ids=["short visits", "a visit of minutes"])
def test_cleaning_ends_what_runs(target: RemoteTarget, phase: Phase, layout: Layout, tmp_path: Path, gap_us: int) -> None:
    class CleanedError(Exception):
        pass

    def clean(event: Event) -> None:
        if isinstance(event, JobStarted):
            runner = int((the_phase_folder(layout) / "runner.pid").read_text())
            remove_all(LocalDevice(), layout)
            wait_until(lambda: state_of(runner) in ("Z", None))
            raise CleanedError

    paced = tuple(replace(job, gap_us=gap_us) for job in phase.jobs if isinstance(job, TimeJob))
    with pytest.raises(CleanedError):
        execute(target, replace(phase, jobs=paced, repeat=Repeat(1000, 1000)), tmp_path / "j.jsonl", clean)
    assert not Path(layout.root).exists()


def test_a_restart_that_loses_the_end_of_the_device_s_journal_loses_nothing_here(
    target: RemoteTarget, phase: Phase, layout: Layout, tmp_path: Path
) -> None:
    def restart(_: object) -> None:
        folder = the_phase_folder(layout)
        end_all(layout)
        wait_until(lambda: not alive(LocalDevice(), str(folder)))
        journal = folder / "journal.jsonl"
        os.truncate(journal, journal.stat().st_size - 600)

    job = another(phase)
    note = ActsOnStart(target, job.id, times=1, act=restart)
    assert execute(note, replace(phase, jobs=(*phase.jobs, job), order="given"), tmp_path / "j.jsonl", note.note)
    assert list(read_journal(tmp_path / "j.jsonl")) == note.events
    assert min(visits(note.events).values()) >= 3
