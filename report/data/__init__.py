"""The data of a report, read and checked out of the folders that other commands leave; nothing is drawn here."""
