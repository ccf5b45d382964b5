"""Kits: the runner, the runtime libraries and their companions for a device, and the places that each file comes from."""
