"""Differences between systems (Linux, macOS, Windows): locks on files, flags of files, cores, and where a user's caches lie."""
