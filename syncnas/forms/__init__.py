"""Forms of what commands print with ``--json``, each a class, one module for a group of commands."""
