"""Wording of hints: commands and options, named as the reader of a sentence writes them."""
