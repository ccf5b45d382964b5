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
    title: str = "",
) -> Report:
    """Draws profiles, verifications and searches as one page of HTML.

    Args:
        sources: results with a folder (tables, profiles, searches), or folders; a folder of tables has its last verification in it.
        out: the page; one that is there is replaced, and no other file.
        model: a model of the zoo, or the path of a config, to be predicted from the first tables.
        placement: which unit runs what of that model.
        title: of the page; empty: what it shows.

    Raises:
        StorageError: there is nothing to show, or the page cannot be written.
        TableError, JournalError: a source is damaged.
        ConfigError, MissingEntryError: the model cannot be loaded, or not be predicted.

    Examples:
        >>> page = syncnas.report("luts/local", out="page.html")
        >>> page.profiles
        1
    """
    from collab.errors import StorageError
    from collab.files import write_page
    from report.compose import compose
    from report.data.sources import Sources, subjects

    if not sources:
        raise StorageError("a report of nothing: name tables, a profile, a search, or their folders")
    gathered = Sources()
    for source in sources:
        gathered.add(source.folder if isinstance(source, SearchResult) else folder_of(source))
    page = compose(gathered, subjects(gathered, str(model), placement), title=title)
    write_page(Path(out), page)
    return Report(Path(out), len(page.encode()), len(gathered.profiles), len(gathered.searches), tuple(gathered.warnings))
