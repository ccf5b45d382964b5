"""Targets: devices that carry out phases, either this machine or one that the runner is sent to."""
