"""Targets: devices that can carry out phases, this machine or one that the runner is sent to."""
