"""The log density for samplers: the transforms, their determinant, and the priors."""

from dataclasses import replace

import numpy as np
import pytest

import hftranslate as hft
from hftranslate.errors import InputError, MissingInput
from hftranslate.workspace import ROOT, NormFactor
from tests.likelihood.builders import channel, config, workspace
from tests.tensors.libraries import EACH, exported, near, plain
from tests.tensors.test_against_engine import everything


def ranges():
    """Four free parameters, with ranges of every kind, and a constant one."""
    inf = float("inf")
    kinds = {"mu": (0.0, 4.0), "half": (0.5, inf), "below": (-inf, 3.0), "all": (-inf, inf), "held": (0.0, 2.0)}
    factors = [(name, [2.0, 3.0 + i], NormFactor(name=name)) for i, name in enumerate(kinds)]
    settings = [config(n, bounds=((-9.0, 9.0),), inits=(1.0,), fixed=n == "held") for n in kinds]
    model, data = hft.compile_model(workspace(channel("SR", [11.0, 17.0], *factors), parameters=settings))
    bounds = np.array([kinds[name] for name in model.parameters.names])
    return replace(model, parameters=replace(model.parameters, bounds=bounds)), data


@EACH
def test_each_range_there_and_back(library):
    model, data = ranges()
    likelihood = exported(model, library)
    density = likelihood.density(likelihood.data(data))
    assert density.names == tuple(n for n in model.parameters.names if n != "held")
    theta = model.parameters.vector(mu=3.2, half=0.9, below=-1.5, all=0.3)
    z = density.z(theta)
    np.testing.assert_allclose(plain(density.theta(likelihood.formulas.library.floats(z))), theta, rtol=1e-14)


@EACH
def test_the_density_is_that_of_the_engine_times_the_slopes(library):
    """The determinant, from differences of the transform."""
    model, data = ranges()
    likelihood = exported(model, library)
    density, floats = likelihood.density(likelihood.data(data)), likelihood.formulas.library.floats
    z, h = np.array([0.4, -0.7, 0.2, 0.9]), 1e-6
    columns = [plain(density.theta(floats(z + h * e))) - plain(density.theta(floats(z - h * e))) for e in np.eye(4)]
    slopes = np.array(columns)[:, density.index] / (2.0 * h)
    expected = model.logpdf(plain(density.theta(floats(z))), data) + np.linalg.slogdet(slopes)[1]
    assert float(density(floats(z))) == pytest.approx(expected, rel=1e-9)


@EACH
def test_far_out_it_stays_finite(library):
    model, data = hft.compile_model(everything("code4p", "code4"), conventions=ROOT)
    likelihood = exported(model, library)
    density = likelihood.density(likelihood.data(data))
    floats, rng = likelihood.formulas.library.floats, np.random.default_rng(1)
    z = density.z(np.clip(near(model, rng), model.parameters.bounds[:, 0] + 1e-3, model.parameters.bounds[:, 1] - 1e-3))
    assert np.isfinite(float(density(floats(z))))
    assert float(density(floats(z + 30.0))) < float(density(floats(z)))


@EACH
def test_priors_multiply(library):
    model, data = ranges()
    likelihood = exported(model, library)
    flat, floats = likelihood.density(likelihood.data(data)), likelihood.formulas.library.floats
    z = [0.4 if name == "all" else 0.1 for name in flat.names]
    narrow = likelihood.density(likelihood.data(data), priors={"all": lambda x: -0.5 * (x / 0.1) ** 2})
    assert float(narrow(floats(z)) - flat(floats(z))) == pytest.approx(-0.5 * (0.4 / 0.1) ** 2, rel=1e-9)


@EACH
def test_what_cannot_be(library):
    model, data = ranges()
    likelihood = exported(model, library)
    density = likelihood.density(likelihood.data(data))
    with pytest.raises(InputError, match=r"parameter 'mu' = 4 is not inside its range, \(0, 4\)"):
        density.z(model.parameters.vector(mu=4.0))
    with pytest.raises(MissingInput, match="no parameter 'nu'"):
        likelihood.density(likelihood.data(data), priors={"nu": lambda x: x})
