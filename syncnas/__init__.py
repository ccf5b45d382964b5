"""The toolkit by one name: its commands, `syncnas.commands`."""
