"""Downloads: files from the web, checked before they are used, and kept."""
