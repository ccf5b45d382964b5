"""The protocol between this computer and the runner: phases, and the journal that it writes."""
