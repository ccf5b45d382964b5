"""Digests of what a search is made out of: a search that goes on must be made out of the same."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from lut.meta import meta_document
from lut.tables import Tables

if TYPE_CHECKING:
    from collab.model import ModelConfig

_OF_NO_EFFECT: Final = ("certificate", "conditions", "measured_at")
"""Fields of meta.json that no prediction depends on: a certificate may be made while a search is under way."""


def tables_sha256(tables: Tables) -> str:
    """Returns the SHA-256 of all that predictions depend on: rows and meta.json, however they are laid out in their files."""
    meta = {key: value for key, value in meta_document(tables.meta).items() if key not in _OF_NO_EFFECT}
    digest = hashlib.sha256(json.dumps(meta, sort_keys=True).encode())
    for row in (*tables.blocks, *tables.transfers):
        digest.update(repr(row).encode("utf-8", "backslashreplace"))
    return digest.hexdigest()


def data_sha256(base: ModelConfig, spec: str) -> str | None:
    """Returns the SHA-256 of the names and sizes of a folder's images; None for data that its specification says all of.

    Raises:
        DataError: the data cannot be opened or does not fit the base model.
    """
    from search.data.folder import FolderData, listing_sha256
    from search.data.open import open_for

    data = open_for(base, spec)
    return listing_sha256(data) if isinstance(data, FolderData) else None
