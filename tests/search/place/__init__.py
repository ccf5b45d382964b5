"""Placement of any network."""
