"""Each step towards HistFactory XML alone, and what ROOT's variables make of it."""

from dataclasses import replace
from typing import Any

import pytest

from hftranslate.difference.likelihood_change import likelihood_difference
from hftranslate.errors import Unsupported
from hftranslate.formats import histfactory_xml
from hftranslate.formats.histfactory_xml.constraints import constraint_widths
from hftranslate.formats.histfactory_xml.dialect import NO_POI, TO_XML
from hftranslate.formats.histfactory_xml.measurements import NO_POI as NO_POI_READ
from hftranslate.formats.outcomes import of_kind
from hftranslate.formats.rewriting import Outcomes
from hftranslate.translation.sidecar import apply_sidecar
from hftranslate.translation.write import to_pyhf_json, to_xml
from hftranslate.workspace import (
    PYHF,
    ROOT,
    Channel,
    ConstraintTerm,
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
from hftranslate.workspace.map import set_parameter
from hftranslate.workspace.parameter_names import declared_parameters
from hftranslate.workspace.parameters import bin_widths
from tests.equivalence import all_of, model_difference, same_rules
from tests.formats.test_dialect_pyhf_json import MU, kinds, model, sample

JES = NormSys(name="JES", lo=0.9, hi=1.2)


def step(name: str, ws: Workspace) -> tuple[Workspace, Outcomes]:
    (found,) = [s for s in TO_XML if s.name == name]
    return found.apply(ws)


def pyhf_model(*samples: Sample, **settings: Any) -> Workspace:
    return model(*samples, conventions=PYHF, **settings)


def through(ws: Workspace, **names: str) -> tuple[Workspace, Outcomes]:
    """What the XML alone says; checked to be the same model, and restored by the sidecar."""
    translation = to_xml(ws)
    alone, _ = histfactory_xml.read_back(translation.model)
    assert all_of(apply_sidecar(alone, translation.sidecar)) == all_of(ws)
    if not of_kind(translation.outcomes, "loss"):
        rules = same_rules(ROOT, ws.conventions)
        for i in range(len(ws.measurements)):
            assert model_difference(replace(ws, conventions=rules), alone, i, names=names) is None
    return alone, translation.outcomes


def driver(ws: Workspace) -> str:
    found = to_xml(ws, measure=False).model
    return found.documents[found.driver].decode()


# ------------------------------------------------------------------------------------------------------------- names
FINE = ["CR/ttbar", "a b", "µ→eγ", "日本", "\N{GRINNING FACE}", "q'uote", 'dq"x', "<&>", "p[0]", "data", "a%b", "$x{y}"]


@pytest.mark.parametrize("name", FINE)
def test_names_that_root_accepts_are_kept(name: str) -> None:
    b = sample(name, NormSys(name=f"sys {name}", lo=0.9, hi=1.2), ShapeFactor(name=f"f{name}"))
    s = sample("s", MU, NormFactor(name=f"k{name}"))
    ws = pyhf_model(s, b, sample("data_", JES))
    ws = replace(ws, channels=(*ws.channels, replace(ws.channels[0], name=f"c{name}")))
    after, outcomes = step("names", ws)
    assert after == ws
    assert outcomes == ()
    alone, _ = through(ws)
    assert [c.name for c in alone.channels] == ["SR", f"c{name}"]
    assert [x.name for x in alone.channels[0].samples] == ["s", name, "data_"]


@pytest.mark.parametrize(
    ("name", "becomes"),
    [("a,b", "a_b"), ("a;b", "a_b"), ("tab\there", "tab_here"), ("nul\x00", "nul_"), ("", "_"), ("x\ufffe", "x_")],
)
def test_names_that_root_refuses_are_changed_and_restored(name: str, becomes: str) -> None:
    b = sample(name, NormSys(name=name, lo=0.9, hi=1.2))
    ws = pyhf_model(sample("s", MU), b, name=name)
    ws = replace(ws, channels=(replace(ws.channels[0], name=name),))
    after, outcomes = step("names", ws)
    assert {o.kind for o in outcomes} == {"rewrite"}
    assert after.channels[0].name == becomes
    assert after.channels[0].samples[1] == replace(b, name=becomes, modifiers=(replace(JES, name=becomes),))
    assert after.measurements[0].name == ("measurement" if name == "" else becomes)
    through(ws, **{name: becomes})


def test_no_two_names_become_one() -> None:
    ws = pyhf_model(*(sample(n, MU) for n in ["a,b", "a_b", "a;b", "a_b_2"]))
    after, _ = step("names", ws)
    assert [s.name for s in after.channels[0].samples] == ["a_b_3", "a_b", "a_b_4", "a_b_2"]
    through(ws)


def test_a_channel_does_not_begin_with_a_digit() -> None:
    ws = pyhf_model(sample("0lep", MU, StatError(name="staterror_0lep", data=(5.0, 6.0))))
    ws = replace(ws, channels=(replace(ws.channels[0], name="0lep"),))
    alone, outcomes = through(ws, **{f"staterror_0lep[{i}]": f"staterror_channel_0lep[{i}]" for i in (0, 1)})
    assert alone.channels[0].name == "channel_0lep"
    assert alone.channels[0].samples[0].name == "0lep"
    assert "channel '0lep'" in [o.where for o in outcomes]


def test_blanks_go_only_where_names_stand_in_a_list() -> None:
    b = sample("b", NormSys(name="free one", lo=0.9, hi=1.2), NormSys(name="fixed one", lo=0.9, hi=1.2))
    k = NormFactor(name="back\\slash")
    ws = pyhf_model(
        sample("s", NormFactor(name="mu sig"), k),
        b,
        pois=("mu sig", "no such one"),
        settings=(ParameterConfig(name="fixed one", fixed=True), ParameterConfig(name="free one", fixed=False)),
    )
    after, outcomes = step("names", ws)
    assert [m.name for s in after.channels[0].samples for m in s.modifiers] == [
        "mu_sig",
        "back\\slash",
        "free one",
        "fixed_one",
    ]
    assert after.measurements[0].pois == ("mu_sig", "no_such_one")
    assert len(outcomes) == 3
    through(ws, **{"mu sig": "mu_sig", "fixed one": "fixed_one"})


def test_values_that_differ_between_measurements_need_a_name_in_a_list() -> None:
    second = Measurement(name="other", parameters=(ParameterConfig(name="mu", inits=(1.0,)),))
    ws = pyhf_model(
        sample("s", MU, NormFactor(name="k k")),
        settings=(ParameterConfig(name="k k", inits=(2.0,)),),
        others=(second,),
    )
    alone, _ = through(ws, **{"k k": "k_k"})
    assert [m.parameter("k_k").inits for m in alone.measurements] == [(2.0,), (1.0,)]


def test_settings_of_a_staterror_name_the_channel() -> None:
    b = sample("b", StatError(name="my stat", data=(5.0, 6.0)))
    ws = pyhf_model(sample("s", MU), b, settings=(ParameterConfig(name="my stat", fixed=True),))
    ws = replace(ws, channels=(replace(ws.channels[0], name="signal region"),))
    alone, _ = through(ws, **{f"my stat[{i}]": f"staterror_signal_region[{i}]" for i in (0, 1)})
    assert alone.channels[0].name == "signal_region"
    assert "gamma_stat_signal_region_bin_0 gamma_stat_signal_region_bin_1" in driver(ws)


def test_constraint_terms_follow_their_systematics() -> None:
    b = sample("b", NormSys(name="a,b c", lo=0.9, hi=1.2))
    term = ConstraintTerm(name="a,b c", kind="uniform", relative_uncertainty=0.5)
    ws = model(sample("s", MU), b, constraint_terms=(term,))
    alone, _ = through(ws, **{"a,b c": "a_b_c"})
    assert [t.name for t in alone.measurements[0].constraint_terms] == ["a_b_c"]


@pytest.mark.parametrize(
    "modifiers",
    [
        (JES, NormFactor(name="alpha_JES")),
        (JES, NormFactor(name="nom_alpha_JES")),
        (NormFactor(name="Lumi"),),
        (NormFactor(name="nominalLumi"),),
        (NormFactor(name="gamma_f_bin_0"), ShapeFactor(name="f")),
        (StatError(name="stat", data=(5.0, 6.0)), ShapeSys(name="stat_SR", data=(5.0, 6.0))),
        (NormFactor(name="alpha_lumi"), Lumi()),
        (JES, NormSys(name="JESConstraint", lo=0.9, hi=1.2)),
        (NormFactor(name="b_SR_epsilon"),),
        (NormFactor(name="SR_model"),),
        (NormFactor(name="simPdf"),),
    ],
)
def test_names_that_root_gives_to_another_object(modifiers: tuple[Modifier, ...]) -> None:
    config = (ParameterConfig(name="lumi", auxdata=(1.0,), sigmas=(0.1,)),) if Lumi() in modifiers else ()
    ws = pyhf_model(sample("s", MU), sample("b", *modifiers), settings=config)
    after, outcomes = step("names", ws)
    assert len(outcomes) == 1
    declared = declared_parameters(after.channels)
    variables = [v for d in declared.values() for v in (*d.root_names, *(f"nom_{r}" for r in d.root_names))]
    assert len(set(variables) | {"nominalLumi"}) == len(variables) + 1
    before = declared_parameters(ws.channels)
    changed = dict(zip([n for d in before.values() for n in d.names], [""] * 99, strict=False))
    pairs = zip(ws.channels[0].samples[1].modifiers, after.channels[0].samples[1].modifiers, strict=True)
    for old, new in pairs:
        if before[old.name].kind == "gamma" and not isinstance(old, StatError):
            changed |= {f"{old.name}[{i}]": f"{new.name}[{i}]" for i in range(2)}
        elif not isinstance(old, StatError):
            changed[old.name] = new.name
    through(ws, **{old: new for old, new in changed.items() if new})


@pytest.mark.parametrize(
    "modifier",
    [
        NormSys(name="lumi", lo=0.9, hi=1.2),
        HistoSys(name="lumi", lo_data=(45.0, 58.0), hi_data=(57.0, 61.0)),
        NormFactor(name="lumi"),
        ShapeFactor(name="lumi"),
        ShapeSys(name="stat_SR", data=(5.0, 6.0)),
        NormFactor(name="alpha_JES"),
    ],
)
def test_names_that_clash_with_nothing_are_kept(modifier: Modifier) -> None:
    ws = pyhf_model(sample("s", MU), sample("b", modifier))
    after, outcomes = step("names", ws)
    assert after == ws
    assert outcomes == ()
    alone, _ = through(ws)
    assert modifier.name in declared_parameters(alone.channels)


def test_functions_follow_their_norm_factor() -> None:
    ws = model(sample("s", NormFactor(name="k,1")), pois=("x",))
    ws = replace(ws, functions=(Function(name="k,1", expression="sqrt(x)", dependents="x[1,0,10]"),))
    after, _ = step("names", ws)
    assert after.functions[0].name == "k_1"
    assert after.channels[0].samples[0].modifiers == (NormFactor(name="k_1"),)


def test_functions_follow_what_they_depend_on() -> None:
    ws = model(
        sample("s", NormFactor(name="f")),
        sample("b", NormSys(name="J,ES", lo=0.9, hi=1.2), NormFactor(name="k")),
        pois=("x",),
        constraint_terms=(ConstraintTerm(name="J,ES", kind="gamma", relative_uncertainty=0.5),),
        settings=(ParameterConfig(name="beta_J,ES", inits=(1.5,)),),
    )
    ws = replace(ws, functions=(Function(name="f", expression="x*k", dependents="x[1,0,10],k[1,0,5]"),))
    after, _ = step("names", ws)
    assert after.measurements[0].constraint_terms[0].name == "J_ES"
    assert after.measurements[0].parameters == (ParameterConfig(name="beta_J_ES", inits=(1.5,)),)
    assert after.functions == ws.functions


@pytest.mark.parametrize("kind", ["gamma", "lognormal", "uniform", "none"])
@pytest.mark.parametrize("shape", [False, True])
def test_terms_and_functions_there_and_back(kind: Any, shape: bool) -> None:
    """Settings of their parameters, too: the XML alone says the same."""
    more = (HistoSys(name="JES", lo_data=(48.0, 58.0), hi_data=(57.0, 61.0)),) if shape else ()
    setting = ParameterConfig(name="beta_JES", inits=(1.5,), fixed=True) if kind == "gamma" else None
    ws = model(
        sample("s", NormFactor(name="f"), Lumi()),
        sample("b", JES, *more, Lumi()),
        pois=("x",),
        constraint_terms=(ConstraintTerm(name="JES", kind=kind, relative_uncertainty=0.0 if kind == "none" else 0.5),),
        settings=(
            lumi(inits=(1.0,)),
            *((setting,) if setting else ()),
            ParameterConfig(name="k", inits=(2.0,), fixed=True),
        ),
    )
    ws = replace(ws, functions=(Function(name="f", expression="sqrt(x)/k", dependents="x[1,0,10],k[1,0,5]"),))
    alone, outcomes = through(ws)
    assert not of_kind(outcomes, "loss", "carried")
    assert alone.functions == ws.functions
    assert alone.measurements[0].constraint_terms == ws.measurements[0].constraint_terms
    assert {p.name: p for p in alone.measurements[0].parameters} == {p.name: p for p in ws.measurements[0].parameters}
    assert likelihood_difference(ws, alone) == pytest.approx(0.0, abs=1e-12)  # rounding


def test_functions_that_cannot_be_evaluated_go_there_and_back() -> None:
    ws = model(sample("s", NormFactor(name="f"), Lumi()), pois=("x",), settings=(lumi(inits=(1.0,)),))
    ws = replace(ws, functions=(Function(name="f", expression="x > 1 ? x : 1", dependents="x[1,0,10]"),))
    translation = to_xml(ws)
    alone, _ = histfactory_xml.read_back(translation.model)
    assert alone.functions == ws.functions
    assert alone.measurements[0].pois == ("x",)


def test_functions_define_the_ranges_that_settings_state() -> None:
    ws = model(
        sample("s", NormFactor(name="f")),
        sample("b", NormFactor(name="k")),
        pois=("x",),
        settings=(
            ParameterConfig(name="x", bounds=((0.0, 4.0),)),
            ParameterConfig(name="k", inits=(1.5,), bounds=((1.0, 2.0),)),
        ),
    )
    ws = replace(ws, functions=(Function(name="f", expression="x/k", dependents="x[1,0,10],k[1,0,5]"),))
    other = replace(ws.measurements[0], name="other", parameters=(ParameterConfig(name="x", bounds=((0.0, 3.0),)),))
    after, outcomes = step("definitions of Functions", replace(ws, measurements=(*ws.measurements, other)))
    assert after.functions[0].dependents == "x[1.0,0.0,4.0],k[1.5,1.0,2.0]"
    assert kinds(outcomes) == ["rewrite", "carried", "rewrite", "carried"]
    alone, _ = through(ws)
    assert likelihood_difference(ws, alone) == pytest.approx(0.0, abs=1e-12)  # rounding


# -------------------------------------------------------------------------------------------------------- luminosity
def lumi(centre: float = 1.0, sigma: float = 0.02, **settings: Any) -> ParameterConfig:
    return ParameterConfig(**{"name": "lumi", "auxdata": (centre,), "sigmas": (sigma,), **settings})


@pytest.mark.parametrize("centre", [1.0, 2.5])
@pytest.mark.parametrize("settings", [{}, {"inits": (1.01,)}, {"fixed": True}, {"inits": (1.01,), "fixed": True}])
@pytest.mark.parametrize("partial", [False, True])
def test_the_luminosity_of_all_or_some_samples(partial: bool, centre: float, settings: dict[str, Any]) -> None:
    others = (JES,) if partial else (JES, Lumi())
    if "inits" in settings:
        settings = {**settings, "inits": (centre * 1.01,)}
    ws = pyhf_model(sample("s", MU, Lumi()), sample("b", *others), settings=(lumi(centre, 0.02 * centre, **settings),))
    alone, outcomes = through(ws)
    assert [Lumi() in s.modifiers for s in alone.channels[0].samples] == [True, not partial]
    assert alone.functions == ()
    assert ("the Function" in " ".join(o.what for o in outcomes)) == partial
    for one, two in zip(alone.channels[0].samples, ws.channels[0].samples, strict=True):
        assert set(one.modifiers) == set(two.modifiers)


def test_no_luminosity_is_a_constant_one_and_comes_back_as_none() -> None:
    ws = pyhf_model(sample("s", MU), sample("b", JES))
    after, outcomes = step("luminosity", ws)
    assert kinds(outcomes) == ["rewrite"]
    assert all(Lumi() in s.modifiers for s in after.channels[0].samples)
    assert 'Lumi="1.0" LumiRelErr="0"' in driver(ws)
    alone, _ = through(ws)
    assert to_pyhf_json(alone).document["channels"] == to_pyhf_json(ws).document["channels"]


def test_a_luminosity_parameter_of_interest() -> None:
    for modifiers in ((Lumi(),), ()):
        ws = pyhf_model(sample("s", MU, Lumi()), sample("b", *modifiers), pois=("lumi",), settings=(lumi(),))
        assert through(ws)[0].measurements[0].pois == ("lumi",)


def test_luminosities_that_differ_between_measurements() -> None:
    second = Measurement(name="other", parameters=(lumi(1.0, 0.1),))
    everywhere = pyhf_model(sample("s", MU, Lumi()), settings=(lumi(),), others=(second,))
    alone, _ = through(everywhere)
    assert [m.parameter("lumi").sigmas for m in alone.measurements] == [(0.02,), (0.1,)]
    partly = pyhf_model(sample("s", MU, Lumi()), sample("b", JES), settings=(lumi(),), others=(second,))
    with pytest.raises(Unsupported, match=r"configure it differently \('meas': 1.0 \+- 0.02, 'other': 1.0 \+- 0.1\)"):
        to_xml(partly)


# ------------------------------------------------------------------------------------------------------- bin factors
def stat(name: str = "stat", *data: float, **settings: Any) -> StatError:
    return StatError(name=name, data=data or (5.0, 6.0), **settings)


def test_one_staterror_a_channel_loses_only_its_name() -> None:
    ws = pyhf_model(sample("s", MU, stat()), sample("b", stat("stat", 0.0, 7.0)))
    after, outcomes = step("staterrors", ws)
    assert kinds(outcomes) == ["rewrite"]
    assert after.channels[0].samples[1].modifiers == (stat("staterror_SR", 0.0, 7.0),)
    through(ws)


def test_two_staterrors_in_a_channel_become_shapesys() -> None:
    ws = pyhf_model(
        sample("s", MU, stat("one")),
        sample("b", stat("two", 3.0, 0.0)),
        sample("c", stat("two")),
        settings=(ParameterConfig(name="two", inits=(1.05, 1.0), fixed=True),),
    )
    after, outcomes = step("staterrors", ws)
    assert kinds(outcomes) == ["rewrite", "rewrite"]
    shapes = [m for s in after.channels[0].samples for m in s.modifiers if isinstance(m, ShapeSys)]
    assert [(m.name, m.relative, m.constraint) for m in shapes] == [
        ("one", True, "gaussian"),
        ("two", True, "gaussian"),
        ("two", True, "gaussian"),
    ]
    alone, _ = through(ws)
    assert alone.measurements[0].parameter("two").fixed is True


def test_a_staterror_over_two_channels_is_split() -> None:
    ws = pyhf_model(
        sample("s", MU, stat()),
        sample("b", stat()),
        settings=(ParameterConfig(name="stat", inits=(1.0, 1.01, 1.02, 1.03), fixed=True),),
    )
    other = replace(ws.channels[0], name="CR", samples=(sample("b", stat("stat", 3.0, 4.0), nominal=(7.0, 8.0)),))
    ws = replace(ws, channels=(*ws.channels, other))
    alone, outcomes = through(ws)
    assert any("over several channels" in o.what for o in outcomes)
    assert alone.measurements[0].parameter("stat_CR").inits == (1.0, 1.01)
    assert alone.measurements[0].parameter("stat_SR").inits == (1.02, 1.03)


def test_split_names_do_not_meet_others() -> None:
    ws = pyhf_model(sample("s", MU, stat()), sample("b", ShapeSys(name="stat_SR", data=(5.0, 6.0))))
    other = replace(ws.channels[0], name="CR", samples=(sample("b", stat("stat", 3.0, 4.0)),))
    ws = replace(ws, channels=(*ws.channels, other))
    translation = to_xml(ws)
    alone, _ = histfactory_xml.read_back(translation.model)
    assert apply_sidecar(alone, translation.sidecar) == ws
    assert len(declared_parameters(alone.channels)) == 5  # with the luminosity


def test_thresholds_of_several_staterrors_are_settings() -> None:
    ws = model(
        sample("s", MU, stat("one", 1.0, 20.0, threshold=0.1)),
        sample("b", stat("two", 1.0, 20.0, constraint="poisson", threshold=0.1)),
    )
    alone, _ = through(ws)
    assert alone.measurements[0].parameter("one").fixed == (True, False)
    assert alone.measurements[0].parameter("two").fixed == (True, False)


def test_poisson_staterrors_and_thresholds_are_words_of_xml() -> None:
    ws = model(sample("s", MU), sample("b", stat("staterror_SR", 5.0, 1.0, constraint="poisson", threshold=0.05)))
    alone, _ = through(ws)
    assert alone.channels[0].samples[1].modifiers[1:] == ws.channels[0].samples[1].modifiers


def test_absolute_uncertainties_become_relative() -> None:
    shape = ShapeSys(name="sys", data=(5.0, 3, 1.0, -1.0))
    ws = pyhf_model(
        sample("s", MU, nominal=(1.0,) * 4),
        sample("b", shape, nominal=(50.0, 60.0, 0.0, 5.0)),
        sample("c", nominal=(9.0,) * 4),
    )
    after, outcomes = step("relative uncertainties", ws)
    assert after.channels[0].samples[1].modifiers == (ShapeSys(name="sys", data=(0.1, 0.05, 0.0, 0.0), relative=True),)
    assert kinds(outcomes) == ["carried"]
    assert "bins [2, 3]" in outcomes[0].what
    through(ws)


def test_empty_bins_keep_their_errors() -> None:
    b = sample("b", stat("staterror_SR", 5.0, 1.5), nominal=(50.0, 0.0))
    ws = pyhf_model(sample("s", MU), b)
    alone, _ = through(ws)
    assert alone.channels[0].samples[1].modifiers[1:] == b.modifiers


# ---------------------------------------------------------------------------------------------------------- settings
def test_a_measurement_without_a_parameter_of_interest() -> None:
    assert NO_POI == NO_POI_READ
    alone, outcomes = through(pyhf_model(sample("s", MU), pois=()))
    assert alone.measurements[0].pois == ()
    assert any(NO_POI in o.what for o in outcomes)


def test_two_parameters_of_interest_are_words_of_xml() -> None:
    alone, _ = through(model(sample("s", MU, NormFactor(name="k")), pois=("k", "mu")))
    assert alone.measurements[0].pois == ("k", "mu")


def test_ranges_of_norm_factors_are_those_of_the_first_measurement() -> None:
    second = Measurement(name="other", parameters=(ParameterConfig(name="mu", bounds=((0.0, 5.0),)),))
    ws = pyhf_model(sample("s", MU), settings=(ParameterConfig(name="mu", bounds=((-3.0, 8.0),)),), others=(second,))
    alone, outcomes = through(ws)
    assert [m.parameter("mu").bounds for m in alone.measurements] == [((-3.0, 8.0),)] * 2
    assert any("[0.0, 5.0] cannot be said in XML; it becomes [-3.0, 8.0]" in o.what for o in outcomes)


@pytest.mark.parametrize("value", [1.0, 2.5, -1.0])
def test_a_constant_norm_factor_may_have_an_empty_range(value: float) -> None:
    config = ParameterConfig(name="k", inits=(value,), bounds=((value, value),), fixed=True)
    ws = pyhf_model(sample("s", MU), sample("b", NormFactor(name="k"), nominal=(5.0, 6.0)), sample("c"))
    ws = replace(ws, measurements=(replace(ws.measurements[0], parameters=(config,)),))
    alone, outcomes = through(ws)
    assert alone.measurements[0].parameter("k").inits == (value,)
    assert of_kind(outcomes, "carried")


def test_an_empty_range_of_a_free_norm_factor_is_refused() -> None:
    ws = pyhf_model(sample("s", MU), settings=(ParameterConfig(name="mu", inits=(2.0,), bounds=((2.0, 2.0),)),))
    with pytest.raises(Unsupported, match="ROOT refuses an empty range"):
        to_xml(ws)


@pytest.mark.parametrize(
    "config",
    [
        ParameterConfig(name="JES", auxdata=(0.5,)),
        ParameterConfig(name="stat", sigmas=(0.3, 0.1)),
        ParameterConfig(name="stat", auxdata=(1.1, 1.0)),
        ParameterConfig(name="stat", auxdata=(1.1, 1.0), sigmas=(0.3, 0.2)),
        ParameterConfig(name="sys", factors=(50.0, 100.0)),
        ParameterConfig(name="sys", auxdata=(50.0, 100.0)),
        ParameterConfig(name="sys", auxdata=(50.0, 100.0), factors=(40.0, 80.0), fixed=True),
    ],
)
def test_other_constraints_are_said_in_other_words(config: ParameterConfig) -> None:
    """``through`` compares the likelihoods."""
    b = sample("b", JES, stat(), ShapeSys(name="sys", data=(5.0, 6.0)))
    _, outcomes = through(pyhf_model(sample("s", MU), b, settings=(config,)))
    assert not of_kind(outcomes, "loss")


def test_widths_of_a_shared_staterror() -> None:
    """The combined relative error of the samples that share it is the stated width, in every channel."""
    a, b = sample("a", stat(), nominal=(10.0, 0.0)), sample("b", stat(), nominal=(30.0, 0.0))
    config = ParameterConfig(name="stat", sigmas=(0.5, 0.25))
    ws, outcomes = constraint_widths(pyhf_model(sample("s", MU), a, b, settings=(config,)))
    assert bin_widths(declared_parameters(ws.channels)["stat"]) == ("gaussian", [0.5, 0.0])
    assert ws.measurements[0].parameter("stat") == ParameterConfig(name="stat", auxdata=(1.0, 1.0))
    assert [o.kind for o in outcomes] == ["rewrite"]


def test_centres_outside_roots_range_are_lost_and_measured() -> None:
    b = sample("b", JES, stat(), ShapeSys(name="sys", data=(5.0, 6.0)))
    config = ParameterConfig(name="JES", auxdata=(10.5,))
    _, outcomes = through(pyhf_model(sample("s", MU), b, settings=(config,)))
    (loss,) = of_kind(outcomes, "loss")
    assert "auxdata [10.5] lie outside the range that ROOT gives 'JES'" in loss.what
    assert loss.effect is not None
    assert loss.effect > 0.01


def test_widths_that_differ_between_measurements_are_lost() -> None:
    ws = pyhf_model(sample("s", MU), sample("b", stat()))
    (m,) = ws.measurements
    other = set_parameter(replace(m, name="other"), ParameterConfig(name="stat", sigmas=(0.3, 0.1)))
    outcomes = to_xml(replace(ws, measurements=(m, other))).outcomes
    (loss,) = of_kind(outcomes, "loss")
    assert "sigmas [0.3, 0.1] have no word in XML" in loss.what
    assert loss.effect_on_cls is not None


def test_constraints_that_are_stated_but_usual_are_no_loss() -> None:
    b = sample("b", JES, stat("staterror_SR"), ShapeSys(name="sys", data=(5.0, 6.0)))
    settings = (
        ParameterConfig(name="JES", auxdata=(0,), inits=(0,)),
        ParameterConfig(name="staterror_SR", auxdata=(1, 1), sigmas=(0.1, 0.1), inits=(1, 1)),
        ParameterConfig(name="sys", auxdata=(100, 100.0), factors=(100.0, 100)),
    )
    _, outcomes = through(pyhf_model(sample("s", MU), b, settings=settings))
    assert not of_kind(outcomes, "loss")


def test_constants_that_pyhf_frees_are_lost() -> None:
    b = sample("b", stat("staterror_SR", 5.0, 0.0))
    ws = pyhf_model(sample("s", MU), b, settings=(ParameterConfig(name="staterror_SR", fixed=False),))
    _, outcomes = through(ws)
    (loss,) = of_kind(outcomes, "loss")
    assert "frees the factors of bins [1], which have no uncertainty" in loss.what
    assert loss.effect is not None
    b = sample("b", replace(stat("staterror_SR", 5.0, 0.5), threshold=0.05))
    ws = pyhf_model(sample("s", MU), b, settings=(ParameterConfig(name="staterror_SR", fixed=False),))
    (loss,) = of_kind(through(ws)[1], "loss")
    assert "frees the factors of bins [1], which are below the threshold" in loss.what
    assert loss.effect > 0.1


def test_free_parameters_start_inside_the_range_of_root() -> None:
    settings = (
        ParameterConfig(name="staterror_SR", inits=(1.2, 1.9), bounds=((0.5, 2.0),) * 2),
        ParameterConfig(name="JES", inits=(5.5,), bounds=((-6.0, 6.0),)),
    )
    ws = pyhf_model(sample("s", MU), sample("b", JES, stat("staterror_SR", 5.0, 6.0)), settings=settings)
    alone, outcomes = through(ws)
    assert alone.measurements[0].parameter("staterror_SR").inits == (1.2, 1.0)
    assert alone.measurements[0].parameter("JES").inits in (None, (0.0,))
    assert sum("starts outside ROOT's range" in o.what for o in outcomes) == 2
    fixed = tuple(replace(c, fixed=True) for c in settings)
    with pytest.raises(Unsupported, match="outside the range"):
        to_xml(replace(ws, measurements=(replace(ws.measurements[0], parameters=fixed),)))


def test_settings_of_unused_parameters_are_carried() -> None:
    ws = pyhf_model(sample("s", MU), settings=(ParameterConfig(name="nothing", inits=(3.0,)),))
    alone, outcomes = through(ws)
    assert all(p.name != "nothing" for p in alone.measurements[0].parameters)
    assert "settings of 'nothing', used by no modifier" in [o.what for o in of_kind(outcomes, "carried")]


def test_ranges_are_carried() -> None:
    ws = pyhf_model(sample("s", MU), sample("b", JES), settings=(ParameterConfig(name="JES", bounds=((-3, 3),)),))
    _, outcomes = through(ws)
    (carried,) = of_kind(outcomes, "carried")
    assert carried.what == "ROOT sets the ranges of 'JES' itself (of 'JES': [-3.0, 3.0] becomes [-5.0, 5.0])"


def test_what_xml_cannot_say_is_refused_by_name() -> None:
    odd = [
        (NormSys(name="X", lo=-0.1, hi=1.2), "normsys 'X' has a negative factor"),
        (NormSys(name="X", lo=0.9, hi=1.2, interpolation="code1"), "'X' is interpolated with code1"),
        (HistoSys(name="X", lo_data=(1.0, 1.0), hi_data=(2.0, 2.0), interpolation="code0"), "interpolated with code0"),
    ]
    for modifier, text in odd:
        with pytest.raises(Unsupported, match=text):
            to_xml(pyhf_model(sample("s", MU), sample("b", modifier)), measure=False)  # type: ignore[arg-type]
    two = pyhf_model(sample("s", MU, nominal=(1.0, 2.0)))
    two = replace(two, channels=(replace(two.channels[0], edges=((0, 1, 2), (0, 1), (0, 1), (0, 1))),))
    with pytest.raises(Unsupported, match="channel 'SR' has 4 axes"):
        to_xml(two)


def test_negative_yields_and_missing_data_are_words_of_xml() -> None:
    moving = HistoSys(name="shape", lo_data=(-1.0, 5.0), hi_data=(1.0, 7.0))
    ws = pyhf_model(sample("s", MU), sample("b", moving, nominal=(-0.5, 6.0)), sample("c", nominal=(-2.0, 1.0)))
    through(ws)
    blind = replace(ws, channels=(Channel(name="SR", samples=ws.channels[0].samples),))
    alone, _ = histfactory_xml.read_back(to_xml(blind).model)
    assert alone.channels[0].observed is None


@pytest.mark.parametrize("others", [(), (Lumi(),)])
def test_the_range_of_the_luminosity_is_carried(others: tuple[Modifier, ...]) -> None:
    ws = pyhf_model(sample("s", MU, Lumi()), sample("b", *others), settings=(lumi(bounds=((0.95, 1.05),)),))
    _, outcomes = through(ws)
    assert any("[0.95, 1.05]" in o.what for o in of_kind(outcomes, "carried"))
