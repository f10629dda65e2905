"""Models with some parameters held or confined."""

import numpy as np
import pytest

from hftranslate.errors import InputError, MissingInput
from hftranslate.inference.fit import fit
from hftranslate.likelihood.restricted import restricted
from hftranslate.workspace import NormSys
from tests.likelihood.builders import counting


def test_a_restricted_model_is_fitted_as_the_full_one_with_the_same_restrictions() -> None:
    model, data = counting(8.0, 2.0, 3.0, NormSys(name="b", lo=0.8, hi=1.2))
    held = fit(restricted(model, fixed={"alpha_b": 0.7}), data)
    same = fit(model, data, fixed={"b": 0.7})
    np.testing.assert_array_equal(held.values, same.values)
    assert held.fixed.tolist() == same.fixed.tolist()
    confined = fit(restricted(model, bounds={"mu": (3.0, 5.0)}), data)
    assert confined.value("mu") == 3.0
    assert confined.at_bound[model.parameters.index("mu")]
    np.testing.assert_array_equal(model.parameters.bounds[model.parameters.index("mu")], [0.0, 10.0])


def test_the_likelihood_stays_the_same() -> None:
    model, data = counting(8.0, 2.0, 3.0, NormSys(name="b", lo=0.8, hi=1.2))
    other = restricted(model, fixed={"b": 0.1}, bounds={"mu": (-1.0, 1.0)})
    theta = model.parameters.vector(mu=0.4)
    assert other.nll(theta, data) == model.nll(theta, data)
    assert not other.parameters.init.flags.writeable


def test_what_cannot_be_restricted() -> None:
    model, _ = counting(8.0)
    with pytest.raises(InputError, match="cannot be fixed at nan"):
        restricted(model, fixed={"mu": float("nan")})
    with pytest.raises(InputError, match="'mu' cannot be bounded by 2 from below and 1 from above"):
        restricted(model, bounds={"mu": (2.0, 1.0)})
    with pytest.raises(MissingInput, match="no parameter 'm'"):
        restricted(model, bounds={"m": (2.0, 3.0)})
