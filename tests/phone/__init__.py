"""The virtual phone: Android's own adbd in a Debian root file system, in namespaces that are out of reach from other machines."""
