"""The placements that a search tries."""

from __future__ import annotations

from collections.abc import Sequence

from collab.errors import ConfigError
from collab.placement import Placement, parse_placement
from collab.wording.options import option_named
from search.space import all_placements


def placements_to_try(text: str, units: Sequence[str], *, branches: int) -> tuple[tuple[Placement, ...], bool]:
    """Returns the placements that ``--placement`` asks for, and whether they are decisions of the tree.

    ``best`` tries all for each strategy, ``tree`` makes the placement part of the search, anything else is one placement.

    Raises:
        ConfigError: it names units that are not in the tables, or no placement.
    """
    if text in ("best", "tree"):
        return all_placements(units, branches=branches), text == "tree"
    placement = parse_placement(text, branches=branches)
    strange = [unit for unit in placement.units if unit not in units]
    if strange:
        raise ConfigError(f"{option_named('--placement', text)}: the tables have no unit {strange[0]}, only {', '.join(units)}")
    return (placement,), False
