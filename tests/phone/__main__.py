"""``python -m tests.phone``: a virtual phone to try the commands on, until Ctrl-C."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from collab.cli import make_app, run_app


def main(
    arch: Annotated[str, typer.Option(help="amd64, or arm64 under emulation.")] = "amd64",
    build_only: Annotated[bool, typer.Option("--build-only", help="Make the root file system, and no more.")] = False,
    no_gpu: Annotated[bool, typer.Option("--no-gpu", help="A phone without a GPU driver.")] = False,
    not_rooted: Annotated[bool, typer.Option("--not-rooted", help="Shells are the user shell's, not root's.")] = False,
) -> None:
    """Build a virtual phone once, switch it on, and say how it is reached."""
    from tests.phone.virtual.rootfs import build
    from tests.phone.virtual.virtual_phone import VirtualPhone

    root = build(arch)
    if build_only:
        print(f"Root file system: {root}")
        return
    with VirtualPhone(arch=arch, gpu=not no_gpu, rooted=not not_rooted) as phone:
        print(f"A virtual phone is on: {phone.serial}  (it ends with Ctrl-C)\nTry, in another terminal:", flush=True)
        print(f"  .venv/bin/python -m android_harness.doctor --device {phone.serial}")
        print(f"  .venv/bin/python -m profiler.run --device {phone.serial} --model mobilenet_v2 --quick --out luts/phone")
        print("  .venv/bin/python -m exporters.run --model syncnas_mobilenet_v2_100 --out bundles/found")
        print(f"  .venv/bin/python -m android_harness.deploy --device {phone.serial} bundles/found --lut luts/phone", flush=True)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print("Off.")


app = make_app(main)

if __name__ == "__main__":
    run_app(app)
