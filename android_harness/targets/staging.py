"""Staging of phases for a device: every file that they name becomes a file of the device's store, whose name holds its checksum."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from android_harness.protocol.phases import CollabJob, HandoverJob, Job, Load, Phase, TimeJob, output_files
from android_harness.targets.push import sha256_of
from collab.errors import ExportError
from collab.files import write_whole
from exporters.manifests.reading import load_manifest

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.+-]")
_MOST_WORDS: Final = 60
_LONGEST_SUFFIX: Final = 16
"""Words, digits, suffix and dots together are shorter than any system's limit of a name."""
_DIGITS: Final = 16


@dataclass(frozen=True)
class StagedPhase:
    """Phase whose paths are the device's, with the local files that it needs in the store, and the outputs to fetch afterwards.

    `files` maps names in the store to local files; `outputs` maps names in the phase's folder on the device to paths here.
    """

    phase: Phase
    files: Mapping[str, Path]
    outputs: Mapping[str, Path]


def stage(phase: Phase, *, store: str, scratch: Path) -> StagedPhase:
    """Rewrites a phase for the device.

    Args:
        store: path of the device's store, relative to the phase's folder there.
        scratch: local folder for manifests, which are rewritten too.

    Raises:
        ExportError: a bundle is damaged.
    """
    return _Stager(store, scratch).stage(phase)


class _Stager:
    """Rewriter of a phase's jobs, which gathers the files for the store and the outputs."""

    def __init__(self, store: str, scratch: Path) -> None:
        self._store, self._scratch = PurePosixPath(store), scratch
        self._files: dict[str, Path] = {}
        self._outputs: dict[str, Path] = {}

    def stage(self, phase: Phase) -> StagedPhase:
        jobs = tuple(self._job(job) for job in phase.jobs)
        return StagedPhase(replace(phase, jobs=jobs), self._files, self._outputs)

    def _job(self, job: Job) -> Job:
        if isinstance(job, TimeJob):
            return replace(job, model=self._placed(job.model), load=self._loads(job.load))
        if isinstance(job, HandoverJob):
            between = self._placed(job.between_handovers) if job.between_handovers is not None else None
            return replace(job, model=self._placed(job.model), between_handovers=between)
        return self._collab(job)

    def _collab(self, job: CollabJob) -> CollabJob:
        output = job.output
        if output is not None:
            staged = Path(f"output{len(self._outputs)}.f32")
            names = output_files(staged, job.outputs)
            self._outputs |= {name.name: kept for name, kept in zip(names, job.output_files, strict=True)}
            output = staged
        # A manifest that does not exist here lies on the device already.
        manifest = Path(self._store / self._manifest(job.manifest)) if job.manifest.is_file() else job.manifest
        return replace(job, manifest=manifest, output=output, load=self._loads(job.load))

    def _loads(self, loads: tuple[Load, ...]) -> tuple[Load, ...]:
        return tuple(replace(load, model=self._placed(load.model)) for load in loads)

    def _placed(self, path: Path) -> Path:
        """Adds a file to the store and returns its path there."""
        # A file that does not exist fails its own job only; the runner writes the reason into the journal.
        return Path(self._store / self._add(path)) if path.is_file() else path

    def _add(self, path: Path) -> str:
        """Adds a file to the store and returns its name there."""
        name = _store_name(path)
        self._files[name] = path
        return name

    def _manifest(self, path: Path) -> str:
        """Adds a bundle's files and its manifest to the store, and returns the manifest's name there.

        The models lie beside the manifest in the store, so its paths become bare names.

        Raises:
            ExportError: the bundle is damaged.
        """
        load_manifest(path.parent)
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ExportError(f"{path} cannot be read ({error.strerror})") from error
        rewritten = relocated_manifest(document, lambda name: self._add(path.parent / name))
        # A folder of its own: the files are sent when all are staged, and two jobs may have the same manifest.
        folder = Path(tempfile.mkdtemp(dir=self._scratch))
        staged = folder / path.name
        write_whole(staged, json.dumps(rewritten))
        return self._add(staged)


def _store_name(path: Path) -> str:
    """Returns a file's name in the store: its own name, which people recognise in messages, with digits of its checksum."""
    words = _UNSAFE.sub("_", path.stem)[:_MOST_WORDS]
    return f"{words}.{sha256_of(path)[:_DIGITS]}{_UNSAFE.sub('_', path.suffix)[:_LONGEST_SUFFIX]}"


def relocated_manifest(document: Mapping[str, Any], place: Callable[[str], str]) -> dict[str, Any]:
    """Returns a checked manifest in which `place` has renamed the files that the runner reads (models, reference inputs), in any format."""

    def placed(tensor: Mapping[str, Any]) -> dict[str, Any]:
        return {**tensor, "file": place(tensor["file"])}

    segments = [{**segment, "model": place(segment["model"])} if "model" in segment else segment for segment in document["segments"]]
    inputs = {"inputs": list(map(placed, document["inputs"]))} if "inputs" in document else {"input": placed(document["input"])}
    return {**document, "segments": segments, **inputs}
