"""Benchmarks, run by hand: ``make bench``, or ``python -m benchmarks.run writer``. Raw samples go to ``benchmarks/results/``."""
