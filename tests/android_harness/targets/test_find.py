"""Choice of the device: an address from a file is never dialled unasked."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import typer

from android_harness.targets import find
from android_harness.targets.find import Seen, Survey, choose, device_of
from collab.config import load
from collab.errors import DeviceError
from lut.meta import META_FILE
from lut.tables import save
from profiler import certify, run, verify
from profiler.effort import QUICK
from profiler.handover_setting import HandoverSetting
from profiler.plan import COARSE, plan_blocks, plan_model
from profiler.request import Request
from tests.android_harness.commands import home_alone
from tests.android_harness.commands import run as run_alone
from tests.borders.fuzzing import refused_in_a_sentence, run_command
from tests.lut.made_tables import UNITS, made_tables
from tests.lut.prediction.made_costs import linear_cost


@contextmanager
def listener() -> Iterator[tuple[int, list[object]]]:
    """Yields a port and the list of the clients that connected to it."""
    callers: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, caller = server.accept()
                except OSError:
                    return
                callers.append(caller)
                connection.close()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1], callers


@pytest.fixture(name="no_server")
def no_adb_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets a port without an adb server."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))


@pytest.mark.usefixtures("no_server")
@pytest.mark.parametrize("command", ["verify", "certify", "run", "deploy"])
def test_nobody_dials_an_address_out_of_a_file(tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with listener() as (port, callers):
        address = f"127.0.0.1:{port}"
        # Tables that lack something are refused before a device is looked for.
        plan = plan_model(load("micro_v2"), COARSE)
        made = made_tables(plan.blocks, plan.transfers, linear_cost)
        save(replace(made, meta=replace(made.meta, device=address, models=("micro_v2",))), tmp_path)
        Request(address, {}, "r", UNITS, (), plan_blocks([]), QUICK, HandoverSetting(), 0).save(tmp_path)
        app, arguments = {
            "verify": (verify.app, ["--lut", str(tmp_path), "--model", "micro_v2"]),
            "certify": (certify.app, ["--lut", str(tmp_path)]),
            "run": (run.app, ["--out", str(tmp_path), "--resume"]),
            "deploy": (deploy_app(monkeypatch), [str(tmp_path), "--lut", str(tmp_path)]),
        }[command]
        said = refused_in_a_sentence(run_command(app, arguments, monkeypatch), expected=3)
        assert address in said
        assert f"--device {address}" in said
        assert callers == []
        # The listener does record: dialled on request, it is called.
        with pytest.raises(DeviceError):
            find.open_device(device_of(address, "local", tmp_path / META_FILE), patience_s=0.1)
        assert callers


def deploy_app(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    from android_harness import deploy
    from exporters.manifests import reading

    # Which device is used is settled before anything of the bundle but its manifest is looked at.
    monkeypatch.setattr(reading, "load_manifest", lambda _: None)
    return deploy.app


def test_a_device_out_of_a_file_is_used_if_it_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "survey", lambda: Survey((Seen("R58M", "USB", "device"),), ()))
    assert device_of("", "R58M", tmp_path) == "R58M"
    assert device_of("", "local", tmp_path) == "local"
    assert device_of("10.0.0.7:5555", "R58M", tmp_path) == "10.0.0.7:5555"
    with pytest.raises(DeviceError, match=r"'\\x1b\[2J; reboot'.*device='\\\\x1b\[2J; reboot'"):
        device_of("", "\x1b[2J; reboot", tmp_path)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["profiler.run", "--out", "x", "--model", "mini_v2", "--device", "R5CT1234"], "no device 'R5CT1234'"),
        (["android_harness.doctor", "--device", "127.0.0.1:1"], "cannot be reached over TCP"),
        (["android_harness.devices", "--clean", "nothere"], "no device 'nothere'"),
    ],
)
def test_a_device_that_is_not_there_is_a_sentence_with_a_way_out(arguments: list[str], reason: str, tmp_path: Path) -> None:
    arguments = [str(tmp_path / "out") if argument == "x" else argument for argument in arguments]
    error = run_alone(*arguments, env=home_alone(tmp_path), status=3)
    assert error.startswith("error: ")
    assert reason in error
    assert "python -m android_harness.devices" in error, "named as this command was"
    assert not (tmp_path / "out").exists()


def test_the_only_device_is_chosen_and_none_of_several() -> None:
    one, other = Seen("R58M", "USB", "device"), Seen("emulator-5554", "adb server", "device")
    assert choose([one]) == "R58M"
    assert choose([one, Seen("R58M", "adb server", "device")]) == "R58M", "by two ways"
    with pytest.raises(DeviceError, match=r"^no phone is connected; .*device='HOST:PORT'.*device='local'.*syncnas devices"):
        choose([])
    with pytest.raises(DeviceError, match=r"^several devices are connected \(R58M, emulator-5554\); name one with device=\.\.\.$"):
        choose([other, one])
