"""The widths of a strategy's blocks within a latency budget."""
