"""Forms of the commands that work on models and tables, or search."""

from __future__ import annotations

import msgspec

from syncnas.forms.base import Form, Numbers, Printed
from syncnas.forms.measure import Certificate, Step
from syncnas.forms.place import PlanPath


class SegmentInput(Form, frozen=True, kw_only=True):
    """An input of a segment; `from` is `input` or an earlier segment, `output` the number of the tensor there (absent: 0)."""

    name: str
    shape: list[int]
    dtype: str
    source: str = msgspec.field(name="from")
    output: int | msgspec.UnsetType = msgspec.UNSET


class SegmentOutput(Form, frozen=True, kw_only=True):
    """An output of a segment."""

    name: str
    shape: list[int]
    dtype: str


class SegmentOnnx(Form, frozen=True, kw_only=True):
    """The ONNX model of a segment."""

    model: str
    sha256: str


class Segment(Form, frozen=True, kw_only=True):
    """What one unit runs between two hand-overs, as a TFLite model, an ONNX model or both."""

    name: str
    unit: str
    blocks: list[str]
    inputs: list[SegmentInput]
    outputs: list[SegmentOutput]
    model: str | msgspec.UnsetType = msgspec.UNSET
    sha256: str | msgspec.UnsetType = msgspec.UNSET
    bytes: int | msgspec.UnsetType = msgspec.UNSET
    onnx: SegmentOnnx | msgspec.UnsetType = msgspec.UNSET


class BundleFile(Form, frozen=True, kw_only=True):
    """A file in a bundle: what it was made of."""

    file: str
    sha256: str


class BundleInput(Form, frozen=True, kw_only=True):
    """A reference input of a bundle."""

    file: str
    shape: list[int]
    dtype: str
    sha256: str


class BundleOutput(Form, frozen=True, kw_only=True):
    """An output of a bundle's network: the segment that gives it, the number of its output there (absent: 0), and the reference."""

    segment: str
    output: int | msgspec.UnsetType = msgspec.UNSET
    file: str
    shape: list[int]
    dtype: str
    sha256: str


class Export(Printed, frozen=True, kw_only=True):
    """The bundle that was written: its folder, and its manifest.

    Attributes:
        config, placement: of a SyncNAS model.
        network, plan: of any other network, in their place.
    """

    out: str
    format: int
    model: str
    config: BundleFile | msgspec.UnsetType = msgspec.UNSET
    placement: str | msgspec.UnsetType = msgspec.UNSET
    network: BundleFile | msgspec.UnsetType = msgspec.UNSET
    plan: BundleFile | msgspec.UnsetType = msgspec.UNSET
    units: list[str]
    segments: list[Segment]
    inputs: list[BundleInput]
    outputs: list[BundleOutput]
    computed_by: str


class StepPart(Form, frozen=True, kw_only=True):
    """A part of a predicted step: a block, a call, a copy."""

    what: str
    begin_us: float
    end_us: float


class PredictedStep(Step, frozen=True, kw_only=True):
    """A step of a unit on the predicted timeline."""

    begin_us: float
    end_us: float
    parts: list[StepPart]


class ImportedTables(Form, frozen=True, kw_only=True):
    """Where imported tables come from, and what they lack."""

    source: str
    lacks: list[str]


class Predict(Printed, frozen=True, kw_only=True):
    """A predicted latency with its timeline; `tables` is there where the tables were imported."""

    model: str
    placement: str
    predicted_us: float
    critical: Numbers
    certificate: Certificate | None
    steps: list[PredictedStep]
    tables: ImportedTables | msgspec.UnsetType = msgspec.UNSET


class CombinedEntry(Form, frozen=True, kw_only=True):
    """A block that is the sum of several entries."""

    unit: str
    block: str
    entries: list[str]


class LeftOutEntry(Form, frozen=True, kw_only=True):
    """An entry that could not be taken."""

    name: str
    where: str
    reason: str


class Import(Printed, frozen=True, kw_only=True):
    """What became of every entry of the tables that others measured."""

    out: str
    device: str
    source: str
    units: dict[str, str]
    blocks: dict[str, int]
    handovers: dict[str, int]
    combined: list[CombinedEntry]
    left_out: list[LeftOutEntry]
    assumed: list[str]
    lacks: list[str]


class CutTensor(Form, frozen=True, kw_only=True):
    """A tensor of a network that was cut, by its number in the file."""

    tensor: int
    name: str
    shape: list[int]
    dtype: str
    bytes: int


class CutBlock(Form, frozen=True, kw_only=True):
    """A block of a network; blocks of the same identity take the same time."""

    identity: str
    label: str
    operators: list[str]
    unpacking: int
    macs: int
    bytes: int
    nominal_us: float
    inputs: list[CutTensor]
    outputs: list[CutTensor]
    file: str | msgspec.UnsetType = msgspec.UNSET


class CutOutput(Form, frozen=True, kw_only=True):
    """Comparison of an output with the whole network's; a difference that is no number is left out."""

    tensor: int
    equal: bool
    range: float
    largest_difference: float | msgspec.UnsetType = msgspec.UNSET


class CutCheck(Form, frozen=True, kw_only=True):
    """Comparison of all blocks, run one after the other, with the whole network.

    Attributes:
        within_rounding: no output differs by more than 1e-5 of its range, as sums in another order do.
    """

    equal: bool
    within_rounding: bool
    outputs: list[CutOutput]


class SplitOperator(Form, frozen=True, kw_only=True):
    """An operator of a split stretch, and its `part` in it: "opens", "goes along" or "closes"."""

    operator: int
    name: str
    part: str


class SplitEnd(Form, frozen=True, kw_only=True):
    """An operator that needs the whole of what is divided, and why."""

    operator: int
    name: str
    reason: str


class SplitStretch(Form, frozen=True, kw_only=True):
    """A stretch of a network that is split by channels; sums and joins are tensors, by their numbers in the file."""

    operators: list[SplitOperator]
    groups: int
    sums: list[int]
    joins: list[int]
    ends: list[SplitEnd]


class Split(Form, frozen=True, kw_only=True):
    """All stretches of a network that are split, and the shares of the units."""

    shares: list[float]
    stretches: list[SplitStretch]


class Cut(Printed, frozen=True, kw_only=True):
    """A network in blocks."""

    model: str
    operators: int
    grain_us: float
    inputs: list[CutTensor]
    outputs: list[CutTensor]
    blocks: list[CutBlock]
    split: Split | msgspec.UnsetType = msgspec.UNSET
    check: CutCheck | msgspec.UnsetType = msgspec.UNSET


class ExportTables(Printed, frozen=True, kw_only=True):
    """Files in another's format, with what of the tables is not in them."""

    files: list[str]
    rows: int
    left_out: list[LeftOutEntry]
    assumed: list[str]


class FoundModel(Form, frozen=True, kw_only=True):
    """The best strategy that a search has found."""

    strategy: str
    accuracy: float
    objective: float
    placement: str | None
    latency_us: float | None
    budget: str


class SearchResult(Form, frozen=True, kw_only=True):
    """The result of one budget."""

    out: str
    evaluated: int
    failed: int
    best: FoundModel | None


class Search(Printed, frozen=True, kw_only=True):
    """What a search has found, budget by budget."""

    results: list[SearchResult]


class TreeChild(Form, frozen=True, kw_only=True):
    """A choice in the tree: a sync, or at the end of the path a placement."""

    on_path: bool
    visits: int
    under_way: int
    mean: float | None
    best: float | None
    prior: float | None
    score: float | None
    open: bool
    sync: str | msgspec.UnsetType = msgspec.UNSET
    placement: str | msgspec.UnsetType = msgspec.UNSET


class TreeLevel(Form, frozen=True, kw_only=True):
    """All choices after a beginning of a strategy; `stage` is null where a placement is chosen."""

    stage: int | None
    prefix: str
    children: list[TreeChild]


class SearchTree(SearchResult, frozen=True, kw_only=True):
    """The tree of one budget's search along a path."""

    method: str
    seed: int
    strategies: int
    feasible: int | None
    under_way: int
    path: str
    levels: list[TreeLevel]


class Explain(Printed, frozen=True, kw_only=True):
    """The trees that a search has grown, budget by budget; of a plan, what makes its latency."""

    results: list[SearchTree]
    plan: PlanPath | msgspec.UnsetType = msgspec.UNSET


class Trace(Printed, frozen=True, kw_only=True):
    """The trace that was written, and what it is of; `run` to `measured_median_us` are there where a measured run is in it.

    `conditions` are those of the measurement, by name.
    """

    trace: str
    events: int
    conditions: dict[str, str]
    model: str | msgspec.UnsetType = msgspec.UNSET
    placement: str | msgspec.UnsetType = msgspec.UNSET
    predicted_us: float | msgspec.UnsetType = msgspec.UNSET
    run: str | msgspec.UnsetType = msgspec.UNSET
    runs: int | msgspec.UnsetType = msgspec.UNSET
    measured_median_us: float | msgspec.UnsetType = msgspec.UNSET


class Report(Printed, frozen=True, kw_only=True):
    """The page that was written, its size, and the numbers of profiles and searches that it shows."""

    out: str
    bytes: int
    profiles: int
    searches: int
