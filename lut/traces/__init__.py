"""Traces: runs of several units as files of the Trace Event Format, which Perfetto and chrome://tracing show."""
