"""Measure a device, predict and search models on it, and put them there: the toolkit from Python.

``import syncnas`` is quick: each name is imported when it is first used. `__all__` is the stable API; all else, the modules of this
package included, may change from one version to the next. ``docs/reference/python.md`` has examples.
"""

from collab.system.starting import stop_quietly_while_starting as _stop_quietly_while_starting

_stop_quietly_while_starting(__name__)

from importlib import import_module  # noqa: E402
from typing import TYPE_CHECKING, Any, Final  # noqa: E402

from collab import __version__ as __version__  # noqa: E402

if TYPE_CHECKING:
    from collab.errors import (
        BusyFolderError,
        ConfigError,
        ConnectionLostError,
        DeviceError,
        ExportError,
        HotDeviceError,
        JournalError,
        MissingEntryError,
        RunnerError,
        StorageError,
        SyncNasError,
        TableError,
        WeightsError,
    )
    from search.evaluators.base import EvaluationError
    from search.problems.base import InfeasibleError
    from syncnas.api.comparison import Comparison, compare
    from syncnas.api.connection import CoreCluster, Device, DeviceList, SeenDevice, devices, open_device
    from syncnas.api.deployment import Bundle, Deployment, deploy, export
    from syncnas.api.fleet import FleetProfile, PhoneProfile, profile_devices
    from syncnas.api.foreign import ImportedTables, import_tables
    from syncnas.api.models import Model, load_model, model_names
    from syncnas.api.prediction import Prediction, predict
    from syncnas.api.profiling import Profile, profile
    from syncnas.api.progress import Progress
    from syncnas.api.reporting import Report, report
    from syncnas.api.searching import Evaluation, Found, Ray, SearchResult, search
    from syncnas.api.tables import ExportedTables, Tables, load_tables
    from syncnas.api.tracing import Trace, trace
    from syncnas.api.trials import Certification, Verification, certify, verify
    from syncnas.api.values import Latency

_MODULES: Final = {
    "collab.errors": (
        "BusyFolderError",
        "ConfigError",
        "ConnectionLostError",
        "DeviceError",
        "ExportError",
        "HotDeviceError",
        "JournalError",
        "MissingEntryError",
        "RunnerError",
        "StorageError",
        "SyncNasError",
        "TableError",
        "WeightsError",
    ),
    "search.evaluators.base": ("EvaluationError",),
    "search.problems.base": ("InfeasibleError",),
    "syncnas.api.comparison": ("Comparison", "compare"),
    "syncnas.api.connection": ("CoreCluster", "Device", "DeviceList", "SeenDevice", "devices", "open_device"),
    "syncnas.api.deployment": ("Bundle", "Deployment", "deploy", "export"),
    "syncnas.api.foreign": ("ImportedTables", "import_tables"),
    "syncnas.api.fleet": ("FleetProfile", "PhoneProfile", "profile_devices"),
    "syncnas.api.models": ("Model", "load_model", "model_names"),
    "syncnas.api.prediction": ("Prediction", "predict"),
    "syncnas.api.profiling": ("Profile", "profile"),
    "syncnas.api.progress": ("Progress",),
    "syncnas.api.reporting": ("Report", "report"),
    "syncnas.api.searching": ("Evaluation", "Found", "Ray", "SearchResult", "search"),
    "syncnas.api.tables": ("ExportedTables", "Tables", "load_tables"),
    "syncnas.api.tracing": ("Trace", "trace"),
    "syncnas.api.values": ("Latency",),
    "syncnas.api.trials": ("Certification", "Verification", "certify", "verify"),
}
_MODULE_OF: Final = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "Bundle",
    "BusyFolderError",
    "Certification",
    "Comparison",
    "ConfigError",
    "ConnectionLostError",
    "CoreCluster",
    "Deployment",
    "Device",
    "DeviceError",
    "DeviceList",
    "Evaluation",
    "EvaluationError",
    "ExportError",
    "ExportedTables",
    "FleetProfile",
    "Found",
    "HotDeviceError",
    "ImportedTables",
    "InfeasibleError",
    "JournalError",
    "Latency",
    "MissingEntryError",
    "Model",
    "PhoneProfile",
    "Prediction",
    "Profile",
    "Progress",
    "Ray",
    "Report",
    "RunnerError",
    "SearchResult",
    "SeenDevice",
    "StorageError",
    "SyncNasError",
    "TableError",
    "Tables",
    "Trace",
    "Verification",
    "WeightsError",
    "certify",
    "compare",
    "deploy",
    "devices",
    "export",
    "import_tables",
    "load_model",
    "load_tables",
    "model_names",
    "open_device",
    "predict",
    "profile",
    "profile_devices",
    "report",
    "search",
    "trace",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used."""
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
