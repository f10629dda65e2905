"""Each step towards pyhf JSON alone: the exact rewriting, and what is said about it."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pyhf
import pytest

from hftranslate.difference.likelihood_change import likelihood_difference
from hftranslate.errors import Unsupported
from hftranslate.formats import pyhf_json
from hftranslate.formats.outcomes import of_kind
from hftranslate.formats.pyhf_json.dialect import TO_PYHF
from hftranslate.formats.rewriting import Outcomes
from hftranslate.translation.write import to_pyhf_json
from hftranslate.workspace import (
    PYHF,
    ROOT,
    Channel,
    ConstraintTerm,
    Conventions,
    Function,
    HistoSys,
    Lumi,
    Measurement,
    Modifier,
    NormFactor,
    NormSys,
    ParameterConfig,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
    Workspace,
)
from tests.equivalence import all_of, model_difference, same_rules

MU = NormFactor(name="mu")


def sample(name: str, *modifiers: Modifier, nominal: tuple[float, ...] = (50.0, 60.0)) -> Sample:
    return Sample(name=name, nominal=nominal, modifiers=modifiers)


def model(
    *samples: Sample,
    settings: tuple[ParameterConfig, ...] = (),
    conventions: Conventions = ROOT,
    others: tuple[Measurement, ...] = (),
    **measurement: Any,
) -> Workspace:
    first = Measurement(**{"name": "meas", "pois": ("mu",), "parameters": settings, **measurement})
    observed = tuple(55.0 + i for i in range(len(samples[0].nominal)))
    return Workspace(
        channels=(Channel(name="SR", samples=samples, observed=observed),),
        measurements=(first, *others),
        conventions=conventions,
    )


def step(name: str, ws: Workspace) -> tuple[Workspace, Outcomes]:
    (found,) = [s for s in TO_PYHF if s.name == name]
    return found.apply(ws)


def unchanged(before: Workspace, after: Workspace) -> None:
    """The same model for every measurement, under the same rules."""
    rules = same_rules(after.conventions, before.conventions)
    for i in range(len(before.measurements)):
        assert model_difference(replace(before, conventions=rules), after, i) is None


def kinds(outcomes: Outcomes) -> list[str]:
    return [o.kind for o in outcomes]


def all_the_way(ws: Workspace) -> tuple[Workspace, Outcomes]:
    """What JSON alone says."""
    translation = to_pyhf_json(ws)
    return pyhf_json.from_document(translation.document), translation.outcomes


def test_a_workspace_of_pyhf_passes_every_step_as_it_is() -> None:
    ws = model(
        sample("s", MU, Lumi()),
        sample("b", StatError(name="stat", data=(5, 6.0)), ShapeFactor(name="f")),
        sample("c", ShapeSys(name="sys", data=(5, 0)), nominal=(5, 0)),
        settings=(
            ParameterConfig(name="lumi", auxdata=(1,), sigmas=(0.02,)),
            ParameterConfig(name="sys", fixed=False),
            ParameterConfig(name="f", fixed=True),
        ),
        conventions=PYHF,
    )
    for s in TO_PYHF:
        after, outcomes = s.apply(ws)
        assert all_of(after) == all_of(ws), s.name
        assert outcomes == ()


# ------------------------------------------------------------------------------------------------------- luminosity
def lumi(**settings: Any) -> ParameterConfig:
    return ParameterConfig(**{"name": "lumi", "auxdata": (1.0,), "sigmas": (0.0,), **settings})


def test_a_constant_luminosity_of_one_is_left_out() -> None:
    ws = model(sample("s", MU, Lumi()), settings=(lumi(inits=(1.0,), fixed=True),))
    after, outcomes = step("constant luminosity", ws)
    assert kinds(outcomes) == ["rewrite"]
    assert after.channels[0].samples[0].modifiers == (MU,)
    assert after.measurements[0].parameters == ()
    unchanged(ws, after)


@pytest.mark.parametrize(
    "settings", [{"auxdata": (2.0,)}, {"inits": (1.5,)}, {"auxdata": (2.0,), "inits": (1.5,), "fixed": True}]
)
def test_another_constant_luminosity_is_a_fixed_parameter(settings: dict[str, Any]) -> None:
    ws = model(sample("s", MU, Lumi()), settings=(lumi(**settings),))
    after, outcomes = step("constant luminosity", ws)
    assert kinds(outcomes) == ["rewrite"]
    config = after.measurements[0].parameter("lumi")
    assert config.fixed is True
    assert config.sigmas is not None
    assert config.sigmas[0] > 0.0
    unchanged(ws, after)
    unchanged(ws, all_the_way(ws)[0])


def test_a_luminosity_that_is_constant_in_one_measurement_only() -> None:
    second = Measurement(name="other", pois=("mu",), parameters=(lumi(sigmas=(0.1,)),))
    ws = model(sample("s", MU, Lumi()), settings=(lumi(),), others=(second,))
    after, outcomes = step("constant luminosity", ws)
    assert [o.where for o in outcomes] == ["measurement 'meas': lumi"]
    unchanged(ws, after)


# --------------------------------------------------------------------------------------------- parameters of interest
@pytest.mark.parametrize(
    ("pois", "chosen", "said"),
    [
        ((), (), []),
        (("mu",), ("mu",), []),
        (("mu", "k"), ("mu",), ["carried"]),
        (("unknown", "k", "mu"), ("k",), ["carried"]),
        (("unknown",), ("unknown",), []),
        (("unknown", "neither"), ("unknown",), ["carried"]),
        (("S[1]", "mu"), ("mu",), ["carried"]),
    ],
)
def test_one_parameter_of_interest(pois: tuple[str, ...], chosen: tuple[str, ...], said: list[str]) -> None:
    ws = model(sample("s", MU, NormFactor(name="k"), ShapeFactor(name="S")), pois=pois)
    after, outcomes = step("parameters of interest", ws)
    assert after.measurements[0].pois == chosen
    assert kinds(outcomes) == said


def test_the_only_entry_of_a_set_goes_by_the_name_of_the_set() -> None:
    ws = model(sample("s", ShapeFactor(name="S"), nominal=(5.0,)), pois=("S[0]",))
    after, _ = step("parameters of interest", ws)
    assert after.measurements[0].pois == ("S",)


# -------------------------------------------------------------------------------------------------- constraint terms
def term(name: str, kind: Any, size: float = 0.0) -> ConstraintTerm:
    return ConstraintTerm(name=name, kind=kind, relative_uncertainty=size)


JES = NormSys(name="JES", lo=0.9, hi=1.2)
JES_SHAPE = HistoSys(name="JES", lo_data=(45.0, 58.0), hi_data=(57.0, 61.0))


def test_no_constraint_removes_the_normsys() -> None:
    ws = model(sample("s", MU), sample("b", JES), constraint_terms=(term("JES", "none"),))
    after, outcomes = step("constraint terms", ws)
    assert kinds(outcomes) == ["rewrite"]
    assert after.channels[0].samples[1].modifiers == ()
    assert after.measurements[0].constraint_terms == ()
    unchanged(ws, after)


def test_no_constraint_in_one_measurement_is_a_constant_there() -> None:
    second = Measurement(name="other", pois=("mu",))
    ws = model(sample("s", MU), sample("b", JES), constraint_terms=(term("JES", "none"),), others=(second,))
    after, outcomes = step("constraint terms", ws)
    assert kinds(outcomes) == ["rewrite"]
    assert after.measurements[0].parameter("JES").fixed is True
    assert after.measurements[1].parameters == ()
    without = replace(ws, measurements=(replace(ws.measurements[0], constraint_terms=()),))
    constant = replace(after, measurements=after.measurements[:1])
    assert likelihood_difference(ws, constant) == pytest.approx(0.0, abs=1e-12)
    assert likelihood_difference(without, constant) > 0.1
    unchanged(replace(ws, measurements=(second,)), replace(after, measurements=(after.measurements[1],)))


def test_no_constraint_does_not_touch_a_histosys() -> None:
    ws = model(sample("s", MU), sample("b", JES_SHAPE), constraint_terms=(term("JES", "none"),))
    after, outcomes = step("constraint terms", ws)
    assert after.channels == ws.channels
    assert kinds(outcomes) in ([], ["rewrite"])
    unchanged(ws, after)


def test_a_uniform_constraint_is_lost_and_measured() -> None:
    ws = model(sample("s", MU), sample("b", JES), constraint_terms=(term("JES", "uniform", 0.3),))
    _, outcomes = all_the_way(ws)
    (loss,) = of_kind(outcomes, "loss")
    assert loss.what == "the uniform constraint (relative uncertainty 0.3) becomes a unit Gaussian"
    assert loss.effect == pytest.approx(12.5, rel=1e-3)  # at five sigma, the end of the range
    assert loss.effect_on_cls is not None


@pytest.mark.parametrize("kind", ["gamma", "lognormal"])
def test_terms_that_act_on_normsys_only(kind: str) -> None:
    lost = model(sample("s", MU), sample("b", JES), constraint_terms=(term("JES", kind, 0.3),))
    assert kinds(step("constraint terms", lost)[1]) == ["loss"]
    harmless = model(sample("s", MU), sample("b", JES_SHAPE), constraint_terms=(term("JES", kind, 0.3),))
    assert kinds(step("constraint terms", harmless)[1]) == ["carried"]


# --------------------------------------------------------------------------------------------------------- functions
def with_functions(ws: Workspace, *functions: tuple[str, str, str]) -> Workspace:
    return replace(ws, functions=tuple(Function(name=n, expression=e, dependents=d) for n, e, d in functions))


def test_functions_are_lost_where_they_are_used() -> None:
    ws = model(
        sample("s", NormFactor(name="k")), pois=("x",), settings=(ParameterConfig(name="x", inits=(4.0,), fixed=True),)
    )
    ws = with_functions(ws, ("k", "sqrt(x)", "x[1,0,9]"), ("unused", "2*x", "x"))
    after, outcomes = step("functions", ws)
    assert kinds(outcomes) == ["loss", "carried", "loss"]
    assert "what ties it to 'x' is lost" in outcomes[0].what
    assert after.functions == ()
    (m,) = after.measurements
    assert m.pois == ("k",)
    assert m.parameters == (ParameterConfig(name="k", inits=(2.0,), bounds=((0.0, 3.0),)),)


def test_functions_that_cannot_be_evaluated_are_lost_without_a_measure() -> None:
    ws = model(sample("s", NormFactor(name="k")), pois=("x",))
    ws = with_functions(ws, ("k", "TMath::BesselI0(x)", "x[1,0,9]"))
    after, outcomes = all_the_way(ws)
    assert "what ties it to 'x' is lost" in outcomes[0].what
    assert after.measurements[0].pois == ("k",)
    assert to_pyhf_json(ws).outcomes[0].effect is None


def test_a_function_in_pieces_is_never_taken_for_a_product() -> None:
    ws = with_functions(
        model(sample("s", NormFactor(name="k")), pois=("x",)), ("k", "x<0.01 && x>0.001 ? 5. : x", "x[1,0,9]")
    )
    assert kinds(step("functions", ws)[1])[0] == "loss"


def test_a_function_that_is_undefined_at_the_start() -> None:
    ws = with_functions(model(sample("s", NormFactor(name="k")), pois=("x",)), ("k", "1/x", "x[0,0,2]"))
    config = step("functions", ws)[0].measurements[0].parameter("k")
    assert config.inits == (1.0,)
    assert config.bounds == ((0.0, 50.0),)


@pytest.mark.parametrize(
    ("functions", "factors"),
    [
        ([("f", "x * y", "x[1,0,9],y[2,0.5,3]")], ["x", "y"]),
        ([("f", "x", "x[1,0,9]")], ["x"]),
        ([("f", "sqrt(x)", "x[1,0,9]"), ("g", "sqrt(@0)", "x")], ["x"]),
        ([("f", "c*x", "x[1,0,9],c[25]")], ["x", "c"]),
        ([("f", "2*x", "x[1,0,9]"), ("g", "0.5*z", "z[1,0,4]")], ["x", "z"]),
    ],
)
def test_products_of_free_parameters_are_norm_factors(
    functions: list[tuple[str, str, str]], factors: list[str]
) -> None:
    made = [NormFactor(name=name) for name, _, _ in functions]
    ws = model(
        sample("s", MU, *made, JES),
        sample("b", NormFactor(name="y")),
        pois=("x",),
        settings=(ParameterConfig(name="y", inits=(1.2,), fixed=True), ParameterConfig(name="mu", inits=(0.5,))),
    )
    ws = with_functions(ws, *functions)
    after, outcomes = step("functions", ws)
    assert set(kinds(outcomes)) == {"rewrite"}
    assert sorted(m.name for m in after.channels[0].samples[0].modifiers) == sorted(["mu", "JES", *factors])
    unchanged(ws, after)
    unchanged(ws, all_the_way(ws)[0])
    assert likelihood_difference(ws, after) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    "functions",
    [
        [("f", "x*x", "x[1,0,9]")],
        [("f", "2*x", "x[1,0,9]")],
        [("f", "sqrt(x)", "x[1,0,9]")],
        [("f", "x*alpha_JES", "x[1,0,9],alpha_JES[0,-5,5]")],
        [("f", "mu*x", "mu[1,0,9],x[1,0,9]")],  # stands on the sample already
        [("f", "x*y", "x[1,0,9],y[1,0,9]"), ("g", "x*z", "x,z[1,0,9]")],  # one of them twice
        [("f", "sqrt(x)*sqrt(x)", "x[1,-1,9]")],  # not below zero
        [("h", "x", "x[1,0,9]"), ("f", "sqrt(x)", "x")],  # h with f on one sample, alone on the other
    ],
)
def test_other_products_are_lost(functions: list[tuple[str, str, str]]) -> None:
    made = [NormFactor(name=name) for name, _, _ in functions]
    also = made[:1] if made[0].name == "h" else []
    ws = model(sample("s", *made, MU), sample("b", JES, *also))
    ws = with_functions(ws, *functions)
    after, outcomes = step("functions", ws)
    assert set(kinds(outcomes)) == {"loss"}
    assert {m.name for m in after.channels[0].samples[0].modifiers} == {m.name for m in [*made, MU]}
    assert to_pyhf_json(ws).outcomes[0].effect is not None


def test_a_power_of_a_function_is_lost() -> None:
    ws = with_functions(model(sample("s", NormFactor(name="f", power=2))), ("f", "x", "x[1,0,9]"))
    assert kinds(step("functions", ws)[1]) == ["loss"]


def test_factors_of_zero_become_what_pyhf_can_compute_with() -> None:
    zero = NormSys(name="JES", lo=0.0, hi=1.5)
    ws = model(sample("s", MU), sample("b", zero), sample("c"))
    after, outcomes = step("factors of zero", ws)
    assert kinds(outcomes) == ["rewrite"]
    unchanged(ws, after)
    assert of_kind(all_the_way(ws)[1], "rewrite") == outcomes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        space = pyhf.Workspace(to_pyhf_json(ws).document)
        theirs = space.model()
        assert np.isfinite(theirs.logpdf(theirs.config.suggested_init(), space.data(theirs))).all()


# ------------------------------------------------------------------------------------------------------- bin factors
def test_factors_below_the_threshold_are_said_by_errors_of_zero() -> None:
    ws = model(
        sample("s", MU, StatError(name="stat", data=(1.0, 3.0), threshold=0.1), nominal=(5.0, 3.0)),
        sample("b", StatError(name="stat", data=(2.0, 20.0), threshold=0.1)),
    )
    after, outcomes = step("constant bin factors", ws)
    assert [o.what for o in outcomes] == ["the constant factors of bins [0] are said by errors of zero"]
    assert after.channels[0].samples[0].modifiers[1] == StatError(name="stat", data=(0.0, 3.0))
    assert after.channels[0].samples[1].modifiers[0] == StatError(name="stat", data=(0.0, 20.0))
    unchanged(ws, after)
    unchanged(ws, all_the_way(ws)[0])


@pytest.mark.parametrize("value", [1.0, 1.25])
def test_factors_held_constant_one_by_one(value: float) -> None:
    config = ParameterConfig(name="stat", inits=(1.0, value, 1.0), fixed=(False, True, False))
    b = sample("b", StatError(name="stat", data=(10.0, 12.0, 0.0)), nominal=(50.0, 60.0, 70.0))
    ws = model(sample("s", MU, nominal=(3.0, 4.0, 5.0)), b, settings=(config,))
    after, outcomes = step("constant bin factors", ws)
    assert [o.what for o in outcomes] == ["the constant factors of bins [1] are said by errors of zero"]
    assert after.measurements[0].parameters == (replace(config, fixed=None),)
    unchanged(ws, after)
    unchanged(ws, all_the_way(ws)[0])


def test_all_below_the_threshold_or_all_held_constant() -> None:
    below = model(sample("s", MU), sample("b", StatError(name="stat", data=(1.0, 2.0), threshold=0.1)))
    constant = model(
        sample("s", MU),
        sample("b", StatError(name="stat", data=(1.0, 2.0))),
        settings=(ParameterConfig(name="stat", fixed=(True, True)),),
    )
    for ws in (below, constant):
        alone, outcomes = all_the_way(ws)
        assert alone.measurements[0].parameter("stat").fixed is True
        assert not of_kind(outcomes, "loss")
        unchanged(ws, alone)


def test_measurements_that_hold_other_bins_constant_are_refused() -> None:
    def config(*fixed: bool) -> ParameterConfig:
        return ParameterConfig(name="stat", fixed=fixed)

    b = sample("b", StatError(name="stat", data=(10.0, 12.0)))
    second = Measurement(name="other", pois=("mu",), parameters=(config(True, False),))
    ws = model(sample("s", MU), b, settings=(config(False, True),), others=(second,))
    with pytest.raises(Unsupported, match="'stat': measurement 'meas' holds other bin factors constant"):
        to_pyhf_json(ws)
    all_constant = replace(second, parameters=(config(True, True),))
    fine = model(sample("s", MU), b, settings=(config(False, True),), others=(all_constant,))
    unchanged(fine, all_the_way(fine)[0])


def test_setting_nothing_constant_means_another_thing_to_pyhf() -> None:
    """ROOT holds factors without an uncertainty constant whatever is set; pyhf frees them where told so."""
    b = sample("b", StatError(name="stat", data=(10.0, 0.0)))
    for fixed in (False, (False, False)):
        ws = model(sample("s", MU), b, settings=(ParameterConfig(name="stat", fixed=fixed),))
        alone, _ = all_the_way(ws)
        assert alone.measurements[0].parameter("stat").fixed is None
        unchanged(ws, alone)
    freed = model(sample("s", MU), b, settings=(ParameterConfig(name="stat", fixed=False),), conventions=PYHF)
    assert all_the_way(freed)[0] == freed


def test_a_poisson_staterror_of_one_sample_is_a_shapesys() -> None:
    ws = model(sample("s", MU), sample("b", StatError(name="stat", data=(10.0, 0.0), constraint="poisson")))
    after, outcomes = step("bin uncertainties", ws)
    assert kinds(outcomes) == ["rewrite"]
    assert after.channels[0].samples[1].modifiers == (ShapeSys(name="stat", data=(10.0, 0.0)),)
    unchanged(ws, after)
    unchanged(ws, all_the_way(ws)[0])


def test_a_poisson_staterror_of_several_samples_is_lost_and_measured() -> None:
    stat = StatError(name="stat", data=(10.0, 12.0), constraint="poisson")
    settings = (ParameterConfig(name="stat", factors=(30.0, 30.0), auxdata=(30.0, 30.0)),)
    for ws in (model(sample("s", MU, stat), sample("b", stat)), model(sample("s", stat), sample("b", stat), MU_SAMPLE)):
        alone, outcomes = all_the_way(ws)
        (loss,) = of_kind(outcomes, "loss")
        assert loss.what == "the Poisson constraint of a staterror shared by 2 samples becomes Gaussian"
        assert loss.effect is not None
        assert loss.effect > 0.01
        assert loss.effect_on_cls is not None
        assert alone.channels[0].samples[1].modifiers[-1] == replace(stat, constraint="gaussian")
    set_up = model(sample("s", MU, stat), sample("b", stat), settings=settings)
    assert all_the_way(set_up)[0].measurements[0].parameter("stat").factors is None


MU_SAMPLE = sample("extra", MU)


def test_a_gaussian_shapesys_is_a_staterror_of_its_own() -> None:
    shape = ShapeSys(name="sys", data=(0.1, 0.2), relative=True, constraint="gaussian")
    ws = model(sample("s", MU), sample("b", shape, StatError(name="stat", data=(5.0, 6.0))))
    after, outcomes = step("bin uncertainties", ws)
    assert kinds(outcomes) == ["rewrite"]
    assert after.channels[0].samples[1].modifiers[0] == StatError(name="sys", data=(5.0, 12.0))
    unchanged(ws, after)


def test_a_gaussian_shapesys_shared_by_samples_is_a_staterror_with_its_width() -> None:
    shape = ShapeSys(name="sys", data=(0.1, 0.2), relative=True, constraint="gaussian")
    ws = model(sample("s", MU, shape, nominal=(5.0, 5.0)), sample("b", shape))
    after, outcomes = step("bin uncertainties", ws)
    assert kinds(outcomes) == ["rewrite"]
    unchanged(ws, after)


def test_a_poisson_shapesys_shared_by_samples_is_lost() -> None:
    shape = ShapeSys(name="sys", data=(0.1, 0.2), relative=True, constraint="poisson")
    ws = model(sample("s", MU, shape, nominal=(5.0, 5.0)), sample("b", shape))
    alone, outcomes = all_the_way(ws)
    (loss,) = of_kind(outcomes, "loss")
    assert "the Poisson constraint of a shapesys shared by 2 samples becomes Gaussian" in loss.what
    assert loss.effect is not None
    assert model_difference(replace(ws, conventions=PYHF), alone) is not None


@pytest.mark.parametrize("constraint", ["poisson", "gaussian"])
def test_a_relative_uncertainty_of_an_empty_bin(constraint: Any) -> None:
    shape = ShapeSys(name="sys", data=(0.1, 0.2), relative=True, constraint=constraint)
    empty = sample("b", shape, nominal=(50.0, 0.0))
    ws = model(sample("s", MU), empty)
    alone, outcomes = all_the_way(ws)
    assert "bin 1 has a yield of 0: its uncertainty of 0.2 is left out, the factor fixed" in [o.what for o in outcomes]
    assert not of_kind(outcomes, "loss")
    unchanged(ws, alone)
    moving = HistoSys(name="JES", lo_data=(50.0, 0.0), hi_data=(50.0, 3.0))
    _, outcomes = all_the_way(model(sample("s", MU), replace(empty, modifiers=(shape, moving))))
    assert len(of_kind(outcomes, "loss")) == 1
    _, outcomes = all_the_way(model(sample("s", MU), replace(empty, nominal=(50.0, -2.0))))
    assert len(of_kind(outcomes, "loss")) == 1


def test_shared_factors_without_a_word_in_json_are_refused_by_name() -> None:
    shape = ShapeSys(name="sys", data=(0.1, 0.2), relative=True)
    with_factor = model(sample("s", MU), sample("b", shape, ShapeFactor(name="sys")))
    with pytest.raises(Unsupported, match="shapesys 'sys': its factors multiply a sample twice"):
        to_pyhf_json(with_factor)
    one = model(sample("s", MU, shape))
    two = replace(one, channels=(*one.channels, replace(one.channels[0], name="CR")))
    with pytest.raises(Unsupported, match="shapesys 'sys' is shared by the channels 'CR', 'SR'"):
        to_pyhf_json(two)


def test_two_staterrors_in_a_channel_stay_two() -> None:
    ws = model(
        sample("s", MU, StatError(name="one", data=(1.0, 2.0))),
        sample("b", StatError(name="two", data=(3.0, 4.0))),
        conventions=PYHF,
    )
    alone, outcomes = all_the_way(ws)
    assert alone == ws
    assert outcomes == ()


# -------------------------------------------------------------------------------------------------------------- ranges
def test_ranges_of_root_are_written_out() -> None:
    ws = model(
        sample("s", MU, Lumi()),
        sample("b", JES, Lumi(), StatError(name="stat", data=(5.0, 0.0)), ShapeFactor(name="f")),
        settings=(lumi(sigmas=(0.02,)),),
    )
    after, outcomes = step("conventions and ranges", ws)
    assert outcomes == ()
    assert after.conventions == PYHF
    (m,) = after.measurements
    assert m.parameter("lumi").bounds == ((0.0, 10.0),)
    assert m.parameter("stat").bounds == ((0.0, 1.5), (0.0, 10.0))
    assert m.parameter("f").bounds == ((0.0, 1000.0),) * 2
    assert m.parameter("JES").bounds is None
    assert m.parameter("mu").bounds == ((0.0, 10.0),)
    assert m.parameter("mu").inits == (1.0,)


def test_conventions_are_measured_and_left_out_where_they_do_nothing() -> None:
    quiet = model(sample("s", MU), sample("b", JES))
    for o in of_kind(all_the_way(quiet)[1], "convention"):
        assert o.effect is not None
        assert o.effect < 1e-9
    clipped = HistoSys(name="shape", lo_data=(50.0, -30.0), hi_data=(50.0, 150.0))
    _, outcomes = all_the_way(model(sample("s", MU), sample("b", clipped), sample("c")))
    assert any("clips the bins" in o.what and o.effect for o in of_kind(outcomes, "convention"))
    wide = StatError(name="stat", data=(30.0, 30.0))
    _, outcomes = all_the_way(model(sample("s", MU), sample("b", wide)))
    assert any("normalises Gaussian" in o.what and o.effect for o in of_kind(outcomes, "convention"))
