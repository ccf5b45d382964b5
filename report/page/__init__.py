"""The page itself: escaping, tables, figures, and the frame that puts sections into one file."""
