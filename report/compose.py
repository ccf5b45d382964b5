"""The whole page: the headline, all panels, and the data for other programs."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from report.data.document import document
from report.data.networks import ShownNetwork
from report.data.sources import Sources, Subject
from report.page.frame import Section, page
from report.panels import accuracy, blocks, device_state, handovers, headline, network, searching, side_by_side, timeline


def compose(sources: Sources, subjects: Sequence[Subject], networks: Sequence[ShownNetwork] = (), *, title: str = "") -> str:
    """Returns the page as HTML.

    Args:
        networks: of others, whose tables are among the sources; their plans are shown beside the models.
    """
    planned = [subject for shown in networks for plan in shown.plans if (subject := plan.subject()) is not None]
    measured = {id(subject.verification) for subject in planned if subject.verification is not None}
    every = [*planned, *(subject for subject in subjects if id(subject.verification) not in measured)]
    return page(
        title or _title(sources, every, networks),
        _sections(sources, every, networks),
        opening=headline.headline(sources, every, networks),
        data=document(sources, every, networks),
    )


def _sections(sources: Sources, subjects: Sequence[Subject], networks: Sequence[ShownNetwork]) -> list[Section]:
    lut = shlex.quote(str(sources.profiles[0].folder)) if sources.profiles else "LUT"
    profiles = sources.profiles
    # No search is of networks of others: where there is nothing else, nobody needs to be told how to make one.
    others = {id(shown.profile) for shown in networks}
    is_of_models = any(id(profile) not in others for profile in profiles) or not profiles
    return [
        *([network.section(networks)] if networks else []),
        timeline.section(subjects, lut),
        accuracy.section(profiles, subjects, lut),
        blocks.section(profiles, lut),
        handovers.section(profiles, lut),
        *([searching.section(sources.searches)] if is_of_models or sources.searches else []),
        device_state.section(profiles, lut),
        side_by_side.section(profiles, lut),
    ]


def _title(sources: Sources, subjects: Sequence[Subject], networks: Sequence[ShownNetwork]) -> str:
    what = (
        [shown.name for shown in networks[:1]]
        or [subject.name for subject in subjects[:1]]
        or [search.model or "a search" for search in sources.searches[:1]]
    )
    devices = list(dict.fromkeys(profile.tables.meta.device for profile in sources.profiles))
    return " on ".join([*(what or ["Latency tables"]), *([", ".join(devices)] if devices else [])])
