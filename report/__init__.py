"""Reports: one page of HTML, whole in itself, that draws what profiles, verifications and searches have left, and traces for Perfetto."""
