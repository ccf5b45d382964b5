"""Executors, which carry evaluations out: in this process, in several of this machine, or on a cluster."""
