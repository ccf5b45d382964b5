"""The looks of results: frames, figures, and HTML for notebooks."""
