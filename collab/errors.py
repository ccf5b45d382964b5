"""The one error hierarchy of the toolkit.

Every error that a user can cause is a `SyncNasError` whose text is a sentence that says what was wrong, where,
and what to do. Commands print that sentence and exit with status 2, or with 3 where it is a `DeviceError` (see
`collab.cli`); anything else is a bug.
"""

from __future__ import annotations


class SyncNasError(Exception):
    """Base of all errors that are a user's or a device's doing and not a bug."""


class ConfigError(SyncNasError):
    """A model config, block key, placement or unit that cannot be taken; names the field and the reason."""


class WeightsError(SyncNasError):
    """A checkpoint that does not fit the model: missing, unexpected or misshapen tensors."""


class ExportError(SyncNasError):
    """A model that an export route cannot write, or a bundle that is damaged."""


class NetworkError(SyncNasError):
    """A model file of others that is damaged, that the runtime would not endure, or that cannot be cut."""


class StorageError(SyncNasError):
    """A file that cannot be read or written whole: no such folder, no permission, a full disk."""


class BusyFolderError(SyncNasError):
    """An output folder that another process is writing."""


class DeviceError(SyncNasError):
    """A device that cannot be reached or lacks what is needed (runner, runtime, cores)."""


class ConnectionLostError(DeviceError):
    """The connection to a device broke, or what came over it is cut off or damaged. Worth another try."""


class HotDeviceError(DeviceError):
    """A device that is too hot to be measured and does not cool down in time."""


class RunnerError(DeviceError):
    """The native runner refused a phase, or ended without finishing it."""


class JournalError(SyncNasError):
    """A journal with a line that is not what the runner writes (a cut-off last line is not an error)."""


class TableError(SyncNasError):
    """A latency table that cannot be loaded or trusted: wrong format, other device, impossible values."""


class MissingEntryError(TableError):
    """A block or hand-over that is neither in the tables nor between two measured points."""
