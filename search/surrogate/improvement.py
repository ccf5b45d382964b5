"""Expected improvement: by how much a leaf's value can be expected to exceed the best value seen.

Sources: Jones et al., Efficient global optimization of expensive black-box functions, 1998; in the logarithmic form of Ament et al.,
Unexpected improvements to expected improvement, NeurIPS 2023.
"""

from __future__ import annotations

import numpy as np
from scipy.special import erfcx, log_ndtr

from lut.prediction.replay import Floats


def log_expected_improvement(mean: Floats, deviation: Floats, best: float) -> Floats:
    """Returns the logarithms of the expected improvements over `best` of values that are normally distributed."""
    found: Floats = np.log(deviation) + _log_unit_improvement((mean - best) / deviation)
    return found


def _log_unit_improvement(z: Floats) -> Floats:
    """Returns log(pdf(z) + z cdf(z)) of the standard normal distribution, exact also where both underflow."""
    log_pdf = -0.5 * z * z - 0.5 * np.log(2 * np.pi)
    low = np.minimum(z, -1.0)
    # pdf(z) (1 - |z| cdf(z) / pdf(z)): the ratio is Mills', whose expansion far out avoids the difference of two equal numbers.
    near = np.maximum(low, -1e3)
    tail = np.where(low < -1e3, -2.0 * np.log(-low), np.log1p(near * np.sqrt(np.pi / 2) * erfcx(-near / np.sqrt(2))))
    high = np.maximum(z, -1.0)
    body = np.log(np.exp(-0.5 * high * high) / np.sqrt(2 * np.pi) + high * np.exp(log_ndtr(high)))
    found: Floats = np.where(z < -1.0, log_pdf + tail, body)
    return found
