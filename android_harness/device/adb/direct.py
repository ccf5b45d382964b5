"""ADB without a server: adb-shell over TCP (``host:port``) or USB."""

from __future__ import annotations

import logging
import select
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adb_shell import exceptions
from adb_shell.transport.tcp_transport import TcpTransport

from android_harness.device.adb.keys import load_signer
from android_harness.device.adb.sent_file import sent_file
from android_harness.device.adb.transport import SILENCE_S
from android_harness.device.base import Notice, OnSent
from collab.console import tell
from collab.errors import ConnectionLostError, DeviceError, StorageError
from collab.files import is_full, reason_of

if TYPE_CHECKING:
    from adb_shell.adb_device import AdbDevice

_CONNECT_S: Final = 5.0
ACCEPT_S: Final = 30.0
"""Time in which a person may accept this computer's key on the phone."""
_CHUNK_BYTES: Final = 1 << 16

_BREAKS: Final = (
    # ValueError, LookupError and struct.error come from a daemon that violates the protocol, with unknown words, numbers or texts.
    ValueError,
    LookupError,
    OSError,
    struct.error,
    exceptions.AdbConnectionError,
    exceptions.AdbTimeoutError,
    exceptions.AdbCommandFailureException,
    exceptions.DeviceAuthError,
    exceptions.InvalidChecksumError,
    exceptions.InvalidCommandError,
    exceptions.InvalidResponseError,
    exceptions.PushFailedError,
    exceptions.TcpTimeoutException,
    exceptions.UsbReadFailedError,
    exceptions.UsbWriteFailedError,
)

_STLS: Final = b"STLS"
"""Message of a daemon that goes on by TLS alone (A_STLS in adb's protocol.txt), as it does on the ports of wireless debugging."""
_PAIR: Final = (
    "{name} is a port of wireless debugging, which speaks to paired computers only. Pair this one once, with the port and code that the"
    " phone shows: adb pair HOST:PAIRING_PORT; then connect it: adb connect {name}. Or, on a cable, open a port that stays the same: adb"
    " tcpip 5555"
)

# Every lost connection would be logged with a traceback; the user is told in a sentence elsewhere.
logging.getLogger("adb_shell").setLevel(logging.CRITICAL)


class DirectTransport:
    """Connection of the library adb-shell. `make` returns a new, unconnected device of that library.

    `notice` receives a sentence where the user has to accept this computer's key on the device.
    """

    def __init__(self, name: str, way: str, make: Callable[[], AdbDevice], *, accept_s: float = ACCEPT_S, notice: Notice = tell) -> None:
        self._name, self._way, self._make, self._accept_s, self._notice = name, way, make, accept_s, notice
        self._device: AdbDevice | None = None
        self._asked = False

    @property
    def way(self) -> str:
        return self._way

    def open(self) -> None:
        self.close()
        signer = load_signer()
        self._asked = False
        try:
            with self._reporting():
                self._device = self._make()
                self._device.connect(rsa_keys=[signer], auth_timeout_s=self._accept_s, auth_callback=self._ask_to_accept)
        except ConnectionLostError as error:
            if _wants_tls(error):
                raise DeviceError(_PAIR.format(name=self._name)) from error
            if self._asked:
                raise DeviceError(
                    f"{self._name} does not trust this computer yet: unlock the phone, accept the key that it shows, and try again"
                ) from error
            raise

    def _ask_to_accept(self, _: Any) -> None:
        """Asks the user to accept this computer's key; adb-shell calls it while the phone waits for that."""
        self._asked = True
        self._notice(f"{self._name} asks whether to trust this computer: accept its key on the phone's screen")

    def run(self, command: str, *, timeout_s: float) -> bytes:
        with self._reporting():
            output: bytes = self._connected().shell(command, transport_timeout_s=timeout_s, read_timeout_s=timeout_s, decode=False)
            return output

    def push(self, source: Path, target: str, on_sent: OnSent) -> None:
        with self._reporting(), sent_file(source, on_sent) as file:
            self._connected().push(file, target, transport_timeout_s=SILENCE_S, read_timeout_s=SILENCE_S)

    def pull(self, source: str, target: Path) -> None:
        with self._reporting(target):
            self._connected().pull(source, str(target), transport_timeout_s=SILENCE_S, read_timeout_s=SILENCE_S)

    def close(self) -> None:
        if self._device is not None:
            # A broken connection may break again while it is closed, in any way.
            with suppress(Exception):
                self._device.close()
            self._device = None

    def _connected(self) -> AdbDevice:
        if self._device is None:
            raise ConnectionLostError("not connected")
        return self._device

    @contextmanager
    def _reporting(self, written: Path | None = None) -> Iterator[None]:
        """Turns the library's errors into ConnectionLostError, and a full disk under the file `written` into StorageError."""
        try:
            yield
        except (*_BREAKS, *_usb_errors()) as error:
            self.close()
            if written is not None and isinstance(error, OSError) and is_full(error):
                raise StorageError(str(reason_of(error, written))) from error
            raise ConnectionLostError(str(error) or type(error).__name__) from error
        except BaseException:
            # Interrupted in the middle of a packet, after which the next bytes on this connection have no meaning.
            self.close()
            raise


def _wants_tls(error: ConnectionLostError) -> bool:
    cause = error.__cause__
    return isinstance(cause, exceptions.InvalidCommandError) and str(_STLS) in str(cause)


class SteadyTcpTransport(TcpTransport):  # type: ignore[misc]
    """TCP transport of adb-shell without two faults of its version 0.4.4.

    The original sends once and does not check how many bytes were sent, so that a push over a slow link is cut; and it reads a closed
    connection as no data, over and over, until a time-out.
    """

    def bulk_read(self, numbytes: int, transport_timeout_s: float | None) -> bytes:
        data: bytes = super().bulk_read(numbytes, transport_timeout_s)
        if not data and numbytes:
            raise ConnectionResetError("the device closed the connection")
        return data

    def bulk_write(self, data: bytes, transport_timeout_s: float | None) -> int:
        rest = memoryview(data)
        while rest:
            if not select.select([], [self._connection], [], transport_timeout_s)[1]:
                raise exceptions.TcpTimeoutException(f"sending stalled for {transport_timeout_s} s")
            rest = rest[self._connection.send(rest[:_CHUNK_BYTES]) :]
        return len(data)

    def connect(self, transport_timeout_s: float | None) -> None:
        super().connect(transport_timeout_s)
        # Messages are small and each waits for an answer: Nagle's algorithm would delay them by 40 ms.
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def tcp_transport(host: str, port: int, *, accept_s: float = ACCEPT_S, notice: Notice = tell) -> DirectTransport:
    """Returns an unconnected transport to a daemon that listens on the network."""

    def make() -> AdbDevice:
        from adb_shell.adb_device import AdbDevice

        return AdbDevice(SteadyTcpTransport(host, port), default_transport_timeout_s=_CONNECT_S)

    return DirectTransport(f"{host}:{port}", "TCP", make, accept_s=accept_s, notice=notice)


def usb_transport(serial: str, *, notice: Notice = tell) -> DirectTransport:
    """Returns an unconnected transport to a device on USB.

    Raises (when it is opened):
        DeviceError: libusb is missing.
    """

    def make() -> AdbDevice:
        from adb_shell.adb_device import AdbDeviceUsb
        from adb_shell.exceptions import UsbDeviceNotFoundError

        _require_libusb()
        try:
            return AdbDeviceUsb(serial, default_transport_timeout_s=_CONNECT_S)
        except UsbDeviceNotFoundError as error:
            raise ConnectionLostError(f"no USB device {serial} ({error})") from error

    return DirectTransport(serial, "USB", make, notice=notice)


def usb_serials() -> list[str]:
    """Lists the serial numbers of the devices on USB that have an ADB interface.

    Raises:
        DeviceError: libusb is missing, or this user may not open a device.
    """
    _require_libusb()
    from adb_shell.transport.usb_transport import UsbTransport

    serials = []
    for transport in UsbTransport.find_all_adb_devices():
        try:
            serials.append(str(transport.serial_number))
        except Exception as error:
            # Whatever libusb raises: a device that may not be opened has no serial number.
            raise DeviceError(
                f"USB shows a phone that may not be opened ({error}); let your user do so with a udev rule (Debian: apt install"
                " android-sdk-platform-tools-common), or start an adb server: adb start-server"
            ) from error
    return serials


def _usb_errors() -> tuple[type[Exception], ...]:
    """Returns the exceptions of libusb's binding; none as long as it was not imported."""
    usb1 = sys.modules.get("usb1")
    return (usb1.USBError,) if usb1 is not None else ()


def _require_libusb() -> None:
    try:
        import usb1

        usb1.USBContext().close()
    except (ImportError, OSError) as error:
        raise DeviceError(
            "phones on USB need libusb: pip install 'adb-shell[usb]' (and on Debian: apt install libusb-1.0-0),"
            " or an adb server: adb start-server"
        ) from error
