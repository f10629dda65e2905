"""All that a model holds, for exact comparisons."""

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def arrays(value: Any, path: str = "") -> dict[str, Any]:
    """All arrays in a model, and what else it holds, by where they are."""
    if is_dataclass(value):
        found: dict[str, Any] = {}
        for f in fields(value):
            if f.name != "derived":  # functions, which are equal to nothing else
                found |= arrays(getattr(value, f.name), f"{path}.{f.name}")
        return found
    if isinstance(value, np.ndarray):
        return {path: (value.dtype.str, value.shape, value.tolist())}
    return {path: repr(value)}
