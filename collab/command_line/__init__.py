"""Progress of commands, for people who wait for them."""
