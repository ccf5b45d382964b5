"""Reports: one page of HTML that draws profiles, verifications and searches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from syncnas.api.profiling import Profile, folder_of
from syncnas.api.searching import SearchResult
from syncnas.api.showing import html
from syncnas.api.tables import Tables


@dataclass(frozen=True)
class Report:
    """A page of HTML that needs nothing besides: it opens from the disk in any browser, without a network.

    Attributes:
        path: the page.
        size_bytes: its size.
        profiles: how many profiles it shows.
        searches: how many searches.
        notes: sentences on what it could not show.
    """

    path: Path
    size_bytes: int
    profiles: int
    searches: int
    notes: tuple[str, ...]

    def _repr_html_(self) -> str:
        facts = {
            "page": self.path,
            "size": f"{self.size_bytes / 1e6:.1f} MB",
            "shows": f"{self.profiles} profiles, {self.searches} searches",
        }
        return html.card("Report", facts, notes=self.notes)


def report(
    *sources: Tables | Profile | SearchResult | Path | str,
    out: Path | str = "report.html",
    model: str | Path = "",
    placement: str = "",
    plan: Path | str | None = None,
    title: str = "",
) -> Report:
    """Draws profiles, verifications and searches as one page of HTML.

    Args:
        sources: results with a folder (tables, profiles, searches), or folders; a folder of tables has its last verification in it.
        out: the page; one that is there is replaced, and no other file.
        model: a model of the zoo, or the path of a config, to be predicted from the first tables; or of the ``.tflite`` that was profiled,
            where it is not beside its tables any more.
        placement: which unit runs what of that model.
        plan: of the ``.tflite`` that was profiled, as ``syncnas place`` writes it; None: those that lie beside the tables.
        title: of the page; empty: what it shows.

    Raises:
        StorageError: there is nothing to show, or the page cannot be written.
        TableError, JournalError: a source is damaged.
        ConfigError, MissingEntryError: the model cannot be loaded, or not be predicted.
        NetworkError: the plan or the ``.tflite`` cannot be read, or is not of what was profiled.

    Examples:
        >>> page = syncnas.report("luts/local", out="page.html")
        >>> page.profiles
        1
    """
    from collab.errors import StorageError
    from collab.files import write_page
    from report.compose import compose
    from report.data.networks import asked_network, networks_of
    from report.data.sources import Sources, subjects

    if not sources:
        raise StorageError("a report of nothing: name tables, a profile, a search, or their folders")
    gathered = Sources()
    for source in sources:
        gathered.add(source.folder if isinstance(source, SearchResult) else folder_of(source))
    network = asked_network(str(model))
    networks = networks_of(gathered, model=network, plan=None if plan is None else Path(plan))
    page = compose(gathered, subjects(gathered, "" if network is not None else str(model), placement), networks, title=title)
    write_page(Path(out), page)
    return Report(Path(out), len(page.encode()), len(gathered.profiles), len(gathered.searches), tuple(gathered.warnings))
