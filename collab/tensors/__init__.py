"""Types, sizes and keys of tensors and of pieces of networks, for which no network need be at hand."""
