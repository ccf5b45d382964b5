"""Networks in the folders of their tables: the file that a profile keeps there, and how finely it was cut."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from collab.errors import ConfigError, MissingEntryError, TableError
from collab.wording.options import option_named
from graph.cuts import DEFAULT_GRAIN_US
from graph.plan_file import MAX_GRAIN_US
from graph.reading import read_network
from graph.scheduling import CutNetwork
from lut.meta import META_FILE, Meta
from lut.tables import NETWORK_FILE

_SETTING = "network"


class ProfiledNetwork(msgspec.Struct, frozen=True):
    """A network whose blocks tables hold, as they say it: the name of its file, and the grain with which it was cut."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    grain_us: Annotated[float, msgspec.Meta(ge=0, le=MAX_GRAIN_US)]


def profiled_network(folder: Path, meta: Meta) -> ProfiledNetwork | None:
    """Returns what tables say of their network; None where they are of no network.

    Raises:
        TableError: it is damaged.
    """
    if _SETTING not in meta.settings:
        return None
    try:
        return msgspec.convert(meta.settings[_SETTING], ProfiledNetwork)
    except msgspec.ValidationError as error:
        raise TableError(f"{folder / META_FILE}: settings.{_SETTING}: {error}; profile into another folder") from None


def cut_network(folder: Path, meta: Meta, *, model: Path | None, grain_us: float | None) -> CutNetwork:
    """Cuts a network as it was profiled.

    Args:
        folder: of the tables.
        model: the network's file; None: the one in the folder.
        grain_us: None: as the tables say, or the usual one.

    Raises:
        ConfigError, MissingEntryError: no file is given, and the folder has none.
        NetworkError: the file cannot be read.
        TableError: what tables say of their network is damaged.
    """
    said = profiled_network(folder, meta)
    if grain_us is None:
        grain_us = DEFAULT_GRAIN_US if said is None else said.grain_us
    if model is not None:
        return CutNetwork(read_network(model), name=model.stem, grain_us=grain_us)
    if said is None:
        raise ConfigError(f"{folder} holds tables of no network; name the .tflite that was profiled into it with {option_named('--model')}")
    path = folder / NETWORK_FILE
    if not path.exists():
        raise MissingEntryError(f"{path} is not there; name the .tflite that was profiled with {option_named('--model')}")
    return CutNetwork(read_network(path), name=Path(said.name).stem, grain_us=grain_us)
