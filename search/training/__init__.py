"""Trains networks and judges them, in torch."""
