"""Collaborative models: configs, blocks, units, placements and what each unit runs between hand-overs."""
