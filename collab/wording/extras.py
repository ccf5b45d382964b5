"""Sentences on packages that the base install does not bring."""

from __future__ import annotations


def missing(what: str, package: str, extra: str, *, error: ImportError, instead: str = "") -> str:
    """Returns the sentence that says what needs a package, and how to install it.

    Args:
        what: what needs it, e.g. "the ONNX route".
        extra: the extra of setup.cfg that brings it.
        error: what importing it raised; a package that is there may lack another.
        instead: what else would do.
    """
    other = f", or {instead}" if instead else ""
    return f"{what} needs {package}, which cannot be imported ({error}); install it with: pip install '.[{extra}]'{other}"
