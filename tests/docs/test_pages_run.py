"""Every command and every Python block of the README and the other pages really runs, in the order of the pages, on this machine's cores.

What needs a phone is parsed only (tests/test_docs.py); such lines name a device that is not `local`. Models are smaller than in the
text, as `tests.docs.walk` lists.
"""

from __future__ import annotations

import os
from pathlib import Path
from shutil import copytree

import pytest
import torch

from collab import config as configs
from collab.networks.weights import seeded
from tests.docs.site import nav_pages
from tests.docs.walk import Walk, parsed_only, quick_form, runs_here, steps_of
from tests.graph.samples import forked_network
from tests.pages import PAGES, REPOSITORY, text_of

DOCS = REPOSITORY / "docs"
FIRST = [DOCS / name for name in ("tutorials/five-minutes.md", "tutorials/search.md", "reference/commands/export.md")]
"""Pages that make the tables, the model and the bundle which others go on with."""
ELSEWHERE = DOCS / "reference" / "python.md"
"""The page that tests of the Python API carry out by themselves (tests/syncnas/conftest.py), in a folder of its own."""
KEEP = os.environ.get("SYNCNAS_DOCS_OUTPUTS", "")
"""A folder for what the commands print, for whoever renews the outputs on the pages."""


def walked() -> list[Path]:
    """Pages with something to do, in the order of the site's menu; those at the top of the repository follow."""
    order = [DOCS / name for name in nav_pages() if (DOCS / name).exists()]
    others = [page for page in PAGES if page not in order and ".github" not in page.parts]
    return [page for page in [*order, *others] if page != ELSEWHERE and any(True for _ in steps_of(page))]


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    walk = Walk(tmp_path_factory.mktemp("reader"))
    # Pages call a reader's own network by these names.
    for name in ("face_landmark", "iris_landmark"):
        (walk.folder / f"{name}.tflite").write_bytes(forked_network())
    for page in FIRST:
        walk.page(page)
    for name in ("before", "after", "old", "new", "demo", "phone", "another"):
        # Tables that pages take for those of another day or device.
        copytree(walk.folder / "luts" / "local", walk.folder / "luts" / name)
    weights = seeded(configs.load(str(walk.folder / "found" / "found.json")), seed=1)
    torch.save({name: torch.from_numpy(array) for name, array in weights.items()}, walk.folder / "my_model.pth")
    return walk


@pytest.mark.parametrize("document", walked(), ids=lambda document: str(document.relative_to(REPOSITORY)))
def test_what_a_page_shows_can_be_done(walk: Walk, document: Path) -> None:
    left_out = walk.page(document)
    # Whoever reads it must see that such a line needs a phone.
    assert not left_out or "phone" in text_of(document).lower()
    if KEEP:
        for number, (step, output) in enumerate(walk.outputs.items()):
            Path(KEEP, f"{number:03}.txt").write_text(f"{step}\n\n{output}", encoding="utf-8")


def test_only_what_cannot_be_done_here_is_left_out() -> None:
    assert runs_here(["syncnas", "profile", "--device", "local", "--model", "micro_v2"])
    assert runs_here(["python", "-m", "lut.predict", "--lut", "luts/local", "--model", "micro_v2"])
    assert runs_here(["syncnas", "import", "pixel.csv", "--device", "pixel1", "--unit", "cpu", "--out", "luts/pixel1"])
    assert not runs_here(["syncnas", "profile", "--device", "R5CT1234567"])
    assert not runs_here(["syncnas", "profile", "--device", "local", "--device", "R5CT1234567"])
    assert not runs_here(["syncnas", "certify", "--lut", "luts/phone"]), "a phone may be connected"
    assert not runs_here(["make", "test"])


def test_the_quick_form_differs_by_options_alone() -> None:
    assert quick_form(["syncnas", "profile", "--device", "local", "--model", "mobilenet_v2"]) == [
        "syncnas",
        "profile",
        "--device",
        "local",
        "--model",
        "micro_v2",
        "--quick",
    ]
    search = ["syncnas", "search", "--budget", "0.5x", "--evaluations", "60"]
    assert quick_form(search) == ["syncnas", "search", "--budget", "0.5x", "--evaluations", "6"]


def test_every_reason_for_not_running_a_block_is_told_to_readers() -> None:
    for page in PAGES:
        for reason in parsed_only(page):
            assert reason.split()[0] in ("takes", "needs"), f"{page.name}: {reason}"
