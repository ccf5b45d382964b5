"""Models of others: damaged ones are refused by one sentence, or the runtime endures them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.borders.fuzzing import INPUTS, note_counts
from tests.graph.mutations import altered, damaged, endured, every_word
from tests.graph.samples import records, samples


@pytest.mark.parametrize("name", ["residual", "packed"])
def test_every_word_of_a_small_model(name: str, tmp_path: Path) -> None:
    outcome = endured(every_word(samples()[name]), tmp_path)
    assert not outcome.crashes
    assert outcome.counts["refused"] > 500
    assert outcome.counts["ran"] > 100


def test_random_damages(tmp_path: Path) -> None:
    models = list(samples().values())
    generators = (random.Random(f"damaged/{number}") for number in range(INPUTS))
    outcome = endured((damaged(models[number % len(models)], generator) for number, generator in enumerate(generators)), tmp_path)
    note_counts("damaged networks", INPUTS, outcome.counts)
    assert not outcome.crashes
    assert outcome.counts["refused"]
    assert outcome.counts["ran"]


def test_sound_files_that_say_other_things(tmp_path: Path) -> None:
    """Numbers, lists and constants are changed, and shapes made to fit, so that many pass the checks and show what the runtime endures."""
    models = list(records().values())
    generators = (random.Random(f"altered/{number}") for number in range(INPUTS))
    outcome = endured((altered(models[number % len(models)], generator) for number, generator in enumerate(generators)), tmp_path)
    note_counts("altered networks", INPUTS, outcome.counts)
    assert not outcome.crashes
    assert outcome.counts["ran"]
