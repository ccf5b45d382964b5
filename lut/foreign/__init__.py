"""Tables that others measured, read and turned into tables of this project."""
