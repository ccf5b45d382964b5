"""Programs such as an NDK links: for Android's loader and libraries, which are not here, so that nothing runs them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.android_harness.cross import COMPILERS, program

LINKED = ("-nostdlib", "-fPIE", "-pie", "-Wl,--dynamic-linker=/system/bin/linker64", "-Wl,-z,max-page-size=16384")


def android_program(folder: Path, *, calls: str = "printf", library: str = "libc.so", options: tuple[str, ...] = LINKED) -> Path:
    """Links a program for Android on aarch64 that calls a function of a library; both libraries are stand-ins with nothing in them."""
    compiler = program(COMPILERS["aarch64"])
    for path, text in ((folder / library, f'extern "C" void {calls}() {{}}'), (folder / "main.cc", _main(calls))):
        source = path.with_suffix(".cc")
        source.write_text(text)
        if path.name == library:
            subprocess.run([compiler, "-shared", "-fPIC", "-nostdlib", f"-Wl,-soname,{path.name}", "-o", path, source], check=True)
    made = folder / "runner"
    subprocess.run([compiler, *options, "-o", made, folder / "main.cc", folder / library], check=True)
    return made


def _main(calls: str) -> str:
    return f"""extern "C" void {calls}();
extern "C" void Optional() __attribute__((weak));
extern "C" void _start() {{ {calls}(); if (Optional) Optional(); }}
"""
