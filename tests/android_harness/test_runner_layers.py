"""The rooms of the native runner's sources: includes go down, nothing goes round in circles, and no room is crowded."""

import configparser
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from android_harness.kits.runner_sources import SOURCE

ROOMS = ("base", "json", "protocol", "device", "engines", "units", "jobs", "phases")
"""The folders of `src/`, from the bottom up: a room may include itself and those before it, and `main.cc` may include all."""
MOST_FILES = 15
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


def sources(folder: Path) -> list[Path]:
    """All C++ files below a folder, relative to it."""
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.suffix in (".cc", ".h"))


def includes(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Yields each file below `folder` with each of the project's own files that it includes, both relative to `folder`."""
    for path in sources(folder):
        for included in INCLUDE.findall((folder / path).read_text()):
            yield path, Path(included)


def height(path: Path) -> int:
    """The place of a file's room in `ROOMS`; files that lie in no room are above all.

    Raises:
        ValueError: the room is not in the table.
    """
    if len(path.parts) == 1:
        return len(ROOMS)
    if path.parts[0] not in ROOMS:
        raise ValueError(f"{path} lies in no room of the table")
    return ROOMS.index(path.parts[0])


def upward_includes(folder: Path) -> list[str]:
    """The includes that name a file of a higher room, or none of `folder`."""
    return [
        f"{path} includes {included}"
        for path, included in includes(folder)
        if not (folder / included).is_file() or height(included) > height(path)
    ]


def cycle(folder: Path) -> list[str]:
    """One circle of components (a component is X.h with X.cc) that include each other; empty where there is none."""
    needed: dict[str, set[str]] = {}
    for path, included in includes(folder):
        user, used = str(path.with_suffix("")), str(included.with_suffix(""))
        if user != used:
            needed.setdefault(user, set()).add(used)
    try:
        TopologicalSorter(needed).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def write(folder: Path, files: dict[str, str]) -> Path:
    """Writes files that include others, given as {path: included path}."""
    for path, included in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(f'#include "{included}"\n' if included else "")
    return folder


def test_includes_go_down() -> None:
    assert upward_includes(SOURCE / "src") == []


def test_components_do_not_include_each_other() -> None:
    assert cycle(SOURCE / "src") == []


def test_engines_do_not_know_each_other() -> None:
    engines = {path.name for path in (SOURCE / "src/engines").iterdir() if path.is_dir()}
    for path, included in includes(SOURCE / "src"):
        if path.parts[0] == included.parts[0] == "engines" and path.parts[1] in engines:
            assert included.parts[1] in {path.parts[1], "engine.h", "program_cache.h", "shared_library.h"}, f"{path} includes {included}"


def test_an_include_that_goes_up_is_found(tmp_path: Path) -> None:
    write(tmp_path, {"base/a.h": "json/b.h", "json/b.h": "base/c.h", "base/c.h": "", "main.cc": "json/b.h", "json/d.cc": "nowhere.h"})
    assert upward_includes(tmp_path) == ["base/a.h includes json/b.h", "json/d.cc includes nowhere.h"]


def test_a_file_outside_the_table_of_rooms_is_found(tmp_path: Path) -> None:
    write(tmp_path, {"attic/a.cc": "attic/a.h", "attic/a.h": ""})
    with pytest.raises(ValueError, match="attic"):
        upward_includes(tmp_path)


def test_a_circle_is_found_through_a_source_file(tmp_path: Path) -> None:
    write(tmp_path, {"base/a.h": "base/b.h", "base/b.h": "", "base/b.cc": "base/a.h"})
    assert set(cycle(tmp_path)) == {"base/a", "base/b"}


@pytest.mark.parametrize("part", ["src", "tests"])
def test_no_room_is_crowded(part: str) -> None:
    for folder in {path.parent for path in sources(SOURCE / part)}:
        for suffix in (".cc", ".h"):
            assert len(list((SOURCE / part / folder).glob(f"*{suffix}"))) <= MOST_FILES, f"{part}/{folder}: too many {suffix} files"


def test_tests_lie_in_the_rooms_of_their_subjects() -> None:
    assert {path.parts[0] for path in sources(SOURCE / "tests")} <= {*ROOMS, "support"}


def test_every_source_file_is_compiled() -> None:
    listed = set(re.findall(r"\b(?:src|tests)/[\w/]+\.cc", (SOURCE / "CMakeLists.txt").read_text()))
    assert listed == {f"{part}/{path}" for part in ("src", "tests") for path in sources(SOURCE / part) if path.suffix == ".cc"}


def test_the_package_holds_every_source_file() -> None:
    settings = configparser.ConfigParser()
    settings.read(SOURCE.parents[1] / "setup.cfg")
    patterns = settings["options.package_data"]["android_harness"].split()
    packaged = {path for pattern in patterns for path in SOURCE.parent.glob(pattern)}
    wanted = {SOURCE / part / path for part in ("src", "tests") for path in sources(SOURCE / part)}
    assert wanted <= packaged
