"""The two sides of a comparison, told apart by what they hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from android_harness.bundles.deployment import DEPLOY_JOURNAL, journal_beside
from collab.errors import TableError
from collab.wording.commands import command_named
from collab.wording.options import option_named
from exporters.manifests.manifest import MANIFEST
from lut.certificate import CERTIFICATE_FILE
from lut.meta import META_FILE
from lut.tables import BLOCKS_FILE, load_tables
from profiler.trials import VERIFY_JOURNAL
from report.comparing.certificates_side import compare_certificates, read_certificate
from report.comparing.comparison import CERTIFICATES, RUNS, TABLES, Comparison
from report.comparing.runs_side import compare_runs, read_run
from report.comparing.tables_side import compare_tables

_KINDS: Final = {
    TABLES: "a folder of tables",
    CERTIFICATES: "a certificate",
    RUNS: "a run of a model",
}
_JOURNALS: Final = (VERIFY_JOURNAL, DEPLOY_JOURNAL)


def compare(first: Path, second: Path, *, margin: float) -> Comparison:
    """Compares two folders of tables, two certificates, or two runs.

    Raises:
        TableError: one is none of these, the two are of different kinds or one and the same, or have nothing in common.
        JournalError: a journal is damaged, or holds no run of one model.
    """
    kind, ours = find(first)
    other, theirs = find(second)
    if kind != other:
        raise TableError(
            f"{first} is {_KINDS[kind]}, {second} is {_KINDS[other]}; name two of one kind."
            " docs/explanation/comparing.md says which there are"
        )
    return _COMPARE[kind](ours, theirs, margin)


def find(path: Path) -> tuple[str, Path]:
    """Returns of which kind something is, and the folder or file that holds it.

    Raises:
        TableError: it holds nothing that can be compared.
    """
    if path.is_dir():
        if (path / BLOCKS_FILE).exists():
            return TABLES, path
        if (path / CERTIFICATE_FILE).exists():
            return CERTIFICATES, path / CERTIFICATE_FILE
        if (path / MANIFEST).exists():
            return RUNS, _run_of_bundle(path)
        journals = [path / name for name in _JOURNALS if (path / name).exists()]
        if len(journals) == 1:
            return RUNS, journals[0]
        if journals:
            raise TableError(f"{path} holds runs of both {' and '.join(_JOURNALS)}; name one of the two")
    elif path.suffix == ".jsonl" and path.exists():
        return RUNS, path
    elif path.suffix == ".json" and path.exists():
        # The certificate in meta.json is a summary; its strategies stand in the file beside it.
        return CERTIFICATES, path.parent / CERTIFICATE_FILE if path.name == META_FILE else path
    raise TableError(
        f"{path} is {'nothing that can be compared' if path.exists() else 'not there'}; name a folder of tables ({BLOCKS_FILE}), a"
        f" {CERTIFICATE_FILE}, or the journal of a run ({', '.join(_JOURNALS)})"
    )


def _run_of_bundle(bundle: Path) -> Path:
    """Returns where the run of a deployed bundle lies: beside its folder.

    Raises:
        TableError: there is none.
    """
    journal = journal_beside(bundle)
    if not journal.exists():
        raise TableError(f"{bundle} is a bundle, and no run of it lies beside it; run it: {command_named('deploy', bundle)}")
    return journal


def _tables(first: Path, second: Path, margin: float) -> Comparison:
    return compare_tables(load_tables(first), load_tables(second), margin=margin)


def _certificates(first: Path, second: Path, margin: float) -> Comparison:
    return compare_certificates(read_certificate(first), read_certificate(second), margin=margin)


def _runs(first: Path, second: Path, margin: float) -> Comparison:
    if first.resolve() == second.resolve():
        raise TableError(
            f"both runs lie in {first}, where their names are not told apart; give each deployment a {option_named('--journal')} of its"
            " own, and name the two"
        )
    return compare_runs(read_run(first), read_run(second), margin=margin)


_COMPARE: Final[dict[str, Callable[[Path, Path, float], Comparison]]] = {TABLES: _tables, CERTIFICATES: _certificates, RUNS: _runs}
