"""The virtual phone: Android's own adbd in a Debian root file system, in namespaces that nothing outside this machine reaches."""
