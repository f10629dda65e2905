"""A model with some parameters held, given other ranges, or begun elsewhere."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from hftranslate.errors import InputError
from hftranslate.likelihood.model import Model


def restricted(
    model: Model,
    fixed: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
) -> Model:
    """The same likelihood with some parameters constant at a value and others in another range.

    Parameters
    ----------
    model
        stays as it is.
    fixed, bounds
        values and ranges, by pyhf's or ROOT's name. A constant parameter keeps its range; the initial value of a
        parameter that gets a range is moved into it.

    Returns
    -------
    Model
        shares all arrays but those of initial values, ranges and constants.

    Raises
    ------
    InputError
        A value is not finite, or a range is empty.
    MissingInput
        There is no such parameter; the message names the nearest one.
    """
    p = model.parameters
    init, box, constant = p.init.copy(), p.bounds.copy(), p.fixed.copy()
    for name, (low, high) in (bounds or {}).items():
        i = p.index(name)
        if not low < high:
            raise InputError(f"parameter {name!r} cannot be bounded by {low:g} from below and {high:g} from above")
        box[i] = low, high
        init[i] = min(max(init[i], low), high)
    for name, value in (fixed or {}).items():
        i = p.index(name)
        if not np.isfinite(value):
            raise InputError(f"parameter {name!r} cannot be fixed at {value}")
        init[i], constant[i] = value, True
    for array in (init, box, constant):
        array.flags.writeable = False
    return replace(model, parameters=replace(p, init=init, bounds=box, fixed=constant))


def started(model: Model, values: Mapping[str, float]) -> Model:
    """The same likelihood with other initial values, each moved into the range of its parameter.

    Parameters
    ----------
    values
        by ROOT's name; names of other things are passed over.

    Raises
    ------
    InputError
        There is no value of any parameter.
    """
    p = model.parameters
    init = np.array([values.get(name, value) for name, value in zip(p.root_names, p.init, strict=True)])
    if not any(name in values for name in p.root_names):
        raise InputError(f"none of the {len(p)} parameters of the model is among these values")
    init = np.clip(init, p.bounds[:, 0], p.bounds[:, 1])
    init.flags.writeable = False
    return replace(model, parameters=replace(p, init=init))
