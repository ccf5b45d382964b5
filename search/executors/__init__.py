"""Where evaluations are carried out."""
