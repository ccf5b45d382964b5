"""Root file system of the virtual phone, made once by debootstrap and then shared, unchanged, by all phones."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

from collab.errors import DeviceError
from tests.phone.virtual.binfmt import emulate_arm64

ARCHITECTURES: Final = ("amd64", "arm64")

_SCRIPTS: Final = Path("/usr/share/debootstrap/scripts")
_TOYBOX: Final = "toybox"
_ACCOUNTS: Final = {"etc/passwd": "shell:x:2000:2000::/:/system/bin/sh\n", "etc/group": "shell:x:2000:\n"}
"""Accounts that Android has: its tools print their names."""
_NOT_ON_PHONES: Final = {"su", "login"}
"""Tools of toybox that a phone without root does not have."""


@dataclass(frozen=True)
class Recipe:
    """Recipe of a root file system, by whose digest the cache finds it."""

    suite: str
    script: str
    """debootstrap's script for the suite, by the name of a suite that every debootstrap knows."""
    packages: tuple[str, ...]
    folders: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    """(link, target), both inside the root; targets are relative, so that they also hold seen from the host."""
    borrowed: tuple[str, ...] = ()
    """Packages that the suite lacks and this machine's own release has; of each, its program is taken alone."""


_FOLDERS: Final = ("data", "phone-state", "system/bin")
_LINKS: Final = (
    # Android's shell, and its tools: Debian's toybox has all that the harness uses but tr.
    ("system/bin/sh", "../../usr/bin/mksh"),
    ("usr/bin/sh", "mksh"),
    (f"system/bin/{_TOYBOX}", f"../../usr/bin/{_TOYBOX}"),
    ("system/bin/tr", "../../usr/bin/tr"),
)

RECIPES: Final = {
    "amd64": Recipe(
        suite="forky",
        script="sid",
        packages=("adbd", "mksh", "mesa-vulkan-drivers", "libvulkan1", "libtensorflow-lite2.14.1"),
        folders=_FOLDERS,
        links=_LINKS,
        borrowed=(_TOYBOX,),
    ),
    # Not forky: its glibc 2.42 asks terminals in a way (TCGETS2) that qemu 7.2 does not know, and no shell of adbd's works then.
    "arm64": Recipe(suite="trixie", script="sid", packages=("adbd", "mksh", "toybox"), folders=_FOLDERS, links=_LINKS),
}


def cache_folder() -> Path:
    """Returns the folder of root file systems: `SYNCNAS_PHONE_CACHE`, or `~/.cache/syncnas/phone`."""
    named = os.environ.get("SYNCNAS_PHONE_CACHE")
    return Path(named).absolute() if named else Path.home() / ".cache" / "syncnas" / "phone"


def build(arch: str = "amd64") -> Path:
    """Returns the folder of the root file system, which is made first if it is missing (amd64: a minute, arm64: five minutes under qemu).

    Raises:
        DeviceError: an unknown arch, not root, no debootstrap, no mirror, no network, or no emulation of arm64.
    """
    if arch not in RECIPES:
        raise DeviceError(f"arch {arch!r}: the virtual phone comes as {' or '.join(ARCHITECTURES)}")
    recipe = RECIPES[arch]
    root = cache_folder() / f"{arch}-{_digest(recipe)}"
    _check_root()
    if arch == "arm64":
        emulate_arm64()
    if root.is_dir():
        return root
    root.parent.mkdir(parents=True, exist_ok=True)
    with _locked(root.with_suffix(".lock")) as lock:
        if not root.is_dir():
            _make(recipe, arch, root, lock)
    return root


def _make(recipe: Recipe, arch: str, root: Path, lock: int) -> None:
    staging = root.with_suffix(".partial")
    if staging.exists():  # of a builder that was killed: the lock says that it is gone
        shutil.rmtree(staging)
    try:
        _bootstrap(recipe, arch, staging, lock)
        for package in recipe.borrowed:
            _borrow(package, staging)
        _finish(recipe, staging)
        staging.rename(root)
    finally:
        if staging.exists():
            shutil.rmtree(staging)


def _bootstrap(recipe: Recipe, arch: str, staging: Path, lock: int) -> None:
    debootstrap = shutil.which("debootstrap")
    if debootstrap is None:
        raise DeviceError("debootstrap is missing, which makes the virtual phone's root file system: apt-get install debootstrap")
    foreign = ["--foreign"] if arch == "arm64" else []
    include = f"--include={','.join(recipe.packages)}"
    command = [debootstrap, "--variant=minbase", f"--arch={arch}", *foreign, include, recipe.suite, str(staging), _mirror()]
    _run_alone([*command, str(_SCRIPTS / recipe.script)], lock)
    if foreign:
        _run_alone(["chroot", str(staging), "/debootstrap/debootstrap", "--second-stage"], lock)


def _borrow(package: str, root: Path) -> None:
    """Puts the program of a package of this machine's release, which is called as it is, into the root file system."""
    with tempfile.TemporaryDirectory(prefix="syncnas-") as folder:
        fetched = subprocess.run(
            ["apt-get", "download", package], cwd=folder, capture_output=True, text=True, errors="replace", check=False
        )
        archive = next(Path(folder).glob("*.deb"), None)
        if archive is None:
            raise DeviceError(
                f"apt cannot download {package}, which the virtual phone needs ({fetched.stderr.strip()[-200:]}); apt-get update?"
            )
        subprocess.run(["dpkg-deb", "--extract", archive, folder], check=True)
        program = next(path for path in Path(folder).glob(f"**/bin/{package}") if path.is_file())
        shutil.copy2(program, root / "usr/bin" / package)


def _run_alone(command: Sequence[str], lock: int) -> None:
    """Runs a step of debootstrap in namespaces of its own, so that its mounts and processes end with it; it holds the lock meanwhile."""
    result = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        pass_fds=[lock],
    )
    if result.returncode != 0:
        errors = [line for line in result.stdout.splitlines() if line.startswith(("E:", "W:"))] or result.stdout.splitlines()
        said = re.sub(r"//[^/@\s]*@", "//", errors[-1].strip() if errors else "no output")
        raise DeviceError(
            f"debootstrap could not make the virtual phone's root file system ({said});"
            " is the network there, and does apt's mirror offer Debian's testing suite?"
        )


def _finish(recipe: Recipe, root: Path) -> None:
    for folder in ("var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(root / folder)
    for name in recipe.folders:
        (root / name).mkdir(parents=True, exist_ok=True)
    for name, target in recipe.links:
        (root / name).unlink(missing_ok=True)
        (root / name).symlink_to(target)
    for name, line in _ACCOUNTS.items():
        with (root / name).open("a", encoding="ascii") as file:
            file.write(line)
    tools = subprocess.run(["chroot", str(root), f"/usr/bin/{_TOYBOX}"], capture_output=True, text=True, check=True).stdout.split()
    for tool in set(tools) - _NOT_ON_PHONES:
        if not (root / "system/bin" / tool).exists():
            (root / "system/bin" / tool).symlink_to(_TOYBOX)


def _mirror() -> str:
    """Returns the first of apt's mirrors that serves a whole Debian release for which debootstrap has a script."""
    command = ["apt-get", "indextargets", "--no-release-info", "--format", "$(SITE) $(RELEASE)", "Identifier: Packages"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise DeviceError(f"apt does not tell its mirrors ({error}); the virtual phone is made from Debian's packages") from error
    for line in listed.splitlines():
        site, _, release = line.partition(" ")
        if site.startswith(("http://", "https://", "file:")) and re.fullmatch(r"\w+", release) and (_SCRIPTS / release).exists():
            return site
    raise DeviceError("apt's sources name no mirror of a Debian release; add one to /etc/apt, the virtual phone is made from its packages")


def _check_root() -> None:
    if os.geteuid() != 0:
        raise DeviceError("the virtual phone needs root (namespaces, mounts, debootstrap); run this as root")


def _digest(recipe: Recipe) -> str:
    return hashlib.sha256(repr(astuple(recipe)).encode()).hexdigest()[:12]


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Waits for the lock and yields its descriptor; the lock is held as long as that is open here or in a child."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
