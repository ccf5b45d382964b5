"""The profiler: plans what to measure, has a device measure it, and turns samples into tables."""

from collab.system.starting import stop_quietly_while_starting

stop_quietly_while_starting(__name__)
