"""The training of a supernet, and that one that is cut off goes on to the same weights."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from collab.networks import network
from search.supernet.files import SUPERNET_FILE, load
from search.supernet.network import inherited_weights
from search.supernet.train import train_supernet
from search.training.judge import accuracy, recalibrate
from search.training.recipe import Recipe, SupernetRecipe
from tests.processes import wait_until
from tests.search.supernets import QUICK, digits, same, space


def test_training_makes_all_models_better_than_chance(tmp_path: Path) -> None:
    recipe = SupernetRecipe(training=Recipe(epochs=3, batch=64, learning_rate=0.1), samples=1)
    lines: list[str] = []
    train_supernet(space(), digits(), recipe, tmp_path, seed=0, say=lines.append)
    assert "left" in lines[-1]
    assert [path.name for path in tmp_path.iterdir()] == [SUPERNET_FILE]
    net, generator = load(tmp_path), np.random.default_rng(0)
    results = []
    for config in (space().widest_model(), space().narrowest_model(generator, low=0.2), space().random_model(generator, low=0.2)):
        own = net.subnet(config)
        recalibrate(own, digits())
        results.append(accuracy(own, digits()))
        arrays = inherited_weights(net, config, digits())
        assert accuracy(network.from_weights(config, arrays), digits()) == results[-1]
    assert min(results) > 0.3, "chance is 0.1"
    assert results[0] > 0.5


def test_training_is_fixed_by_its_seed_and_goes_on_where_it_was_cut_off(trained: Path, tmp_path: Path) -> None:
    for name in ("cut", "other"):
        (tmp_path / name).mkdir()
    whole = load(trained)

    def cut(step: int, loss: float) -> None:
        if step == 20:
            raise KeyboardInterrupt

    saving, lines = replace(QUICK, save_every_s=0), list[str]()
    with pytest.raises(KeyboardInterrupt):
        train_supernet(space(), digits(), saving, tmp_path / "cut", seed=1, on_step=cut)
    steps: list[int] = []
    resumed = train_supernet(
        space(), digits(), saving, tmp_path / "cut", seed=1, say=lines.append, on_step=lambda step, _: steps.append(step)
    )
    assert lines[0] == "supernet: going on from step 10 of 22"
    assert steps == [20, 22]
    assert same(resumed, whole)
    assert same(load(tmp_path / "cut"), whole)
    assert not same(train_supernet(space(), digits(), QUICK, tmp_path / "other", seed=2), whole)
    # A finished one is read, not trained.
    steps.clear()
    again = train_supernet(space(), digits(), QUICK, trained, seed=1, on_step=lambda step, _: steps.append(step))
    assert not steps
    assert same(again, whole)


KILLED = """
import sys, time
from pathlib import Path
import torch
from dataclasses import replace
from search.supernet.train import train_supernet
from tests.search.supernets import QUICK, digits, space
torch.set_num_threads(int(sys.argv[2]))
def say_step(step, loss):
    print(step, flush=True)
    if step == 20:
        time.sleep(600)  # until the test kills this process
train_supernet(space(), digits(), replace(QUICK, save_every_s=0), Path(sys.argv[1]), seed=1, on_step=say_step)
"""


def test_training_survives_being_killed(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "killed").mkdir()
    command = [sys.executable, "-c", KILLED, str(tmp_path / "killed"), str(torch.get_num_threads())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "10\n"
        wait_until(lambda: (tmp_path / "killed" / "supernet.partial.pth").exists() or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "killed" / SUPERNET_FILE).exists()
    assert same(train_supernet(space(), digits(), QUICK, tmp_path / "killed", seed=1), load(trained))
    assert [path.name for path in (tmp_path / "killed").iterdir() if not path.name.startswith(".")] == [SUPERNET_FILE]
