"""Results of a search: the files that it leaves in its folder."""
