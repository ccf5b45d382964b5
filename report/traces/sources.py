"""Sources of traces: the journal of a folder or a file, and the bundle in it whose runs are to be shown."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from android_harness.bundles.recording import Recording
from android_harness.protocol.journal import CollabDone, read_journal
from android_harness.protocol.visit_groups import counting_events
from collab.documents import read_bytes
from collab.errors import ConfigError, JournalError
from collab.names import shown
from collab.wording.options import option_named
from lut.meta import META_FILE
from profiler.job_ids import NetworkSentinelId, TrialId, parse_job_id, timed_unit
from profiler.trials import VERIFY_JOURNAL, result_of

_MOST_NAMED: Final = 8
_MOST_BYTES: Final = 16 << 20


class _Result(msgspec.Struct, frozen=True):
    """Beginning of what verify has printed."""

    model: str
    placement: str


_RESULT: Final = msgspec.json.Decoder(_Result)


def journal_of(source: Path) -> Path | None:
    """Returns the journal that a source is or has; None of a folder of tables without one.

    Raises:
        ConfigError: there is nothing of that name, or a folder of something else.
    """
    if source.is_file():
        return source
    if not source.is_dir():
        raise ConfigError(f"{source}: there is no such folder or journal")
    if (source / VERIFY_JOURNAL).is_file():
        return source / VERIFY_JOURNAL
    if not (source / META_FILE).is_file():
        raise ConfigError(f"{source} is no profile's folder; name one, or a journal such as deploy.jsonl")
    return None


def tables_of(source: Path) -> Path | None:
    """Returns the folder of the tables that a source is, or that its journal lies in; None where there are none."""
    folder = source if source.is_dir() else source.resolve().parent
    return folder if (folder / META_FILE).is_file() else None


def verified_model(journal: Path) -> tuple[str, str] | None:
    """Returns the model and the placement that a journal of verify is of, as the result beside it says; None where there is none."""
    try:
        said = _RESULT.decode(read_bytes(result_of(journal), limit_bytes=_MOST_BYTES, error=JournalError, advice="verify again"))
    except (JournalError, msgspec.MsgspecError, RecursionError):
        return None
    return said.model, said.placement


def read_recording(journal: Path, job: str = "") -> Recording:
    """Returns the newest measurement of one bundle of a journal.

    Args:
        job: the bundle's job; may be empty where the journal has runs of one bundle alone.

    Raises:
        JournalError: the journal is damaged, or holds no run of any bundle.
        ConfigError: there is no such job, or several to choose from.
    """
    jobs = _bundle_jobs(journal)
    if not jobs:
        raise JournalError(f"{journal} has no runs of a bundle; verify, certify and deploy leave journals that have")
    if not job and len(jobs) > 1:
        raise ConfigError(f"{journal} has runs of {len(jobs)} bundles; choose one with {option_named('--job')}: {_listed(jobs)}")
    chosen = job or jobs[0]
    if chosen not in jobs:
        raise ConfigError(f"{option_named('--job', shown(job))}: {journal} has runs of {_listed(jobs)}")
    recording = Recording(lambda text: _bundle_job(text) == chosen, timed_unit)
    for event in counting_events(read_journal(journal)):
        recording.add(event)
    return recording


def _bundle_jobs(journal: Path) -> list[str]:
    events = counting_events(read_journal(journal))
    found = (_bundle_job(event.job) for event in events if isinstance(event, CollabDone))
    return list(dict.fromkeys(job for job in found if job))


def _bundle_job(text: str) -> str:
    """Returns what the runs of a job are found by: both jobs of a trial are one bundle's. Empty for a sentinel."""
    job = parse_job_id(text)
    if isinstance(job, NetworkSentinelId):
        return ""
    return f"collab/{job.number}" if isinstance(job, TrialId) else text


def _listed(jobs: list[str]) -> str:
    more = f" and {len(jobs) - _MOST_NAMED} more" if len(jobs) > _MOST_NAMED else ""
    return ", ".join(map(shown, jobs[:_MOST_NAMED])) + more
