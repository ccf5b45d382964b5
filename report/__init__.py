"""The report: one page of HTML, whole in itself, that draws what profiles, verifications and searches have left in their folders."""
