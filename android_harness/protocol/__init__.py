"""Protocol between this computer and the runner: the phases that it is given, and the journal that it writes."""
