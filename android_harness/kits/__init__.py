"""Kits: the runner, the runtime libraries and what else a device is given, and where each comes from."""
