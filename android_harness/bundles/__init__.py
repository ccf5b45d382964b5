"""Bundles on a device: runs with all units at once, the check of their outputs, and the times of their steps."""
