"""What a device says of itself is not trusted: whatever it is, it is read within bounds, or counts as not said."""

from __future__ import annotations

import json
import random
import socket
import threading
from pathlib import Path

import pytest

from android_harness.device import machine
from android_harness.device.adb.server import ServerAddress, server_entries
from android_harness.device.base import ShellResult
from android_harness.device.diagnosis import diagnose
from android_harness.device.layout import layout_of
from android_harness.device.local_device import LocalDevice
from android_harness.device.lock import Owner, acquire
from android_harness.device.state import DeviceState, parse_state
from android_harness.device.units import default_units, resolve_units
from android_harness.device.vulkan import offered
from android_harness.scripts import read_script
from android_harness.targets import local
from collab.console import one_line
from collab.errors import ConfigError, DeviceError
from collab.units import parse_unit
from tests.android_harness.device.made_states import PHONE
from tests.borders.fuzzing import check_sentence, fuzz
from tests.borders.mutation import mutate_bytes, mutate_json

HOSTILE_WORDS = (
    *("9" * 400, "-1", "-1704000", "0", "1e25", "99999999999999999", "-", "", "nan", "0.5", "0x10", "\u0661"),
    *("[red]", "[/]", "\x1b[2J", "\x00", "\u202e", "\ud800", "x" * 5000, "=", ":", "== cores", "== end", "\n", "\n" * 3000, "\t"),
)
ANSWERS = (b"OKAY0029", b"OKAY0018emulator-5554\tdevice\nS2\toffline\n", b"FAIL000fdevice offline..", b"OKAY0000")
TEXT_LIMIT = 4096
"""What our own readers take of a device's texts."""


@pytest.fixture(scope="module", name="said")
def what_this_machine_says() -> str:
    """What the script prints here."""
    script = read_script("state.sh")
    return LocalDevice().shell(script, "/tmp").stdout.decode()


def mutated(text: str, generator: random.Random) -> str:
    """The output with a few words, lines or bytes changed."""
    lines = text.splitlines()
    for _ in range(generator.randint(1, 6)):
        at = generator.randrange(len(lines))
        action = generator.randrange(5)
        if action == 0:
            del lines[at : at + generator.choice((1, 1, 10, 30))]
            lines = lines or [""]
        elif action == 1:
            lines[at:at] = [generator.choice(lines)] * generator.choice((1, 2, 300))
        elif action == 2:
            lines.insert(at, generator.choice(HOSTILE_WORDS))
        else:
            words = lines[at].replace("=", " = ").split(" ")
            words[generator.randrange(len(words))] = generator.choice(HOSTILE_WORDS)
            lines[at] = " ".join(words).replace(" = ", "=")
    changed = "\n".join(lines)
    return mutate_bytes(changed.encode(errors="replace"), generator).decode(errors="replace") if generator.random() < 0.3 else changed


def hold(state: DeviceState, *units: str) -> None:
    """All that is derived from a state, as long as it may be and fit to be shown; then units on it."""
    shown = [text for check in diagnose(state) for text in (check.topic, check.found, check.advice)]
    kept = [*state.fingerprint.values(), *state.conditions.values()]
    assert all(len(text) <= TEXT_LIMIT for text in kept)
    assert all(text.replace("°", "").isascii() and text.replace("°", "").isprintable() for text in (*shown, *kept) if text)
    assert all(cluster.max_khz is None or 0 < cluster.max_khz < 10**9 for cluster in state.clusters)
    numbers = [core.number for core in state.cores]
    assert numbers == sorted(set(numbers))
    assert set(state.info.cores) <= set(numbers)
    assert state.free_bytes is None or 0 <= state.free_bytes < 1 << 63
    json.dumps([state.fingerprint, state.conditions], allow_nan=False).encode()
    for unit in units:
        resolved = resolve_units([parse_unit(unit)], state.info)
        assert all(set(spec.cores or ()) <= set(state.info.cores) for spec in resolved.values())
    assert not set.intersection(*(set(spec.cores or ()) for spec in default_units(state.info)))


@pytest.mark.parametrize("device", ["phone", "this machine"])
def test_a_state_is_read_whatever_the_device_says(device: str, said: str) -> None:
    original = PHONE if device == "phone" else said
    units = ("cpu:threads=1,cluster=big", "cpu:threads=1,cluster=0", "cpu:threads=1,cores=0", "gpu")
    counts = fuzz(
        f"state of {device}",
        lambda generator: (mutated(original, generator), generator.sample(units, 2)),
        lambda made: hold(parse_state("S1", made[0]), *made[1]),
    )
    assert counts["accepted"]
    assert counts["refused"]


@pytest.mark.parametrize(
    "text",
    [
        "== thermal\n" + "\n" * 100_000 + "Thermal Status: 1",
        "== cores\n" + "0 1 1 x 1\n" * 100_000,
        "== system\nallowed=0-1023\n== cores\n" + "".join(f"{core} {9 + core} {8 + core} {'g' * 9}{core} 1\n" for core in range(1024)),
        "== tools\n" + "tool\n" * 100_000,
        "== system\n" + "x=y" * 1_000_000,
    ],
    ids=["blank lines", "one core over and over", "as many cores, clocks and governors as there can be", "tools", "a long line"],
)
def test_no_amount_is_too_much(text: str) -> None:
    state = parse_state("S1", text)
    kept = [*state.fingerprint.values(), *state.conditions.values(), *(check.found for check in diagnose(state))]
    assert all(len(entry) <= TEXT_LIMIT * 8 for entry in kept)
    if state.clusters:
        hold(state, "gpu")
        with pytest.raises(ConfigError) as refused:
            resolve_units([parse_unit("cpu:threads=1,cluster=5000")], state.info)
        check_sentence(str(refused.value), "a cluster that is not there")


def test_clocks_and_the_processor_s_name_are_read_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.clock_khz("1704000\n") == 1704000
    for odd in ("", "0", "-5", "9" * 400, "1e6", "\u0661", "<unknown>", "999999999"):
        assert machine.clock_khz(odd) is None, odd
    info = tmp_path / "cpuinfo"
    for content in (b"", b"\xff\x00" * 9, b"model name\t: " + b"x" * 100_000, b"model name: \x1b[2J[red]\n", b"CPU part :\n"):
        info.write_bytes(content)
        name = machine.cpu_model(info)
        assert name
        assert name.isprintable()
        assert len(name) <= machine.MOST_CHARACTERS
    assert machine.cpu_model(tmp_path / "none")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {100_000, 100_001})
    assert [cluster.max_khz for cluster in local.local_clusters()] == [None]


def test_vulkan_s_answer_is_a_list_of_devices_or_none() -> None:
    answer = [{"name": "llvmpipe (LLVM 19.1.7, 256 bits)", "kind": 4}, {"name": "Mali-G715", "kind": 1}]
    counts = fuzz("Vulkan's answer", lambda generator: mutate_json(answer, generator), offered)
    assert counts["accepted"]
    assert counts["refused"]
    assert [device.name for device in offered(b"a driver's banner\n" + json.dumps(answer).encode())] == [entry["name"] for entry in answer]
    assert offered(json.dumps([{"name": "\x1b[2J", "kind": 1}]).encode())[0].name == "\\x1b[2J"


class _TakenDevice(LocalDevice):
    """A device that somebody else has: its lock's script says so, with the owner's name on it."""

    def __init__(self, status: int, name: bytes) -> None:
        super().__init__()
        self._status, self._name = status, name

    def shell(self, script: str, *arguments: str, timeout_s: float = 60) -> ShellResult:
        return ShellResult(self._status, b"", self._name)


@pytest.mark.parametrize("status", [1, 3, 4])
def test_an_owner_s_name_is_shown_and_does_nothing(status: int) -> None:
    for name in (b"\x1b[2J[red]me@host", b"x" * 100_000, b"\xff\x00", b"", "\u202e\u2028".encode()):
        with pytest.raises(DeviceError) as refused:
            acquire(_TakenDevice(status, name), layout_of("S1"), Owner.new())
        check_sentence(str(refused.value), "a lock")
        assert str(refused.value).isprintable()


def test_what_an_adb_server_lists_are_serials_and_states() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        answer = b""

        def serve() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                    with client:
                        client.sendall(answer)
                        client.shutdown(socket.SHUT_WR)
                        client.recv(4096)
                except OSError:
                    if listening.fileno() < 0:
                        return

        threading.Thread(target=serve, daemon=True).start()
        address = ServerAddress("127.0.0.1", listening.getsockname()[1])

        def make(generator: random.Random) -> bytes:
            if generator.random() < 0.5:
                return mutate_bytes(generator.choice(ANSWERS), generator)
            words = [*HOSTILE_WORDS, "S1", "device", "127.0.0.1:5555", "no permissions; see [http://x]"]
            lines = "".join(f"{generator.choice(words)}\t{generator.choice(words)}\n" for _ in range(generator.randint(1, 8)))
            listed = lines.encode(errors="replace")[:65535]
            return b"OKAY%04x" % len(listed) + listed

        def feed(made: bytes) -> None:
            nonlocal answer
            answer = made
            for entry in server_entries(address):
                assert one_line(entry.serial + entry.state) == entry.serial + entry.state
                assert 0 < len(entry.serial) <= 255
                assert len(entry.state) <= 64

        counts = fuzz("the adb server's list", make, feed)
        assert counts["accepted"]
        assert counts["refused"]
        listening.shutdown(socket.SHUT_RDWR)
