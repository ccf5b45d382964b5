"""The sources of a report: folders and files that other commands have left, told apart by what they hold."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from collab.config import load as load_config
from collab.config import zoo_names
from collab.errors import ConfigError, MissingEntryError, StorageError, SyncNasError
from collab.model import ModelConfig
from collab.placement import Placement, parse_placement
from collab.wording.commands import command_named
from collab.wording.options import option_named
from lut.meta import META_FILE
from lut.prediction.costs import Costs
from lut.prediction.model_latency import Prediction
from lut.tables import Tables, load_tables
from profiler.request import JOURNAL_FILE as PROFILE_JOURNAL
from profiler.trials import VERIFY_JOURNAL, result_of
from report.data.certificate_file import Strategy, read_strategies
from report.data.device_log import DeviceLog, read_device_log
from report.data.runs import Activity, Run, handover_bytes, measured_run, predicted_run
from report.data.searches import SearchResult, read_search
from report.data.verification import Verification, read_verification, read_verification_journal
from search.explanation import journals_in
from search.journals.journal import JOURNAL_FILE as SEARCH_JOURNAL

VERIFIED: Final = result_of(Path(VERIFY_JOURNAL)).name
_SAME: Final = 0.002
"""A prediction that differs by less from the one that was printed is the same one: what is printed is rounded."""


@dataclass(frozen=True)
class Subject:
    """A model that a report is about: how it was predicted and measured, as far as it was."""

    model: str
    placement: str
    predicted: Run | None = None
    prediction: Prediction | None = None
    measured: Run | None = None
    verification: Verification | None = None
    note: str = ""
    plan: Path | None = None
    """The plan that is predicted, of a network of others."""

    @property
    def name(self) -> str:
        """The model's name; of a config that was given by its path, the file's."""
        return _name(self.model)


def _name(model: str) -> str:
    return Path(model).name.removesuffix(".json") or model


_SPLIT_TABLES: Final = "lut"
"""The tables' folder in that of a split."""


@dataclass(frozen=True)
class Profile:
    """A profile's folder; `above` is the folder of the split that it lies in, where it was named by that."""

    folder: Path
    tables: Tables
    costs: Costs
    strategies: tuple[Strategy, ...] = ()
    log: DeviceLog | None = None
    above: Path | None = None


@dataclass
class Sources:
    """Everything that a report is made of."""

    profiles: list[Profile] = field(default_factory=list)
    searches: list[SearchResult] = field(default_factory=list)
    verifications: list[tuple[Verification, Profile | None]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, path: Path) -> None:
        """Takes up a folder, or a verification's file.

        Raises:
            StorageError: there is nothing that a report could show.
            TableError, JournalError: a file is damaged.
        """
        if path.is_file():
            self._add_verification(path, None)
        elif (path / META_FILE).exists():
            self._add_profile(path)
        elif (path / _SPLIT_TABLES / META_FILE).exists():
            self._add_profile(path / _SPLIT_TABLES, above=path)
        elif path.is_dir() and (any(path.glob(SEARCH_JOURNAL)) or any(path.glob(f"*/{SEARCH_JOURNAL}"))):
            self.searches += [read_search(journal) for journal in journals_in(path)]
        elif (path / VERIFIED).exists() or (path / VERIFY_JOURNAL).exists():
            self._add_verification(path / VERIFIED if (path / VERIFIED).exists() else path / VERIFY_JOURNAL, None)
        else:
            raise StorageError(
                f"{path}: neither a profile's folder, nor a search's, nor a verification; name what"
                f" {command_named('profile')}, {command_named('search')}, {command_named('split')} or {command_named('verify')} has written"
            )

    def _add_profile(self, folder: Path, *, above: Path | None = None) -> None:
        tables = load_tables(folder)
        journal = folder / PROFILE_JOURNAL
        profile = Profile(
            folder,
            tables,
            Costs(tables, source=str(folder)),
            read_strategies(folder),
            read_device_log(journal) if journal.exists() else None,
            above,
        )
        self.profiles.append(profile)
        for name in (VERIFIED, VERIFY_JOURNAL):
            if (folder / name).exists():
                self._add_verification(folder / name, profile)
                return

    def _add_verification(self, path: Path, profile: Profile | None) -> None:
        found = read_verification(path) if path.suffix == ".json" else read_verification_journal(path)
        if found is not None:
            self.verifications.append((found, profile))
        elif profile is not None:
            self.warnings.append(f"{path} tells of no model that was measured whole.")
        else:
            raise StorageError(f"{path} tells of no model that was measured whole; name what {command_named('verify')} has written")


def subjects(sources: Sources, model: str, placement: str) -> list[Subject]:
    """Returns the models of a report: the one that was asked for by name, and those that were verified.

    Args:
        model: of the zoo, or a config's path; empty: none is asked for.

    Raises:
        ConfigError, MissingEntryError: the model that was asked for cannot be read, placed or predicted.
    """
    asked = load_config(model) if model else None
    found = [_verified(verification, profile, asked, model, placement) for verification, profile in sources.verifications]
    if asked is not None and not sources.profiles and not found:
        raise ConfigError(f"{option_named('--model', model)}: a model is predicted from tables; name a profile's folder as well")
    if asked is None or not sources.profiles:
        return found
    placed = parse_placement(placement, branches=asked.branches)
    if not any(subject.name == _name(model) and subject.placement in (placed.text, "") for subject in found):
        run, prediction = predicted_run(asked, placed, sources.profiles[0].costs)
        found.insert(0, Subject(model, placed.text, run, prediction))
    return found


def _verified(verification: Verification, profile: Profile | None, asked: ModelConfig | None, model: str, placement: str) -> Subject:
    """Returns a verified model with its prediction block by block, if the tables still say what they said then."""
    said = verification.said
    is_asked_for = said is None or _name(said.model) == _name(model)
    config, placed = _config_of(verification, asked if is_asked_for else None, placement)
    sizes = handover_bytes(config, placed) if config is not None and placed is not None else {}
    measured = measured_run(verification.measured.median, verification.steps, sizes)
    name = said.model if said is not None else model if config is not None else "a model that the journal does not name"
    subject = Subject(name, said.placement if said is not None else "", measured=measured, verification=verification)
    if profile is None or config is None or placed is None:
        return _as_said(subject)
    try:
        run, prediction = predicted_run(config, placed, profile.costs)
    except MissingEntryError as error:
        return _as_said(subject, note=str(error))
    if said is not None and abs(run.total_us / said.predicted_us - 1) > _SAME:
        return _as_said(subject, note="The tables have changed since; the prediction is shown as it was printed then, without its blocks.")
    return Subject(name, placed.text, run, prediction, measured, verification)


def _config_of(verification: Verification, asked: ModelConfig | None, placement: str) -> tuple[ModelConfig | None, Placement | None]:
    """Returns the model that was verified, and its placement; a file is trusted to name one of the zoo only."""
    said = verification.said
    config = asked
    if said is not None and said.model in zoo_names():
        config = load_config(said.model)
    if config is None:
        return None, None
    try:
        placed = parse_placement(said.placement if said is not None else placement, branches=config.branches)
        known = handover_bytes(config, placed)
    except SyncNasError:
        return None, None
    fits = {step.segment for step in verification.steps} == known.keys() - {"input"}
    return (config, placed) if fits else (None, None)


def _as_said(subject: Subject, *, note: str = "") -> Subject:
    """Returns a subject whose prediction is the steps that were printed, if any were."""
    said = subject.verification.said if subject.verification is not None else None
    steps = said.steps if said is not None else ()
    activities = [
        Activity(
            step.unit, step.segment, step.step, step.peer, step.step, step.predicted_begin_us, step.predicted_begin_us + step.predicted_us
        )
        for step in steps
        if step.predicted_begin_us is not None and step.predicted_us is not None
    ]
    predicted = Run(said.predicted_us, tuple(activities)) if said is not None and len(activities) == len(steps) else None
    return replace(subject, predicted=predicted, note=note)
