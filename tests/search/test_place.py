"""The whole way of a network that is no config: profiled, placed, exported by the plan, and run on the real runner."""

from __future__ import annotations
