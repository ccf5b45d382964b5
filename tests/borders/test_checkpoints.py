"""Whatever a checkpoint holds: the model's tensors, or a sentence before memory is taken for it."""

from __future__ import annotations

import io
import os
import random
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collab.errors import WeightsError
from collab.networks.checkpoint import read_checkpoint
from collab.networks.weights import check, seeded
from tests.borders.fuzzing import fuzz
from tests.borders.mutation import mutate_bytes
from tests.models import tiny

CONFIG = tiny()
WEIGHTS = seeded(CONFIG)


def npz(tensors: Mapping[str, Any], *, packed: bool = False) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(file, **tensors)
    return file.getvalue()


def npy(shape: tuple[int, ...], *, descr: str = "<f4", data: bytes = b"") -> bytes:
    """An array as numpy writes it, with a shape that its data need not have."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue() + data


def _few() -> dict[str, np.ndarray]:
    """A few small tensors: damage to headers and directories is likelier."""
    small = [name for name, array in WEIGHTS.items() if array.size < 100]
    return {name: WEIGHTS[name] for name in small[::5]}


def _mutated_npz(generator: random.Random) -> bytes:
    tensors = dict(generator.choice([WEIGHTS, WEIGHTS, _few()]))
    names = list(tensors)
    choice = generator.randrange(8)
    name = generator.choice(names)
    if choice == 0:
        tensors[f"module.{name}"] = tensors[name] if generator.random() < 0.5 else tensors.pop(name)
    elif choice == 1:
        tensors[name] = tensors[name].astype(generator.choice(["f2", "f8", "i4", "?", "c8", "U3", "M8[s]"]))
    elif choice == 2:
        tensors[name] = tensors[name].reshape(generator.choice([(-1,), (-1, 1), (1, -1)]))
    elif choice == 3:
        tensors[name] = np.full_like(tensors[name], generator.choice([np.nan, np.inf, 1e38, 0]))
    elif choice == 4:
        tensors[generator.choice(["x", "\u202e", "x" * 5000, "\x1b[2J", "a/../../b", "n.num_batches_tracked"])] = np.zeros(2)
    data = npz(tensors, packed=generator.random() < 0.3)
    return mutate_bytes(data, generator, most=2) if generator.random() < 0.5 else data


def test_hostile_archives(tmp_path: Path) -> None:
    def feed(data: bytes) -> None:
        (tmp_path / "c.npz").write_bytes(data)
        tensors = check(CONFIG, read_checkpoint(tmp_path / "c.npz", CONFIG), origin="c.npz")
        assert tensors.keys() == WEIGHTS.keys()
        assert all(np.isfinite(array).all() for array in tensors.values())

    counts = fuzz("checkpoint npz", _mutated_npz, feed)
    assert counts["accepted"] >= 15
    assert counts["refused"] >= 100


def test_hostile_torch_files(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    file, old = io.BytesIO(), io.BytesIO()
    state = {name: torch.from_numpy(np.array(array)) for name, array in _few().items()}
    torch.save(state, file)
    torch.save({"state_dict": state}, old, _use_new_zipfile_serialization=False)

    def feed(data: bytes) -> None:
        (tmp_path / "c.pth").write_bytes(data)
        assert read_checkpoint(tmp_path / "c.pth")

    good = [file.getvalue(), old.getvalue()]
    counts = fuzz("checkpoint torch", lambda g: mutate_bytes(g.choice(good), g, most=1), feed)
    assert counts["accepted"] >= 10
    assert counts["refused"] >= 100


def archive(members: Mapping[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return file.getvalue()


def _twice() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("x.npy", npy((1,), data=bytes(4)))
        made.writestr("x", npy((1,), data=bytes(4)))
    return file.getvalue()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: archive({"x.npy": npy((1 << 40,))}), "GiB"),
        (lambda: archive({"x.npy": npy((1 << 62, 1 << 62))}), "cannot be"),
        (lambda: archive({"x.npy": npy((-1,))}), "cannot be"),
        (lambda: archive({"x.npy": npy((2,), descr="|O")}), "plain numbers"),
        (lambda: archive({f"x{number}.npy": npy((1 << 29,)) for number in range(4)}), "GiB"),
        (lambda: archive({"x.npy": npy((3,), data=bytes(4))}), "cannot be read"),
        (lambda: archive({"x.npy": b"\x93NUMPY\x01\x00" + struct.pack("<H", 60_000) + b"(" * 60_000}), "cannot be read"),
        (_twice, "twice"),
        (lambda: npz({"a": np.zeros(2), "module.a": np.zeros(2)}), "prefix"),
    ],
)
def test_archives_that_claim_what_cannot_be(tmp_path: Path, make: Callable[[], bytes], reason: str) -> None:
    (tmp_path / "c.npz").write_bytes(make())
    with pytest.raises(WeightsError, match=reason):
        read_checkpoint(tmp_path / "c.npz")


def test_a_megabyte_that_would_unpack_to_a_gigabyte_is_refused_before_it_is(tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(tmp_path / "c.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made,
        made.open("head_conv.0.weight.npy", "w") as member,
    ):
        member.write(npy((1 << 28,)))
        for _ in range(32):
            member.write(bytes(32 << 20))
    assert (tmp_path / "c.npz").stat().st_size < 8 << 20
    code = (
        "import sys; from pathlib import Path; from collab.networks.checkpoint import read_checkpoint; from tests.models import tiny\n"
        "from collab.errors import WeightsError\n"
        "try: read_checkpoint(sys.argv[1], tiny())\n"
        "except WeightsError as error: print(error)\n"
        # Not getrusage's, which begins with what the process had that started this one.
        "peak = next(line for line in Path('/proc/self/status').read_text().splitlines() if line.startswith('VmHWM:'))\n"
        "print(int(peak.split()[1]) >> 10)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "c.npz")], capture_output=True, text=True, check=True)
    sentence, peak_mib = done.stdout.splitlines()
    assert "missing" in sentence
    assert int(peak_mib) < 600


def test_torch_archives_that_claim_more_than_they_hold_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "packed.pth").write_bytes(archive({"a/data.pkl": bytes(32 << 20)}))
    with pytest.raises(WeightsError, match="compressed"):
        read_checkpoint(tmp_path / "packed.pth")


def test_tensors_that_are_a_few_numbers_repeated_are_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"x": torch.zeros(1, dtype=torch.bfloat16).expand(1 << 34)}, tmp_path / "c.pth")
    assert (tmp_path / "c.pth").stat().st_size < 10_000
    with pytest.raises(WeightsError, match="GiB"):
        read_checkpoint(tmp_path / "c.pth")


@pytest.mark.parametrize("suffix", ["npz", "pth"])
@pytest.mark.parametrize("what", ["folder", "fifo", "/dev/zero", "a\x00b", "\ud800", "x" * 5000])
def test_only_files_are_read_as_checkpoints(tmp_path: Path, what: str, suffix: str) -> None:
    path = Path(what) if what not in ("folder", "fifo") else tmp_path / f"{what}.{suffix}"
    (tmp_path / f"folder.{suffix}").mkdir()
    os.mkfifo(tmp_path / f"fifo.{suffix}")
    with pytest.raises(WeightsError, match="no such file"):
        read_checkpoint(path)
