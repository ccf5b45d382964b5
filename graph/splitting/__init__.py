"""Exact splits: one stretch of a network on several units at once, by its channels, with the same outputs."""
