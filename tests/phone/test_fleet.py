"""Several phones side by side, on this computer and over the nodes of a Ray cluster: what happens to one is nothing to the others."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from profiler.fleet import folder_name
from tests.phone.profiles import assert_like
from tests.phone.virtual.virtual_phone import VirtualPhone
from tests.phone.wires.hosts import Host, finish, wait_for_visits


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
    assert stopped.status == 2, "the worst of them"
    said = said_of(stopped.stdout)
    assert [said[phone.serial]["state"] for phone in (*sound, full)] == ["stopped", "stopped", "failed"]
    assert "storage is full" in said[full.serial]["error"]
    assert f"{full.serial}: error: " in stopped.stderr
    done = finish(host.start("profiler.run", *asked(sound, model, out), "--resume"), timeout_s=600)
    assert done.status == 0, done.stderr
    assert {entry["state"] for entry in said_of(done.stdout).values()} == {"done"}
    for phone in sound:
        assert_like(folder_of(phone, out), undisturbed)


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
    assert done.status == 2
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
    wanted = ("--executor", "ray", "--address", cluster.address, "--quick", "--out", tmp_path / "luts")
    done = Host(tmp_path / "home").run("profiler.run", "--device", "R5CT1234567", *wanted)
    assert done.status == 2
    assert "no node of the Ray cluster offers phone:R5CT1234567" in done.stderr
