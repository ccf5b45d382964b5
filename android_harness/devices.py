"""``python -m android_harness.devices``: a list of the connected devices with the way to each; and cleaning a device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from android_harness.options import seen_devices
from collab.cli import make_app, print_json, run_app
from collab.console import result_console, say
from collab.options import AsJson, option

if TYPE_CHECKING:
    from android_harness.targets.find import Survey

_WHAT_TO_DO = {
    "unauthorized": "unlock the phone and accept the key that it shows",
    "offline": "plug it in again, or: adb reconnect",
    "no permissions": "let your user use the USB device (Debian: apt install android-sdk-platform-tools-common)",
}


def main(
    clean: Annotated[
        str,
        option("--clean", value="DEVICE", complete=seen_devices, help="Remove all that was put on this device, and end what runs there."),
    ] = "",
    json: AsJson = False,
) -> None:
    """List the devices that can be seen, and by which way.

    With --clean, remove all that was put on one of them instead.
    """
    from android_harness.targets.find import survey

    if clean:
        _clean(clean, json=json)
        return
    found = survey()
    if json:
        devices = [{"serial": device.serial, "way": device.way, "state": device.state} for device in found.seen]
        print_json({"devices": devices, "blind": list(found.blind)})
    else:
        _print(found)


def _clean(serial: str, *, json: bool) -> None:
    """Removes the harness from a device and prints the folder that was removed."""
    from android_harness.device.layout import layout_of
    from android_harness.targets.find import open_device
    from android_harness.targets.remote import remove_all

    device = open_device(serial)
    layout = layout_of(serial)
    try:
        remove_all(device, layout)
    finally:
        device.close()
    if json:
        print_json({"serial": serial, "removed": layout.root})
    else:
        say(f"{serial}: {layout.root} is gone")


def _print(found: Survey) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("--device", "way", "state", "what to do"):
        table.add_column(column)
    for device in found.seen:
        table.add_row(device.serial, device.way, device.state, _WHAT_TO_DO.get(device.state, ""))
    table.add_row("local", "this machine", "device", "")
    console = result_console()
    console.print(table)
    for sentence in found.blind:
        console.print(f"Not seen: {sentence}")
    if not found.seen:
        console.print("A phone on the network is named by its address: --device HOST:PORT")


app = make_app(
    main,
    examples=(
        "syncnas devices",
        "syncnas devices --clean R5CT123ABCD",
    ),
)

if __name__ == "__main__":
    run_app(app)
