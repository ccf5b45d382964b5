"""Benchmarks of the search: how many evaluations it needs, beside other searches, and how long it takes between two."""
