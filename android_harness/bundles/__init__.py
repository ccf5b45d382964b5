"""Bundles on a device: run with all units at once, checked, and their steps told apart."""
