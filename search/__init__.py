"""The search: where branches synchronise and how wide each block may be, within a latency budget."""
