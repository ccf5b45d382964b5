"""The functions and values that `syncnas` gives from Python; import them from there."""
