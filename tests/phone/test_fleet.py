"""Several phones side by side, on this computer and over the nodes of a Ray cluster: what happens to one is nothing to the others."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from android_harness.device.adb.device import AdbDevice
from android_harness.device.adb.ray_node import RayTransport
from collab.errors import BusyFolderError, DeviceError
from collab.files import FolderLock
from lut.tables import load_tables
from profiler import fleet
from profiler.fleet import folder_name
from profiler.run import app
from tests.phone.profiles import assert_like
from tests.phone.virtual.virtual_phone import VirtualPhone
from tests.phone.wires.adb_server import FakeAdbServer
from tests.phone.wires.hosts import Host, finish, wait_for_visits
from tests.processes import wait_until


def asked(phones: list[VirtualPhone], model: Path, out: Path) -> list[object]:
    devices = [word for phone in phones for word in ("--device", phone.serial)]
    return [*devices, "--model", model, "--quick", "--out", out, "--json"]


def folder_of(phone: VirtualPhone, out: Path) -> Path:
    return out / folder_name(phone.serial)


def said_of(stdout: str) -> dict[str, dict[str, Any]]:
    return {entry["device"]: entry for entry in json.loads(stdout)["devices"]}


def test_one_phone_that_fails_is_nothing_to_the_others_which_stop_and_go_on_together(
    make_phone: Callable[..., VirtualPhone], model: Path, undisturbed: Path, tmp_path: Path
) -> None:
    host, out = Host(tmp_path / "home"), tmp_path / "luts"
    *sound, full = make_phone(), make_phone(), make_phone(storage_bytes=16 << 20)
    process = host.start("profiler.run", *asked([*sound, full], model, out))
    for phone in sound:
        wait_for_visits(folder_of(phone, out), 300, process)
    process.send_signal(signal.SIGINT)
    stopped = finish(process)
    assert stopped.status == 3, "the worst of them"
    said = said_of(stopped.stdout)
    assert [said[phone.serial]["state"] for phone in (*sound, full)] == ["stopped", "stopped", "failed"]
    assert "storage is full" in said[full.serial]["error"]
    assert f"{full.serial}: error: " in stopped.stderr
    lost = make_phone()
    process = host.start("profiler.run", *asked([*sound, lost], model, out), "--resume", "--patience-s", 2)
    wait_for_visits(folder_of(lost, out), 300, process)
    lost.close()
    done = finish(process, timeout_s=600)
    assert done.status == 3, done.stderr
    said = said_of(done.stdout)
    assert [said[phone.serial]["state"] for phone in (*sound, lost)] == ["done", "done", "failed"]
    assert "was lost and did not come back within 2 s" in said[lost.serial]["error"]
    assert said[lost.serial]["blocks"] == len(load_tables(folder_of(lost, out)).blocks)
    for phone in sound:
        assert_like(folder_of(phone, out), undisturbed)


def test_ctrl_c_while_profiles_are_started_stops_those_that_start_later(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    start = fleet._start

    def interrupted_start(serial: str, *arguments: Any) -> Any:
        started = start(serial, *arguments)
        if serial.endswith(":1"):
            signal.raise_signal(signal.SIGINT)
        return started

    monkeypatch.setattr(fleet, "_start", interrupted_start)
    devices = [word for port in (1, 2) for word in ("--device", f"127.0.0.1:{port}")]
    done = CliRunner().invoke(app, [*devices, "--quick", "--out", str(tmp_path), "--json"])
    assert done.exit_code == 130
    assert {entry["state"] for entry in said_of(done.stdout).values()} == {"stopped"}


def test_a_profile_that_has_nothing_to_go_on_with_does_not_begin_another(tmp_path: Path) -> None:
    devices = ("--device", "127.0.0.1:1", "--device", "127.0.0.1:2")
    done = Host(tmp_path / "home").run("profiler.run", *devices, "--out", tmp_path, "--resume")
    assert done.status == 2
    assert done.stdout.count("holds no profile to go on with") == 2


def test_a_command_that_is_killed_leaves_no_profile_running(make_phone: Callable[..., VirtualPhone], model: Path, tmp_path: Path) -> None:
    phones, out = [make_phone(), make_phone()], tmp_path / "luts"
    process = Host(tmp_path / "home").start("profiler.run", *asked(phones, model, out))
    for phone in phones:
        wait_for_visits(folder_of(phone, out), 50, process)
    process.kill()
    process.communicate()
    # Whoever measures has the lock of its folder.
    folders = [folder_of(phone, out) for phone in phones]
    wait_until(lambda: all(map(is_free, folders)))
    assert all((folder / "blocks.csv").exists() for folder in folders)


def is_free(folder: Path) -> bool:
    try:
        FolderLock(folder).close()
    except BusyFolderError:
        return False
    return True


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["127.0.0.1:1", "127.0.0.1:1"], "is given twice"),
        (["127.0.0.1:1", "local"], "profile this machine by itself"),
        (["all", "127.0.0.1:1"], "is every phone there is"),
        (["all"], "no phone is connected"),
    ],
)
def test_phones_that_cannot_be_profiled_side_by_side_are_a_sentence(names: list[str], words: str, tmp_path: Path) -> None:
    devices = [word for name in names for word in ("--device", name)]
    done = Host(tmp_path / "home").run("profiler.run", *devices, "--quick", "--out", tmp_path / "luts")
    assert done.status == (3 if words == "no phone is connected" else 2)
    assert words in done.stderr
    assert not (tmp_path / "luts").exists()


@pytest.fixture(name="cluster")
def a_cluster() -> Iterator[Any]:
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    yield nodes
    nodes.shutdown()


def test_a_node_that_dies_gives_its_phone_back_and_the_profile_goes_on_over_another(
    cluster: Any, make_phone: Callable[..., VirtualPhone], model: Path, undisturbed: Path, tmp_path: Path
) -> None:
    host, out = Host(tmp_path / "home"), tmp_path / "luts"
    phones = [make_phone(), make_phone(), make_phone()]
    *dying, staying = [f"phone:{phone.serial}" for phone in phones]
    node = cluster.add_node(num_cpus=1, resources=dict.fromkeys(dying, 1))
    cluster.add_node(num_cpus=1, resources={staying: 1})
    process = host.start("profiler.run", *asked(phones, model, out), "--executor", "ray", "--address", cluster.address)
    wait_for_visits(folder_of(phones[0], out), 300, process)
    cluster.remove_node(node, allow_graceful=False)
    time.sleep(2)
    cluster.add_node(num_cpus=1, resources=dict.fromkeys(dying, 1))
    done = finish(process, timeout_s=600)
    assert done.status == 0, done.stderr
    assert {entry["state"] for entry in said_of(done.stdout).values()} == {"done"}
    for phone in phones:
        assert_like(folder_of(phone, out), undisturbed)
    for phone in phones[:2]:
        assert f"Lost {phone.serial}" in done.stderr
        assert f"{phone.serial} is back after" in done.stderr
    assert f"Lost {phones[2].serial}" not in done.stderr


def test_a_phone_that_no_node_offers_is_a_sentence(cluster: Any, tmp_path: Path) -> None:
    cluster.add_node(num_cpus=1, resources={"phone:R5CT9876543": 1})
    wanted = ("--executor", "ray", "--address", cluster.address, "--quick", "--out", tmp_path / "luts")
    done = Host(tmp_path / "home").run("profiler.run", "--device", "R5CT1234567", *wanted)
    assert done.status == 3
    assert "no node of the Ray cluster offers phone:R5CT1234567" in done.stderr
    assert "Offered: R5CT9876543" in done.stderr
    # Its node offers it, but it is not plugged in: another try may find it there.
    done = Host(tmp_path / "home").run("profiler.run", "--device", "R5CT9876543", *wanted)
    assert done.status == 3
    assert "R5CT9876543 cannot be reached over Ray (no device 'R5CT9876543'" in done.stderr


@pytest.fixture(name="joined")
def of_a_process_that_leaves_the_cluster(cluster: Any) -> Iterator[Any]:
    import ray

    yield cluster
    ray.shutdown()


def test_of_several_nodes_that_offer_a_phone_the_one_that_reaches_it_is_taken(joined: Any, phone: VirtualPhone, tmp_path: Path) -> None:
    resource, sent, back = {f"phone:{phone.serial}": 1}, tmp_path / "sent", tmp_path / "back"
    sent.write_bytes(random.Random(5).randbytes(9 << 20))
    with FakeAdbServer({phone.serial: "offline"}) as left_behind, FakeAdbServer({phone.serial: "unauthorized"}) as strange:
        for server in (left_behind, strange):
            joined.add_node(num_cpus=1, resources=resource, env_vars={"ANDROID_ADB_SERVER_PORT": str(server.port)})
        notices: list[str] = []
        device = AdbDevice(phone.serial, RayTransport(phone.serial, joined.address), notice=notices.append)
        with pytest.raises(DeviceError, match="does not trust this computer yet"):
            device.connect()
        reaches = joined.add_node(num_cpus=1, resources=resource, env_vars={"ANDROID_ADB_SERVER_PORT": "1"})
        device.connect()
        assert "TCP at " in device.way
        device.push(sent, "/data/local/tmp/sent")
        assert device.shell("sha256sum < /data/local/tmp/sent").text.split()[0] == hashlib.sha256(sent.read_bytes()).hexdigest()
        device.pull("/data/local/tmp/sent", back)
        assert back.read_bytes() == sent.read_bytes()
        joined.remove_node(reaches, allow_graceful=False)
        joined.add_node(num_cpus=1, resources=resource, env_vars={"ANDROID_ADB_SERVER_PORT": "1"})
        # What the dead node had started ends a little later.
        wait_until(lambda: device.shell("echo here").text == "here" and bool(notices))
        assert [notice.split(" (")[0] for notice in notices[:1]] == [f"Lost {phone.serial}"]
        assert f"{phone.serial} is back after" in notices[-1]
        device.close()


def test_a_cluster_that_is_not_there_or_has_no_phones_is_a_sentence_at_once(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    for address, words in (("127.0.0.1:1", "no Ray cluster is reached"), ("local", "starts a cluster that no phone is plugged into")):
        wanted = ("--executor", "ray", "--address", address, "--quick", "--out", tmp_path / "luts")
        done = Host(tmp_path / "home").run("profiler.run", "--device", "R5CT1234567", *wanted, timeout_s=60)
        assert done.status == 2
        assert words in done.stderr
