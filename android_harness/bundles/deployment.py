"""Deployments: a bundle put on a device, run there, checked against its reference, and left with a script that needs no other computer."""

from __future__ import annotations

import hashlib
import re
import shlex
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from android_harness.bundles.result import BundleResult, bundle_result, output_error
from android_harness.device.base import Notice, checked
from android_harness.device.units import default_units, resolve_units, warnings
from android_harness.protocol.journal import CollabDone, Event, JobFailed
from android_harness.protocol.phases import CollabJob, Phase, Repeat
from android_harness.scripts import read_script
from android_harness.targets.device_notes import DeviceNotes, sentences
from android_harness.targets.execute import execute
from android_harness.targets.push import Pushed
from android_harness.targets.remote import supervising_files
from collab.errors import ConfigError, MissingEntryError, RunnerError, TableError
from collab.files import write_whole
from collab.names import shown
from collab.placement import parse_placement
from collab.units import UnitSpec, name_units, parse_unit
from collab.wording.options import option_named
from exporters.manifests.manifest import MANIFEST, Manifest
from lut.meta import WAITS
from lut.paths import REQUESTABLE_PATHS

if TYPE_CHECKING:
    from android_harness.targets.remote import RemoteTarget
    from lut.prediction.model_latency import Prediction
    from lut.tables import Tables

DEPLOY_JOURNAL: Final = "deploy.jsonl"
_RUN_SCRIPT: Final = read_script("run_deployed.sh")
_JOB: Final = "deployed"
_VISITS: Final = 4
_WARMUP: Final = 5
_KIT: Final = "kit"
_RESULT: Final = "result.jsonl"
_PROGRAMS: Final = "programs"
_OUTPUT: Final = "output.f32"
# A copy, so that the deployed folder needs no file outside of it, and keeps the libraries that were checked when they were sent.
_COPY_KIT: Final = 'cd "$1" && rm -rf kit && cp -R "$2" kit'
_REMOVE: Final = 'rm -rf "$1"'


@dataclass(frozen=True)
class DeployOptions:
    """Options of a deployment. An empty text stands for the value in the tables, or the default without tables."""

    units: tuple[str, ...] = ()
    runs: int = 100
    wait: str = ""
    path: str = ""
    keep: bool = True

    def __post_init__(self) -> None:
        if self.wait not in ("", *WAITS):
            raise ConfigError(f"{option_named('--wait', shown(self.wait))}: one of {', '.join(WAITS)}")
        if self.path not in ("", *REQUESTABLE_PATHS):
            raise ConfigError(f"{option_named('--path', shown(self.path))}: one of {', '.join(REQUESTABLE_PATHS)}")


@dataclass(frozen=True)
class Deployed:
    """Bundle on a device, with its result. `script` is the path there of the script that runs it again, empty where none was left."""

    model: str
    device: str
    described: str
    units: Mapping[str, UnitSpec]
    result: BundleResult
    pushed: Pushed
    script: str
    prediction: Prediction | None = None
    unpredicted: str = ""
    """Reason why there is no prediction although there are tables."""
    notes: tuple[str, ...] = ()
    """Sentences on what the device did during the run: settings that did not hold, clock caps that fell."""


def journal_beside(bundle: Path) -> Path:
    """Returns the path of the file that keeps the raw samples of a bundle's deployments, unless another one is named."""
    return bundle.resolve().parent / DEPLOY_JOURNAL


@dataclass
class _Visits:
    """Visits of the deployment's job, the reason of a failed one, and what the device did meanwhile."""

    done: list[CollabDone] = field(default_factory=list)
    failure: str = ""
    device: DeviceNotes = field(default_factory=DeviceNotes)

    def note(self, event: Event) -> None:
        self.device.add(event)
        if isinstance(event, CollabDone):
            self.done.append(event)
        elif isinstance(event, JobFailed):
            self.failure = event.reason


def deploy(
    target: RemoteTarget,
    bundle: Path,
    manifest: Manifest,
    tables: Tables | None,
    options: DeployOptions,
    *,
    journal: Path,
    notice: Notice,
    on_progress: Callable[[int, int], None] = lambda *_: None,
    on_event: Callable[[Event], None] = lambda _: None,
) -> Deployed:
    """Puts a bundle on a device, runs it there, and returns its result.

    Args:
        journal: file for the raw samples.
        notice: receives warnings on the units, each a sentence.
        on_progress: gets the number of visits that are done, and of all.
        on_event: receives the events that count.

    Raises:
        ConfigError: the bundle or the options name no units that can run it.
        DeviceError: the device cannot be reached, or lacks a unit or an engine.
        TableError: the tables are of another device, or lack a unit.
        RunnerError: the model cannot be run there.
        KeyboardInterrupt: Ctrl-C was pressed; its text says what is kept.
    """
    if any(segment.model is None for segment in manifest.segments):
        raise ConfigError(f"{bundle} holds ONNX segments only, which no unit runs; export it with {option_named('--format', 'tflite')}")
    units = _units(target, manifest, tables, options)
    folder = target.layout.deployed(_safe_name(manifest.model))
    for sentence in warnings(units, target.info):
        notice(sentence)
    prediction, unpredicted = _prediction(target, bundle, manifest, tables)
    before = target.pushed
    target.push(folder, {MANIFEST: bundle / MANIFEST} | {entry.file: bundle / entry.file for entry in manifest.files})
    visits = _Visits()

    with tempfile.TemporaryDirectory(prefix="syncnas-") as scratch:
        output = Path(scratch) / _OUTPUT
        job = _job(f"{folder}/{MANIFEST}", tables, options, output, outputs=len(manifest.outputs))
        phase = Phase("deploy", units, (job,), Repeat(_VISITS, _VISITS), order="given", resident=True)

        def note(event: Event) -> None:
            visits.note(event)
            on_event(event)
            on_progress(len(visits.done), _VISITS)

        if not execute(target, phase, journal, note):
            raise KeyboardInterrupt(_kept(target, journal))
        if visits.failure or not visits.done or not all(file.exists() for file in job.output_files):
            raise RunnerError(f"{manifest.model} cannot be run on {target.info.name}: {visits.failure or 'it gave no output'}")
        error = output_error(bundle, output)
        if options.keep:
            _leave_script(target, folder, phase, _sha256_together(job.output_files), Path(scratch))
        else:
            checked(target.device, _REMOVE, folder, doing="removing the model")
    return Deployed(
        model=manifest.model,
        device=target.info.name,
        described=f"{target.state.model}, {target.runtime}",
        units=units,
        result=bundle_result(visits.done, error),
        pushed=Pushed(target.pushed.files - before.files, target.pushed.bytes - before.bytes),
        script=f"{folder}/run.sh" if options.keep else "",
        prediction=prediction,
        unpredicted=unpredicted,
        notes=tuple(sentences(visits.device.conditions)),
    )


def _kept(target: RemoteTarget, journal: Path) -> str:
    return f"The bundle is on {target.info.name}, the samples so far in {journal}; the same command sends nothing twice."


def _safe_name(model: str) -> str:
    """Returns a model's name as the name of a folder."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", model)[:64] or "model"


def _units(target: RemoteTarget, manifest: Manifest, tables: Tables | None, options: DeployOptions) -> dict[str, UnitSpec]:
    """Returns the bundle's units: those of the user, else those of the tables, else default ones.

    Raises:
        ConfigError: the user's units are not the bundle's.
        TableError: the tables lack a unit.
    """
    if options.units:
        named = name_units([parse_unit(text) for text in options.units])
        if set(named) != set(manifest.units):
            raise ConfigError(
                f"the bundle has the units {', '.join(manifest.units)}, and {option_named('--unit')} names {', '.join(named)}; name each"
                " once"
            )
        return resolve_units(list(named.values()), target.info)
    if tables is not None:
        lacking = [unit for unit in manifest.units if unit not in tables.meta.units]
        if lacking:
            raise TableError(f"the tables have no unit {lacking[0]}, which the bundle runs on; they have {', '.join(tables.meta.units)}")
        return {unit: tables.meta.units[unit] for unit in manifest.units}
    return _default_units(target, manifest.units)


def _default_units(target: RemoteTarget, names: Sequence[str]) -> dict[str, UnitSpec]:
    """Returns units for a bundle's names: a core for each of at most two CPU units, as in profiles, and other kinds with their defaults.

    Raises:
        ConfigError: there are more than two CPU units.
    """
    cpus = iter(default_units(target.info)) if sum(name.startswith("cpu") for name in names) > 1 else iter(default_units(target.info)[:1])
    units = {}
    for name in names:
        kind = name.rstrip("0123456789")
        spec = next(cpus, None) if kind == "cpu" else parse_unit(kind)
        if spec is None:
            raise ConfigError(
                f"a bundle of more than two CPU units: say which cores each takes, with {option_named('--unit')}, one for each"
            )
        units[name] = spec
    return units


def _job(manifest: str, tables: Tables | None, options: DeployOptions, output: Path, *, outputs: int) -> CollabJob:
    """Returns the job that runs the bundle; wait mode and path are the user's, else the tables'."""
    handover = tables.meta.handover if tables is not None else {"wait": "spin", "path": "shared"}
    runs = max(1, -(-options.runs // _VISITS))
    return CollabJob(
        _JOB,
        Path(manifest),
        warmup=_WARMUP,
        runs=runs,
        path=options.path or handover["path"],
        wait=options.wait or handover["wait"],
        output=output,
        outputs=outputs,
    )


def _prediction(target: RemoteTarget, bundle: Path, manifest: Manifest, tables: Tables | None) -> tuple[Prediction | None, str]:
    """Predicts the bundle's latency from tables; without tables or where they lack an entry, None and the reason.

    Raises:
        NetworkError: the bundle's network or plan is damaged.
        TableError: the tables are of another device or runtime.
    """
    if tables is None:
        return None, ""
    from collab.config import load as load_config
    from graph.plan_file import read_plan
    from graph.planned.network import read_planned
    from lut.meta import check_belongs
    from lut.prediction.costs import Costs
    from lut.prediction.model_latency import predict

    check_belongs(tables.meta, fingerprint=target.info.fingerprint, runtime=target.runtime)
    costs, origin = Costs(tables, source="the tables"), manifest.origin
    try:
        if origin.network is not None and origin.plan is not None:
            planned = read_planned(read_plan(bundle / origin.plan.file), model=bundle / origin.network.file, tables=None)
            return planned.predict(costs), ""
        if origin.config is None:
            return None, "the bundle does not say which network it is of"
        config = load_config(str(bundle / origin.config.file))
        return predict(config, parse_placement(origin.placement, branches=config.branches), costs), ""
    except MissingEntryError as error:
        return None, str(error)


def _sha256_together(files: Sequence[Path]) -> str:
    """Returns the checksum of files one after the other."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _leave_script(target: RemoteTarget, folder: str, phase: Phase, output_sha256: str, scratch: Path) -> None:
    """Leaves in a folder of the device the kit, a phase whose paths are relative to the folder, and the script that runs it."""
    [job] = phase.jobs
    if not isinstance(job, CollabJob):
        raise TypeError("a deployment has one collaborative job")
    job = replace(job, manifest=Path(MANIFEST), output=Path(_OUTPUT))
    alone = replace(phase, jobs=(job,), program_cache=_PROGRAMS)
    checked(target.device, _COPY_KIT, folder, target.kit_folder, doing="copying the runtime")
    runtime = target.runtime_paths(alone, _KIT)
    runner = [*target.kit.command(f"./{_KIT}"), "phase.json", "--journal", _RESULT]
    supervised = " ".join(map(shlex.quote, target.supervised(runner, _RESULT)))
    files = {
        "phase.json": alone.to_json(runtime=runtime),
        "run.sh": _RUN_SCRIPT.replace("@SUPERVISED@", supervised).replace("@OUTPUTS@", " ".join(map(str, job.output_files))),
        "verified.sha256": f"{output_sha256}  -\n",
    }
    for name, text in files.items():
        write_whole(scratch / name, text)
    target.push(folder, {name: scratch / name for name in files} | supervising_files())
