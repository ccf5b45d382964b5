"""Any network divided over the units of a device in one go: measured, placed, exported, run and compared."""
