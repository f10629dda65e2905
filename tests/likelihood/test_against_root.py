"""Models written for ROOT 6.40, with the yields, likelihoods, fits and CLs that ROOT itself computed."""

import json
from math import log

import numpy as np
import pytest

from hftranslate.errors import MissingInput
from hftranslate.formats.histfactory_xml import XmlOptions, read
from hftranslate.inference.fit import fit
from hftranslate.inference.hypotest import hypotest
from hftranslate.likelihood.compile import compile_model
from hftranslate.workspace import Workspace
from tests.cases import entries
from tests.conftest import shared_files, shared_folder

MODELS = [name.split("/")[1] for name in shared_files("root_models/*/top.xml")]
#: ROOT integrates the normalisation of the Gamma term numerically, to 1e-5 only; it cannot make Asimov data of one.
GAMMA = [m for m in MODELS if m.startswith("constraint_gamma")]
#: Far from its middle ROOT's integral is worse: at the end of the range, beta = 10, where the fit of the second model
#: ends, it is 2.6 % too large (the logarithm of RooGamma's createIntegral and of the true one differ by 0.026144).
GAMMA_FITS = {"constraint_gamma": 0.0, "constraint_gamma_histo": -0.026144}


def load(name):
    folder = shared_folder() / "root_models" / name
    result = read(folder / "top.xml", XmlOptions(basedir=folder))
    return result if isinstance(result, Workspace) else result[0]


def references(name, file="ref.json"):
    return json.loads((shared_folder() / "root_models" / name / file).read_text())


def point(parameters, values):
    theta = parameters.init.copy()
    for name, value in values.items():
        if name in parameters.root_names:
            theta[parameters.root_names.index(name)] = value
        else:
            assert name == "Lumi", (
                f"ROOT has a parameter {name} that we have not"
            )  # ours only where a sample carries it
    return theta


def simultaneous(reference):
    """The constant that ROOT's simultaneous density adds: N ln(channels)."""
    n_channels = len(reference["data"])
    return sum(map(sum, reference["data"].values())) * log(n_channels) if n_channels > 1 else 0.0


@pytest.mark.parametrize("name", MODELS)
def test_yields_and_likelihood(name):
    space = load(name)
    for reference in references(name):
        model, data = compile_model(space, reference["measurement"])
        constant = simultaneous(reference)
        nominal = None
        assert len(reference["points"]) > 5
        for p in reference["points"]:
            theta = point(model.parameters, p["point"])
            ours = model.sample_rates(theta).to_list()
            for (channel, _), samples, rows in zip(model.channels, model.samples, ours, strict=True):
                for sample, row in zip(samples, rows, strict=True):
                    theirs = p["yields"][channel][sample]
                    np.testing.assert_allclose(row, theirs, rtol=1e-9, atol=1e-9, err_msg=f"{p['name']} {sample}")
            allowed = 3e-5 if name in GAMMA else 1e-9
            difference = model.nll(theta, data) + constant - p["nll"]
            assert difference == pytest.approx(0.0, abs=allowed), p["name"]
            nominal = difference if nominal is None else nominal
            assert difference - nominal == pytest.approx(0.0, abs=allowed), p["name"]


@pytest.mark.parametrize("name", MODELS)
def test_parameters(name):
    for reference in references(name):
        parameters = compile_model(load(name), reference["measurement"])[0].parameters
        for i, root_name in enumerate(parameters.root_names):
            theirs = reference["params"][root_name]
            assert parameters.init[i] == pytest.approx(theirs["val"], rel=1e-12), root_name
            assert parameters.bounds[i] == pytest.approx([theirs["min"], theirs["max"]], rel=1e-12), root_name
            assert bool(parameters.fixed[i]) == theirs["const"], root_name
        floating = {n for n, v in reference["params"].items() if not v["const"]}
        ours = {n for n, f in zip(parameters.root_names, parameters.fixed, strict=True) if not f}
        assert ours == floating
        assert list(parameters.poi_names) == reference["pois"]


def minuit_error(value, error, low, high):
    """What Minuit reports for an uncertainty of a parameter with limits.

    It works with u, value = low + (high - low) (sin u + 1) / 2, where HESSE's error is linear, and quotes the mean of
    the distances to value(u +- error of u): for alpha in [-5, 5], 0.9933 instead of 1.
    """
    half = (high - low) / 2.0
    u = np.arcsin((value - low) / half - 1.0)
    step = error / (half * np.cos(u))
    up = 2.0 if step > 1.0 else abs(np.sin(u + step) - np.sin(u))  # beyond one, Minuit puts the whole range
    return half * (up + abs(np.sin(u - step) - np.sin(u))) / 2.0


@pytest.mark.parametrize("name", MODELS)
def test_fit(name):
    for reference in references(name):
        model, data = compile_model(load(name), reference["measurement"])
        result = fit(model, data)
        theirs = reference["fit"]
        assert result.status == "converged"
        names = model.parameters.root_names
        difference = result.nll + simultaneous(reference) - theirs["minNll"]
        if name in GAMMA:
            assert difference == pytest.approx(GAMMA_FITS[name], abs=3e-5)
            continue
        assert -1e-6 < difference < 1e-9  # at or below ROOT's minimum
        away = 2.0 * np.sqrt(2.0 * theirs["edm"])  # how far ROOT's fit says it is from its minimum, in sigma
        for parameter, found in theirs["pars"].items():
            i = names.index(parameter)
            assert result.values[i] == pytest.approx(found["val"], abs=away * found["err"] + 1e-7), parameter
            ours = minuit_error(result.values[i], result.uncertainties[i], *model.parameters.bounds[i])
            assert ours == pytest.approx(found["err"], rel=2e-3), parameter  # ROOT's second derivatives are numeric
        order = [names.index(p) for p in theirs["corr"]["order"]]
        np.testing.assert_allclose(result.correlation[np.ix_(order, order)], theirs["corr"]["matrix"], atol=2e-4)


WITH_INFERENCE = [name.split("/")[1] for name in shared_files("root_models/*/ref_infer.json")]


@pytest.mark.parametrize("name", WITH_INFERENCE)
def test_profile(name):
    model, data = compile_model(load(name))
    theirs = references(name, "ref_infer.json")["profile"]
    poi = model.parameters.names[model.parameters.poi_index]
    for mu, nll in zip(theirs["mu"], theirs["nll"], strict=True):
        ours = fit(model, data, fixed={poi: mu}).nll + simultaneous(references(name)[0])
        assert -2e-5 < ours - nll < 1e-9, f"mu = {mu}"  # at or below ROOT's


@pytest.mark.parametrize("name", WITH_INFERENCE)
def test_cls(name):
    model, data = compile_model(load(name))
    poi_low = model.parameters.bounds[model.parameters.poi_index, 0]
    for theirs in references(name, "ref_infer.json")["cls"]:
        ours = hypotest(model, data, theirs["mu"], poi_range="model")
        assert poi_low <= ours.muhat
        assert ours.muhat == pytest.approx(theirs["muhat"], abs=1e-4)
        assert ours.q == pytest.approx(theirs["q"], abs=2e-5)
        assert ours.q_asimov == pytest.approx(theirs["qA"], abs=2e-5)
        for mine, root in ((ours.clsb_obs, "CLsb"), (ours.clb_obs, "CLb"), (ours.cls_obs, "CLs")):
            assert mine == pytest.approx(theirs[root], abs=5e-6), root
        np.testing.assert_allclose(ours.cls_exp, theirs["CLs_exp"], atol=5e-6)


def xml_drivers():
    for entry in entries("xml"):
        for reference in entry.get("root640") or []:
            if isinstance(reference, dict) and "nll_nominal" in reference:
                label = f"{entry['dir'].split('/')[-1]}-{entry['driver']}-{reference['measurement']}"
                yield pytest.param(entry["dir"], entry["driver"], reference, id=label)


@pytest.mark.parametrize(("directory", "driver", "reference"), list(xml_drivers()))
def test_nominal_likelihood_of_published_xml(directory, driver, reference):
    folder = shared_folder() / directory
    result = read(folder / driver, XmlOptions(basedir=folder))
    space = result if isinstance(result, Workspace) else result[0]
    if any(c.observed is None for c in space.channels):
        with pytest.raises(MissingInput, match="no observed data"):
            compile_model(space, reference["measurement"])
        return
    model, data = compile_model(space, reference["measurement"])
    n_channels = len(model.channels)
    constant = float(data.observed.sum()) * log(n_channels) if n_channels > 1 else 0.0
    ours = model.nll(model.parameters.init, data) + constant
    assert ours == pytest.approx(reference["nll_nominal"], abs=1e-6)  # ROOT's number was rounded to six digits
    assert np.count_nonzero(~model.parameters.fixed) == reference["floating"]


def test_the_example_with_functions():
    """Two square roots of the signal strength on one sample: the numbers of ROOT (tight fits) for itself on it."""
    folder = shared_folder() / "xml" / "pyhf_xmlimport_input"
    space, _ = read(folder / "config" / "examples" / "example_Expression.xml", XmlOptions(basedir=folder))
    model, data = compile_model(space)
    assert model.parameters.names[model.parameters.poi_index] == "SigXsecOverSM"
    result = fit(model, data)
    assert result.values[model.parameters.poi_index] == pytest.approx(1.115360, abs=1e-6)
    found = hypotest(model, data, 1.0)
    assert found.cls_obs == pytest.approx(0.524945, abs=1e-6)
    np.testing.assert_allclose(found.cls_exp, [0.005343, 0.023948, 0.095040, 0.299072, 0.644185], atol=1.1e-6)
    assert hypotest(model, data, 2.0).cls_obs == pytest.approx(0.077567, abs=1e-6)
