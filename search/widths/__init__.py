"""How wide each block of a strategy may be within a latency budget."""
