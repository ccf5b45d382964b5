"""Placement of any network: which unit runs which of its blocks, by the replay of measured costs."""
