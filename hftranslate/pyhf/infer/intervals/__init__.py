"""Intervals of the parameter of interest: upper limits, by root finding or on a grid, in ``upper_limits``."""

from typing import Any
from warnings import warn

from hftranslate.pyhf.infer.intervals import upper_limits

__all__ = ["upper_limits", "upperlimit"]


def upperlimit(*args: Any, **kwargs: Any) -> Any:
    """What :func:`upper_limits.upper_limit` was called before pyhf 0.7."""
    old, new = "pyhf.infer.intervals.upperlimit", "pyhf.infer.intervals.upper_limits.upper_limit"
    warn(f"{old} is deprecated in favor of {new} as of pyhf v0.7.0.", DeprecationWarning, stacklevel=2)
    return upper_limits.upper_limit(*args, **kwargs)
