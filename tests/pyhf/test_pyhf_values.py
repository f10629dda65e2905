"""Every public name of :mod:`hftranslate.pyhf` beside pyhf itself: values, types and shapes, on models of our own."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pyhf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from iminuit import Minuit

import hftranslate.pyhf as ours
from hftranslate.formats.pyhf_json import from_document, to_document
from hftranslate.inference import upper_limit
from hftranslate.likelihood import compile_model
from tests.strategies import workspaces

#: pyhf validates by a class that jsonschema has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")
BOTH = pytest.mark.parametrize("lib", [pyhf, ours], ids=["pyhf", "ours"])
#: Numbers that come from no fit, and those that pyhf's minimiser leaves inexact.
EXACT, FITTED = 1e-12, 2e-3


def normfactor(name: str = "mu") -> dict[str, Any]:
    return {"name": name, "type": "normfactor", "data": None}


def spec() -> dict[str, Any]:
    """Two channels, not in alphabetical order, with every type of modifier; bins without events or uncertainty."""
    lumi = {"name": "lumi", "type": "lumi", "data": None}
    stat = {"name": "stat_b", "type": "staterror", "data": [2.0, 0.0, 1.5]}
    shift = {
        "name": "shift",
        "type": "histosys",
        "data": {"lo_data": [38.0, 31.0, 19.0], "hi_data": [43.0, 29.0, 23.0]},
    }
    scale = {"name": "scale", "type": "normsys", "data": {"lo": 0.92, "hi": 1.1}}
    one = {"name": "b", "data": [40.0, 30.0, 21.0], "modifiers": [lumi, stat, shift, scale]}
    two = {"name": "a", "data": [5.0, 6.0, 9.0], "modifiers": [normfactor(), lumi]}
    shape = {"name": "uncorrelated", "type": "shapesys", "data": [3.0, 0.0]}
    free = {"name": "free", "type": "shapefactor", "data": None}
    three = {"name": "b", "data": [60.0, 0.0], "modifiers": [shape, scale]}
    four = {"name": "c", "data": [10.0, 12.0], "modifiers": [free]}
    lumi_config = {"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "bounds": [[0.9, 1.1]], "inits": [1.0]}
    mu = {"name": "mu", "bounds": [[0.0, 8.0]], "inits": [0.5]}
    return {
        "channels": [{"name": "z", "samples": [one, two]}, {"name": "control", "samples": [three, four]}],
        "observations": [{"name": "z", "data": [47, 33, 28]}, {"name": "control", "data": [71, 12]}],
        "measurements": [
            {"name": "first", "config": {"poi": "mu", "parameters": [lumi_config, mu]}},
            {"name": "second", "config": {"poi": "", "parameters": [lumi_config, {"name": "scale", "fixed": True}]}},
        ],
        "version": "1.0.0",
    }


def alike(found: Any, wanted: Any, rtol: float) -> None:
    """The same types, shapes and numbers, through lists and tuples."""
    if isinstance(wanted, np.ndarray | np.generic):
        assert isinstance(found, np.ndarray | np.generic)
        assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
        np.testing.assert_allclose(np.asarray(found), np.asarray(wanted), rtol=rtol, atol=rtol * 1e-2)
    elif isinstance(wanted, dict):
        assert list(found) == list(wanted)
        for key in wanted:
            alike(found[key], wanted[key], rtol)
    elif isinstance(wanted, list | tuple):
        assert (type(found), len(found)) == (type(wanted), len(wanted))
        for f, w in zip(found, wanted, strict=True):
            alike(f, w, rtol)
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, rel=rtol)
    else:
        assert found == wanted


def both(make: Callable[[ModuleType], Any], rtol: float = EXACT) -> None:
    alike(make(ours), make(pyhf), rtol)


def model(lib: Any, **kw: Any) -> Any:
    return lib.Workspace(spec()).model(**kw)


def data(lib: Any) -> Any:
    return lib.Workspace(spec()).data(model(lib))


def point(lib: Any, seed: int = 1) -> Any:
    m = model(lib)
    rng = np.random.default_rng(seed)
    return np.array(m.config.suggested_init()) + rng.uniform(-0.05, 0.05, m.config.npars)


CONFIG = (
    "channels samples modifiers channel_nbins channel_slices par_order par_names parameters poi_name poi_index npars"
)
CONFIG += " nmaindata nauxdata auxdata_order"


@pytest.mark.parametrize("name", CONFIG.split())
@pytest.mark.parametrize("measurement", ["first", "second"])
def test_config(name: str, measurement: str) -> None:
    both(lambda lib: getattr(model(lib, measurement_name=measurement).config, name))


def test_config_numbers() -> None:
    for name in ("suggested_init", "suggested_bounds", "suggested_fixed"):
        for measurement in (0, 1):
            found, wanted = (getattr(model(lib, measurement_index=measurement).config, name)() for lib in (ours, pyhf))
            assert [list(np.atleast_1d(v)) for v in found] == [list(np.atleast_1d(v)) for v in wanted]
    both(lambda lib: np.array(model(lib).config.auxdata))


@pytest.mark.parametrize("name", ["mu", "lumi", "scale", "shift", "stat_b", "uncorrelated", "free"])
def test_parameter_sets(name: str) -> None:
    found, wanted = (model(lib).config.param_set(name) for lib in (ours, pyhf))
    for attribute in ("name", "n_parameters", "is_scalar", "constrained"):
        assert getattr(found, attribute) == getattr(wanted, attribute)
    if name in ("stat_b", "uncorrelated"):
        with pytest.raises(RuntimeError, match="neither"):
            _ = found.suggested_fixed_as_bool
    else:
        assert found.suggested_fixed_as_bool == wanted.suggested_fixed_as_bool
    assert found.pdf_type == getattr(wanted, "pdf_type", None)
    if wanted.constrained:
        np.testing.assert_allclose(found.width(), wanted.width(), rtol=EXACT)
    both(lambda lib: lib.compat.paramset_to_rootnames(model(lib).config.param_set(name)))
    both(lambda lib: model(lib).config.par_slice(name))


@pytest.mark.parametrize("seed", range(3))
def test_the_likelihood_and_its_parts(seed: int) -> None:
    for lib_call in (
        lambda lib: model(lib).logpdf(point(lib, seed), data(lib)),
        lambda lib: model(lib).pdf(point(lib, seed), data(lib)),
        lambda lib: model(lib).expected_data(point(lib, seed)),
        lambda lib: model(lib).expected_data(point(lib, seed), include_auxdata=False),
        lambda lib: model(lib).expected_actualdata(point(lib, seed)),
        lambda lib: model(lib).expected_auxdata(point(lib, seed)),
        lambda lib: model(lib).main_model.expected_data(point(lib, seed), return_by_sample=True),
        lambda lib: model(lib).mainlogpdf(np.array(data(lib)[:5]), point(lib, seed)),
        lambda lib: model(lib).constraint_logpdf(np.array(data(lib)[5:]), point(lib, seed)),
        lambda lib: lib.infer.mle.twice_nll(point(lib, seed), data(lib), model(lib)),
        lambda lib: model(lib).make_pdf(point(lib, seed)).log_prob(np.array(data(lib))),
        lambda lib: model(lib).nominal_rates,
    ):
        both(lib_call, rtol=1e-10)


@pytest.mark.parametrize("normsys", ["code1", "code4"])
@pytest.mark.parametrize("histosys", ["code0", "code2", "code4p"])
def test_interpolations(normsys: str, histosys: str) -> None:
    codes = {"normsys": {"interpcode": normsys}, "histosys": {"interpcode": histosys}}

    def rates(lib: Any) -> Any:
        m = model(lib, modifier_settings=codes)
        at = np.array(m.config.suggested_init())
        at[m.config.par_slice("scale")], at[m.config.par_slice("shift")] = -1.7, 0.6
        return m.expected_data(at)

    both(rates, rtol=1e-10)


def test_an_interpolation_that_is_none() -> None:
    with pytest.raises(ours.exceptions.InvalidInterpCode, match="code7"):
        model(ours, modifier_settings={"normsys": {"interpcode": "code7"}})


def test_pseudo_experiments_are_those_of_pyhf_for_the_same_seed() -> None:
    def toys(lib: Any) -> Any:
        np.random.seed(3)  # noqa: NPY002 - pyhf draws from the global generator, and scripts set its seed
        return model(lib).make_pdf(point(lib)).sample((4,))

    both(toys)


STATISTICS = ["q0", "qmu", "qmu_tilde", "tmu", "tmu_tilde"]


def simple(lib: Any) -> tuple[Any, Any]:
    m = lib.simplemodels.uncorrelated_background([6.0, 3.0], [50.0, 52.0], [3.0, 7.0])
    return m, [60, 51, *m.config.auxdata]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", STATISTICS)
def test_test_statistics(name: str) -> None:
    def statistic(lib: Any) -> Any:
        m, d = simple(lib)
        settings = (m.config.suggested_init(), m.config.suggested_bounds(), m.config.suggested_fixed())
        mu = 0.0 if name == "q0" else 2.5
        return getattr(lib.infer.test_statistics, name)(mu, d, m, *settings, return_fitted_pars=True)

    both(statistic, rtol=FITTED)


def test_the_statistic_is_that_of_a_closed_form() -> None:
    """One bin with a known background, where the best fit is n - b: q = 2 [s + b - n + n ln(n / (s + b))]."""
    normsys = {"name": "nothing", "type": "normsys", "data": {"lo": 1.0, "hi": 1.0}}
    signal = {"name": "s", "data": [10.0], "modifiers": [normfactor()]}
    channel = {"name": "c", "samples": [signal, {"name": "b", "data": [50.0], "modifiers": [normsys]}]}
    m = ours.Model({"channels": [channel]})
    found = ours.infer.test_statistics.qmu_tilde(1.5, [55.0, 0.0], m, *map(_of(m), ("init", "bounds", "fixed")))
    assert found == pytest.approx(2.0 * (65.0 - 55.0 + 55.0 * np.log(55.0 / 65.0)), rel=1e-9)


def _of(m: Any) -> Callable[[str], Any]:
    return lambda what: getattr(m.config, f"suggested_{what}")()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("test_stat", ["q0", "q", "qtilde"])
@pytest.mark.parametrize(
    "flags", [(), ("expected",), ("tail_probs", "expected_set"), ("tail_probs", "expected", "expected_set")]
)
def test_hypotest(test_stat: str, flags: tuple[str, ...]) -> None:
    def result(lib: Any) -> Any:
        m, d = simple(lib)
        mu = 0.0 if test_stat == "q0" else 1.5
        return lib.infer.hypotest(mu, d, m, test_stat=test_stat, **{f"return_{flag}": True for flag in flags})

    both(result, rtol=FITTED)


def test_hypotest_of_everything() -> None:
    both(lambda lib: lib.infer.hypotest(1.0, data(lib), model(lib), return_expected_set=True), rtol=FITTED)


def test_the_calculator_keeps_its_fits() -> None:
    m, d = simple(ours)
    cls, calculator = ours.infer.hypotest(1.0, d, m, return_calculator=True)
    pars = calculator.fitted_pars
    assert pars.fixed_poi_fit_to_data[0] == 1.0
    assert pars.free_fit_to_data.shape == (3,)
    statistic = calculator.teststatistic(1.0)
    assert calculator.pvalues(statistic, *calculator.distributions(1.0))[2] == cls


def test_fits() -> None:
    both(lambda lib: lib.infer.mle.fit(data(lib), model(lib), return_fitted_val=True), rtol=5e-3)
    both(lambda lib: 10.0 + lib.infer.mle.fixed_poi_fit(1.3, data(lib), model(lib)), rtol=1e-4)
    lowest = [float(lib.infer.mle.fit(data(lib), model(lib), return_fitted_val=True)[1]) for lib in (ours, pyhf)]
    assert lowest[0] <= lowest[1] + 1e-9


@pytest.mark.filterwarnings("ignore")
def test_uncertainties_and_correlations() -> None:
    def fit(lib: Any) -> Any:
        lib.set_backend("numpy", "minuit")
        m, d = simple(lib)
        flags = {f"return_{what}": True for what in ("uncertainties", "correlations", "fitted_val")}
        try:
            return lib.infer.mle.fit(d, m, **flags)
        finally:
            lib.set_backend("numpy")

    both(fit, rtol=0.03)  # MINUIT's second derivatives are numerical in pyhf


def test_the_result_object_and_options() -> None:
    m, d = simple(ours)
    pars, result = ours.infer.mle.fit(d, m, return_result_obj=True, maxiter=500, tolerance=1e-3)
    assert result.x is pars
    assert result.success
    with pytest.raises(ours.exceptions.Unsupported, match="colour"):
        ours.infer.mle.fit(d, m, colour="red")
    with pytest.raises(ours.exceptions.FailedMinimization, match="limit of iterations"):
        ours.infer.mle.fit(d, m, [8.0, 1.0, 1.0], maxiter=1)


def test_the_result_object_has_a_minuit() -> None:
    """Where MINUIT is the optimizer, as with pyhf; its minimum, errors and MINOS are those of MINUIT by itself."""
    m, d = simple(ours)
    ours.set_backend("numpy", "minuit")
    try:
        _, result = ours.infer.mle.fit(d, m, fixed_params=[False, False, True], return_result_obj=True)
    finally:
        ours.set_backend("numpy")
    alone = Minuit(lambda pars: -2.0 * float(m.logpdf(pars, d)[0]), [1.0, 1.0, 1.0], name=m.config.par_names)
    alone.limits, alone.fixed = m.config.suggested_bounds(), [False, False, True]
    alone.strategy = 2
    for minuit in (alone.migrad(), result.minuit):
        minuit.minos()
    assert result.minuit.valid
    assert list(result.minuit.fixed) == [False, False, True]
    assert result.minuit.parameters == tuple(m.config.par_names)
    assert result.minuit.fval == pytest.approx(alone.fval, abs=1e-6)
    assert list(result.minuit.errors)[:2] == pytest.approx(list(alone.errors)[:2], rel=2e-3)
    mine, wanted = result.minuit.merrors["mu"], alone.merrors["mu"]
    assert (mine.lower, mine.upper) == pytest.approx((wanted.lower, wanted.upper), rel=2e-3)
    assert "minuit" not in ours.infer.mle.fit(d, m, return_result_obj=True)[1]


def test_parts_of_a_model() -> None:
    m = model(ours)
    both(lambda lib: model(lib).fullpdf_tv.split(np.array(data(lib))))
    both(lambda lib: np.asarray(model(lib).constraint_model.constraints_poisson.batched_factors[0], dtype=float))
    toys = m.make_pdf(point(ours)).sample((2, 3))
    log_probs = m.make_pdf(point(ours)).log_prob(toys)
    assert (toys.shape, log_probs.shape) == ((2, 3, len(data(ours))), (2, 3))
    assert log_probs[1, 2] == m.logpdf(point(ours), toys[1, 2])[0]
    assert m.make_pdf(point(ours)).sample().shape == toys[0, 0].shape


def test_values_outside_ranges_are_refused() -> None:
    m, d = simple(ours)
    with pytest.raises(ValueError, match="outside of its bounds"):
        ours.infer.hypotest(11.0, d, m)
    with pytest.raises(ours.exceptions.UnspecifiedPOI):
        ours.infer.hypotest(1.0, data(ours), model(ours, measurement_name="second"))
    with pytest.raises(ours.exceptions.InvalidModel, match="set as fixed"):
        ours.infer.hypotest(1.0, d, m, fixed_params=[True, False, False])


def test_upper_limits() -> None:
    both(lambda lib: lib.infer.intervals.upper_limits.upper_limit(*reversed(simple(lib))), rtol=FITTED)
    grid = np.linspace(0.1, 6.0, 8)
    both(lambda lib: lib.infer.intervals.upper_limits.upper_limit(*reversed(simple(lib)), grid), rtol=FITTED)
    m, d = simple(ours)
    limits = ours.infer.intervals.upper_limits
    observed, _, (tested, _) = limits.upper_limit(d, m, return_results=True)
    assert (min(tested), max(tested)) == (0.0, 10.0)
    assert ours.infer.hypotest(float(limits.upper_limit(d, m, level=0.1)[0]), d, m) == pytest.approx(0.1, rel=1e-3)
    with pytest.warns(DeprecationWarning, match="upper_limit"):
        assert ours.infer.intervals.upperlimit(d, m)[0] == observed


@pytest.mark.parametrize("observed", [[47, 33, 28], [40, 36, 31], [41, 31, 39]])
def test_limits_agree_with_those_of_the_room(observed: list[int]) -> None:
    """The one goes through pyhf's steps, from a test without signal upwards, the other through ours."""
    document = spec()
    document["observations"][0]["data"] = observed
    m = ours.Workspace(document).model()
    d = ours.Workspace(document).data(m)
    wanted = upper_limit(*compile_model(from_document(document)), poi_range="model")
    found, expected = ours.infer.intervals.upper_limits.upper_limit(d, m, rtol=1e-9)
    assert found == pytest.approx(wanted.observed, rel=1e-4)
    assert [float(e) for e in expected] == pytest.approx(wanted.expected, rel=1e-4)


def test_rounding_where_nothing_tells_the_hypotheses_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The formula beyond the Asimov data's statistic divides by its root."""
    m, d = simple(ours)
    statistics = iter([1e-13, 0.0])
    found = lambda *_, **__: (np.asarray(next(statistics)), (None, None))  # noqa: E731
    monkeypatch.setattr(ours.infer.utils, "get_test_stat", lambda _: found)
    assert ours.infer.hypotest(0.0, d, m) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_no_signal_is_never_excluded(seed: int) -> None:
    """Both statistics are zero there, or what rounding leaves of them."""
    m, _ = simple(ours)
    d = np.array([*np.random.default_rng(seed).poisson([53, 54]), *m.config.auxdata])
    assert ours.infer.hypotest(0.0, d, m) == pytest.approx(1.0, abs=1e-4)


def test_pseudo_experiments_of_tests() -> None:
    m, _ = simple(ours)
    d = [48, 50, *m.config.auxdata]
    np.random.seed(0)  # noqa: NPY002 - as above
    cls, tails, band = ours.infer.hypotest(
        1.0, d, m, calctype="toybased", ntoys=60, track_progress=False, return_tail_probs=True, return_expected_set=True
    )
    assert cls == pytest.approx(float(tails[0] / tails[1]))
    assert [float(p) for p in band] == sorted(float(p) for p in band)
    asymptotic = ours.infer.hypotest(1.0, d, m)
    assert abs(float(cls) - float(asymptotic)) < 0.3
    distribution = ours.infer.calculators.EmpiricalDistribution([0.0, 1.0, 2.0, 3.0])
    assert distribution.pvalue(1.5) == 0.5
    assert distribution.expected_value(0.0) == pytest.approx(1.5)


def test_asymptotic_distribution() -> None:
    for name, arguments in (("cdf", (0.3,)), ("pvalue", (0.3,)), ("expected_value", (np.array([-1.0, 2.0]),))):
        for cutoff in (float("-inf"), -0.2):
            both(
                lambda lib, n=name, a=arguments, c=cutoff: getattr(
                    lib.infer.calculators.AsymptoticTestStatDistribution(-0.7, c), n
                )(*a)
            )
    both(
        lambda lib: lib.infer.calculators.generate_asimov_data(0.0, data(lib), model(lib), None, None, None),
        rtol=FITTED,
    )


TENSOR = {
    "astensor": ([1, 2],),
    "clip": (np.array([1.0, 5.0]), 2.0, 3.0),
    "concatenate": ([np.ones(2), np.zeros(1)],),
    "conditional": (True, lambda: 1, lambda: 2),
    "erf": (0.3,),
    "erfinv": (0.3,),
    "gather": (np.array([1.0, 2.0]), np.array([1, 0])),
    "normal": (0.3, 0.1, 2.0),
    "normal_cdf": (0.3,),
    "normal_logpdf": (0.3, 0.1, 2.0),
    "ones": ((2, 3),),
    "outer": (np.array([1.0, 2.0]), np.array([3.0])),
    "poisson": (3.5, 4.0),
    "poisson_logpdf": (np.array([3.5, 0.0]), np.array([4.0, 1.0])),
    "product": (np.array([2.0, 3.0]),),
    "reshape": (np.ones(4), (2, 2)),
    "shape": (np.ones((2, 3)),),
    "simple_broadcast": (np.ones(3), np.ones((1,))),
    "stack": ([np.ones(2), np.zeros(2)],),
    "tile": (np.ones(2), (2, 1)),
    "tolist": (np.ones(2),),
    "to_numpy": (np.ones(2),),
    "transpose": (np.ones((2, 3)),),
    "where": (np.array([True, False]), np.ones(2), np.zeros(2)),
    "zeros": ((2,), "int"),
}


@pytest.mark.parametrize("name", TENSOR)
def test_tensor_library(name: str) -> None:
    alike(getattr(ours.tensorlib, name)(*TENSOR[name]), getattr(pyhf.tensorlib, name)(*TENSOR[name]), EXACT)


def test_percentile() -> None:
    assert ours.tensorlib.percentile(np.arange(5.0), 50, interpolation="linear") == 2.0


def test_every_name_of_the_tensor_library_is_there() -> None:
    names = [n for n in dir(pyhf.tensorlib) if not n.startswith("_")]
    assert [n for n in names if not hasattr(ours.tensorlib, n)] == []
    both(lambda lib: lib.tensorlib.poisson_dist(3.5).log_prob(np.array([2.0, 4.5])))
    both(lambda lib: lib.tensorlib.normal_dist(3.5, 2.0).log_prob(np.array([2.0, 4.5])))


def test_backends() -> None:
    ours.set_backend(b"NumPy", "minuit", precision="32b")
    try:
        assert ours.tensorlib.astensor([1]).dtype == np.float32
        assert (ours.optimizer.name, ours.default_backend.precision) == ("minuit", "64b")
    finally:
        ours.set_backend("numpy", default=True)
    assert ours.get_backend() == (ours.tensorlib, ours.optimizer)
    for bad, error in (
        (("jax",), ours.exceptions.ImportBackendError),
        (("abacus",), ours.exceptions.InvalidBackend),
        (("numpy", "guess"), ours.exceptions.InvalidOptimizer),
        (("numpy", None, "16b"), ours.exceptions.Unsupported),
    ):
        with pytest.raises(error):
            ours.set_backend(*bad)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = ours.nonsense


def test_densities() -> None:
    rate, loc, scale = np.array([3.0, 5.0]), np.array([0.1, 0.2]), np.array([1.0, 2.0])
    both(lambda lib: lib.probability.Poisson(rate).log_prob(np.array([2.0, 7.0])))
    both(lambda lib: lib.probability.Normal(loc, scale).log_prob(np.array([2.0, 0.0])))
    both(lambda lib: lib.probability.Normal(loc, scale).expected_data())
    assert ours.probability.Normal(loc, scale).sample((5,)).shape == (5, 2)


@BOTH
def test_what_is_no_model_is_refused(lib: Any) -> None:
    e = lib.exceptions
    good = spec()

    def with_change(change: Callable[[Any], Any]) -> Any:
        s = spec()
        change(s["channels"][0]["samples"][0])
        return {"channels": s["channels"], "parameters": good["measurements"][0]["config"]["parameters"]}

    cases = [
        (
            lambda s: s["modifiers"].append({"name": "mu", "type": "normsys", "data": {"lo": 0.9, "hi": 1.1}}),
            e.InvalidNameReuse,
        ),
        (lambda s: s["modifiers"][1].update(data=[1.0]), e.InvalidModifier),
        (lambda s: s["modifiers"][2]["data"].update(lo_data=[1.0]), e.InvalidModifier),
        (lambda s: s.update(data=[]), e.InvalidSpecification),
        (lambda s: s["modifiers"].append({"name": "x", "type": "nonsense", "data": None}), e.InvalidSpecification),
    ]
    for change, error in cases:
        with pytest.raises(error):
            lib.Model(with_change(change))
    with pytest.raises(e.InvalidModel):
        lib.Model({"channels": good["channels"][1:]}, poi_name="mu")
    with pytest.raises(e.InvalidModel):
        lib.Model({"channels": good["channels"][1:]}, poi_name="uncorrelated")
    with pytest.raises(e.Unsupported):
        lib.Model({"channels": good["channels"][1:]}, poi_name=None, nonsense=1)
    m = lib.Model({"channels": good["channels"][1:]}, poi_name=None)
    with pytest.raises(e.InvalidPdfParameters):
        m.logpdf([1.0], [1.0])
    with pytest.raises(e.InvalidPdfData):
        m.logpdf(m.config.suggested_init(), [1.0])


def test_a_schema_says_where() -> None:
    bad = spec()
    bad["channels"][0]["samples"][0]["data"] = "none"
    for lib in (pyhf, ours):
        with pytest.raises(lib.exceptions.InvalidSpecification) as caught:
            lib.Workspace(bad)
        assert (caught.value.schema, caught.value.instance) == ("workspace.json", "none")
        assert caught.value.path == "channels[0].samples[0].data"
    both(lambda lib: lib.schema.load_schema("1.0.0/defs.json"))
    assert ours.schema.version == pyhf.schema.version
    with pytest.raises(ours.exceptions.SchemaNotFound):
        ours.schema.validate({}, "workspace.json", version="0.0.1")


def test_arrays_are_lists() -> None:
    arrays, lists = spec(), spec()
    arrays["channels"][0]["samples"][0]["data"] = np.array([40.0, 30.0, 21.0])
    at = point(ours)
    assert ours.Workspace(arrays).model().expected_data(at) == pytest.approx(
        ours.Workspace(lists).model().expected_data(at)
    )


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=workspaces("pyhf-json").map(to_document), seed=st.integers(0, 1000))
def test_generated_models_are_alike(document: dict[str, Any], seed: int) -> None:
    """What pyhf makes a model of, we do, with the same parameters, expectations and, in its domain, likelihood."""
    try:
        theirs = pyhf.Workspace(document).model(poi_name=None)
        bounds = np.array(theirs.config.suggested_bounds())
    except (TypeError, KeyError, pyhf.exceptions.InvalidModel):  # no parameters, or some that pyhf trips over
        return
    mine = ours.Workspace(document).model(poi_name=None)
    for name in CONFIG.split():
        assert getattr(mine.config, name) == getattr(theirs.config, name)
    shift = np.random.default_rng(seed).uniform(-0.2, 0.2, theirs.config.npars)
    at = np.clip(theirs.config.suggested_init() + shift, *bounds.T)
    alike(mine.expected_data(at), theirs.expected_data(at), 1e-9)
    alike(mine.nominal_rates, theirs.nominal_rates, EXACT)
    alike(*(m.main_model.expected_data(at, return_by_sample=True) for m in (mine, theirs)), rtol=1e-9)
    observed = pyhf.Workspace(document).data(theirs)
    if np.all(theirs.expected_actualdata(at) > 0.0) and min(observed) >= 0.0:
        alike(mine.logpdf(at, observed), theirs.logpdf(at, observed), 1e-9)
