"""Comparisons: where two measurements of one kind differ, by how much, and whether that is proven."""
