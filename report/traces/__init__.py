"""Traces of what is on disk: profiles' folders and journals."""
