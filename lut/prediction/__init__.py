"""Predicted latencies: costs from tables, schedules as programs, and the replay of many of them at once."""
