"""The headline: what the model takes, how good the prediction is, and which unit is the bottleneck."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from lut.tables import USABLE
from report.data.critical_path import critical_shares
from report.data.networks import ShownNetwork, ShownPlan
from report.data.sources import Profile, Sources, Subject
from report.page.markup import Html, element, escaped, joined, paragraph, sentence
from report.page.numbers import NOTHING, digits, percent, time_text


@dataclass(frozen=True)
class Tile:
    """A figure of the headline: what it is, the figure, and what to know with it."""

    name: str
    value: str
    note: str

    @property
    def html(self) -> Html:
        return element(
            "li",
            element("p", escaped(self.name), class_="name"),
            element("p", escaped(self.value), class_="value"),
            element("p", sentence(self.note), class_="note"),
        )


def headline(sources: Sources, subjects: list[Subject], networks: Sequence[ShownNetwork] = ()) -> Html:
    """Returns the tiles at the head of the page, and the warnings."""
    tiles: list[Tile] = []
    if subjects:
        tiles += [_latency(subjects[0]), *_bottleneck(subjects[0])]
    elif sources.profiles:
        tiles += _alone(sources.profiles[0])
    if sources.profiles:
        tiles.insert(1, _certainty(sources.profiles[0]))
    tiles += [_gain(plan) for network in networks for plan in network.plans[:2]]
    for search in sources.searches[:2]:
        best = search.best
        if best is not None:
            takes = f", {time_text(best.latency_us)} predicted" if best.latency_us is not None else ""
            within = f" within {search.budget} ({time_text(search.budget_us)})" if search.budget else ""
            note = f"{search.evaluated} architectures evaluated{within}{takes}"
            tiles.append(Tile(f"Best of the search: {best.strategy}", f"{digits(best.accuracy, most=4)}", f"accuracy; {note}"))
    warnings = [paragraph(sentence(text), class_="warning") for text in [*sources.warnings, *_doubts(sources)]]
    return joined([element("ul", *(tile.html for tile in tiles), class_="tiles"), *warnings])


def _latency(subject: Subject) -> Tile:
    if subject.verification is None:
        assert subject.predicted is not None, "a subject is predicted or measured"
        return Tile(f"Latency of {subject.name}", time_text(subject.predicted.total_us), "predicted, not measured yet")
    measured, said = subject.verification.measured, subject.verification.said
    note = f"measured, median of {measured.n} runs; p95 {time_text(measured.p95)}."
    predicted = said.predicted_us if said is not None else subject.predicted.total_us if subject.predicted is not None else None
    if predicted is not None:
        note += f" Predicted {time_text(predicted)}, {percent(predicted / measured.median - 1, signed=True)}"
    if said is not None and said.corrected_us is not None and said.corrected_us != said.predicted_us:
        note += f" ({percent(said.error_drift_corrected, signed=True)} at the units' speed of then)"
    return Tile(f"Latency of {subject.name}", time_text(measured.median), note)


def _certainty(profile: Profile) -> Tile:
    name = "How far predictions are off"
    certificate = profile.tables.meta.certificate
    if certificate is None:
        note = f"no certificate yet; make one with: syncnas certify --lut {shlex.quote(str(profile.folder))}"
        return Tile(name, "not known", note)
    found = certificate.corrected
    note = f"median over {certificate.n} unseen strategies; {100 * found.within_10:.0f} % of them within 10 %, worst 5 % beyond"
    return Tile(name, percent(found.median_error), f"{note} {percent(found.p95_error)}")


def _bottleneck(subject: Subject) -> list[Tile]:
    """Returns the unit that decides when a run ends: it carries most of the critical path, as measured where it was."""
    run = subject.measured or subject.predicted
    if run is None or len(run.units) < 2:
        return []
    predicted = subject.prediction.critical if subject.measured is None and subject.prediction is not None else None
    shares = critical_shares(run) if predicted is None else predicted
    unit = max(shares, key=shares.__getitem__)
    others = ", ".join(f"{other} {100 * share:.0f} %" for other, share in shares.items() if other != unit)
    waits = ", ".join(f"{name} waits {time_text(run.waiting_us(name))}" for name in shares)
    how = "measured" if subject.measured is not None else "predicted"
    return [Tile("Bottleneck", unit, f"carries {100 * shares[unit]:.0f} % of the critical path ({others}), as {how}; {waits}")]


def _gain(shown: ShownPlan) -> Tile:
    """Returns what a plan gains over the best unit alone."""
    plan = shown.plan
    if not plan.alone_us:
        return Tile(f"Gain of {shown.path.name}", NOTHING, "no unit was measured with all blocks, so there is nothing to compare with")
    best = min(plan.alone_us, key=lambda unit: plan.alone_us[unit])
    what = "latency" if plan.objective == "latency" else "time between two inferences"
    times = f"{what} {time_text(plan.predicted_us)} instead of {time_text(plan.alone_us[best])} on {best} alone"
    return Tile(f"Gain of {shown.path.name}", f"{digits(plan.alone_us[best] / max(plan.predicted_us, 1e-9))} x", f"predicted; {times}")


def _alone(profile: Profile) -> list[Tile]:
    """Returns what the base network takes on the unit that is fastest at it."""
    runs = profile.tables.meta.network_runs
    if not runs:
        return []
    unit = min(runs, key=lambda name: runs[name].median_us)
    others = ", ".join(f"{name} {time_text(took.median_us)}" for name, took in runs.items() if name != unit)
    models = " and ".join(profile.tables.meta.models) or "the network"
    return [Tile(f"Latency of {models}", time_text(runs[unit].median_us), f"on {unit} alone" + (f" ({others})" if others else ""))]


def _doubts(sources: Sources) -> list[str]:
    """Returns sentences on rows without a number, and notes of verifications."""
    found = []
    for profile in sources.profiles:
        rows = profile.tables
        failed = sum(row.status not in USABLE for row in rows.blocks) + sum(row.status not in USABLE for row in rows.transfers)
        if failed:
            found.append(f"{failed} rows of {profile.folder} have no number; blocks.csv and transfers.csv say why.")
    for verification, _ in sources.verifications:
        found += list(verification.said.notes) if verification.said is not None else []
    return found
