"""Writing HistFactory XML: what is written reads back as the same model, from memory and from disk."""

import json
import math
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from hftranslate.errors import InvalidWorkspace, Unsupported
from hftranslate.formats.histfactory_xml import XmlOptions, read, read_back, render, write, write_model
from hftranslate.formats.root_histograms import HistogramFiles
from hftranslate.workspace import (
    ROOT,
    Channel,
    ConstraintTerm,
    Function,
    HistoSys,
    Lumi,
    Measurement,
    NormFactor,
    NormSys,
    ParameterConfig,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
    Workspace,
)
from hftranslate.workspace.parameter_names import declared_parameters
from hftranslate.workspace.parameters import parameter_sets

LUMI = ParameterConfig(name="lumi", inits=(1.0,), auxdata=(1.0,), sigmas=(0.02,))
MU = ParameterConfig(name="mu", inits=(1.0,), bounds=((0.0, 10.0),))


def example(**changes):
    """A model in the dialect of XML that uses every kind of modifier."""
    signal = Sample(
        name="signal",
        nominal=(5.0, 10.0),
        modifiers=(Lumi(), NormFactor(name="mu"), NormSys(name="JES", lo=0.9, hi=1.1)),
    )
    background = Sample(
        name="bkg",
        nominal=(50.0, 0.0),
        modifiers=(
            Lumi(),
            HistoSys(name="JES", lo_data=(45.0, 0.1), hi_data=(56.0, 0.3)),
            StatError(name="staterror_SR", data=(5.0, 0.7), constraint="poisson", threshold=0.01),
            ShapeSys(name="fakes", data=(0.1, 0.2), relative=True, constraint="gaussian"),
        ),
    )
    control = Sample(name="bkg", nominal=(0.1, 1e-7, 1e9), modifiers=(Lumi(), ShapeFactor(name="free")))
    parameters = (  # as declared: histosys and normsys, norm factors, bin factors
        LUMI,
        ParameterConfig(name="JES", inits=(0.25,), fixed=True),
        MU,
        ParameterConfig(name="free", inits=(1.0, 2.0, 1.0), fixed=(False, True, False)),
    )
    ws = Workspace(
        channels=(
            Channel(name="SR", samples=(signal, background), observed=(52.0, 9.0), edges=((0.0, 1.0, 2.5),)),
            Channel(name="CR", samples=(control,), observed=(1.0, 0.0, 1e9), edges=((0.0, 1.0, 2.0, 3.0),)),
        ),
        measurements=(
            Measurement(
                name="meas",
                pois=("mu",),
                parameters=parameters,
                constraint_terms=(ConstraintTerm(name="JES", kind="lognormal", relative_uncertainty=0.3),),
            ),
        ),
        conventions=ROOT,
        annotations=(("OutputFilePrefix", "./results/FitConfig"),),
    )
    return replace(ws, **changes)


def with_modifier(modifier, ws=None):
    """The example with another modifier on the first sample."""
    ws = ws or example()
    first, *others = ws.channels
    sample = replace(first.samples[0], modifiers=(*first.samples[0].modifiers, modifier))
    return replace(ws, channels=(replace(first, samples=(sample, *first.samples[1:])), *others))


def with_parameter(config, ws=None):
    ws = ws or example()
    (m,) = ws.measurements
    kept = tuple(p for p in m.parameters if p.name != config.name)
    return replace(ws, measurements=(replace(m, parameters=(*kept, config)),))


def tree(model, path="FitConfig.xml"):
    return etree.fromstring(model.documents[path])


def test_reads_back_as_the_same_model():
    ws, outcomes = read_back(render(example()))
    assert ws == example()
    assert outcomes == ()


def test_layout(tmp_path):
    write(example(), tmp_path / "deep" / "out", prefix="Model")
    written = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert written == {
        "deep/out/Model.xml",
        "deep/out/HistFactorySchema.dtd",
        "deep/out/config/SR.xml",
        "deep/out/config/CR.xml",
        "deep/out/config/HistFactorySchema.dtd",
        "deep/out/data/data.root",
    }


def test_disk_and_memory_agree(tmp_path, monkeypatch):
    write(example(), tmp_path)
    assert read(tmp_path / "FitConfig.xml") == read_back(render(example()))
    monkeypatch.chdir(tmp_path)
    assert read("FitConfig.xml", XmlOptions(confine=True))[0] == example()


def test_same_model_same_bytes(tmp_path):
    write(example(), tmp_path / "a")
    write(example(), tmp_path / "b")
    for file in (tmp_path / "a").rglob("*"):
        if file.is_file():
            assert file.read_bytes() == (tmp_path / "b" / file.relative_to(tmp_path / "a")).read_bytes()


def test_documents():
    documents = render(example()).documents
    assert list(documents) == ["FitConfig.xml", "config/SR.xml", "config/CR.xml"]
    assert documents["FitConfig.xml"].decode() == (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        '<!DOCTYPE Combination SYSTEM "HistFactorySchema.dtd">\n'
        '<Combination OutputFilePrefix="./results/FitConfig">\n'
        "  <Input>./config/SR.xml</Input>\n"
        "  <Input>./config/CR.xml</Input>\n"
        '  <Measurement Name="meas" Lumi="1.0" LumiRelErr="0.02">\n'
        "    <POI>mu</POI>\n"
        '    <ParamSetting Const="True">alpha_JES gamma_free_bin_1</ParamSetting>\n'
        '    <ParamSetting Val="0.25">alpha_JES</ParamSetting>\n'
        '    <ParamSetting Val="2.0">gamma_free_bin_1</ParamSetting>\n'
        '    <ConstraintTerm Type="LogNormal" RelativeUncertainty="0.3">JES</ConstraintTerm>\n'
        "  </Measurement>\n"
        "</Combination>\n"
    )
    assert documents["config/SR.xml"].decode() == (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        '<!DOCTYPE Channel SYSTEM "HistFactorySchema.dtd">\n'
        '<Channel Name="SR" InputFile="./data/data.root">\n'
        '  <Data HistoName="SR_data"/>\n'
        '  <StatErrorConfig RelErrorThreshold="0.01" ConstraintType="Poisson"/>\n'
        '  <Sample Name="signal" HistoName="SR_signal">\n'
        '    <NormFactor Name="mu" Val="1.0" Low="0.0" High="10.0"/>\n'
        '    <OverallSys Name="JES" Low="0.9" High="1.1"/>\n'
        "  </Sample>\n"
        '  <Sample Name="bkg" HistoName="SR_bkg">\n'
        '    <HistoSys Name="JES" HistoNameLow="SR_bkg_JES_down" HistoNameHigh="SR_bkg_JES_up"/>\n'
        '    <StatError Activate="True"/>\n'
        '    <ShapeSys Name="fakes" HistoName="SR_bkg_fakes_relative" ConstraintType="Gaussian"/>\n'
        "  </Sample>\n"
        "</Channel>\n"
    )


def test_errors_of_empty_bins_are_stored(tmp_path):
    write(example(), tmp_path)
    with HistogramFiles() as files:
        histogram = files.get(tmp_path / "data" / "data.root", "", "SR_bkg")
        assert histogram.contents == (50.0, 0.0)
        assert histogram.errors == (5.0, 0.7)
        assert files.get(tmp_path / "data" / "data.root", "", "SR_signal").errors is None


def test_colliding_and_odd_names(tmp_path):
    """Names that become equal when joined or on a file system that ignores case, and such as XML has to escape."""
    samples = (
        Sample(name="a_b", nominal=(1.0,), modifiers=(Lumi(), HistoSys(name="c", lo_data=(2.0,), hi_data=(3.0,)))),
        Sample(name="a", nominal=(4.0,), modifiers=(Lumi(), HistoSys(name="b_c", lo_data=(5.0,), hi_data=(6.0,)))),
        Sample(name='t<t̄ & "γ"', nominal=(7.0,), modifiers=(Lumi(), NormFactor(name="µ"))),
    )
    edges = ((0.0, 1.0),)
    names = ["sr/1", "sr 1", "SR_1", "sr_1"]
    channels = tuple(Channel(name=n, samples=samples, observed=(i,), edges=edges) for i, n in enumerate(names))
    normfactor = ParameterConfig(name="µ", inits=(1.0,), bounds=((0.0, 10.0),))
    measurement = Measurement(name="m & <m>", pois=("µ",), parameters=(LUMI, normfactor))
    ws = example(channels=channels, measurements=(measurement,))
    model = render(ws)
    assert len({path.lower() for path in model.documents}) == 5
    assert len({name.lower() for name in model.histograms}) == len(model.histograms) == 4 * 8
    assert all(name.isascii() for name in [*model.documents, *model.histograms])
    assert read_back(model)[0] == ws
    write_model(model, tmp_path)
    assert read(tmp_path / "FitConfig.xml")[0] == ws


def test_very_long_names_give_shorter_files(tmp_path):
    """Unique, the same every time, and such that any file system takes them; the names in the model stay whole."""
    ws = example()
    long = ("n" * 3000, "n" * 2999 + "m", "ä" * 3000, "N" * 3000)
    channels = tuple(
        replace(ws.channels[1], name=name, samples=(replace(ws.channels[1].samples[0], name="s" * 3000),))
        for name in long
    )
    many = replace(ws, channels=(*ws.channels, *channels))
    first, again = (render(many) for _ in range(2))
    assert list(first.documents) == list(again.documents)
    assert len({path.lower() for path in first.documents}) == len(many.channels) + 1
    assert all(len(part.encode()) <= 255 for path in first.documents for part in path.split("/"))
    assert all(len(name) <= 210 for name in first.histograms)
    write_model(first, tmp_path)
    assert {c.name for c in read(tmp_path / "FitConfig.xml", XmlOptions(basedir=tmp_path))[0].channels} >= set(long)


def test_several_measurements_differ_by_settings():
    (first,) = example().measurements
    mu = ParameterConfig(name="mu", inits=(2.5,), bounds=((0.0, 10.0),))
    second = Measurement(name="second", pois=(), parameters=(replace(LUMI, inits=(1.01,)), mu))
    ws = example(measurements=(first, second))
    model = render(ws)
    root = tree(model)
    assert [e.text for e in root.findall("Measurement/POI")] == ["mu", "no_parameter_of_interest"]
    settings_of_second = [(dict(e.attrib), e.text) for e in root.findall("Measurement")[1].findall("ParamSetting")]
    assert settings_of_second == [({"Val": "1.01"}, "Lumi"), ({"Val": "2.5"}, "mu")]
    assert read_back(model) == (ws, ())


def test_norm_factor_without_settings_in_a_later_measurement():
    start = replace(MU, inits=(3.0,))
    first = Measurement(name="first", pois=("mu",), parameters=(LUMI, start))
    second = Measurement(name="second", pois=("mu",), parameters=(LUMI,))
    back, _ = read_back(render(example(measurements=(first, second))))
    assert [m.parameter("mu").inits for m in back.measurements] == [(3.0,), (1.0,)]


def test_no_luminosity_is_a_constant_one():
    found = tree(render(without_lumi(example(), "signal", "bkg"))).find("Measurement")
    assert (found.get("Lumi"), found.get("LumiRelErr")) == ("1", "0")


def test_pois_under_roots_names():
    (m,) = example().measurements
    ws = example(measurements=(replace(m, pois=("mu", "JES", "lumi", "free[1]", "mu_SIG")),))
    assert tree(render(ws)).find("Measurement/POI").text == "mu alpha_JES Lumi gamma_free_bin_1 mu_SIG"
    (back,) = read_back(render(ws))[0].measurements
    assert back.pois == ("mu", "JES", "lumi", "free[1]")  # ROOT drops the unknown one
    assert ("POI", "mu_SIG") in back.annotations


def test_centres_of_constraints_are_variables_of_root():
    centre = ParameterConfig(name="staterror_SR", auxdata=(110.0, (50.0 / 0.7) ** 2))
    ws = with_parameter(ParameterConfig(name="JES", auxdata=(0.5,)))
    ws = with_parameter(ParameterConfig(name="fakes", auxdata=(1.0, 1.25)), with_parameter(centre, ws))
    settings_of = [(e.get("Val"), e.text) for e in tree(render(ws)).iter("ParamSetting") if e.get("Val")]
    assert sorted(settings_of) == [
        ("0.5", "nom_alpha_JES"),
        ("1.25", "nom_gamma_fakes_bin_1"),
        ("110.0", "nom_gamma_stat_SR_bin_0"),
        ("2.0", "gamma_free_bin_1"),
    ]
    back = read_back(render(ws))[0].measurements[0]
    assert back.parameter("JES").auxdata == (0.5,)
    assert back.parameter("fakes").auxdata == (1.0, 1.25)
    assert back.parameter("staterror_SR").auxdata == (110.0, 1.0)  # the second bin is empty and has no constraint


@pytest.mark.parametrize("kind", ["gamma", "lognormal", "uniform", "none"])
def test_constraint_terms(kind):
    (m,) = example().measurements
    term = ConstraintTerm(name="JES", kind=kind, relative_uncertainty=0.0 if kind == "none" else 0.5)
    ws = example(measurements=(replace(m, constraint_terms=(term,)),))
    assert read_back(render(ws))[0] == ws


def test_notes_are_written_back():
    (m,) = example().measurements
    notes = (
        ("BinLow", "0"),
        ("BinHigh", "3"),
        ("ExportOnly", "True"),
        ("ParamSetting", "alpha_zzz Val=2.0 Const=True"),
        ("ConstraintTerm", "NoSyst 1.0 n"),
    )
    ws = example(measurements=(replace(m, annotations=notes),), annotations=(("OutputFilePrefix", "./elsewhere/x"),))
    assert read_back(render(ws))[0] == ws


@given(lumi=st.floats(0.01, 1e6), relative=st.floats(1e-4, 0.9))
@settings(max_examples=300, deadline=None)
def test_width_of_the_luminosity_survives_within_one_ulp(lumi, relative):
    sigma = lumi * relative
    config = ParameterConfig(name="lumi", inits=(lumi,), auxdata=(lumi,), sigmas=(sigma,))
    back, _ = read_back(render(with_parameter(config)))
    written = back.measurements[0].parameter("lumi")
    assert written.auxdata == (lumi,)
    assert abs(written.sigmas[0] - sigma) <= math.ulp(sigma)


def test_luminosity_without_uncertainty():
    config = ParameterConfig(name="lumi", inits=(2.0,), auxdata=(2.0,), sigmas=(0.0,), fixed=True)
    model = render(with_parameter(config))
    assert dict(tree(model).find("Measurement").attrib) == {"Name": "meas", "Lumi": "2.0", "LumiRelErr": "0"}
    assert read_back(model)[0].measurements[0].parameter("lumi") == config


def partial():
    """The luminosity on some samples, in the dialect of XML."""
    signal = Sample(
        name="signal",
        nominal=(5.0,),
        modifiers=(NormFactor(name="mu"), NormFactor(name="lumiscale"), NormSys(name="lumi", lo=1.0, hi=1.0)),
    )
    channel = Channel(name="SR", samples=(signal, Sample(name="bkg", nominal=(50.0,))), edges=((0.0, 1.0),))
    function = Function(name="lumiscale", expression="1.5+0.03*alpha_lumi", dependents="alpha_lumi[0,-5,5]")
    measurement = Measurement(
        name="meas", pois=("mu",), parameters=(MU, ParameterConfig(name="lumi", inits=(0.5,), fixed=True))
    )
    return example(channels=(channel,), measurements=(measurement,), functions=(function,))


def test_luminosity_of_some_samples_is_recognised():
    model = render(partial())
    assert dict(tree(model).find("Measurement").attrib) == {"Name": "meas", "Lumi": "1", "LumiRelErr": "0"}
    back, outcomes = read_back(model)
    signal, background = back.channel("SR").samples
    assert signal.modifiers == (NormFactor(name="mu"), Lumi())
    assert background.modifiers == ()
    assert back.functions == ()
    assert back.measurements[0].parameter("lumi") == ParameterConfig(
        name="lumi", inits=(1.5 + 0.03 * 0.5,), auxdata=(1.5,), sigmas=(0.03,), fixed=True
    )
    assert [o.kind for o in outcomes] == ["rewrite"]


def channel_named(name):
    ws = example()
    return replace(ws, channels=(replace(ws.channels[0], name=name), ws.channels[1]))


def with_staterror(name, channel):
    ws = example()
    channels = list(ws.channels)
    sample = channels[channel].samples[0]
    m = StatError(name=name, data=(1.0,) * len(sample.nominal), constraint="poisson", threshold=0.01)
    changed = replace(sample, modifiers=(*sample.modifiers, m))
    channels[channel] = replace(channels[channel], samples=(changed, *channels[channel].samples[1:]))
    return replace(ws, channels=tuple(channels))


def without_lumi(ws, *names):
    def sample(s):
        return replace(s, modifiers=tuple(m for m in s.modifiers if m != Lumi())) if s.name in names else s

    return replace(ws, channels=tuple(replace(c, samples=tuple(map(sample, c.samples))) for c in ws.channels))


def two_measurements(first, second):
    measurements = (
        Measurement(name="one", pois=("mu",), parameters=(LUMI, first)),
        Measurement(name="two", pois=("mu",), parameters=(LUMI, second)),
    )
    return example(measurements=measurements)


REFUSED = [
    (
        with_modifier(ShapeSys(name="s", data=(1.0, 2.0))),
        "channel 'SR', sample 'signal': shapesys 's' has absolute uncertainties; XML knows relative ones only",
    ),
    (
        with_modifier(NormSys(name="n", lo=0.9, hi=1.1, interpolation="code1")),
        "channel 'SR', sample 'signal': 'n' is interpolated with code1; XML can say code4 only",
    ),
    (
        with_modifier(HistoSys(name="n", lo_data=(1, 2), hi_data=(1, 2), interpolation="code0")),
        "channel 'SR', sample 'signal': 'n' is interpolated with code0; XML can say code4p only",
    ),
    (
        with_modifier(NormSys(name="n", lo=-0.1, hi=1.1)),
        "channel 'SR', sample 'signal': normsys 'n' has a negative factor (lo=-0.1, hi=1.1)",
    ),
    (
        with_staterror("other", 0),
        "channel 'SR' has 2 different staterrors ('other', 'staterror_SR'); XML knows one per channel",
    ),
    (
        with_staterror("staterror_SR", 1),
        "staterror 'staterror_SR' is shared by the channels 'SR' and 'CR'; XML has one for each channel",
    ),
    (
        without_lumi(example(), "signal"),
        "1 sample(s) do not carry the luminosity (the first is 'signal' in channel 'SR'); "
        "in ROOT all samples follow it",
    ),
    (channel_named("a,b"), "channel 'a,b': ROOT accepts no empty name and none with ',' in it"),
    (channel_named("a\nb"), "channel 'a\\nb': ROOT accepts no empty name and none with '\\n' in it"),
    (channel_named(""), "channel '': ROOT accepts no empty name and none with None in it"),
    (channel_named("1L"), "channel '1L': ROOT accepts no channel name that begins with a digit"),
    (
        with_modifier(NormSys(name="a;b", lo=1, hi=1)),
        "channel 'SR', sample 'signal': modifier 'a;b': ROOT accepts no empty name and none with ';' in it",
    ),
    (
        with_parameter(ParameterConfig(name="a b", fixed=True), with_modifier(NormSys(name="a b", lo=0.9, hi=1.1))),
        "measurement 'meas': the parameter 'alpha_a b' cannot stand in a <ParamSetting>, because ROOT splits such "
        "lists at blanks and backslashes",
    ),
    (
        with_parameter(ParameterConfig(name="JES", auxdata=(10.5,))),
        "measurement 'meas': parameter 'JES': the centre 10.5 of its constraint lies outside the range [-10, 10] that "
        "ROOT gives it",
    ),
    (
        with_parameter(ParameterConfig(name="fakes", sigmas=(0.1, 0.3))),
        "measurement 'meas': parameter 'fakes' has sigmas or factors of its own; XML has no word for them",
    ),
    (
        with_parameter(ParameterConfig(name="JES", inits=(7.0,), bounds=((-10.0, 10.0),))),
        "measurement 'meas': parameter 'JES' starts at 7, outside the range [-5, 5] that ROOT gives it; "
        "ROOT refuses that",
    ),
    (
        with_parameter(ParameterConfig(name="mu", inits=(1.0,), bounds=((2.0, 3.0),))),
        "measurement 'meas': normfactor 'mu' starts at 1.0 in the range [2.0, 3.0]; ROOT refuses an empty range and "
        "a value outside",
    ),
    (
        two_measurements(MU, replace(MU, bounds=((0.0, 5.0),))),
        "normfactor 'mu' has the range [0.0, 10.0] in measurement 'one' and [0.0, 5.0] in 'two'; "
        "XML states it once for all",
    ),
    (
        with_parameter(ParameterConfig(name="lumi", auxdata=(-1.0,), sigmas=(0.1,), inits=(-1.0,), fixed=True)),
        "measurement 'meas': parameter 'lumi' starts at -1, outside the range [0, -10] that ROOT gives it; "
        "ROOT refuses that",
    ),
]


@pytest.mark.parametrize(("ws", "message"), REFUSED, ids=[m[:60] for _, m in REFUSED])
def test_what_xml_cannot_say_is_refused_by_name(tmp_path, ws, message):
    with pytest.raises(Unsupported) as caught:
        write(ws, tmp_path / "out")
    assert str(caught.value) == message
    assert list(tmp_path.iterdir()) == []


def test_several_axes(tmp_path):
    """Two and three axes are written as TH2 and TH3, and ROOT's names of their bins are used."""
    edges = ((0.0, 1.0, 2.5), (0.0, 1.0, 2.0, 3.0))
    solid = (*edges, (-1.0, 0.0, 1.0))

    def channel(name, axes):
        n = math.prod(len(axis) - 1 for axis in axes)
        modifiers = (
            Lumi(),
            NormFactor(name="mu"),
            HistoSys(name="JES", lo_data=tuple(map(float, range(n))), hi_data=tuple(map(float, range(n, 0, -1)))),
            StatError(name=f"staterror_{name}", data=(0.1,) * n, constraint="poisson"),
            ShapeSys(name=f"s_{name}", data=(0.25,) * n, relative=True),
        )
        sample = Sample(name="sig", nominal=tuple(range(1, n + 1)), modifiers=modifiers)
        return Channel(name=name, samples=(sample,), observed=tuple(range(n)), edges=axes)

    fixed = tuple(i == 3 for i in range(6))  # the second bin in x and in y
    (m,) = example().measurements
    settings = (LUMI, MU, ParameterConfig(name="s_flat", inits=(1.0,) * 3 + (1.25,) + (1.0,) * 2, fixed=fixed))
    m = replace(m, parameters=settings, constraint_terms=())
    ws = example(channels=(channel("flat", edges), channel("solid", solid)), measurements=(m,))
    model = render(ws)
    assert model.histograms["flat_sig"].edges == edges
    assert [e.text for e in tree(model).iter("ParamSetting")] == ["gamma_s_flat_bin_1_1"] * 2
    assert read_back(model)[0] == ws
    write_model(model, tmp_path)
    assert read(tmp_path / "FitConfig.xml")[0] == ws


def test_four_axes_are_refused():
    axes = ((0.0, 1.0),) * 4
    channel = Channel(name="SR", samples=(Sample(name="sig", nominal=(1.0,), modifiers=(Lumi(),)),), edges=axes)
    with pytest.raises(Unsupported, match="channel 'SR' has 4 axes; ROOT's histograms have at most three"):
        render(example(channels=(channel,)))


@pytest.mark.parametrize("prefix", ["", "a/b", "../x", "ü"])
def test_prefix_must_be_a_plain_name(prefix):
    with pytest.raises(Unsupported, match=r"use letters, digits, '_', '-' and '\.' only"):
        render(example(), prefix)


def test_luminosity_must_be_configured():
    (m,) = example().measurements
    ws = example(measurements=(replace(m, parameters=m.parameters[1:]),))
    with pytest.raises(InvalidWorkspace, match="is used by a lumi modifier but has no auxdata and sigmas"):
        render(ws)


def test_nothing_half_written_stays(tmp_path, monkeypatch):
    module = sys.modules["hftranslate.formats.histfactory_xml.write"]  # the package has its function of that name
    from hftranslate.formats.histfactory_xml import write as _  # noqa: F401

    def fail(*_args):
        raise OSError("disk full")

    monkeypatch.setattr(module, "write_histograms", fail)
    with pytest.raises(OSError, match="disk full"):
        write(example(), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(Unsupported, match="is a file; expected a folder"):
        write(example(), tmp_path / "out")


def test_existing_folder_keeps_its_other_files(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    write(example(), tmp_path)
    write(example(), tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert read(tmp_path / "FitConfig.xml")[0] == example()


def numbered(k):
    """One of many models with the same names, and other numbers in every file."""
    channels = [
        replace(c, samples=tuple(replace(s, nominal=tuple(float(k) for _ in s.nominal)) for s in c.samples))
        for c in example().channels
    ]
    return replace(example(channels=tuple(channels)), annotations=(("OutputFilePrefix", f"./{k}"),))


def test_a_second_model_in_a_folder_must_not_take_the_files_of_the_first(tmp_path):
    write(numbered(1), tmp_path, "A")
    write(numbered(1), tmp_path, "B")  # the same histograms and channels
    for prefix in "BC":
        with pytest.raises(Unsupported, match=r"holds another model, A\.xml, whose file .* write into another folder"):
            write(numbered(2), tmp_path, prefix)
    for prefix in "AB":
        assert read(tmp_path / f"{prefix}.xml")[0] == numbered(1)
    assert not (tmp_path / "C.xml").exists()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "results.xml").write_text("<results/>")
    write(numbered(2), tmp_path / "other")


def test_runs_at_one_time_leave_the_model_of_one_of_them(tmp_path):
    models = [numbered(k) for k in range(1, 5)]
    rendered = [render(m) for m in models]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            list(pool.map(lambda m: write_model(m, tmp_path), rendered))
            assert read(tmp_path / "FitConfig.xml")[0] in models
    assert sorted(p.name for p in tmp_path.iterdir()) == ["FitConfig.xml", "HistFactorySchema.dtd", "config", "data"]


# ---------------------------------------------------------------------------------------------------------- properties

finite = st.floats(-1e6, 1e6)
positive = st.just(0.0) | st.floats(1e-9, 1e6)
labels = st.text("abcXYZ 12_-/<&é\"'", min_size=1, max_size=6).map(lambda s: "n" + s)


@st.composite
def modifiers(draw, n, channel, kinds):
    values = st.lists(positive, min_size=n, max_size=n).map(tuple)
    found = [Lumi()]
    names = draw(st.lists(st.sampled_from(sorted(kinds)), max_size=5, unique=True))
    for name in names:
        match kinds[name]:
            case "normfactor":
                found.append(NormFactor(name=name, power=draw(st.integers(1, 3))))
            case "normsys":
                found.append(NormSys(name=name, lo=draw(positive), hi=draw(positive)))
            case "histosys":
                found.append(HistoSys(name=name, lo_data=draw(values), hi_data=draw(values)))
            case "shapefactor":
                found.append(ShapeFactor(name=f"{name}_{channel}"))
            case "shapesys":
                kind = draw(st.sampled_from(["gaussian", "poisson"]))
                found.append(ShapeSys(name=f"{name}_{channel}", data=draw(values), relative=True, constraint=kind))
    return tuple(found)


@st.composite
def workspaces(draw):
    words = ["normfactor", "normsys", "histosys", "shapefactor", "shapesys"]
    kinds = draw(st.dictionaries(labels, st.sampled_from(words), min_size=1, max_size=6))
    channels = []
    for name in draw(st.lists(labels, min_size=1, max_size=3, unique=True)):
        n = draw(st.integers(1, 4))
        constraint, threshold = draw(st.sampled_from(["gaussian", "poisson"])), draw(st.floats(0, 1))
        samples = []
        for sample in draw(st.lists(labels, min_size=1, max_size=3, unique=True)):
            found = draw(modifiers(n, name, kinds))
            if draw(st.booleans()):
                errors = tuple(draw(st.lists(positive, min_size=n, max_size=n)))
                stat = StatError(name=f"staterror_{name}", data=errors, constraint=constraint, threshold=threshold)
                found = (*found, stat)
            nominal = tuple(draw(st.lists(finite, min_size=n, max_size=n)))
            samples.append(Sample(name=sample, nominal=nominal, modifiers=found))
        edges = tuple(sorted(draw(st.lists(st.integers(-1000, 1000), min_size=n + 1, max_size=n + 1, unique=True))))
        observed = draw(st.none() | st.lists(positive, min_size=n, max_size=n).map(tuple))
        channels.append(
            Channel(name=name, samples=tuple(samples), observed=observed, edges=(tuple(e / 7 for e in edges),))
        )
    lumi = ParameterConfig(name="lumi", inits=(1.0,), auxdata=(1.0,), sigmas=(draw(st.floats(0.001, 0.5)),))
    others = tuple(
        ParameterConfig(name=d.name, inits=(draw(st.floats(0.0, 5.0)),), bounds=((0.0, 5.0),))
        for d in declared_parameters(channels).values()
        if d.kind == "normfactor"
    )
    measurement = Measurement(name=draw(labels), pois=("mu",), parameters=(lumi, *others))
    return Workspace(
        channels=tuple(channels),
        measurements=(measurement,),
        conventions=ROOT,
        annotations=(("OutputFilePrefix", "./results/FitConfig"),),
    )


@given(workspaces())
@settings(max_examples=150, deadline=None)
def test_every_model_of_the_dialect_reads_back_as_itself(ws):
    assert read_back(render(ws))[0] == ws


@given(workspaces())
@settings(max_examples=15, deadline=None)
def test_files_hold_what_memory_holds(tmp_path_factory, ws):
    folder = tmp_path_factory.mktemp("out")
    write(ws, folder)
    assert read(folder / "FitConfig.xml")[0] == ws


def test_published_models_read_back_as_themselves(shared):
    cases = [(c["dir"], c["driver"]) for c in json.loads((shared / "cases.json").read_text())["xml"]]
    cases += [(p.parent, p.name) for p in sorted((shared / "root_models").glob("*/top.xml"))]
    same = 0
    for directory, driver in cases:
        folder = shared / directory
        ws, _ = read(folder / driver, XmlOptions(basedir=folder))
        back, _ = read_back(render(ws))
        assert back == ws, (directory, driver)
        for a, b in zip(ws.measurements, back.measurements, strict=True):
            assert parameter_sets(ws, a, ROOT) == parameter_sets(back, b, ROOT)
        same += 1
    assert same == len(cases)
