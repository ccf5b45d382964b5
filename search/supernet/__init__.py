"""One set of weights for all strategies and widths of a base model, and its training."""
