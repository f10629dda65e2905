"""Fits of many data sets by JAX: each end is a minimum, which the engine says."""

import subprocess
import sys

import numpy as np
import pytest

import hftranslate as hft
from hftranslate.errors import InputError, MissingExtra
from hftranslate.tensors import fit_many
from tests.likelihood.builders import hello_world
from tests.tensors.libraries import EACH, exported


def test_many_fits_end_where_the_engine_does():
    model, _ = hello_world()
    likelihood = exported(model, "jax")
    truth = model.parameters.init
    observed, auxdata = model.sample(truth, 40, np.random.default_rng(1))
    found = fit_many(likelihood, observed, auxdata)
    assert np.asarray(found.converged).all()
    engine = [hft.fit(model, model.data(n, x)) for n, x in zip(observed, auxdata, strict=True)]
    np.testing.assert_allclose(found.excess_nll, [f.excess_nll for f in engine], atol=1e-7)
    np.testing.assert_allclose(found.thetas, [f.values for f in engine], atol=1e-3)


def test_held_parameters_and_other_ranges():
    model, _ = hello_world()
    observed, auxdata = model.sample(model.parameters.init, 5, np.random.default_rng(2))
    found = fit_many(exported(model, "jax"), observed, auxdata, fixed={"mu": 0.25}, at_once=2)
    np.testing.assert_array_equal(found.thetas[:, 0], 0.25)
    again = fit_many(exported(model, "jax"), observed, auxdata, bounds={"mu": (0.4, 0.5)})
    assert ((again.thetas[:, 0] >= 0.4) & (again.thetas[:, 0] <= 0.5)).all()


def test_pytorch_has_no_program_for_it():
    model, data = hello_world()
    with pytest.raises(InputError, match="need the likelihood of JAX"):
        fit_many(exported(model, "torch"), data.observed[None], data.auxdata[None])


@pytest.mark.parametrize("library", ["jax", "torch"])
def test_a_missing_library_is_one_sentence(library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    model, _ = hello_world()
    with pytest.raises(MissingExtra, match=rf"not installed; install hftranslate\[{library}\]"):
        {"jax": hft.to_jax, "torch": hft.to_torch}[library](model)


@EACH
def test_what_is_no_model_is_refused(library):
    exported(hello_world()[0], library)
    with pytest.raises(InputError, match="expected a model, not str"):
        {"jax": hft.to_jax, "torch": hft.to_torch}[library]("model")


def test_jax_in_single_precision_is_refused():
    exported(hello_world()[0], "jax")
    code = (
        "import hftranslate as hft\n"
        "model, _ = hft.compile_model(hft.simplemodels.uncorrelated_background([5.0], [50.0], [7.0]))\n"
        "try: hft.to_jax(model)\n"
        "except Exception as error: print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "JAX computes in single precision" in run.stdout
