"""Latency tables of a device: schema, interpolation, and prediction by replaying a schedule."""
