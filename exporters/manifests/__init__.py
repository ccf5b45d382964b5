"""Manifests of bundles: what they say, and how those of both formats are read."""
