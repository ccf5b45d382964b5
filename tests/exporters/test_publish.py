"""A bundle takes the place of a bundle, of nothing else; and whoever is killed while it does so loses nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from collab.errors import BusyFolderError, ExportError, SyncNasError
from collab.files import FolderLock, write_new
from collab.placement import default_placement
from exporters import publish
from exporters.bundle import write_bundle
from exporters.manifests.manifest import MANIFEST, Manifest
from exporters.manifests.reading import document_as_written, load_manifest
from tests.models import changed, tiny

OLD, NEW = changed(tiny(), {"name": "old"}), changed(tiny(), {"name": "new"})


def export(out: Path, name: str = "new", **options: Any) -> Manifest:
    return write_bundle(changed(tiny(), {"name": name}), default_placement(1), out, **options)


def everything(folder: Path) -> dict[str, bytes | None]:
    """All files below a folder with their content, and folders (None)."""
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


@pytest.fixture(name="bundle")
def small_bundle(tmp_path: Path) -> Path:
    export(tmp_path / "b", "old")
    return tmp_path / "b"


@pytest.mark.parametrize(
    "extra", [".git/HEAD", "notes.txt", "segments/mine.tflite", "segments/.git/x", "manifest.json.bak", "deep/er/file"]
)
def test_a_bundle_with_anything_else_in_it_is_left_alone(bundle: Path, extra: str) -> None:
    (bundle / extra).parent.mkdir(parents=True, exist_ok=True)
    (bundle / extra).write_text("mine")
    before = everything(bundle.parent)
    with pytest.raises(ExportError, match=r"holds (segments/)?\.?[a-z.]+.* as well"):
        export(bundle)
    assert everything(bundle.parent) == before


def test_a_bundle_of_format_1_is_replaced(bundle: Path) -> None:
    first_format = document_as_written(load_manifest(bundle), 1)
    (bundle / MANIFEST).write_text(json.dumps(first_format | {"mine": 1}))
    with pytest.raises(ExportError, match="says more than ours do"):
        export(bundle)
    (bundle / MANIFEST).write_text(json.dumps(first_format))
    assert load_manifest(bundle).model == "old"
    export(bundle)
    assert load_manifest(bundle).model == "new"


@pytest.mark.parametrize("text", ["{}", '{"name": "my web app"}', "", "[]"])
def test_a_folder_with_a_manifest_of_another_kind_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "r" / ".git").mkdir(parents=True)
    (tmp_path / "r" / ".git" / "HEAD").write_text("ref")
    (tmp_path / "r" / MANIFEST).write_text(text)
    before = everything(tmp_path)
    with pytest.raises(ExportError, match="no bundle"):
        export(tmp_path / "r")
    assert everything(tmp_path) == before


def test_a_manifest_that_says_more_than_ours_is_not_ours(bundle: Path) -> None:
    text = (bundle / MANIFEST).read_text().replace("{", '{"mine": 1,', 1)
    (bundle / MANIFEST).write_text(text)
    assert load_manifest(bundle).model == "old"
    with pytest.raises(ExportError, match="says more than ours"):
        export(bundle)
    assert (bundle / MANIFEST).read_text() == text


def test_links_are_neither_followed_nor_replaced(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(bundle)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("link", "dangling"):
        with pytest.raises(ExportError, match="symbolic link"):
            export(tmp_path / name)
    (bundle / "config.json").rename(tmp_path / "config.json")
    (bundle / "config.json").symlink_to(tmp_path / "config.json")
    with pytest.raises(ExportError, match="no plain file"):
        export(bundle)
    assert load_manifest(bundle).model == "old"


@pytest.mark.parametrize("out", [".", "", "..", "../b", "../../{parent}", "{home}", "/", "/proc", "segments/.."])
def test_the_current_folder_and_what_is_around_it_are_left_alone(bundle: Path, monkeypatch: pytest.MonkeyPatch, out: str) -> None:
    monkeypatch.setenv("HOME", str(bundle.parent))
    monkeypatch.chdir(bundle)
    before = everything(bundle.parent)
    with pytest.raises(ExportError, match=r"current folder|your home|mounted|no bundle"):
        export(Path(out.format(home=bundle.parent, parent=bundle.parent.name)))
    assert everything(bundle.parent) == before


@pytest.mark.parametrize("name", ["x" * 201, "ä" * 101, "a\x00b", "\ud800", "x" * 5000])
def test_names_that_no_folder_has_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ExportError, match=r"no path of a folder|200 bytes"):
        export(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_file_or_a_fifo_is_no_place_for_a_bundle(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    os.mkfifo(tmp_path / "fifo")
    for name in ("file", "fifo"):
        with pytest.raises(ExportError, match="no bundle but a file"):
            export(tmp_path / name)
    with pytest.raises(SyncNasError, match=r"Not a directory|no path"):
        export(tmp_path / "file" / "below")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_that_a_command_holds_is_not_taken_from_it(bundle: Path) -> None:
    with FolderLock(bundle), pytest.raises(BusyFolderError):
        export(bundle)
    assert load_manifest(bundle).model == "old"
    export(bundle)
    assert load_manifest(bundle).model == "new"
    assert [path.name for path in bundle.parent.iterdir()] == ["b"]


def test_where_names_cannot_be_swapped_in_one_step_it_goes_in_two(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "swap_names", lambda one, other: False)
    export(bundle)
    assert load_manifest(bundle).model == "new"
    assert [path.name for path in bundle.parent.iterdir()] == ["b"]


STEPS = ("open", "write", "fsync", "mkdir", "chmod", "rename", "unlink", "rmdir", "close")


def killed_at(step: int, out: Path, *, in_two_steps: bool) -> bool:
    """Exports in a child that dies before its n-th step; whether it got so far."""
    child = os.fork()
    if child == 0:
        left = [step]

        def dying(call: Any) -> Any:
            def stepped(*arguments: Any, **options: Any) -> Any:
                left[0] -= 1
                if left[0] < 0:
                    os._exit(9)
                return call(*arguments, **options)

            return stepped

        try:
            end = os._exit
            for name in STEPS:
                setattr(os, name, dying(getattr(os, name)))
            publish.swap_names = (lambda one, other: False) if in_two_steps else dying(publish.swap_names)
            publish.publish(out, prepared)
            end(0)
        except BaseException:  # noqa: BLE001 -- a child says it by its status
            os._exit(7)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, 9)
    return status == 9


CONTENT: dict[str, bytes] = {}


def prepared(folder: Path) -> None:
    """Writes a bundle that was made before, as `write_bundle` does, the manifest last."""
    os.mkdir(folder / "segments")  # noqa: PTH102 -- a step at which it may be killed
    for name, content in sorted(CONTENT.items(), key=lambda item: item[0] == MANIFEST):
        write_new(folder / name, content)


@pytest.fixture(name="prepared", autouse=True)
def prepared_content(tmp_path_factory: pytest.TempPathFactory) -> None:
    if not CONTENT:
        made = tmp_path_factory.mktemp("made") / "m"
        export(made, "new")
        CONTENT.update({str(path.relative_to(made)): path.read_bytes() for path in made.rglob("*") if path.is_file()})


@pytest.mark.parametrize("in_two_steps", [False, True])
def test_killed_between_any_two_steps_the_old_bundle_or_the_new_one_is_there(tmp_path: Path, in_two_steps: bool) -> None:
    step, seen = 0, set()
    while True:
        folder = tmp_path / str(step)
        folder.mkdir()
        (folder / "thesis.tex").write_text("years of work")
        out = folder / "b"
        export(out, "old")
        was_killed = killed_at(step, out, in_two_steps=in_two_steps)
        if out.exists():
            seen.add(load_manifest(out).model)
        else:
            assert in_two_steps
            with pytest.raises(ExportError, match=r"interrupted, and the bundle before it is .*\.earlier; rename it"):
                load_manifest(out)
            [earlier] = folder.glob(".b.*.earlier")
            seen.add(f"{load_manifest(earlier).model} beside")
        export(out, "next")
        assert load_manifest(out).model == "next"
        assert sorted(path.name for path in folder.iterdir()) == ["b", "thesis.tex"], "what a killed export leaves goes with the next one"
        if not was_killed:
            break
        step += 1
    assert step > 40
    assert seen == {"old", "new", "old beside"} if in_two_steps else {"old", "new"}


@pytest.mark.parametrize("step", ["write", "fsync", "rename", "mkdir"])
def test_a_full_disk_is_a_sentence_and_leaves_the_bundle_as_it_was(bundle: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = everything(bundle.parent)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(publish, "swap_names", lambda one, other: False)
    monkeypatch.setattr(os, step, full)
    with pytest.raises(SyncNasError, match=r"/\.?b.* (the disk, or the quota on it, is full|cannot be written)"):
        publish.publish(bundle, prepared)
    monkeypatch.undo()
    assert everything(bundle.parent) == before


def test_two_exports_at_once_leave_one_bundle_that_is_whole(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from collab.errors import SyncNasError; from tests.exporters.test_publish import export\n"
        "for number in range(12): export(Path(sys.argv[1]), sys.argv[2])"
    )
    out = tmp_path / "b"
    running = [subprocess.Popen([sys.executable, "-c", code, str(out), name], stderr=subprocess.PIPE, text=True) for name in ("one", "two")]
    said = [process.communicate(timeout=120)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    assert load_manifest(out).model in ("one", "two")
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
