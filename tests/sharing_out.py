"""Order in which test files are shared out to processes side by side: the longest begin first, so that none is left over at the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from xdist.remote import Producer

ROOT: Final = Path(__file__).parents[1]

LONGEST: Final = (
    "tests/phone/test_link_faults.py",
    "tests/phone/test_host_faults.py",
    "tests/phone/test_phone_faults.py",
    "tests/phone/test_fleet.py",
    "tests/profiler/test_run.py",
    "tests/docs/test_pages_run.py",
    "tests/phone/test_engines.py",
    "tests/phone/test_settings.py",
    "tests/android_harness/test_deploy.py",
    "tests/report/test_report.py",
    "tests/docs/test_notebooks.py",
    "tests/release/test_packages.py",
    "tests/search/test_run.py",
    "tests/exporters/test_onnx_route.py",
    "tests/syncnas/test_schemas.py",
    "tests/android_harness/kits/test_native_build.py",
    "tests/search/executors/test_ray.py",
    "tests/syncnas/test_api.py",
    "tests/exporters/test_run.py",
    "tests/syncnas/api/test_searching.py",
    "tests/exporters/test_litert_torch_route.py",
    "tests/profiler/test_together.py",
    "tests/android_harness/kits/test_kit.py",
    "tests/search/test_explain.py",
    "tests/borders/test_interrupted_profile.py",
    "tests/borders/test_derived_tables.py",
    "tests/profiler/test_attribution.py",
    "tests/search/engine/test_tree_search.py",
)
"""Files that take about a minute or more, the longest first. A file that is missing here is only begun later."""

TOGETHER: Final = {
    "tests/syncnas/api/test_connection.py": "tests/syncnas/test_api.py",
    "tests/syncnas/api/test_profiling.py": "tests/syncnas/test_api.py",
}
"""Files that share what takes long to make, such as tables that a page measures, each with the file in whose process it is made."""


def place(file: str) -> tuple[int, str]:
    """Tells how early a file begins: the smaller, the earlier. Files without a place begin after the others, in their order."""
    first = TOGETHER.get(file, file)
    return (LONGEST.index(first), first) if first in LONGEST else (len(LONGEST), "")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: place(item.nodeid.split("::", 1)[0]))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Any:
    """Returns a scheduler that gives a process whole files, in the order in which they were collected."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class FilesThatShare(LoadFileScheduling):
        """Files that share what takes long go to one process."""

        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return TOGETHER.get(file, file)

    # By itself it would begin with the files that have the most tests, and those are the quickest.
    config.option.loadscopereorder = False
    return FilesThatShare(config, log)
