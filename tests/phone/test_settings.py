"""Settings of a phone: root by either su, clocks and modes that are read back, and changed back whatever happens meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from android_harness.device.root import root_way
from android_harness.protocol.device_events import SettingChecked, StateChecked
from android_harness.protocol.journal import Event, TimeDone
from android_harness.protocol.phases import Phase, Repeat, TimeJob
from android_harness.targets.execute import execute
from android_harness.targets.find import closing, open_device, open_target
from android_harness.targets.options import HarnessOptions
from android_harness.targets.remote import RemoteTarget
from collab.errors import DeviceError
from collab.units import parse_unit
from exporters.tflite_route import write_relu
from tests.phone.profiles import arguments, assert_like
from tests.phone.virtual.virtual_phone import VirtualPhone
from tests.phone.wires.hosts import Host, finish, runner_pid, wait_for_visits

CLOCK = "devices/system/cpu/cpu1/cpufreq"
GPU = "class/kgsl/kgsl-3d0/devfreq"


@pytest.fixture(autouse=True)
def without_a_server(monkeypatch: pytest.MonkeyPatch, runner: Path) -> None:
    assert runner.is_file()
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "1")


@pytest.fixture(name="relu")
def a_model(tmp_path: Path) -> Path:
    path = tmp_path / "relu.tflite"
    path.write_bytes(write_relu((1, 8, 8, 4)))
    return path


@contextmanager
def target_of(phone: VirtualPhone, **options: Any) -> Iterator[RemoteTarget]:
    target = open_target(phone.serial, HarnessOptions(**options))
    assert isinstance(target, RemoteTarget)
    with closing(target):
        target.prepare(lambda _: None)
        yield target


def a_phase(relu: Path, *, rounds: int = 1) -> Phase:
    jobs = (TimeJob("a", "cpu0", relu, warmup=1, runs=2), TimeJob("b", "cpu0", relu, warmup=1, runs=2))
    return Phase("settings", {"cpu0": parse_unit("cpu:cores=1")}, jobs, Repeat(rounds, rounds))


def sys_of(phone: VirtualPhone, name: str) -> str:
    return phone.path(f"/sys/{name}").read_text().strip()


def carried_out(target: RemoteTarget, phase: Phase, journal: Path) -> list[Event]:
    events: list[Event] = []
    assert execute(target, phase, journal, events.append)
    return events


@pytest.mark.parametrize(("su", "way"), [("magisk", "command"), ("aosp", "words")])
def test_clocks_are_fixed_through_either_su_and_changed_back(
    su: str, way: str, make_phone: Callable[..., VirtualPhone], relu: Path, tmp_path: Path
) -> None:
    phone = make_phone(rooted=False)
    phone.install_su(su)
    big = phone.clusters[-1]
    before = {name: sys_of(phone, name) for name in (f"{CLOCK}/scaling_min_freq", f"{CLOCK}/scaling_governor", f"{GPU}/min_freq")}
    with target_of(phone, root=True) as target:
        assert root_way(target.device) == way
        assert {name: sys_of(phone, name) for name in before} == before, "a trial leaves nothing behind"
        assert f"cores 1 at {big.max_khz} kHz; the GPU at 740000000 Hz" in target.conditions["clocks"]
        events = carried_out(target, a_phase(relu), tmp_path / "j.jsonl")
    made = [event for event in events if isinstance(event, SettingChecked) and event.moment == "made"]
    restored = [event for event in events if isinstance(event, SettingChecked) and event.moment == "restored"]
    assert {"clock of cores 1", "clock of the GPU"} <= {event.name for event in made if event.holds}
    assert restored
    assert all(event.holds for event in restored)
    assert {name: sys_of(phone, name) for name in before} == before
    assert not any(event.changed for event in events if isinstance(event, StateChecked))


def test_a_su_that_gives_no_root_is_none(make_phone: Callable[..., VirtualPhone]) -> None:
    phone = make_phone(rooted=False)
    with pytest.raises(DeviceError, match="gives no root"), target_of(phone, root=True):
        pass
    phone.install_su("denied")
    with pytest.raises(DeviceError, match=r"gives no root.*leave root=True out.*root manager"), target_of(phone, root=True):
        pass
    with target_of(phone) as target:
        assert target.conditions["clocks"] == "free"


def test_a_gpu_whose_clock_files_are_not_found_is_said_and_a_clock_for_it_refused(phone: VirtualPhone, relu: Path, tmp_path: Path) -> None:
    phone.remove_gpu_clocks()
    with target_of(phone, root=True) as target:
        assert "the GPU free (its clock files are not found)" in target.conditions["clocks"]
        assert carried_out(target, a_phase(relu), tmp_path / "j.jsonl")
    with (
        pytest.raises(DeviceError, match=r"clock of the GPU: fixed was asked for \(its clock files are not found\)"),
        target_of(phone, root=True, gpu_mhz=587),
    ):
        pass
    with (
        pytest.raises(DeviceError, match=r"clock of cores 0: 100000 kHz was asked for \(no clock is as low\)"),
        target_of(phone, root=True, cpu_mhz=100),
    ):
        pass


def test_a_setting_that_somebody_changes_while_it_is_measured_is_told(phone: VirtualPhone, relu: Path, tmp_path: Path) -> None:
    with target_of(phone, root=True) as target:
        events: list[Event] = []
        run = Thread(target=execute, args=(target, a_phase(relu, rounds=5000), tmp_path / "j.jsonl", events.append))
        run.start()
        runner_pid(phone)
        phone.path(f"/sys/{GPU}/max_freq").write_text("414000000\n")
        run.join()
    changed = {setting for event in events if isinstance(event, StateChecked) for setting in event.changed}
    assert {(Path(setting.file).name, setting.wanted, setting.found) for setting in changed} == {("max_freq", 740_000_000, 414_000_000)}
    assert sys_of(phone, f"{GPU}/max_freq") == "740000000", "it was changed back all the same"


def test_the_fixed_performance_mode_is_asked_for_or_left_alone(phone: VirtualPhone, relu: Path, tmp_path: Path) -> None:
    with target_of(phone) as target:
        assert target.conditions["performance"] == "as the system sets it"
        carried_out(target, a_phase(relu), tmp_path / "j.jsonl")
    assert phone.read_state("fixed_performance_changes") is None
    with target_of(phone, steady=True) as target:
        assert target.conditions["performance"] == "fixed"
        carried_out(target, a_phase(relu), tmp_path / "steady.jsonl")
    assert (phone.read_state("fixed_performance_changes") or "").split() == ["true", "false"] * 2, "tried, and made for the phase"
    phone.refuse_fixed_performance()
    with (
        pytest.raises(DeviceError, match=r"fixed performance mode: on was asked for \(refused\); leave steady=True"),
        target_of(phone, steady=True),
    ):
        pass


def test_a_setting_that_is_refused_after_its_trial_ends_the_phase_before_it_measures(
    phone: VirtualPhone, relu: Path, tmp_path: Path
) -> None:
    with target_of(phone, steady=True) as target:
        phone.refuse_fixed_performance()
        events: list[Event] = []
        with pytest.raises(DeviceError, match=r"fixed performance mode: on was asked for \(refused\)"):
            execute(target, a_phase(relu), tmp_path / "j.jsonl", events.append)
    assert not [event for event in events if isinstance(event, TimeDone)]


def test_settings_that_stayed_changed_are_changed_back_by_the_next_command(
    make_phone: Callable[..., VirtualPhone], relu: Path, tmp_path: Path
) -> None:
    phone = make_phone(rooted=False)
    phone.install_su("aosp")
    with target_of(phone, root=True) as target:
        run = target.start(a_phase(relu, rounds=10_000), tmp_path / "j.jsonl")
        runner_pid(phone)
        fixed = sys_of(phone, f"{CLOCK}/scaling_min_freq")
        phone.switch_debugging_off()
        assert {process.name for process in phone.processes()} == {"su-daemon"}
        phone.restart_daemon()
        assert fixed == str(phone.clusters[-1].max_khz)
        assert sys_of(phone, f"{CLOCK}/scaling_min_freq") == fixed, "nobody was left to change it back"
        list(run.events())
        assert run.interrupted
    said = Host(tmp_path / "home").json("android_harness.doctor", "--device", phone.serial, "--no-trial")
    topics = {check["topic"]: check for check in said["checks"]}
    assert "they are changed back" in topics["settings"]["found"]
    assert sys_of(phone, f"{CLOCK}/scaling_min_freq") == str(phone.clusters[-1].min_khz)
    assert phone.read_state("settings/global/stay_on_while_plugged_in") is None
    again = Host(tmp_path / "home").json("android_harness.doctor", "--device", phone.serial, "--no-trial")
    assert "settings" not in {check["topic"] for check in again["checks"]}


def test_a_profile_whose_host_was_killed_is_read_on_before_settings_are_tried_again(
    phone: VirtualPhone, model: Path, undisturbed: Path, tmp_path: Path
) -> None:
    host, out = Host(tmp_path / "home"), tmp_path / "luts"
    wanted = (*arguments(phone.serial, model, out), "--steady")
    process = host.start("profiler.run", *wanted)
    wait_for_visits(out, 200, process)
    process.kill()
    process.wait()
    runner_pid(phone)
    done = host.run("profiler.run", "--device", phone.serial, "--out", out, "--resume", "--steady")
    assert done.status == 0, done.stderr
    assert_like(out, undisturbed)
    meta = json.loads((out / "meta.json").read_text())
    assert {entry["conditions"]["performance"] for entry in meta["provenance"].values()} == {"fixed"}
    assert meta["conditions"]["settings_made"].endswith("fixed performance mode: on")


def test_a_light_thermal_status_does_not_stop_a_phase_unless_asked(phone: VirtualPhone, relu: Path, tmp_path: Path) -> None:
    phone.set_thermal_status(1)
    with target_of(phone) as target:
        events = carried_out(target, a_phase(relu), tmp_path / "j.jsonl")
    checks = [event for event in events if isinstance(event, StateChecked)]
    assert {(check.thermal_status, check.hot) for check in checks} == {(1, None)}
    with (
        target_of(phone, hot_at=1, cool_limit_s=0.2) as target,
        pytest.raises(DeviceError, match=r"stays hot \(thermal status 1 \(light\)\)"),
    ):
        execute(target, a_phase(relu), tmp_path / "strict.jsonl", events.append)


def test_a_cap_that_falls_without_heat_becomes_the_devices_own(phone: VirtualPhone, relu: Path, tmp_path: Path) -> None:
    with target_of(phone) as target:
        gate = replace(target.gate, settle_s=0.5, poll_s=0.2, every_s=0.2) if target.gate is not None else None
        big = phone.clusters[-1]
        events: list[Event] = []
        phase = replace(a_phase(relu, rounds=3000), gate=gate)
        run = Thread(target=execute, args=(target, phase, tmp_path / "j.jsonl", events.append))
        run.start()
        journal = tmp_path / "j.jsonl"
        while not journal.exists() or journal.read_bytes().count(b'"event":"state"') < 2:
            time.sleep(0.02)
        phone.set_clock_cap_khz(big.cores[0], big.max_khz // 2)
        run.join()
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    caps = [cap for line in lines for cap in line.get("new_caps", ())]
    assert caps == [{"core": big.cores[0], "from_khz": big.max_khz, "to_khz": big.max_khz // 2}]
    assert sum(isinstance(event, TimeDone) for event in events) == 6000


def test_a_deployed_model_runs_again_in_the_mode_that_it_was_deployed_in(phone: VirtualPhone, tmp_path: Path) -> None:
    host = Host(tmp_path / "home")
    host.json("exporters.run", "--model", "micro_v2", "--out", tmp_path / "bundle")
    said = host.json("android_harness.deploy", "--device", phone.serial, tmp_path / "bundle", "--steady", "--runs", 8)
    before = (phone.read_state("fixed_performance_changes") or "").split()
    device = open_device(phone.serial)
    again = device.shell('sh "$1"', said["script"])
    device.close()
    assert again.status == 0, again
    assert "Latency:" in again.text
    assert "bit for bit" in again.text
    assert (phone.read_state("fixed_performance_changes") or "").split() == [*before, "true", "false"]


def test_a_deployment_tells_of_a_setting_that_did_not_hold(phone: VirtualPhone, tmp_path: Path) -> None:
    host = Host(tmp_path / "home")
    host.json("exporters.run", "--model", "micro_v2", "--out", tmp_path / "bundle")
    command = ("android_harness.deploy", "--device", phone.serial, tmp_path / "bundle", "--root", "--runs", 4000, "--json")
    process = host.start(*command)
    runner_pid(phone)
    phone.path(f"/sys/{GPU}/max_freq").write_text("414000000\n")
    done = finish(process, timeout_s=300)
    assert done.status == 0, done.stderr
    [note] = json.loads(done.stdout)["notes"]
    assert "max_freq was 414000000 instead of 740000000" in note
