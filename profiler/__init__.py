"""The profiler: plans what to measure, has a device measure it, and turns samples into tables."""
