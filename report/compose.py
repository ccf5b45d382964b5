"""The whole page: the headline, all panels, and the data for other programs."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from report.data.document import document
from report.data.sources import Sources, Subject
from report.page.frame import Section, page
from report.panels import accuracy, blocks, device_state, handovers, headline, searching, side_by_side, timeline


def compose(sources: Sources, subjects: Sequence[Subject], *, title: str = "") -> str:
    """Returns the page as HTML."""
    sections = _sections(sources, subjects)
    return page(
        title or _title(sources, subjects), sections, opening=headline.headline(sources, list(subjects)), data=document(sources, subjects)
    )


def _sections(sources: Sources, subjects: Sequence[Subject]) -> list[Section]:
    lut = shlex.quote(str(sources.profiles[0].folder)) if sources.profiles else "LUT"
    profiles = sources.profiles
    return [
        timeline.section(subjects, lut),
        accuracy.section(profiles, subjects, lut),
        blocks.section(profiles, lut),
        handovers.section(profiles, lut),
        searching.section(sources.searches),
        device_state.section(profiles, lut),
        side_by_side.section(profiles, lut),
    ]


def _title(sources: Sources, subjects: Sequence[Subject]) -> str:
    what = [subject.name for subject in subjects[:1]] or [search.model or "a search" for search in sources.searches[:1]]
    devices = list(dict.fromkeys(profile.tables.meta.device for profile in sources.profiles))
    return " on ".join([*(what or ["Latency tables"]), *([", ".join(devices)] if devices else [])])
