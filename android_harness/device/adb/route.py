"""Route to an Android device by its serial: through a running adb server where it lists the device, else directly."""

from __future__ import annotations

from android_harness.device.adb.transport import Transport
from android_harness.device.base import Notice
from collab.console import tell
from collab.errors import DeviceError
from collab.wording.commands import command_named


def route_to(serial: str, *, notice: Notice = tell) -> Transport:
    """Returns a transport through the adb server where it lists the device (it may have claimed the USB interface), else a direct one.

    Raises:
        DeviceError: no device of that serial is visible.
    """
    from android_harness.device.adb.direct import tcp_transport, usb_serials, usb_transport
    from android_harness.device.adb.server import ServerAddress, ServerTransport, server_entries

    address = ServerAddress.from_environment()
    entries = server_entries(address)
    if any(entry.serial == serial for entry in entries):
        return ServerTransport(address, serial)
    host, colon, port = serial.rpartition(":")
    if colon and host and port.isdigit() and 0 < int(port) < 65536:
        return tcp_transport(host, int(port), notice=notice)
    usb: list[str] = []
    trouble = ""
    try:
        usb = usb_serials()
    except DeviceError as error:
        trouble = f" ({error})"
    if serial in usb:
        return usb_transport(serial, notice=notice)
    known = sorted({entry.serial for entry in entries} | set(usb))
    there = f"connected: {', '.join(known)}" if known else f"no phone is connected{trouble}"
    raise DeviceError(f"no device '{serial}'; {there}. See what is there with: {command_named('devices')}")
