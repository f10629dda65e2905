"""Workspace in, model out: order, errors, conventions."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hftranslate.errors import InputError, InvalidWorkspace, MissingInput
from hftranslate.inference.fit import fit
from hftranslate.likelihood.compile import compile_model
from hftranslate.workspace import (
    CONVENTIONS,
    PYHF,
    ROOT,
    Channel,
    ConstraintTerm,
    HistoSys,
    Lumi,
    Measurement,
    NormFactor,
    NormSys,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
    Workspace,
)
from tests.cases import workspace as published
from tests.likelihood.builders import channel, config, counting, hello_world, workspace
from tests.strategies import permuted, workspaces

MU = NormFactor(name="mu")


def compilable(space):
    """Without what the engine refuses, and with data."""
    return replace(
        space,
        channels=tuple(replace(c, observed=c.observed or (2.0,) * c.n_bins) for c in space.channels),
        measurements=tuple(
            replace(
                m,
                constraint_terms=tuple(t for t in m.constraint_terms if t.kind not in ("gamma", "lognormal")),
                parameters=tuple(replace(p, inits=None, bounds=None) for p in m.parameters),
            )
            for m in space.measurements
        ),
    )


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.integers(0, 2**32 - 1))
def test_order_of_the_description_does_not_matter(data, seed):
    """Permuting channels, samples and modifiers permutes the rates and leaves the likelihood."""
    space = compilable(data.draw(workspaces()))
    other = data.draw(permuted(space))
    name = space.measurements[0].name
    (a, data_a), (b, data_b) = compile_model(space, name), compile_model(other, name)
    assert set(a.parameters.names) == set(b.parameters.names)
    theta = np.random.default_rng(seed).uniform(0.5, 1.5, len(a.parameters))
    there = np.array([theta[a.parameters.index(n)] for n in b.parameters.names])
    rates_a, rates_b = by_channel(a, a.rates(theta)), by_channel(b, b.rates(there))
    for channel_name, rates in rates_a.items():
        np.testing.assert_allclose(rates_b[channel_name], rates, rtol=1e-12, atol=1e-12)
    one, two = a.nll(theta, data_a), b.nll(there, data_b)
    if np.isfinite(one) and np.isfinite(two):
        assert one == pytest.approx(two, rel=1e-10, abs=1e-9)


def by_channel(model, values):
    start, result = 0, {}
    for name, n in model.channels:
        result[name] = values[start : start + n]
        start += n
    return result


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(workspaces(), st.integers(0, 2**32 - 1))
def test_sample_rates_sum_to_the_rates(space, seed):
    model, _ = compile_model(compilable(space))
    theta = np.random.default_rng(seed).uniform(0.2, 1.8, len(model.parameters))
    sums = [sum(column) for rows in model.sample_rates(theta).to_list() for column in zip(*rows, strict=True)]
    np.testing.assert_allclose(sums, model.rates(theta), rtol=1e-12, atol=1e-10)
    for (_, n_bins), names, rows in zip(
        model.channels, model.samples, model.sample_rates(theta).to_list(), strict=True
    ):
        assert len(rows) == len(names)
        assert all(len(r) == n_bins for r in rows)


def test_rates_by_hand():
    model, data = compile_model(
        workspace(
            channel(
                "SR",
                [10.0, 20.0],
                ("s", [3.0, 4.0], MU, NormFactor(name="k", power=2), Lumi()),
                (
                    "b",
                    [50.0, 60.0],
                    HistoSys(name="h", lo_data=(45.0, 66.0), hi_data=(57.0, 60.0)),
                    NormSys(name="n", lo=0.9, hi=1.2),
                    StatError(name="stat", data=(5.0, 3.0)),
                ),
                ("c", [10.0, 10.0], ShapeFactor(name="f"), StatError(name="stat", data=(0.0, 4.0))),
            ),
            parameters=[config("lumi", auxdata=(1.0,), sigmas=(0.02,))],
        )
    )
    theta = model.parameters.vector(
        **{
            "mu": 2.0,
            "k": 1.5,
            "lumi": 1.1,
            "h": 2.0,
            "n": -1.5,
            "stat[0]": 0.9,
            "stat[1]": 1.2,
            "f[0]": 0.5,
            "f[1]": 3.0,
        }
    )
    b = (np.array([50.0, 60.0]) + 2.0 * np.array([7.0, 0.0])) * 0.9**1.5 * np.array([0.9, 1.2])
    c = np.array([10.0, 10.0]) * np.array([0.5, 3.0]) * np.array([0.9, 1.2])
    s = np.array([3.0, 4.0]) * 2.0 * 1.5**2 * 1.1
    np.testing.assert_allclose(model.rates(theta), s + b + c, rtol=1e-13)
    np.testing.assert_allclose(model.sample_rates(theta).to_list()[0], [s, b, c], rtol=1e-13)
    # relative widths: sqrt(5^2 + 0^2) / 60 and sqrt(3^2 + 4^2) / 70
    assert model.parameters.width[model.parameters.index("stat[1]")] == pytest.approx(5.0 / 70.0)
    np.testing.assert_allclose(model.parameters.width[model.parameters.index("stat[0]")], 5.0 / 60.0)
    assert data.observed.tolist() == [10.0, 20.0]


def test_likelihood_of_the_hello_world_by_hand():
    from scipy.special import gammaln

    model, data = hello_world()
    theta = model.parameters.vector(mu=0.7, **{"uncorr_bkguncrt[0]": 1.1, "uncorr_bkguncrt[1]": 0.8})
    nu = 0.7 * np.array([12.0, 11.0]) + np.array([55.0, 52.0 * 0.8])
    n = np.array([51.0, 48.0])
    tau = np.array([(50.0 / 3.0) ** 2, (52.0 / 7.0) ** 2])
    mean = np.array([1.1, 0.8]) * tau
    expected = np.sum(nu - n * np.log(nu) + gammaln(n + 1)) + np.sum(mean - tau * np.log(mean) + gammaln(tau + 1))
    assert model.nll(theta, data) == pytest.approx(expected, rel=1e-13)
    assert model.logpdf(theta, data) == -model.nll(theta, data)
    assert model.excess_nll(theta, data) == pytest.approx(expected - data.saturated_nll, abs=1e-10)


def test_everything_is_read_only():
    model, data = hello_world()
    parts = [model.cells, model.cells.additive, model.cells.multiplicative, model.constraints, model.parameters, data]
    arrays = [getattr(p, f.name) for p in parts for f in fields(p) if isinstance(getattr(p, f.name), np.ndarray)]
    assert len(arrays) > 15
    shared = [a for a in arrays if a.flags.writeable]
    assert not shared, f"{len(shared)} arrays can be written"
    theta = model.parameters.init.copy()
    before = theta.copy()
    model.expansion(theta, data)
    np.testing.assert_array_equal(theta, before)


def refused(error, match, *args, **kwargs):
    with pytest.raises(error, match=match):
        compile_model(*args, **kwargs)


def test_no_data():
    refused(MissingInput, "channel 'SR' has no observed data", workspace(channel("SR", None, ("s", [1.0], MU))))


def test_unknown_measurement():
    space = workspace(channel("SR", [1.0], ("s", [1.0], MU)))
    refused(MissingInput, "no measurement 'n'; there are 'm'", space, "n")


@pytest.mark.parametrize(("poi", "match"), [("mu_sig", "used by no modifier.*there are 'mu_SIG'"), (None, "names no")])
def test_a_missing_parameter_of_interest_matters_only_where_it_is_needed(poi, match):
    space = workspace(channel("SR", [1.0], ("s", [1.0], NormFactor(name="mu_SIG"))), poi=poi)
    model, data = compile_model(space)
    assert np.isfinite(model.nll(model.parameters.init, data))
    with pytest.raises(MissingInput, match=match):
        _ = model.parameters.poi_index


def test_luminosity_must_be_configured():
    space = workspace(channel("SR", [1.0], ("s", [1.0], Lumi())))
    refused(InvalidWorkspace, "'lumi' is used by a lumi modifier but has no auxdata and sigmas", space)


@pytest.mark.parametrize("value", [{"lo": -0.1, "hi": 1.1}, {"lo": 0.9, "hi": -1.0}])
def test_negative_factors(value):
    space = workspace(channel("SR", [1.0], ("b", [1.0], NormSys(name="a", **value))))
    refused(InvalidWorkspace, "channel 'SR', sample 'b': normsys 'a' has a negative factor", space)


def test_initial_values_outside_the_range():
    space = workspace(
        channel("SR", [1.0], ("s", [1.0], MU)), parameters=[config("mu", inits=(11.0,), bounds=((0.0, 10.0),))]
    )
    refused(InvalidWorkspace, r"initial value 11.0 of parameter 'mu' lies outside its range \[0.0, 10.0\]", space)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"inits": (1.0, 1.0)}, "inits: 2 values for 1"),
        ({"bounds": ((0.0, 1.0), (0.0, 1.0))}, "2 bounds for 1"),
        ({"sigmas": (1.0,)}, "no constraint that 'sigmas' could set"),
        ({"fixed": (True, False)}, "2 flags 'fixed' for 1"),
    ],
)
def test_settings_that_do_not_fit(settings, match):
    space = workspace(channel("SR", [1.0], ("s", [1.0], MU)), parameters=[config("mu", **settings)])
    refused(InvalidWorkspace, match, space)


@pytest.mark.parametrize(
    ("name", "settings", "match"),
    [
        ("lumi", {"auxdata": (1.0,), "sigmas": (-0.1,)}, "sigmas: entry 0 is -0.1; it must be at least zero"),
        ("stat", {"sigmas": (0.1, 0.0)}, "sigmas: entry 1 is 0; it must be above zero"),
        ("shape", {"factors": (0.0, 10.0)}, "factors: entry 0 is 0; it must be above zero"),
        ("shape", {"auxdata": (9.0, -1.0)}, "auxdata: entry 1 is -1; it must be at least zero"),
    ],
)
def test_constraints_need_positive_widths(name, settings, match):
    modifiers = [Lumi(), StatError(name="stat", data=(1.0, 1.0)), ShapeSys(name="shape", data=(1.0, 1.0))]
    lumi = [] if name == "lumi" else [config("lumi", auxdata=(1.0,), sigmas=(0.1,))]
    space = workspace(
        channel("SR", [1.0, 1.0], ("b", [9.0, 9.0], *modifiers)), parameters=[config(name, **settings), *lumi]
    )
    refused(InvalidWorkspace, match, space)


def test_wrong_shapes_and_negative_events():
    model, data = counting(3.0)
    with pytest.raises(InputError, match=r"parameter vector of shape \(2,\) for 1 parameters"):
        model.nll([1.0, 2.0], data)
    with pytest.raises(InputError, match="1 bins and 0 auxiliary"):
        model.data([1.0, 2.0], [])
    with pytest.raises(InputError, match=r"observed events are -1.0 in channel .SR., bin 0"):
        model.data([-1.0], [])
    with pytest.raises(InputError, match=r"observed events are nan in channel .SR., bin 0"):
        model.data([float("nan")], [])


def test_names_of_parameters():
    model, _ = hello_world()
    assert model.parameters.names == ("mu", "uncorr_bkguncrt[0]", "uncorr_bkguncrt[1]")
    assert model.parameters.root_names == ("mu", "gamma_uncorr_bkguncrt_bin_0", "gamma_uncorr_bkguncrt_bin_1")
    assert model.parameters.index("gamma_uncorr_bkguncrt_bin_1") == 2
    with pytest.raises(MissingInput, match=r"no parameter 'uncorr_bkguncrt'; did you mean 'uncorr_bkguncrt\[\d\]'"):
        model.parameters.index("uncorr_bkguncrt")


def test_names_that_end_in_brackets_are_names_like_others():
    """The factors of bins are told by what they are of; a systematic may be called as they are."""
    observed, shapesys = [51.0, 48.0], ShapeSys(name="s", data=(3.0, 7.0))
    signal = ("signal", (12.0, 11.0), NormFactor(name="mu"))
    space = workspace(
        channel("SR", observed, signal, ("b", (50.0, 52.0), shapesys, NormSys(name="s[2]", lo=0.9, hi=1.1)))
    )
    model, data = compile_model(space)
    names = dict(zip(model.parameters.names, model.parameters.sets, strict=True))
    assert names == {"mu": "mu", "s[0]": "s", "s[1]": "s", "s[2]": "s[2]"}
    found = fit(model, data)
    document = found.to_dict()["mle_parameters"]
    assert {name: len(values) for name, values in document.items()} == {"mu": 1, "s": 2, "s[2]": 1}
    assert document["s[2]"] == [found["s[2]"]]
    same = workspace(
        channel("SR", observed, signal, ("b", (50.0, 52.0), shapesys, NormSys(name="s[1]", lo=0.9, hi=1.1)))
    )
    refused(InvalidWorkspace, r"a parameter of 's' and 's\[1\]' each goes by the name 's\[1\]'", same)


@pytest.mark.parametrize("conventions", [PYHF, ROOT])
def test_two_parameters_may_have_the_same_name_in_root(conventions):
    """As a norm factor that is called like ROOT's name of a systematic: a different one here, and in pyhf."""

    def made(factor):
        signal = ("s", (30.0, 10.0), NormFactor(name=factor), NormSys(name="x", lo=0.9, hi=1.1))
        terms = [ConstraintTerm(name="y", kind="lognormal", relative_uncertainty=0.2)]
        background = ("b", (30.0, 40.0), NormSys(name="y", lo=0.8, hi=1.3))
        return compile_model(
            workspace(channel("SR", [66.0, 48.0], signal, background), poi=factor, terms=terms, conventions=conventions)
        )

    model, data = made("alpha_x")
    other, _ = made("mu")
    assert model.parameters.root_names.count("alpha_x") == 2
    points = np.random.default_rng(3).normal(1.0, 0.3, (5, len(model.parameters)))
    order = [other.parameters.index("mu" if n == "alpha_x" else n) for n in model.parameters.names]
    there = np.empty_like(points)
    there[:, order] = points
    nll = [model.nll(p, data) for p in points]
    assert nll == pytest.approx([other.nll(p, other.data(data.observed, data.auxdata)) for p in there], rel=1e-13)
    assert fit(model, data).nll == pytest.approx(fit(other, data).nll, abs=1e-8)


def test_conventions_are_no_names():
    space = workspace(channel("SR", [1.0], ("s", [1.0], MU)))
    refused(InputError, "conventions are hftranslate.ROOT or hftranslate.PYHF, not 'root'", space, conventions="root")


def test_removed_constraint_removes_the_factor_only():
    """ROOT's NoConstraint takes an OverallSys off every sample; a HistoSys of the same name stays, with its term."""
    samples = ("b", [10.0], NormSys(name="a", lo=0.5, hi=2.0), HistoSys(name="a", lo_data=(8.0,), hi_data=(13.0,)))
    term = ConstraintTerm(name="a", kind="none")
    model, _ = compile_model(workspace(channel("SR", [9.0], samples), terms=[term], conventions=ROOT))
    assert model.rates(model.parameters.vector(a=1.0))[0] == pytest.approx(13.0)
    alone = workspace(channel("SR", [9.0], samples[:3]), terms=[term], conventions=ROOT)
    assert compile_model(alone)[0].parameters.names == ()


CLIP = replace(PYHF, name="clip", clip_samples=True)
TRUNCATE = replace(PYHF, name="truncate", truncate_constraints=True)
RANGES = replace(PYHF, name="ranges", root_ranges=True)
EMPTY = replace(ROOT, name="empty", constrain_empty=True)


def test_conventions_one_by_one():
    space = workspace(
        channel(
            "SR",
            [5.0, 6.0],
            ("s", [1.0, 2.0], MU),
            ("b", [2.0, 8.0], HistoSys(name="h", lo_data=(-1.0, 7.0), hi_data=(4.0, 9.0))),
            ("c", [9.0, 0.0], StatError(name="stat", data=(4.5, 0.0)), ShapeFactor(name="f")),
        )
    )
    models = {c.name: compile_model(space, conventions=c) for c in (PYHF, ROOT, CLIP, TRUNCATE, RANGES)}
    theta = {name: m.parameters.vector(h=-1.0) for name, (m, _) in models.items()}
    rates = {name: m.rates(theta[name]) for name, (m, _) in models.items()}
    assert rates["pyhf"].tolist() == [9.0, 9.0]
    assert rates["clip"].tolist() == rates["root"].tolist() == [10.0, 9.0]
    assert rates["truncate"].tolist() == rates["ranges"].tolist() == [9.0, 9.0]
    nll = {name: m.nll(theta[name], d) for name, (m, d) in models.items()}
    from math import log, pi

    from scipy.stats import norm

    truncation = log(norm.cdf(9.0 / 0.5) - norm.cdf(-1.0 / 0.5)) + log(norm.cdf(11.0) - norm.cdf(-9.0))
    # the empty bin has a width of one in pyhf: its term is truncated as well
    truncation += log(norm.cdf(9.0) - norm.cdf(-1.0))
    assert nll["truncate"] - nll["pyhf"] == pytest.approx(truncation, rel=1e-9)
    assert nll["ranges"] == nll["pyhf"]
    both = compile_model(space, conventions=EMPTY)[0]
    assert both.n_aux == models["root"][0].n_aux + 1
    with_term, data = compile_model(space, conventions=replace(CLIP, constrain_empty=True))
    without, data_without = compile_model(space, conventions=replace(CLIP, constrain_empty=False))
    at = with_term.parameters.vector(h=-1.0)
    assert with_term.nll(at, data) - without.nll(at, data_without) == pytest.approx(0.5 * log(2 * pi))
    names = models["root"][0].parameters.names
    bounds = {name: dict(zip(names, m.parameters.bounds.tolist(), strict=True)) for name, (m, _) in models.items()}
    assert bounds["pyhf"]["stat[0]"] == [1e-10, 10.0]
    assert bounds["ranges"]["stat[0]"] == bounds["root"]["stat[0]"] == [0.0, 3.5]
    assert bounds["pyhf"]["f[0]"] == [0.0, 10.0]
    assert bounds["ranges"]["f[0]"] == [0.0, 1000.0]
    assert bounds["clip"] == bounds["truncate"] == bounds["pyhf"]


def test_workspace_conventions_are_the_default():
    space = workspace(channel("SR", [5.0], ("s", [1.0], MU)), conventions=ROOT)
    assert compile_model(space)[0].conventions == ROOT
    assert compile_model(space, conventions=PYHF)[0].conventions == PYHF


def test_measurements_are_chosen_by_name():
    channels = (Channel(name="SR", observed=(5.0,), samples=(Sample(name="s", nominal=(1.0,), modifiers=(MU,)),)),)
    space = Workspace(
        channels=channels,
        measurements=(
            Measurement(name="one", pois=("mu",), parameters=(config("mu", inits=(2.0,)),)),
            Measurement(name="two", pois=("mu",), parameters=(config("mu", inits=(3.0,), fixed=True),)),
        ),
    )
    assert compile_model(space)[0].parameters.init.tolist() == [2.0]
    model = compile_model(space, "two")[0]
    assert model.parameters.init.tolist() == [3.0]
    assert model.parameters.fixed.tolist() == [True]


@pytest.mark.parametrize("conventions", ["pyhf", "root"])
@pytest.mark.parametrize("name", ["sbottom_RegionA", "staus_Region-lowMass_DS_120_1_Staus", "nextstat_complex"])
def test_many_points_at_once(name, conventions, shared):
    """The same as one after the other, inside and outside of +-1, of the domain, and where rates are clipped."""
    model, data = compile_model(published(name), conventions=CONVENTIONS[conventions])
    p = model.parameters
    rng = np.random.default_rng(29)
    width = np.where(p.width > 0.0, p.width, 0.5)
    thetas = p.init + rng.uniform(-2.5, 2.5, (40, len(p))) * width * rng.uniform(size=(40, 1))
    thetas[0, p.poi_index] = -50.0
    rates = model.cells.evaluate_many(thetas)
    np.testing.assert_allclose(rates, [model.rates(t) for t in thetas], rtol=1e-12, atol=1e-12)
    expected = [model.excess_nll(t, data) for t in thetas]
    assert np.isfinite(expected).any()
    assert np.isinf(expected).any()
    np.testing.assert_allclose(model.excess_of_many(thetas, data), expected, rtol=1e-11)
