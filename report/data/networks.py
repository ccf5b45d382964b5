"""Networks of others that were profiled: their blocks as a graph, what each takes on each unit, and the plans that put them on units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from collab.errors import MissingEntryError, NetworkError, SyncNasError
from collab.schedule import Source
from graph.identity import label_of
from graph.plan_file import PLAN_SUFFIX, PlacementPlan, read_plan
from graph.planned.network import PlannedNetwork
from graph.reading import read_network
from graph.scheduling import CutNetwork
from graph.splitting.cutting import cut_with_splits
from lut.prediction.model_latency import Prediction
from lut.prediction.program import NETWORK_OUTPUT, peer_name
from lut.tables import NETWORK_FILE, BlockRow
from profiler.network_file import is_network_file
from profiler.request import PLAN_FILE, load_request
from report.data.runs import Run, measured_run, run_of
from report.data.sources import Profile, Sources, Subject
from report.data.verification import Verification

_MOST_PLANS = 6
"""Plans of a folder that are drawn."""


@dataclass(frozen=True)
class Node:
    """A block of a network; `rows` is what the tables say of it, by unit, without units that were not measured with it."""

    number: int
    label: str
    identity: str
    operators: int
    macs: int
    weight_bytes: int
    rows: Mapping[str, BlockRow]


@dataclass(frozen=True)
class Edge:
    """Tensors that pass from one block to another, by their numbers; None is an end of the network, an input or output, numbered `end`."""

    sender: int | None
    receiver: int | None
    tensors: int
    size_bytes: int
    end: int = 0


@dataclass(frozen=True)
class ShownPlan:
    """A plan of the network, with its prediction; `note` is the reason where there is none."""

    path: Path
    planned: PlannedNetwork
    run: Run | None = None
    prediction: Prediction | None = None
    critical: frozenset[int] = frozenset()
    """Blocks on the critical path."""
    note: str = ""
    measured: Run | None = None
    verification: Verification | None = None

    @property
    def plan(self) -> PlacementPlan:
        return self.planned.plan

    @property
    def segments(self) -> Mapping[int, str]:
        """The segment of each block."""
        return {number: segment for segment, members in self.planned.members.items() for number in members}

    def subject(self) -> Subject | None:
        """Returns the plan as a model of the report; None where it cannot be predicted."""
        if self.run is None or self.prediction is None:
            return None
        name = f"{self.plan.model} ({self.path.name})"
        return Subject(name, self.plan.placement_text, self.run, self.prediction, self.measured, self.verification, plan=self.path)


@dataclass(frozen=True)
class ShownNetwork:
    """A profiled network; without nodes where its file is not at hand, for the reason in `note`."""

    name: str
    profile: Profile
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    plans: tuple[ShownPlan, ...] = ()
    note: str = ""
    warnings: tuple[str, ...] = field(default=())


def networks_of(sources: Sources, *, model: Path | None = None, plan: Path | None = None) -> list[ShownNetwork]:
    """Returns the networks whose tables are among the sources, with the plan that is asked for, or those that lie in the tables' folders.

    Args:
        model: the network's file; None: the one that the profile has kept.

    Raises:
        NetworkError: a plan or network that was asked for cannot be read, or none of the profiles is of it.
        TableError: a folder's request is damaged.
    """
    verifications = [verification for verification, _ in sources.verifications]
    found = [network for profile in sources.profiles if (network := _network_of(profile, model, plan, verifications)) is not None]
    if plan is not None and not any(network.plans for network in found):
        raise NetworkError(f"{plan} is of no network that was profiled into the folders that are named; name the folder of its tables")
    if model is not None and not any(network.nodes for network in found):
        raise NetworkError(f"{model} is not the network that was profiled into the folders that are named; name the folder of its tables")
    return found


def _network_of(profile: Profile, model: Path | None, plan: Path | None, verifications: Sequence[Verification]) -> ShownNetwork | None:
    folder = profile.folder
    if not any(row.label for row in profile.tables.blocks) or not (folder / PLAN_FILE).exists():
        return None
    profiled = load_request(folder).network
    if profiled is None:
        return None
    name, file = profiled.name, model or folder / NETWORK_FILE
    if not file.is_file():
        return ShownNetwork(name, profile, note=f"{folder} holds tables of {name}, but not the network itself, so no blocks can be drawn.")
    folders = [folder, *([profile.above] if profile.above is not None else [])]
    plans = [plan] if plan is not None else sorted(path for each in folders for path in each.glob(f"*{PLAN_SUFFIX}"))
    network = read_network(file)
    cut: CutNetwork | None = None
    views, warnings = [], []
    for path in plans[:_MOST_PLANS]:
        try:
            said = read_plan(path)
            # Blocks are drawn as the first plan has them: stretches that it splits are their arms.
            drawn = cut or cut_with_splits(network, said.splits, name=Path(name).stem, grain_us=profiled.grain_us)
            views.append(_plan_of(path, said, drawn, profile, verifications))
            cut = drawn
        except SyncNasError as error:
            if plan is not None:
                raise
            warnings.append(str(error))
    cut = cut or CutNetwork(network, name=Path(name).stem, grain_us=profiled.grain_us)
    if len(plans) > _MOST_PLANS:
        warnings.append(f"{folder} holds {len(plans)} plans; the first {_MOST_PLANS} are drawn.")
    return ShownNetwork(name, profile, _nodes(cut, profile), _edges(cut), tuple(views), warnings=tuple(warnings))


def _plan_of(path: Path, plan: PlacementPlan, cut: CutNetwork, profile: Profile, verifications: Sequence[Verification]) -> ShownPlan:
    try:
        plan.require_fit(cut)
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from error
    planned = PlannedNetwork(cut, plan)
    try:
        prediction = planned.predict(profile.costs)
        path_links = planned.critical_path(profile.costs)
    except MissingEntryError as error:
        return ShownPlan(path, planned, note=f"{path.name} cannot be predicted: {error}")
    critical = frozenset(planned.members[link.segment][link.block] for link in path_links if link.block is not None)
    sizes = _sizes(planned)
    verification = _verification_of(planned, verifications)
    measured = None if verification is None else measured_run(verification.measured.median, verification.steps, sizes)
    run = run_of(prediction, sizes)
    return ShownPlan(path, planned, run, prediction, critical, measured=measured, verification=verification)


def _verification_of(planned: PlannedNetwork, verifications: Sequence[Verification]) -> Verification | None:
    """Returns the verification of a plan: the one of its placement and its segments."""
    for verification in verifications:
        said = verification.said
        fits = {step.segment for step in verification.steps} == planned.members.keys()
        if fits and said is not None and said.placement == planned.plan.placement_text:
            return verification
    return None


def _sizes(planned: PlannedNetwork) -> Mapping[str, int]:
    """Returns the bytes of each tensor that is copied or waited for, by the name of the other end."""
    schedule = planned.schedule
    found = {peer_name(source): schedule.type_of(source).size_bytes for segment in schedule.segments for source in segment.sources}
    ends = {peer_name(Source(NETWORK_OUTPUT, number)): source for number, source in enumerate(schedule.outputs)}
    return {**found, **{name: schedule.type_of(source).size_bytes for name, source in ends.items()}}


def _nodes(cut: CutNetwork, profile: Profile) -> tuple[Node, ...]:
    rows: dict[str, dict[str, BlockRow]] = {}
    for row in profile.tables.blocks:
        rows.setdefault(row.block, {})[row.unit] = row
    return tuple(
        Node(
            number,
            label_of(cut.network, block),
            opaque.identity,
            len(block.operators),
            opaque.macs,
            opaque.weight_bytes,
            rows.get(opaque.key, {}),
        )
        for number, (block, opaque) in enumerate(zip(cut.blocks, cut.opaque, strict=True))
    )


def _edges(cut: CutNetwork) -> tuple[Edge, ...]:
    """Returns what passes between blocks, and from and to the network's ends."""
    made = {tensor: number for number, block in enumerate(cut.blocks) for tensor in block.outputs}
    ends = {tensor: number for number, tensor in enumerate(cut.network.inputs)}
    sizes = {tensor: cut.network.tensors[tensor].size_bytes for block in cut.blocks for tensor in (*block.inputs, *block.outputs)}
    edges: list[Edge] = []
    for number, block in enumerate(cut.blocks):
        taken: dict[int, list[int]] = {}
        for tensor in block.inputs:
            if tensor in made:
                taken.setdefault(made[tensor], []).append(tensor)
            elif tensor in ends:
                edges.append(Edge(None, number, 1, sizes[tensor], ends[tensor]))
        edges += [Edge(sender, number, len(tensors), _sum(sizes, tensors)) for sender, tensors in taken.items()]
    given = [(number, tensor) for number, tensor in enumerate(cut.network.outputs) if tensor in made]
    return (*edges, *(Edge(made[tensor], None, 1, sizes[tensor], number) for number, tensor in given))


def _sum(sizes: Mapping[int, int], tensors: Sequence[int]) -> int:
    return sum(sizes[tensor] for tensor in tensors)


def asked_network(model: str) -> Path | None:
    """Returns the path of a model that is a network of others, and None for a config or no model."""
    return Path(model) if is_network_file(model) else None
