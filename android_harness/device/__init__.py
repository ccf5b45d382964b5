"""Devices: machines with a shell and files, with their identity and momentary state, their locks and their settings."""
