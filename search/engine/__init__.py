"""The engine of the search: the tree of decisions, ways down it, and the candidates that a surrogate is asked about."""
