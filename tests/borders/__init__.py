"""Hostile input at every border of the toolkit, and what must come of it."""
