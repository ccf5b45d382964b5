"""Exact splits of networks."""
