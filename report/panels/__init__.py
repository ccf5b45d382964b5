"""The panels of a report, one a module: each turns data into a section of the page."""
