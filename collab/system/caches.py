"""Folders for what the toolkit builds, downloads and unpacks for a user: below the folder that the system has for caches."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path


def cache_folder(kind: str) -> Path:
    """Returns the folder in the user's cache for files of a kind, which need not be there.

    On Linux it is ``~/.cache/syncnas/KIND``, or below ``XDG_CACHE_HOME`` where that is an absolute path.
    """
    folder = user_cache_path("syncnas", appauthor=False)
    # Older versions of platformdirs take a relative XDG_CACHE_HOME, which has to be ignored.
    return (folder if folder.is_absolute() else Path.home() / ".cache" / "syncnas") / kind
