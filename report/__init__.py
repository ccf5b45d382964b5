"""Reports of predictions and measurements: traces for Perfetto, and pages."""
