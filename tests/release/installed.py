"""The toolkit as a user installs it: a wheel of this checkout in an environment of its own, far from the checkout and from any compiler."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel in it, and an empty home and working folder."""

    python: Path
    packages: Path
    home: Path

    def started(self, *arguments: object) -> subprocess.Popen[bytes]:
        """Starts ``syncnas`` with these arguments, as the leader of a group of processes."""
        command = [str(self.python.with_name("syncnas")), *map(str, arguments)]
        return subprocess.Popen(
            command, cwd=self.home, env=self._environment(), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def _environment(self) -> dict[str, str]:
        return {"PATH": str(self.home / "bin"), "HOME": str(self.home), "LANG": "C.UTF-8"}

    def run(self, *command: object, status: int = 0) -> subprocess.CompletedProcess[str]:
        """Runs a command of the environment, which finds neither a compiler nor this checkout."""
        done = subprocess.run(
            [str(word) for word in command],
            cwd=self.home,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    def syncnas(self, *arguments: object, status: int = 0) -> subprocess.CompletedProcess[str]:
        return self.run(self.python.with_name("syncnas"), *arguments, status=status)

    def digest(self) -> str:
        """SHA-256 of all installed files and their names, but for the bytecode that Python keeps."""
        total = hashlib.sha256()
        for path in sorted(self.packages.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                total.update(f"{path.relative_to(self.packages)}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
        return total.hexdigest()


def install(wheel: Path, folder: Path) -> Installed:
    """Installs a wheel without its dependencies, which are those of this environment: downloading them would say nothing more."""
    venv.create(folder / "env", with_pip=False, symlinks=True)
    python = folder / "env" / "bin" / "python"
    packages = next((folder / "env" / "lib").glob("python3*")) / "site-packages"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([*pip, "--no-index", "--ignore-installed", str(wheel)], check=True, capture_output=True, env=environment)
    home = folder / "home"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "sh").symlink_to("/bin/sh")
    borrowed = [path for path in sys.path if path.endswith("site-packages")]
    # Behind the wheel's own files, so that what it lacks is not found in this checkout, which is installed as editable.
    (packages / "borrowed.pth").write_text("\n".join(borrowed) + "\n", encoding="utf-8")
    return Installed(python, packages, home)
