"""Collaborative models: configs, blocks, units, placements and what each unit runs between hand-overs."""

__version__ = "0.1.0"
"""Version of the whole toolkit; it stands nowhere else."""
