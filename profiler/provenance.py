"""Provenance of visits: which runner took the samples, by which measurement protocol, with which libraries and in what conditions.

The journal says it at the beginning of every phase. Visits of two provenances are never put into one statistic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from android_harness.protocol.journal import TRACING, PhaseStarted
from collab.console import one_line
from collab.errors import TableError
from collab.wording.commands import command_named
from lut.entries import MAX_NAME
from lut.meta import Meta
from lut.tables import MAX_TEXT


@dataclass(frozen=True)
class Provenance:
    """The provenance of the visits of a phase.

    `engines` maps each engine that could be opened to what tells its library apart; `conditions` are those that the host has set.
    """

    protocol: int
    runner: str
    engines: Mapping[str, str] = field(default_factory=dict)
    conditions: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, phase: PhaseStarted) -> Provenance:
        return cls(phase.protocol, phase.runner, phase.engines, phase.conditions)

    def without_tracing(self) -> Provenance:
        """Returns this one as it would be if the system had recorded no trace meanwhile."""
        return replace(self, conditions={name: text for name, text in self.conditions.items() if name != TRACING})

    def with_engines_of(self, other: Provenance) -> Provenance:
        """Returns this one with the engines besides that only another one has, of which it does not differ."""
        return replace(self, engines={**other.engines, **self.engines})


UNKNOWN: Final = Provenance(1, "an unknown one")
"""The provenance of visits that stand in a journal before any phase."""


def differences(then: Provenance, now: Provenance) -> tuple[str, ...]:
    """Returns in what two provenances differ, in words; empty where visits of both may be put together.

    An engine that only one of them has is no difference: a phase opens the engines of its own units only, and one that cannot be opened
    gives no visits.
    """
    said = [("measurement protocol", str(then.protocol), str(now.protocol)), ("runner", then.runner, now.runner)]
    said += [(f"library of {engine}", then.engines[engine], now.engines[engine]) for engine in then.engines if engine in now.engines]
    said += [(name, then.conditions.get(name, "not said"), now.conditions.get(name, "not said")) for name in _conditions(then, now)]
    return tuple(f"{one_line(what)} {one_line(was)} (now {one_line(became)})" for what, was, became in said if was != became)


def _conditions(then: Provenance, now: Provenance) -> list[str]:
    return sorted({*then.conditions, *now.conditions})


def check_as_tables(meta: Meta, now: Provenance) -> None:
    """Checks that what is measured now may be held against tables: taken in the same way, with the same libraries, in the same conditions.

    Another runner of the same protocol takes samples of the same meaning, so it is none.

    Raises:
        TableError: it differs; says in what, and a way out.
    """
    for entry in meta.provenance.values():
        then = Provenance(entry.protocol, now.runner, {name: text for name, text in entry.libraries.items() if text}, entry.conditions)
        found = differences(then, replace(now, engines=plain_texts(now.engines), conditions=plain_texts(now.conditions)))
        if found:
            raise TableError(
                f"the tables were measured otherwise than this is: {'; '.join(found)}. Give the options that they were measured with, or"
                f" profile again into another folder: {command_named('profile', '--out', 'ANOTHER_FOLDER')}"
            )


def plain_texts(said: Mapping[str, str]) -> dict[str, str]:
    """Returns what a device or its runner says, printable and no longer than a reader of the tables takes."""
    return {one_line(name)[:MAX_NAME]: one_line(text)[:MAX_TEXT] for name, text in said.items() if name}
