"""Opens data by its specification on the command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from collab.model import ModelConfig
from search.data.base import Data, DataError
from search.data.digits import open_digits
from search.data.folder import open_folder
from search.data.glyphs import GlyphOptions, open_glyphs

SPECS: Final = "glyphs, glyphs:train=8000,val=2000,seed=0, digits, digits:seed=0, or a folder of images"
_CHANNELS: Final = 3
_FIELDS: Final = {"train": "train_images", "val": "validation_images", "seed": "seed"}


def open_for(config: ModelConfig, spec: str, *, seed: int = 0) -> Data:
    """Opens the data for a model; see `open_data`.

    Raises:
        DataError: as `open_data`, or a model that does not take colour images.
    """
    if config.stem.in_c != _CHANNELS:
        raise DataError(
            f"{spec}: images have {_CHANNELS} channels, the stem of {config.name} takes {config.stem.in_c}; change the stem in its config"
        )
    return open_data(spec, size=config.stem.in_size, classes=config.head.classes, seed=seed)


def open_data(spec: str, *, size: int, classes: int, seed: int = 0) -> Data:
    """Opens the data of a specification, for a model of `classes` classes and an input of `size` x `size` pixels.

    Opened once per process: a second call gives the same object (folders are not read again).

    Args:
        spec: ``glyphs`` or ``digits``, each with options after a colon, or a folder (``./glyphs`` where one has such a name).
        seed: of the glyphs, or of the digits' split, unless the specification has its own.

    Raises:
        DataError: no such data, options it does not have, or a model with fewer classes than the data.
    """
    kind, _, text = spec.partition(":")
    if kind == "glyphs":
        options = _options(spec, text, allowed=("train", "val", "seed"))
        return open_glyphs(replace(GlyphOptions(classes, size, seed=seed), **{_FIELDS[key]: value for key, value in options.items()}))
    data: Data
    if kind == "digits":
        data = open_digits(size=size, seed=_options(spec, text, allowed=("seed",)).get("seed", seed))
    else:
        data = open_folder(Path(spec), size=size)
    if data.classes > classes:
        raise DataError(
            f"{spec}: has {data.classes} classes, the model {classes}; set num_classes in the model's config to {data.classes} or more"
        )
    return data


def _options(spec: str, text: str, *, allowed: tuple[str, ...]) -> dict[str, int]:
    options: dict[str, int] = {}
    for part in text.split(",") if text else ():
        key, _, value = part.partition("=")
        if key not in allowed:
            raise DataError(f"{spec}: no option '{key}'; there are {', '.join(allowed)}, as in {SPECS}")
        if not (value.isascii() and value.isdigit()) or len(value) > 9:
            raise DataError(f"{spec}: {key} must be a whole number, is '{value}'")
        options[key] = int(value)
    return options
