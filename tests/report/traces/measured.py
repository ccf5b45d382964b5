"""Runs of two small bundles on the real runner, and made tables for the first of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from android_harness.protocol.journal import CollabDone
from android_harness.protocol.phases import CollabJob, Phase, Repeat
from android_harness.targets.execute import execute
from android_harness.targets.local import LocalTarget
from collab.placement import parse_placement
from collab.units import UnitSpec
from collab.variants import collaborative
from exporters.bundle import write_bundle
from exporters.manifests.manifest import MANIFEST
from lut.tables import save
from profiler.plan import COARSE, plan_model
from tests.lut.made_tables import made_tables
from tests.lut.prediction.made_costs import linear_cost
from tests.models import tiny

ROUNDS, RUNS = 2, 3


@dataclass(frozen=True)
class Measured:
    """A folder of tables with ``verify.jsonl`` of the first bundle, a journal of both, and the config of each."""

    tables: Path
    both: Path
    configs: tuple[Path, Path]
    visits: tuple[CollabDone, ...]


@pytest.fixture(scope="session")
def measured(device: LocalTarget, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    folder = tmp_path_factory.mktemp("measured")
    plan = plan_model(tiny(), COARSE)
    save(made_tables(plan.blocks, plan.transfers, linear_cost), folder)
    cores = device.info.cores
    units = {f"cpu{number}": UnitSpec("cpu").on_cores([cores[number % len(cores)]]) for number in range(2)}
    jobs, configs, visits = [], [], []
    for number, strategy in enumerate(("nca", "nna")):
        config = collaborative(tiny(), strategy)
        configs.append(folder / f"{strategy}.json")
        configs[-1].write_text(config.to_json())
        write_bundle(config, parse_placement("", branches=2), folder / strategy)
        jobs += [
            CollabJob(f"collab/{number}/{half}", folder / strategy / MANIFEST, warmup=1, runs=RUNS, wait="condvar") for half in ("a", "b")
        ]
    for journal, of_phase in (("both.jsonl", jobs), ("verify.jsonl", jobs[:2])):
        phase = Phase("compare", units, tuple(of_phase), Repeat(ROUNDS, ROUNDS))
        events: list[object] = []
        assert execute(device, phase, folder / journal, events.append)
        visits = [event for event in events if isinstance(event, CollabDone)]
    assert len(visits) == 2 * ROUNDS
    return Measured(folder, folder / "both.jsonl", (configs[0], configs[1]), tuple(visits))
