"""Records of a search: its journal, the digests of its inputs, and its problem made anew out of both."""
