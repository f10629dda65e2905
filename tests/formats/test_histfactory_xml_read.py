"""Reading HistFactory XML: against what ROOT 6.40 made of the same files, and with everything that can be wrong."""

import gzip
import io
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import uproot

from hftranslate.errors import FormatError, HFTranslateError, InvalidWorkspace, MissingInput, UnsafeInput, Unsupported
from hftranslate.formats.histfactory_xml import XmlOptions, read
from hftranslate.formats.outcomes import of_kind
from hftranslate.formats.root_histograms import Histogram, write_histograms
from hftranslate.workspace import (
    ROOT,
    ConstraintTerm,
    Function,
    HistoSys,
    Lumi,
    NormFactor,
    NormSys,
    ParameterConfig,
    ShapeFactor,
    ShapeSys,
    StatError,
)
from hftranslate.workspace.parameters import parameter_sets

EDGES = ((0.0, 1.0, 2.0, 3.0),)
CONTENTS = {
    "data": (58.0, 80.0, 29.0),
    "sig": (5.0, 10.0, 3.0),
    "bkg": (50.0, 60.0, 20.0),
    "up": (55.0, 66.0, 23.0),
    "down": (47.0, 57.0, 12.0),
    "relative": (0.1, 0.2, 0.0),
}
TOP = """<!DOCTYPE Combination SYSTEM "HistFactorySchema.dtd">
<Combination OutputFilePrefix="./results/m">{functions}
  <Input>./SR.xml</Input>
  <Measurement Name="meas" Lumi="{lumi}" LumiRelErr="{error}">
    <POI>mu</POI>{settings}
  </Measurement>
</Combination>
"""
SR = """<!DOCTYPE Channel SYSTEM "HistFactorySchema.dtd">
<Channel Name="SR" InputFile="./data.root">
  <Data HistoName="data"/>{config}
  <Sample Name="sig" HistoName="sig"{sig}>
    <NormFactor Name="mu" Val="1" Low="0" High="10"/>
  </Sample>
  <Sample Name="bkg" HistoName="bkg"{bkg}>{modifiers}
  </Sample>
</Channel>
"""


def histograms():
    found = {name: Histogram(contents=c, edges=EDGES) for name, c in CONTENTS.items()}
    found["bkg"] = Histogram(contents=CONTENTS["bkg"], errors=(4.0, 5.0, 3.0), edges=EDGES)
    return found


@pytest.fixture
def model(tmp_path):
    """Writes a small model and reads it."""

    def build(
        modifiers="", *, settings="", config="", functions="", lumi="1.0", error="0.1", sig="", bkg="", **options
    ):
        texts = {"settings": settings, "functions": functions, "lumi": lumi, "error": error}
        (tmp_path / "top.xml").write_text(TOP.format(**texts))
        (tmp_path / "SR.xml").write_text(SR.format(modifiers=modifiers, config=config, sig=sig, bkg=bkg))
        if not (tmp_path / "data.root").exists():
            write_histograms(tmp_path / "data.root", histograms())
        return read(tmp_path / "top.xml", XmlOptions(basedir=tmp_path, **options))

    return build


# ---------------------------------------------------------------------------------------------- against ROOT's numbers

MODELS = [
    "constraint_gamma",
    "constraint_gamma_histo",
    "constraint_lognormal",
    "constraint_noconstraint",
    "constraint_uniform_histo",
    "lumi_all_theory",
    "lumi_large_err",
    "lumi_zero_err",
    "normfactor_shared",
    "normfactor_twice",
    "overall",
    "shapefactor",
    "shapesys_default",
    "shapesys_poisson",
    "staterr_default",
    "staterr_gauss_thr0",
    "staterr_gauss_thr10",
    "staterr_large_poisson",
    "staterr_poisson_thr0",
]


def number(value):
    return float(value)  # "inf" is written as text


def close(a, b):
    return math.isclose(a, b, rel_tol=1e-14, abs_tol=1e-14) or a == b


def check_measurement(ws, measurement, reference):
    sets = parameter_sets(ws, measurement, ROOT)
    ours = {}
    for s in sets.values():
        for i, name in enumerate(s.root_names):
            ours[name] = (s.inits[i], *s.bounds[i], s.fixed[i], s.constraints[i])
    helpers = ("theta_", "kappa_", "tau_")  # constants of Gamma and LogNormal terms
    root = {n: p for n, p in reference["params"].items() if not n.startswith(helpers)}
    assert set(root) == set(ours)
    for name, p in root.items():
        value, low, high, fixed, constraint = ours[name]
        assert fixed == p["const"], name
        for mine, theirs in ((value, p["val"]), (low, p["min"]), (high, p["max"])):
            assert close(mine, number(theirs)), name
        kind = {"Lumi": "lumiConstraint"}.get(name, f"{name}_constraint" if "gamma" in name else f"{name}Constraint")
        assert (constraint is None) == (kind not in reference["constraints"]), name
        if constraint is None:
            continue
        stated = reference["constraints"][kind]
        assert constraint.kind == stated["type"].lower()
        if constraint.kind != "gamma":
            assert close(constraint.width, stated["sigma" if constraint.kind == "gaussian" else "tau"]), name
        centre = reference["globals"]["nominalLumi" if name == "Lumi" else f"nom_{name}"]
        assert close(constraint.auxdata, centre["val"]), name
        assert close(constraint.domain[0], number(centre["min"])), name
        assert close(constraint.domain[1], number(centre["max"])), name
    return ours


def check_yields(ws, values, nominal):
    """At the start, only the luminosity and the norm factors differ from neutral."""
    assert nominal.keys() == {c.name for c in ws.channels}
    for channel in ws.channels:
        assert nominal[channel.name].keys() == {s.name for s in channel.samples}
        for sample in channel.samples:
            factor = values["Lumi"]
            for m in sample.modifiers:
                if isinstance(m, NormFactor):
                    factor *= values[m.name] ** m.power
            for mine, theirs in zip(sample.nominal, nominal[channel.name][sample.name], strict=True):
                assert math.isclose(factor * mine, theirs, rel_tol=1e-14)


@pytest.mark.parametrize("name", MODELS)
def test_parameters_constraints_and_yields_are_those_of_root(shared, name):
    folder = shared / "root_models" / name
    ws, _ = read(folder / "top.xml", XmlOptions(basedir=folder))
    references = json.loads((folder / "ref.json").read_text())
    assert [m.name for m in ws.measurements] == [r["measurement"] for r in references]
    assert ws.conventions == ROOT
    for measurement, reference in zip(ws.measurements, references, strict=True):
        assert list(measurement.pois) == reference["pois"]
        ours = check_measurement(ws, measurement, reference)
        for channel in ws.channels:
            assert list(channel.observed) == reference["data"][channel.name]
        nominal = next(p for p in reference["points"] if p["name"] == "nominal")
        check_yields(ws, {n: v[0] for n, v in ours.items()}, nominal["yields"])


def test_all_shared_drivers(shared):
    """Every published XML model is read, with as many floating parameters as ROOT has."""
    cases = json.loads((shared / "cases.json").read_text())["xml"]
    assert len(cases) > 20
    for case in cases:
        folder = shared / case["dir"]
        ws, _ = read(folder / case["driver"], XmlOptions(basedir=folder))
        assert [m.name for m in ws.measurements] == [r["measurement"] for r in case["root640"]]
        for measurement, reference in zip(ws.measurements, case["root640"], strict=True):
            sets = parameter_sets(ws, measurement, ROOT)
            floating = {n for s in sets.values() for n, fixed in zip(s.root_names, s.fixed, strict=True) if not fixed}
            assert len(floating) == reference["floating"], case


def test_two_dimensional_channel(shared):
    folder = shared / "xml" / "pyhf_xmlimport_input"
    ws, _ = read(folder / "config" / "examples" / "example_ShapeSys2D.xml", XmlOptions(basedir=folder))
    (channel,) = ws.channels
    assert len(channel.edges) == 2
    file = uproot.open(folder / "data" / "ShapeSys2D.root")
    with file:
        expected = np.asarray(file["signal"].values()).T.ravel()
    assert channel.samples[0].nominal == tuple(expected)


def test_model_that_root_printed(shared):
    folder = shared / "printxml_example"
    ws, outcomes = read(folder / "xml" / "meas.xml", XmlOptions(basedir=folder))
    control, signal = ws.channel("CR"), ws.channel("SR")
    assert control.observed is None
    assert signal.observed is not None
    assert [type(m) for m in signal.samples[1].modifiers] == [
        Lumi,
        StatError,
        NormSys,
        NormSys,
        NormSys,
        NormSys,
        NormFactor,
        HistoSys,
        ShapeSys,
    ]
    assert ws.functions == (Function(name="k2", expression="k*k", dependents="k[1,0,5]"),)
    (measurement,) = ws.measurements
    assert measurement.constraint_terms == (ConstraintTerm(name="u", kind="uniform", relative_uncertainty=1.0),)
    assert measurement.annotations == (("ExportOnly", "True"), ("ConstraintTerm", "NoSyst 1.0 n"))
    assert measurement.parameter("b").fixed is True
    assert measurement.parameter("k2").inits is None
    assert any("Data names no histogram" in o.what for o in of_kind(outcomes, "repair"))


# ------------------------------------------------------------------------------------------------------------- meaning


def test_modifiers_in_order_with_lumi_first(model):
    ws, _ = model(
        """
    <ShapeFactor Name="f"/>
    <HistoSys Name="h" HistoNameLow="down" HistoNameHigh="up"/>
    <ShapeSys Name="s" HistoName="relative" ConstraintType="Poisson"/>
    <StatError Activate="True"/>""",
        config='\n  <StatErrorConfig RelErrorThreshold="0.1" ConstraintType="Gauss"/>',
    )
    assert ws.channel("SR").samples[1].modifiers == (
        Lumi(),
        ShapeFactor(name="f"),
        HistoSys(name="h", lo_data=CONTENTS["down"], hi_data=CONTENTS["up"]),
        ShapeSys(name="s", data=CONTENTS["relative"], relative=True, constraint="poisson"),
        StatError(name="staterror_SR", data=(4.0, 5.0, 3.0), constraint="gaussian", threshold=0.1),
    )
    assert ws.channel("SR").edges == EDGES


@pytest.mark.parametrize(("version", "kind"), [("6.40", "poisson"), ("6.22/08", "poisson"), ("6.20", "gaussian")])
def test_defaults_of_staterror(model, version, kind):
    ws, outcomes = model('<StatError Activate="true"/>', root_version=version)
    m = ws.channel("SR").samples[1].modifiers[1]
    assert (m.constraint, m.threshold) == (kind, 0.05)
    word = kind.capitalize()
    assert [str(o) for o in of_kind(outcomes, "default")] == [
        f"default: channel 'SR': StatErrorConfig states no ConstraintType: {word}, as in ROOT",
        "default: channel 'SR': no RelErrorThreshold is stated: 0.05, as in ROOT",
    ]


def test_version_must_be_a_version(model):
    with pytest.raises(FormatError, match=r"ROOT version 'newest' must look like '6.40'"):
        model(root_version="newest")


def test_staterror_with_a_histogram_of_relative_errors(model):
    ws, _ = model('<StatError Activate="True" HistoName="relative" InputFile="" HistoPath=""/>')
    assert ws.channel("SR").samples[1].modifiers[1].data == (0.1 * 50.0, 0.2 * 60.0, 0.0)


def test_switched_off_staterror(model):
    ws, outcomes = model('<StatError Activate="False"/>')
    assert ws.channel("SR").samples[1].modifiers == (Lumi(),)
    assert outcomes == ()
    ws, outcomes = model("<StatError/>")  # the default of ROOT's parser, where its DTD lets the document pass
    assert ws.channel("SR").samples[1].modifiers == (Lumi(),)
    assert "does not carry attribute Activate" in outcomes[0].what


@pytest.mark.parametrize(("version", "words"), [("6.40", "ROOT 6.40 refuses the attribute"), ("6.26", "the attribute")])
def test_norm_factor_const_by_version(model, version, words):
    """Old versions accept and ignore it."""
    element = '<NormFactor Name="k" Val="1" Low="0" High="5" Const="True"/>'
    ws, outcomes = model(element, root_version=version)
    assert ws.measurements[0].parameter("k").fixed is None
    (outcome,) = outcomes
    assert outcome.what.startswith(f"{words} 'Const': ROOT before 6.28 accepted it without effect")


def test_initial_shape_and_constancy_of_shape_factors(model):
    """As ROOT's parser reads them, which its DTD forbids."""
    ws, outcomes = model('<ShapeFactor Name="f" HistoName="down" Const="True"/>')
    config = ws.measurements[0].parameter("f")
    assert (config.inits, config.fixed, config.bounds) == (CONTENTS["down"], True, None)
    assert sum("ROOT 6.40 refuses the attribute" in o.what for o in outcomes) == 2
    ws, _ = model(
        '<ShapeFactor Name="f" HistoName="down"/>',
        settings='\n<ParamSetting Val="2.5" Const="True">gamma_f_bin_1</ParamSetting>',
    )
    config = ws.measurements[0].parameter("f")
    assert (config.inits, config.fixed) == ((47.0, 2.5, 12.0), (False, True, False))


@pytest.mark.parametrize(("version", "refused"), [("6.40", 3), ("6.42", 0)])
def test_value_and_range_of_shape_factors(model, version, refused):
    ws, outcomes = model('<ShapeFactor Name="f" Val="2" Low="0.5" High="9"/>', root_version=version)
    config = ws.measurements[0].parameter("f")
    assert (config.inits, config.bounds, config.fixed) == ((2.0,) * 3, ((0.5, 9.0),) * 3, None)
    assert sum("ROOT 6.40 refuses the attribute" in o.what for o in outcomes) == refused


def test_the_first_of_several_shape_factors_decides(model, tmp_path):
    """Measured with ROOT 6.40: also where the first states nothing."""
    model('<ShapeFactor Name="f" Const="True"/>')
    sr = tmp_path / "SR.xml"
    sr.write_text(sr.read_text().replace('High="10"/>', 'High="10"/><ShapeFactor Name="f" HistoName="down"/>'))
    ws, outcomes = read(tmp_path / "top.xml", XmlOptions(basedir=tmp_path))
    config = ws.measurements[0].parameter("f")
    assert (config.inits, config.fixed) == (CONTENTS["down"], None)
    assert any("its ShapeFactors disagree" in o.what for o in outcomes)
    sr.write_text(sr.read_text().replace(' HistoName="down"/>', "/>"))
    ws, outcomes = read(tmp_path / "top.xml", XmlOptions(basedir=tmp_path))
    assert ws.measurements[0].parameter("f").fixed is None
    assert any("its ShapeFactors disagree" in o.what for o in outcomes)


@pytest.mark.parametrize("attributes", ['Low="2" High="1"', 'Val="-1"', 'Val="2" High="1.5"'])
def test_bad_ranges_of_shape_factors(model, attributes):
    with pytest.raises(
        InvalidWorkspace, match=r"SR\.xml:7: <ShapeFactor Name='f'>: (Low=2 must|Val=-?\d lies outside)"
    ):
        model(f'<ShapeFactor Name="f" {attributes}/>')


def test_further_data_is_kept_as_a_note(model, tmp_path):
    model()
    sr = tmp_path / "SR.xml"
    two = '<Data HistoName="data"/><Data Name="alt" HistoName="sig"/><Data HistoName="up"/>'
    sr.write_text(sr.read_text().replace('<Data HistoName="data"/>', two))
    ws, outcomes = read(tmp_path / "top.xml", XmlOptions(basedir=tmp_path))
    assert ws.channel("SR").observed == CONTENTS["data"]
    assert ws.channel("SR").annotations == (("Data alt", "5.0 10.0 3.0"), ("Data ", "55.0 66.0 23.0"))
    assert [o.kind for o in outcomes if "another Data element" in o.what] == ["carried"] * 2


def test_centres_of_constraints(model):
    """ROOT's ParamSetting sets any variable of the workspace, global observables too."""
    modifiers = """
    <OverallSys Name="a" Low="0.9" High="1.1"/><ShapeFactor Name="f"/>
    <ShapeSys Name="s" HistoName="relative" ConstraintType="Poisson"/>"""
    ws, outcomes = model(
        modifiers,
        settings="""
    <ParamSetting Val="0.5">nom_alpha_a</ParamSetting>
    <ParamSetting Val="90" Const="True">nom_gamma_s_bin_0</ParamSetting>
    <ParamSetting Val="2">nom_gamma_s_bin_2 nom_gamma_f_bin_0</ParamSetting>
    <ParamSetting Const="True">nom_alpha_a</ParamSetting>""",
    )
    (m,) = ws.measurements
    assert m.parameter("a").auxdata == (0.5,)
    assert m.parameter("s").auxdata == (90.0, pytest.approx(25.0), 1.0)  # the last bin has no constraint
    assert m.parameter("f").auxdata is None
    assert [o.what for o in outcomes] == [
        "ParamSetting 'nom_gamma_f_bin_0': no modifier declares it and ROOT only prints a message; it is kept as a note"
    ]
    with pytest.raises(InvalidWorkspace, match=r"'nom_alpha_a' Val=11 lies outside the range \[-10, 10\]"):
        model(modifiers, settings='<ParamSetting Val="11">nom_alpha_a</ParamSetting>')
    ws, outcomes = model(modifiers, settings='<ParamSetting Val="1.1">nominalLumi</ParamSetting>')
    assert outcomes == ()
    lumi = ws.measurements[0].parameter("lumi")
    assert (lumi.auxdata, lumi.nominal, lumi.inits) == ((1.1,), 1.0, (1.0,))
    found = parameter_sets(ws, ws.measurements[0], ROOT)["lumi"]
    assert (found.bounds, found.constraints[0].auxdata) == (((0.0, 10.0),), 1.1)
    assert found.constraints[0].domain == (0.0, pytest.approx(1.0 + 10.0 * lumi.sigmas[0]))


TERM = '\n<ConstraintTerm Type="{}" {}>a</ConstraintTerm>'
GAMMA, UNIFORM = TERM.format("Gamma", 'RelativeUncertainty="0.5"'), TERM.format("Uniform", 'RelativeUncertainty="1"')
NO_CONSTRAINT = TERM.format("NoConstraint", "")
OVERALL, HISTO = (
    '<OverallSys Name="a" Low="0.9" High="1.1"/>',
    '<HistoSys Name="a" HistoNameLow="down" HistoNameHigh="up"/>',
)


@pytest.mark.parametrize(
    ("terms", "kind", "size"),
    [
        (UNIFORM + GAMMA, "gamma", 0.5),
        (GAMMA + NO_CONSTRAINT + UNIFORM, "none", 0.0),
        (GAMMA + GAMMA.replace("0.5", "0.4"), "gamma", 0.4),
    ],
)
def test_several_constraint_terms_for_one_systematic(model, terms, kind, size):
    """Measured with ROOT 6.40."""
    ws, outcomes = model(OVERALL, settings=terms)
    assert ws.measurements[0].constraint_terms == (ConstraintTerm(name="a", kind=kind, relative_uncertainty=size),)
    assert any("several ConstraintTerms for 'a'" in o.what for o in outcomes)


def test_constraint_terms_that_root_mixes(model):
    with pytest.raises(
        InvalidWorkspace, match=r"several ConstraintTerms of different types for 'a' \(gamma, uniform\)"
    ):
        model(OVERALL + HISTO, settings=GAMMA + UNIFORM)


def test_data_in_some_channels_only(model, tmp_path):
    model()
    (tmp_path / "CR.xml").write_text(
        (tmp_path / "SR.xml").read_text().replace('"SR"', '"C,R"').replace('<Data HistoName="data"/>', "")
    )
    top = tmp_path / "top.xml"
    top.write_text(top.read_text().replace("<Input>./SR.xml</Input>", "<Input>SR.xml</Input><Input>CR.xml</Input>"))
    _, outcomes = read(top)
    assert [o.what for o in outcomes] == [
        "ROOT refuses a channel whose name has a comma in it",
        "channels 'C,R' have no data but others have; ROOT 6.40 refuses that",
    ]


def test_norm_factor_twice_on_a_sample(model):
    element = '<NormFactor Name="k" Val="{}" Low="0" High="5"/>'
    ws, outcomes = model(element.format(1.5) + element.format(1.2))
    assert ws.channel("SR").samples[1].modifiers == (Lumi(), NormFactor(name="k", power=2))
    assert ws.measurements[0].parameter("k").inits == (1.5,)
    assert [o.kind for o in outcomes] == ["repair"]


def test_two_histosys_of_one_name_are_added(model):
    element = '<HistoSys Name="h" HistoNameLow="down" HistoNameHigh="up"/>'
    ws, outcomes = model(element + element)
    (_, m) = ws.channel("SR").samples[1].modifiers
    assert (m.lo_data, m.hi_data) == ((44.0, 54.0, 4.0), (60.0, 72.0, 26.0))
    assert [o.kind for o in outcomes] == ["rewrite"]


@pytest.mark.parametrize(
    ("element", "records"),
    [("", 0), ("<Data/>", 1), ('<Data HistoName="" InputFile="" HistoPath=""/>', 1)],
)
def test_channel_without_data(model, tmp_path, element, records):
    model()
    sr = tmp_path / "SR.xml"
    sr.write_text(sr.read_text().replace('<Data HistoName="data"/>', element))
    ws, outcomes = read(tmp_path / "top.xml", XmlOptions(basedir=tmp_path))
    assert ws.channel("SR").observed is None
    assert [o.what for o in outcomes] == ["Data names no histogram: read as a channel without observed data"] * records


def test_last_staterrorconfig_holds(model):
    ws, outcomes = model(
        '<StatError Activate="True"/>',
        config='<StatErrorConfig ConstraintType="Gaussian" RelErrorThreshold="0.1"/>'
        '<StatErrorConfig ConstraintType="Pois" RelErrorThreshold="0.2"/>',
    )
    m = ws.channel("SR").samples[1].modifiers[1]
    assert (m.constraint, m.threshold) == ("poisson", 0.2)
    assert "the last one holds" in outcomes[0].what


def test_many_violations_of_the_dtd(tmp_path, model):
    model()
    sr = tmp_path / "SR.xml"
    sr.write_text(sr.read_text().replace('<Data HistoName="data"/>', '<Data HistoName="data"> </Data>' * 8))
    _, outcomes = read(tmp_path / "top.xml", XmlOptions(basedir=tmp_path))
    assert "and 3 more violations of the DTD" in [o.what for o in outcomes]


def test_driver_from_standard_input(model, tmp_path, monkeypatch):
    expected, _ = model()
    data = (tmp_path / "top.xml").read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert read("-", XmlOptions(basedir=tmp_path)) == (expected, ())


def test_settings(model):
    ws, outcomes = model(
        '<OverallSys Name="a" Low="0.9" High="1.1"/><ShapeFactor Name="f"/><StatError Activate="True"/>',
        config='\n  <StatErrorConfig ConstraintType="Poisson" RelErrorThreshold="0"/>',
        settings="""
    <ParamSetting Const="True">Lumi gamma_f_bin_0 gamma_f_bin_1 gamma_f_bin_2</ParamSetting>
    <ParamSetting Val="1.25">gamma_stat_SR_bin_1\\mu</ParamSetting>
    <ParamSetting Val="-0.5" Const="True">alpha_a</ParamSetting>
    <ParamSetting Val="3" Const="True">alpha_zzz</ParamSetting>
    <ParamSetting>alpha_yyy</ParamSetting>""",
    )
    (m,) = ws.measurements
    assert m.parameter("lumi").fixed is True
    assert m.parameter("lumi").auxdata == (1.0,)
    assert m.parameter("f").fixed is True
    assert m.parameter("f").inits is None
    assert m.parameter("staterror_SR").inits == (1.0, 1.25, 1.0)
    assert m.parameter("staterror_SR").fixed is None
    assert (m.parameter("mu").inits, m.parameter("mu").bounds) == ((1.25,), ((0.0, 10.0),))
    assert (m.parameter("a").inits, m.parameter("a").fixed) == ((-0.5,), True)
    assert m.annotations == (("ParamSetting", "alpha_zzz Val=3.0 Const=True"),)
    assert len(outcomes) == 1


def test_single_bins_held_constant(model):
    ws, _ = model('<ShapeFactor Name="f"/>', settings='\n<ParamSetting Const="True">gamma_f_bin_1</ParamSetting>')
    assert ws.measurements[0].parameter("f").fixed == (False, True, False)


def test_only_true_makes_constant(model):
    ws, outcomes = model(settings='\n<ParamSetting Const="true">Lumi</ParamSetting>')
    assert ws.measurements[0].parameter("lumi").fixed is None
    assert "Const='true' has no effect" in outcomes[0].what


def test_line_breaks_in_lists_are_read_as_meant(model):
    ws, outcomes = model(settings='\n<ParamSetting Const="True">\n  Lumi\n</ParamSetting>')
    assert ws.measurements[0].parameter("lumi").fixed is True
    assert [o.kind for o in outcomes] == ["convention"]
    assert "ROOT would not find these names" in outcomes[0].what


def test_junk_after_a_number(model):
    ws, outcomes = model(lumi="1.1e0x")
    assert ws.measurements[0].parameter("lumi").auxdata == (1.1,)
    assert "was read as 1.1e0" in outcomes[0].what


def test_constant_luminosity_without_uncertainty(model):
    ws, _ = model(lumi="2.0", error="0.0")
    lumi = ws.measurements[0].parameter("lumi")
    assert (lumi.auxdata, lumi.sigmas, lumi.fixed) == ((2.0,), (0.0,), True)


def test_luminosity_width_is_absolute(model):
    ws, _ = model(lumi="2.0", error="0.05", settings='\n<ParamSetting Val="2.1">Lumi</ParamSetting>')
    lumi = ws.measurements[0].parameter("lumi")
    assert (lumi.inits, lumi.auxdata, lumi.sigmas, lumi.bounds) == ((2.1,), (2.0,), (0.1,), None)


def test_normalize_by_theory_has_no_effect_in_root(model):
    ws, outcomes = model(bkg=' NormalizeByTheory="False"', lumi="2.0")
    bkg = ws.channel("SR").samples[1]
    assert bkg.modifiers == (Lumi(),)
    assert bkg.annotations == (("NormalizeByTheory", "False"),)
    assert [o.kind for o in outcomes] == ["convention"]
    assert outcomes[0].what.startswith("1 sample(s) say NormalizeByTheory=False, which has no effect in ROOT")


def test_normalize_by_theory_in_old_root(model):
    """Before 6.24, the attribute did what it says."""
    settings = {"bkg": ' NormalizeByTheory="False"', "lumi": "2.0"}
    assert model(**settings, root_version="6.22") == model(**settings, normalize_by_theory="intended")
    assert model(**settings, root_version="6.24")[0] == model(**settings)[0]


def test_normalize_by_theory_as_intended(model):
    modifiers = '<HistoSys Name="h" HistoNameLow="down" HistoNameHigh="up"/><StatError Activate="True"/>'
    ws, outcomes = model(
        modifiers + '<OverallSys Name="a" Low="0.9" High="1.1"/>',
        config='<StatErrorConfig ConstraintType="Poisson" RelErrorThreshold="0"/>',
        bkg=' NormalizeByTheory="False"',
        lumi="2.0",
        normalize_by_theory="intended",
    )
    sig, bkg = ws.channel("SR").samples
    assert sig.modifiers[0] == Lumi()
    assert bkg.nominal == (100.0, 120.0, 40.0)
    h, stat, a = bkg.modifiers
    assert a == NormSys(name="a", lo=0.9, hi=1.1)
    assert (h.lo_data, h.hi_data, stat.data) == ((94.0, 114.0, 24.0), (110.0, 132.0, 46.0), (8.0, 10.0, 6.0))
    assert outcomes == ()


def test_intended_needs_one_luminosity(model, tmp_path):
    model(bkg=' NormalizeByTheory="False"')
    other = '<Measurement Name="other" Lumi="2" LumiRelErr="0.1"><POI>mu</POI></Measurement></Combination>'
    top = tmp_path / "top.xml"
    top.write_text(top.read_text().replace("</Combination>", other))
    ws, _ = read(top)
    assert [m.parameter("lumi").auxdata for m in ws.measurements] == [(1.0,), (2.0,)]
    with pytest.raises(Unsupported) as caught:
        read(top, XmlOptions(normalize_by_theory="intended"))
    assert str(caught.value) == (
        f"{top}: 1 sample(s) say NormalizeByTheory=False, but the measurements have different Lumi (1, 2); "
        "the intended meaning would need different histograms for each"
    )


def test_luminosity_of_one_does_not_change_numbers(model):
    ws, _ = model(bkg=' NormalizeByTheory="False"', normalize_by_theory="intended")
    bkg = ws.channel("SR").samples[1]
    assert (bkg.nominal, bkg.modifiers) == (CONTENTS["bkg"], ())


def test_functions_are_kept(model):
    ws, _ = model(
        '<NormFactor Name="mu2" Val="1" Low="0" High="5"/>',
        functions='\n  <Function Name="mu2" Expression="mu*mu" Dependents="mu[1,0,10]"/>',
    )
    assert ws.functions == (Function(name="mu2", expression="mu*mu", dependents="mu[1,0,10]"),)
    assert NormFactor(name="mu2") in ws.channel("SR").samples[1].modifiers
    assert [p.name for p in ws.measurements[0].parameters] == ["lumi", "mu"]


def test_setting_of_a_parameter_of_a_function(model):
    ws, outcomes = model(
        '<NormFactor Name="k2" Val="1" Low="0" High="5"/>',
        functions='\n  <Function Name="k2" Expression="k*k" Dependents="k[1,0,10]"/>',
        settings='\n<ParamSetting Val="2" Const="True">k</ParamSetting>',
    )
    assert ws.measurements[0].annotations == ()
    assert ws.measurements[0].parameter("k") == ParameterConfig(name="k", inits=(2.0,), fixed=True)
    assert outcomes == ()


def test_setting_of_the_parameter_of_a_gamma_term(model):
    ws, outcomes = model(
        '<OverallSys Name="a" Low="0.9" High="1.1"/>',
        settings='\n<ParamSetting Val="1.5">beta_a</ParamSetting>'
        '<ConstraintTerm Type="Gamma" RelativeUncertainty="0.5">a</ConstraintTerm>',
    )
    assert outcomes == ()
    assert ws.measurements[0].parameter("beta_a").inits == (1.5,)
    assert parameter_sets(ws, ws.measurements[0], ROOT)["beta_a"].inits == (1.5,)


def test_a_function_that_root_drops(model):
    """Its dependent is a NormFactor, which ROOT makes later."""
    ws, outcomes = model(
        '<NormFactor Name="k2" Val="1.5" Low="0" High="5"/><NormFactor Name="k" Val="1" Low="0" High="5"/>',
        functions='\n  <Function Name="k2" Expression="k*k" Dependents="k"/>',
    )
    assert ws.functions == ()
    assert [(o.kind, o.where) for o in outcomes] == [("repair", "function 'k2'")]
    assert "'k' does not exist" in outcomes[0].what
    assert ("Function", "k2: k*k of k") in ws.annotations
    assert ws.measurements[0].parameter("k2").inits == (1.5,)


def test_a_function_decides_about_the_range_of_its_dependents(model):
    ws, _ = model(
        '<NormFactor Name="k2" Val="1" Low="0" High="5"/><NormFactor Name="k" Val="1" Low="0.5" High="5"/>'
        '<OverallSys Name="a" Low="0.9" High="1.1"/>',
        functions='\n  <Function Name="k2" Expression="k*alpha_a*Lumi" '
        'Dependents="k[2,-1,3],alpha_a[0.5,-2,2],Lumi[1.5,1,2]"/>',
    )
    sets = parameter_sets(ws, ws.measurements[0], ROOT)
    found = {name: (s.inits[0], *s.bounds[0]) for name, s in sets.items()}
    assert found == {"lumi": (1.5, 1.0, 2.0), "k": (2.0, -1.0, 3.0), "a": (0.5, -2.0, 2.0), "mu": found["mu"]}
    assert sets["lumi"].constraints[0].auxdata == 1.0


LUMI_OF_A_FUNCTION = '\n  <Function Name="k2" Expression="2.*Lumi" Dependents="Lumi[1.5,1,2]"/>'


def test_a_sample_that_does_not_follow_theory_sets_the_luminosity_of_a_function_once_more(model):
    """Measured in ROOT: the value is that of the measurement, and refused outside the Function's range."""

    def start(**options):
        ws, _ = model(functions=LUMI_OF_A_FUNCTION, **options)
        return parameter_sets(ws, ws.measurements[0], ROOT)["lumi"].inits[0]

    assert start() == 1.5
    assert start(sig=' NormalizeByTheory="True"') == 1.5
    assert start(bkg=' NormalizeByTheory="False"') == 1.0
    assert start(bkg=' NormalizeByTheory="False"', error="0") == 1.0
    assert start(lumi="3") == 1.5
    with pytest.raises(InvalidWorkspace, match=r"Lumi=3 lies outside the range of Lumi\[1.5,1,2\] of a Function; ROOT"):
        start(lumi="3", sig=' NormalizeByTheory="False"')


def test_a_luminosity_of_a_function_counts_beside_a_systematic_called_lumi(model):
    """A constant luminosity of one may be left out for the sake of the name, but this one is 1.5."""
    lumi = '<OverallSys Name="lumi" Low="0.9" High="1.1"/>'
    ws, _ = model(lumi, functions=LUMI_OF_A_FUNCTION, error="0")
    (found,) = [s for s in parameter_sets(ws, ws.measurements[0], ROOT).values() if s.kind == "lumi"]
    assert (found.inits, found.fixed) == ((1.5,), (True,))
    assert "lumi" not in {s.kind for s in parameter_sets(*_first(model(lumi, error="0")[0])).values()}


def _first(ws):
    return ws, ws.measurements[0], ROOT


def test_a_norm_factor_that_a_function_makes_a_constant(model):
    ws, _ = model(
        '<NormFactor Name="k2" Val="1" Low="0" High="5"/><NormFactor Name="k" Val="1" Low="0.5" High="5"/>',
        functions='\n  <Function Name="k2" Expression="k*2." Dependents="k[0.7]"/>',
    )
    found = parameter_sets(ws, ws.measurements[0], ROOT)["k"]
    assert (found.inits, found.fixed, found.bounds) == ((0.7,), (True,), ((-math.inf, math.inf),))


def test_settings_of_a_systematic_that_only_functions_are_left_to_use(model):
    ws, outcomes = model(
        '<NormFactor Name="f" Val="1" Low="0" High="5"/><OverallSys Name="a" Low="0.9" High="1.1"/>',
        functions='\n  <Function Name="f" Expression="1+0.1*alpha_a" Dependents="alpha_a[0.2,-4,4]"/>',
        settings='\n<ParamSetting Const="True" Val="0.5">alpha_a</ParamSetting>'
        '<ConstraintTerm Type="NoConstraint">a</ConstraintTerm>',
    )
    found = parameter_sets(ws, ws.measurements[0], ROOT)["alpha_a"]
    assert (found.inits, found.fixed) == ((0.5,), (True,))
    assert outcomes == ()


def test_functions_go_on_naming_systematics_as_root_does(model):
    ws, _ = model(
        '<NormFactor Name="f" Val="1" Low="0" High="5"/><OverallSys Name="lumi" Low="0.9" High="1.1"/>',
        functions='\n  <Function Name="f" Expression="1+0.1*alpha_lumi" Dependents="alpha_lumi[0,-5,5]"/>',
    )
    assert ws.functions[0].dependents == "alpha_lumi[0,-5,5]"
    found = {name: s.root_names for name, s in parameter_sets(ws, ws.measurements[0], ROOT).items()}
    assert found == {"lumi": ("Lumi",), "alpha_lumi": ("alpha_lumi",), "mu": ("mu",)}


LUMI_FUNCTION = '\n  <Function Name="lumiscale" Expression="{}" Dependents="alpha_lumi[0,-5,5]"/>'
PARTIAL = '<NormFactor Name="lumiscale" Val="1" Low="0" High="2"/><OverallSys Name="lumi" Low="1" High="1"/>'


def test_luminosity_of_some_samples(model):
    ws, outcomes = model(
        PARTIAL,
        functions=LUMI_FUNCTION.format("2.0+0.04*alpha_lumi"),
        error="0.0",
        settings='\n<ParamSetting Val="0.5" Const="True">alpha_lumi</ParamSetting>',
    )
    sig, bkg = ws.channel("SR").samples
    assert sig.modifiers == (NormFactor(name="mu"),)
    assert bkg.modifiers == (Lumi(),)
    assert ws.functions == ()
    lumi = ws.measurements[0].parameter("lumi")
    assert (lumi.auxdata, lumi.sigmas, lumi.inits, lumi.fixed) == ((2.0,), (0.04,), (2.02,), True)
    assert [o.kind for o in outcomes] == ["rewrite"]


@pytest.mark.parametrize(
    ("modifiers", "expression", "error"),
    [
        (PARTIAL, "1+0.02*alpha_lumi", "0.1"),  # ROOT's own luminosity is not constant
        (PARTIAL, "1+0.02*alpha_lumi*alpha_lumi", "0"),
        (PARTIAL.replace('High="1"', 'High="1.1"'), "1+0.02*alpha_lumi", "0"),
        (PARTIAL.split("<OverallSys")[0], "1+0.02*alpha_lumi", "0"),  # no constraint
        (PARTIAL.split("/>")[1] + "/>", "1+0.02*alpha_lumi", "0"),  # no sample
        (PARTIAL.split("/>")[0] + "/>" + PARTIAL, "1+0.02*alpha_lumi", "0"),  # a square
    ],
)
def test_similar_functions_are_left_alone(model, modifiers, expression, error):
    ws, _ = model(modifiers, functions=LUMI_FUNCTION.format(expression), error=error)
    assert len(ws.functions) == 1
    carries = {Lumi() in s.modifiers for s in ws.channel("SR").samples}
    assert carries == {
        error != "0" or "OverallSys" not in modifiers
    }  # a constant one yields its name to the systematic


@pytest.mark.parametrize(
    "setting",
    [
        '<ParamSetting Const="True">Lumi</ParamSetting>',
        '<ConstraintTerm Type="Uniform" RelativeUncertainty="1">lumi</ConstraintTerm>',
    ],
)
def test_settings_that_break_the_pattern_of_the_luminosity(model, setting):
    ws, _ = model(PARTIAL, functions=LUMI_FUNCTION.format("1+0.02*alpha_lumi"), error="0", settings=setting)
    assert len(ws.functions) == 1
    assert {Lumi() in s.modifiers for s in ws.channel("SR").samples} == {"Lumi" in setting.split(">")[1]}


def test_systematic_with_the_name_of_another_parameter(model):
    """ROOT's Lumi and alpha_lumi, k and alpha_k, are different parameters."""
    ws, outcomes = model(
        '<OverallSys Name="lumi" Low="0.98" High="1.02"/><OverallSys Name="mu" Low="0.9" High="1.1"/>'
        '<ShapeFactor Name="mu"/>',
        settings="""
    <ParamSetting Val="0.5">alpha_mu</ParamSetting>
    <ParamSetting Const="True">alpha_lumi gamma_mu_bin_2</ParamSetting>
    <ConstraintTerm Type="Uniform" RelativeUncertainty="1">mu</ConstraintTerm>""",
    )
    assert [m.name for m in ws.channel("SR").samples[1].modifiers] == ["lumi", "alpha_lumi", "alpha_mu", "gamma_mu"]
    (m,) = ws.measurements
    assert m.parameter("alpha_mu").inits == (0.5,)
    assert m.parameter("alpha_lumi").fixed is True
    assert m.parameter("gamma_mu").fixed == (False, False, True)
    assert m.parameter("lumi").fixed is None
    assert m.parameter("mu").inits == (1.0,)
    assert m.constraint_terms == (ConstraintTerm(name="alpha_mu", kind="uniform", relative_uncertainty=1.0),)
    assert [o.kind for o in outcomes] == ["rewrite"] * 3


def test_first_channel_in_the_alphabet_settles_conflicts(shared):
    for name, expected in (("order_conflict_1", (1.1, 0.0, 5.0)), ("order_conflict_2", (0.8, -1.0, 3.0))):
        folder = shared / "root_models" / "quirks" / name
        ws, outcomes = read(folder / "top.xml", XmlOptions(basedir=folder))
        k = ws.measurements[0].parameter("k")
        assert (*k.inits, *k.bounds[0]) == expected
        assert any("disagree" in o.what for o in of_kind(outcomes, "repair"))


@pytest.mark.parametrize(
    ("text", "pois", "notes"),
    [
        ("mu_SIG  alpha_x mu", ("mu",), [("POI", "mu_SIG"), ("POI", "alpha_x")]),  # ROOT drops what it does not know
        ("mu_SIG alpha_x", ("mu_SIG", "alpha_x"), []),  # a model without its signal: they tell what was meant
    ],
)
def test_unknown_pois(model, tmp_path, text, pois, notes):
    ws, _ = model()
    driver = (tmp_path / "top.xml").read_text()
    (tmp_path / "top.xml").write_text(driver.replace("<POI>mu</POI>", f"<POI>{text}</POI>"))
    ws, outcomes = read(tmp_path / "top.xml", XmlOptions(basedir=tmp_path))
    assert ws.measurements[0].pois == pois
    assert [a for a in ws.measurements[0].annotations if a[0] == "POI"] == notes
    assert ["ROOT drops it" in o.what for o in outcomes] == [True, True]


@pytest.mark.parametrize("centre", ["nominalLumi", "nom_alpha_a"])
def test_a_centre_is_no_poi(model, tmp_path, centre):
    model('<OverallSys Name="a" Low="0.9" High="1.1"/>')
    text = (tmp_path / "top.xml").read_text()
    (tmp_path / "top.xml").write_text(text.replace("<POI>mu</POI>", f"<POI>{centre} mu</POI>"))
    with pytest.raises(InvalidWorkspace, match=f"the POI '{centre}' is the centre of a constraint"):
        read(tmp_path / "top.xml", XmlOptions(basedir=tmp_path))


def test_pois_under_our_names(shared):
    folder = shared / "root_models" / "quirks" / "poi_two"
    ws, _ = read(folder / "top.xml", XmlOptions(basedir=folder))
    assert ws.measurements[0].pois == ("mu", "a")


QUIRKS_ACCEPTED = {  # what ROOT accepts or refuses, and we read; a word of the outcome
    "asimov_element": "refuses this element",
    "channel_histoname": "deprecated",
    "combination_mode": "refuses the attribute 'Mode'",
    "combination_noprefix": "does not carry attribute OutputFilePrefix",
    "constraintterm_before_paramsetting": "does not follow the DTD",
    "cterm_NoSyst_1": "has no effect in ROOT",
    "cterm_alpha_prefix": "there is no systematic 'alpha_a'",
    "histopath_file_colon": "only as it stands in InputFile",
    "histosys_inputfile_attr": "taken as the file of both histograms",
    "input_spaces": "blanks around './SR.xml'",
    "inputfile_colon_path": "does not accept a directory after the file name",
    "measurement_nolumi": "ROOT's default 0.1 was taken",
    "nf_const": "use ParamSetting Const='True'",
    "no_doctype_channel": "there is no <!DOCTYPE Channel",
    "no_doctype_top": "there is no <!DOCTYPE Combination",
    "poi_missing": "no POI is named",
    "poi_newline": "line breaks or tabs around 'mu'",
    "poi_twoelements": "does not follow the DTD",
    "staterrconfig_after_samples": "does not follow the DTD",
    "two_data_named": "another Data element, which ROOT refuses: kept as a note",
}


@pytest.mark.parametrize("name", list(QUIRKS_ACCEPTED))
def test_what_root_refuses_is_read_and_recorded(shared, name):
    folder = shared / "root_models" / "quirks" / name
    _, outcomes = read(folder / "top.xml", XmlOptions(basedir=folder))
    assert any(QUIRKS_ACCEPTED[name] in o.what for o in outcomes), outcomes


def test_histogram_paths_as_root_looks_them_up(shared):
    """Expected: the numbers that ROOT 6.40 gave for the same files."""
    expected = {
        "path_shadowing": [1.0, 2.0, 3.0],
        "histopath_inherit": [51.0, 61.0, 21.0],
        "histopath_slashes": [51.0, 61.0, 21.0],
        "histopath_file_colon_same": [1.0, 2.0, 3.0],
        "sample_inputfile_leak": [50.0, 60.0, 20.0],
    }
    for name, numbers in expected.items():
        folder = shared / "root_models" / "quirks" / name
        ws, _ = read(folder / "top.xml", XmlOptions(basedir=folder))
        sample = next(s for s in ws.channel("SR").samples if s.name == "bkg")
        assert list(sample.nominal) == numbers, name


# --------------------------------------------------------------------------------------------------------------- paths


def test_compressed_documents(model, tmp_path):
    expected, _ = model()
    for name in ("top.xml", "SR.xml"):
        (tmp_path / name).write_bytes(gzip.compress((tmp_path / name).read_bytes()))
    assert read(tmp_path / "top.xml", XmlOptions(basedir=tmp_path))[0] == expected


def test_relative_to_the_folder_of_the_driver(model, tmp_path, monkeypatch):
    expected, _ = model()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert read(tmp_path / "top.xml") == (expected, ())


def test_different_files_in_both_folders(model, tmp_path):
    model()
    other = tmp_path / "other"
    other.mkdir()
    write_histograms(other / "data.root", {**histograms(), "bkg": Histogram(contents=(1.0, 1.0, 1.0), edges=EDGES)})
    shutil.copy(tmp_path / "SR.xml", other)
    ws, outcomes = read(tmp_path / "top.xml", XmlOptions(basedir=other))
    assert ws.channel("SR").samples[1].nominal == (1.0, 1.0, 1.0)
    assert [str(o) for o in outcomes] == [
        "repair: ./data.root: found relative to the base folder and to the driver's folder, with different content; "
        f"{other / 'data.root'} was read, as ROOT does"
    ]


def absolute(model, tmp_path, path):
    model()
    sr = tmp_path / "SR.xml"
    sr.write_text(sr.read_text().replace("./data.root", path))


def test_absolute_path(model, tmp_path):
    absolute(model, tmp_path, f"{tmp_path}/data.root")
    _, outcomes = read(tmp_path / "top.xml")
    assert [str(o) for o in outcomes] == [f"repair: {tmp_path}/data.root: absolute path"]


def test_mounts(model, tmp_path):
    absolute(model, tmp_path, "/elsewhere/run2/data.root")
    _, outcomes = read(tmp_path / "top.xml", XmlOptions(mounts=(("/elsewhere/run2/", str(tmp_path)),)))
    assert [o.what for o in outcomes] == [f"absolute path, read as {tmp_path}/data.root"]


def test_search(model, tmp_path):
    absolute(model, tmp_path, "lost/data.root")
    (tmp_path / "deep" / "down").mkdir(parents=True)
    (tmp_path / "data.root").rename(tmp_path / "deep" / "down" / "data.root")
    _, outcomes = read(tmp_path / "top.xml", XmlOptions(search=(tmp_path / "deep",)))
    assert [o.what for o in outcomes] == [
        f"not where the XML says; the search found {tmp_path / 'deep' / 'down' / 'data.root'}"
    ]
    write_histograms(tmp_path / "deep" / "data.root", {"other": Histogram(contents=(1.0,), edges=((0.0, 1.0),))})
    with pytest.raises(MissingInput, match="the search met several different files of that name"):
        read(tmp_path / "top.xml", XmlOptions(search=(tmp_path / "deep",)))


def test_confine(model, tmp_path):
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    model()
    shutil.copytree(tmp_path, inside, ignore=shutil.ignore_patterns("inside", "outside", "*.root"))
    shutil.copy(tmp_path / "data.root", outside)
    sr = inside / "SR.xml"
    sr.write_text(sr.read_text().replace("./data.root", "../outside/data.root"))
    read(inside / "top.xml")
    with pytest.raises(UnsafeInput, match="leads outside the folder of the XML file"):
        read(inside / "top.xml", XmlOptions(confine=True))
    (inside / "link.root").symlink_to(outside / "data.root")
    sr.write_text(sr.read_text().replace("../outside/data.root", "link.root"))
    with pytest.raises(UnsafeInput, match="leads outside the folder of the XML file"):
        read(inside / "top.xml", XmlOptions(confine=True))
    read(inside / "top.xml", XmlOptions(confine=True, basedir=tmp_path))


def test_confine_holds_for_links_that_a_search_meets(model, tmp_path):
    inside, deep = tmp_path / "inside", tmp_path / "inside" / "deep"
    absolute(model, tmp_path, "lost/data.root")
    shutil.copytree(tmp_path, inside, ignore=shutil.ignore_patterns("inside", "*.root"))
    deep.mkdir()
    (deep / "data.root").symlink_to(tmp_path / "data.root")
    options = {"basedir": inside, "search": (deep,)}
    read(inside / "top.xml", XmlOptions(**options))
    with pytest.raises(MissingInput, match="was not found"):
        read(inside / "top.xml", XmlOptions(**options, confine=True))


def test_hint_at_the_base_folder(shared):
    folder = shared / "xml" / "pyhf_multibin"
    with pytest.raises(MissingInput, match=r"relative paths seem to start elsewhere, try --basedir .*pyhf_multibin$"):
        read(folder / "config" / "example.xml", XmlOptions(confine=True))


@pytest.fixture
def from_above(model, tmp_path):
    """A driver whose paths start two folders above it, as TRExFitter writes them; and what reading it there gives."""
    expected, _ = model()
    inner = tmp_path / "work" / "job" / "RooStats"
    (inner.parent / "Histograms").mkdir(parents=True)
    inner.mkdir()
    shutil.copy(tmp_path / "data.root", inner.parent / "Histograms" / "data.root")
    top, sr = ((tmp_path / name).read_text() for name in ("top.xml", "SR.xml"))
    (inner / "top.xml").write_text(top.replace("./SR.xml", "./job/RooStats//SR.xml"))
    (inner / "SR.xml").write_text(sr.replace("./data.root", "job/Histograms/data.root"))
    for name in ("top.xml", "SR.xml", "data.root"):
        (tmp_path / name).unlink()
    return inner / "top.xml", expected


def test_the_only_folder_above_that_fits_is_taken_and_said(from_above, tmp_path, monkeypatch):
    driver, expected = from_above
    found, outcomes = read(driver)
    assert found == expected
    assert [(o.kind, o.where) for o in outcomes] == [("repair", str(driver))]
    assert f"relative paths start at {tmp_path / 'work'}, the only folder above the XML" in outcomes[0].what
    assert f"--basedir {tmp_path / 'work'} says the same" in outcomes[0].what
    assert read(driver, XmlOptions(basedir=tmp_path / "work"))[0] == expected
    monkeypatch.chdir(driver.parent)  # a driver that is named relative to where one stands
    found, outcomes = read("top.xml")
    assert found == expected
    assert "--basedir ../.. says the same" in outcomes[0].what


def test_a_folder_above_is_not_taken_where_several_fit(from_above, tmp_path):
    driver, _ = from_above
    shutil.copytree(tmp_path / "work" / "job", tmp_path / "job")
    with pytest.raises(MissingInput, match=f"try --basedir {tmp_path / 'work'} or {tmp_path}$"):
        read(driver)


def test_a_folder_above_is_not_taken_where_one_is_given_or_reading_is_confined(from_above, tmp_path):
    driver, expected = from_above
    with pytest.raises(MissingInput, match=f"try --basedir {tmp_path / 'work'}$"):
        read(driver, XmlOptions(basedir=tmp_path))
    with pytest.raises(MissingInput, match=f"try --basedir {tmp_path / 'work'}$"):
        read(driver, XmlOptions(confine=True))
    assert read(driver, XmlOptions(confine=True, basedir=tmp_path / "work"))[0] == expected


def test_all_paths_start_at_the_same_folder_above(from_above, tmp_path):
    """What one path led to is kept to: the histograms of another run are not mixed in."""
    driver, _ = from_above
    (tmp_path / "job").mkdir()
    (tmp_path / "work" / "job" / "Histograms").rename(tmp_path / "job" / "Histograms")
    with pytest.raises(MissingInput, match=f"and {tmp_path / 'work' / 'job' / 'Histograms' / 'data.root'}"):
        read(driver)


def test_published_configurations_of_trexfitter_are_found(shared):
    for name in ("trexfitter_minimal/minimal_example", "trexfitter_three_lepton/my_wrcspc"):
        folder = shared / "xml" / name
        driver = folder / "RooStats" / f"{folder.name}.xml"
        found, outcomes = read(driver)
        assert found == read(driver, XmlOptions(basedir=folder.parent))[0]
        assert sum("the only folder above the XML" in o.what for o in outcomes) == 1


# ------------------------------------------------------------------------------------------------- what is missing, all
def test_everything_that_is_missing_is_listed(model, tmp_path):
    modifiers = """
    <HistoSys Name="JES" HistoNameHigh="upp" HistoNameLow="down"/>
    <HistoSys Name="JER" HistoNameHigh="up" HistoNameLow="lost"/>
    <ShapeSys Name="shape" HistoName="relativ"/>
    <StatError Activate="True" HistoName="stat"/>"""
    with pytest.raises(MissingInput) as missing:
        model(modifiers, sig=' HistoPath="deeper"')
    first, *lines = str(missing.value).splitlines()
    assert first == f"{tmp_path}/top.xml: 5 things that it names are missing:"
    for line, words in zip(
        lines,
        (
            ("<Sample Name='sig'>", "there is no directory '/deeper'"),
            ("<HistoSys Name='JES'>", "no histogram 'upp'; did you mean 'up'?"),
            ("<HistoSys Name='JER'>", "no histogram 'lost'"),
            ("<ShapeSys Name='shape'>", "no histogram 'relativ'; did you mean 'relative'?"),
            ("<StatError>", "no histogram 'stat'"),
        ),
        strict=True,
    ):
        assert all(word in line for word in words), line
        assert f"{tmp_path}/SR.xml:" in line


def test_one_thing_that_is_missing_is_said_in_one_sentence(model, tmp_path):
    with pytest.raises(MissingInput, match=r"^[^\n]*<HistoSys Name='JES'>: [^\n]*no histogram 'upp'[^\n]*$"):
        model('<HistoSys Name="JES" HistoNameHigh="upp" HistoNameLow="down"/>')


def test_a_file_of_the_same_name_beside_the_xml_is_pointed_to(model, tmp_path, monkeypatch):
    """Paths lead to where one stands first, as in ROOT: there may lie the histograms of another model."""
    model()
    here = tmp_path / "here"
    here.mkdir()
    write_histograms(here / "data.root", {"other": histograms()["sig"]})
    monkeypatch.chdir(here)
    told = f"; {tmp_path / 'data.root'}, beside the XML, is another file: --basedir {tmp_path} reads that one"
    with pytest.raises(MissingInput) as missing:
        read(tmp_path / "top.xml")
    assert told in str(missing.value)
    read(tmp_path / "top.xml", XmlOptions(basedir=tmp_path))


def test_missing_files_are_listed_once_each(model, tmp_path):
    model()
    driver = tmp_path / "top.xml"
    driver.write_text(driver.read_text().replace("</Input>", "</Input>\n<Input>./CR.xml</Input>", 1))
    (tmp_path / "data.root").unlink()
    with pytest.raises(MissingInput) as missing:
        read(driver, XmlOptions(basedir=tmp_path))
    first, *lines = str(missing.value).splitlines()
    assert "2 things that it names are missing" in first
    assert "(and 2 more elements): the file './data.root' was not found; tried" in lines[0]  # data, sig, bkg
    assert lines[1].endswith("<Input>: the file './CR.xml' was not found")


def test_a_long_list_of_missing_histograms_ends(model):
    modifiers = "\n".join(f'<HistoSys Name="s{i}" HistoNameHigh="h{i}" HistoNameLow="l{i}"/>' for i in range(30))
    with pytest.raises(MissingInput) as missing:
        model(modifiers)
    lines = str(missing.value).splitlines()
    assert "60 things that it names are missing" in lines[0]
    assert len(lines) == 22
    assert lines[-1] == "  and 40 more"


# -------------------------------------------------------------------------------------------------------------- errors


def test_broken_published_models(shared):
    broken = shared / "broken" / "xml"

    def of(name, driver="config/example.xml"):
        return read(broken / name / driver, XmlOptions(basedir=broken / name))

    for name in ("pyhf_noChannelData", "pyhf_noChannelDataPaths"):  # their histograms were not kept
        with pytest.raises(MissingInput, match="was not found"):
            of(name)
    with pytest.raises(MissingInput, match="map the folder of another machine with --mount"):
        of("pyhf_absolutePaths")
    folder = broken / "pyhf_absolutePaths"
    mounts = (("/absolute/path/to", str(folder)), ("/another/absolute/path/to", str(folder)))
    ws, _ = read(folder / "config" / "example.xml", XmlOptions(mounts=mounts))
    assert ws.channels[0].observed is not None
    driver = "config/MyShapeFitExample/Exclusion_SM_GG_onestepCC_425_385_345.xml"
    with pytest.raises(InvalidWorkspace, match="has no Sample"):
        of("histfitter_nosample", driver)


INVALID = Path(__file__).parents[1] / "data" / "invalid" / "xml"


@pytest.fixture(scope="module")
def root_files(tmp_path_factory):
    """The histograms that the invalid models refer to, and a truncated copy."""
    folder = tmp_path_factory.mktemp("root")
    finite = {
        **histograms(),
        "two_bins": Histogram(contents=(1.0, 2.0), edges=((0.0, 1.5, 3.0),)),
        "other_edges": Histogram(contents=(1.0, 2.0, 3.0), edges=((0.0, 1.0, 2.5, 3.0),)),
        "nan": Histogram(contents=(1.0, math.nan, 3.0), edges=EDGES),
    }
    write_histograms(folder / "data.root", finite)
    whole = (folder / "data.root").read_bytes()
    (folder / "truncated.root").write_bytes(whole[:1500])
    with uproot.update(folder / "data.root") as file:
        file["title"] = "a text"
        file["two_axes"] = np.histogram2d([0.5], [0.5], bins=(3, 2))
        file["sub/dir/bkg"] = np.histogram([0.5], bins=3)
    return folder


@pytest.mark.parametrize("case", sorted(p.name for p in INVALID.iterdir()))
def test_invalid_models_and_their_messages(tmp_path, monkeypatch, root_files, case):
    """The first line of error.txt is the class of the error, the second its text."""
    for file in [*(INVALID / case).iterdir(), *root_files.iterdir()]:
        shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    kind, message = (INVALID / case / "error.txt").read_text().splitlines()
    with pytest.raises(HFTranslateError) as caught:
        read("top.xml")
    assert str(caught.value) == message
    assert type(caught.value).__name__ == kind


def test_not_well_formed(tmp_path):
    (tmp_path / "top.xml").write_text("<Combination>\n  <Input>\n</Combination>\n")
    with pytest.raises(FormatError, match=r"top\.xml:3: not well-formed XML: "):
        read(tmp_path / "top.xml")


def test_deep_nesting_is_refused(tmp_path):
    (tmp_path / "deep.xml").write_text("<Combination>" * 10_000 + "</Combination>" * 10_000)
    with pytest.raises(FormatError, match="not well-formed XML: "):
        read(tmp_path / "deep.xml")


def test_entities_in_another_encoding(tmp_path):
    text = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE Combination [<!ENTITY a "b">]><Combination/>'
    (tmp_path / "top.xml").write_bytes(text.encode("utf-16"))
    with pytest.raises(UnsafeInput, match="declares entities"):
        read(tmp_path / "top.xml")
