"""Devices: a machine with a shell and files, what it is and how it is just now, locks on it and settings of it."""
