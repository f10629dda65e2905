"""The luminosity of some samples, as new and old versions of ROOT can say it."""

from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from hftranslate.errors import Unsupported
from hftranslate.formats import histfactory_xml
from hftranslate.formats.histfactory_xml.lumi import luminosity
from hftranslate.formats.outcomes import of_kind
from hftranslate.translation.load import load
from hftranslate.translation.sidecar import apply_sidecar
from hftranslate.translation.write import XmlTranslation, to_xml, write_xml
from hftranslate.workspace import (
    PYHF,
    ROOT,
    Channel,
    HistoSys,
    Lumi,
    Measurement,
    NormFactor,
    ParameterConfig,
    Sample,
    ShapeFactor,
    StatError,
    Workspace,
)
from tests.equivalence import model_difference, same_rules

MU = ParameterConfig(name="mu", inits=(1.0,), bounds=((0.0, 10.0),))


def some_samples(nominal: float = 1.0, *others: Measurement) -> Workspace:
    """The luminosity on the signal only."""
    signal = Sample(name="signal", nominal=(3.0, 4.5), modifiers=(Lumi(), NormFactor(name="mu")))
    background = Sample(
        name="background",
        nominal=(50.0, 60.0),
        modifiers=(
            HistoSys(name="JES", lo_data=(45.0, 57.0), hi_data=(54.0, 66.0)),
            StatError(name="staterror_SR", data=(5.0, 6.0)),
        ),
    )
    lumi = ParameterConfig(name="lumi", auxdata=(nominal,), sigmas=(0.02 * nominal,))
    return Workspace(
        channels=(Channel(name="SR", samples=(signal, background), observed=(52, 61)),),
        measurements=(Measurement(name="meas", pois=("mu",), parameters=(lumi, MU)), *others),
    )


def elements(translation: XmlTranslation, path: str) -> etree._Element:
    return etree.fromstring(translation.model.documents[path])


def alone(translation: XmlTranslation) -> Workspace:
    return histfactory_xml.read_back(translation.model)[0]


@pytest.mark.parametrize("nominal", [1.0, 2.0])
def test_old_versions_know_samples_that_follow_the_nominal_luminosity_only(nominal: float) -> None:
    ws = some_samples(nominal)
    translation = to_xml(ws, root_version="6.20")
    channel = elements(translation, "config/SR.xml")
    assert [s.get("NormalizeByTheory") for s in channel.iter("Sample")] == [None, "False"]
    driver = elements(translation, "FitConfig.xml")
    assert driver.find("Function") is None
    assert dict(driver.find("Measurement").attrib) == {"Name": "meas", "Lumi": repr(nominal), "LumiRelErr": "0.02"}
    assert translation.model.histograms["SR_background"].contents == (50.0 / nominal, 60.0 / nominal)
    assert model_difference(replace(ws, conventions=same_rules(ROOT, PYHF)), alone(translation)) is None
    assert apply_sidecar(alone(translation), translation.sidecar) == ws
    assert not of_kind(translation.outcomes, "loss")


def test_new_versions_need_a_function() -> None:
    translation = to_xml(some_samples(), root_version="6.24")
    assert elements(translation, "FitConfig.xml").find("Function") is not None
    channel = elements(translation, "config/SR.xml")
    assert [s.get("NormalizeByTheory") for s in channel.iter("Sample")] == [None, None]


def test_a_model_read_from_old_xml_is_said_in_new_words(tmp_path: Path) -> None:
    write_xml(to_xml(some_samples(), root_version="6.20"), tmp_path, sidecar=False)
    text = (tmp_path / "FitConfig.xml").read_text()
    assert "<!-- written for ROOT 6.20, with the meaning it has there -->" in text
    from hftranslate.formats.histfactory_xml import XmlOptions

    old = load(tmp_path / "FitConfig.xml", xml=XmlOptions(root_version="6.20")).workspace
    assert old.channels[0].samples[1].annotations == (("NormalizeByTheory", "False"),)
    new = alone(to_xml(old))
    assert new.channels[0].samples[1].annotations == ()
    assert model_difference(old, new) is None


def test_the_mark_has_no_meaning_for_samples_that_follow_in_new_versions() -> None:
    ws = some_samples()
    (channel,) = ws.channels
    marked = (("NormalizeByTheory", "False"),)
    samples = tuple(replace(s, modifiers=(Lumi(),), annotations=marked) for s in channel.samples)
    ws = replace(ws, channels=(replace(channel, samples=samples),))
    assert luminosity(ws) == (ws, ())
    old, _ = luminosity(ws, (6, 22))
    assert [s.annotations for s in old.channels[0].samples] == [(), ()]


def test_a_constant_luminosity_has_a_width_in_old_versions() -> None:
    """They make a constraint of any width; a parameter that is constant makes it a constant."""
    ws = some_samples()
    (channel,) = ws.channels
    bare = replace(channel, samples=tuple(replace(s, modifiers=()) for s in channel.samples))
    ws = replace(ws, channels=(bare,), measurements=(Measurement(name="meas"),))
    translation = to_xml(ws, root_version="6.20")
    measurement = elements(translation, "FitConfig.xml").find("Measurement")
    assert dict(measurement.attrib) == {"Name": "meas", "Lumi": "1.0", "LumiRelErr": "0.1"}
    assert [(e.text, e.get("Const")) for e in measurement.iter("ParamSetting")] == [("Lumi", "True")]
    assert model_difference(ws, alone(translation)) is None


def test_measurements_with_other_nominal_luminosities() -> None:
    lumi = ParameterConfig(name="lumi", auxdata=(2.0,), sigmas=(0.04,))
    ws = some_samples(1.0, Measurement(name="other", parameters=(lumi, MU)))
    with pytest.raises(Unsupported, match=r"'meas': 1.0 \+- 0.02, 'other': 2.0 \+- 0.04.*in ROOT before 6.24"):
        to_xml(ws, root_version="6.20")
    widths = ParameterConfig(name="lumi", auxdata=(1.0,), sigmas=(0.04,))
    ws = some_samples(1.0, Measurement(name="other", parameters=(widths, MU)))
    with pytest.raises(Unsupported, match="in XML it is then a Function, which all measurements share"):
        to_xml(ws)
    back = alone(to_xml(ws, root_version="6.20"))
    assert [m.parameter("lumi").sigmas for m in back.measurements] == [(0.02,), (0.04,)]
    negative = ParameterConfig(name="lumi", auxdata=(-1.0,), sigmas=(0.04,))
    with pytest.raises(Unsupported, match=r"a luminosity of -1\.0; expected a positive number"):
        to_xml(replace(ws, measurements=(Measurement(name="m", parameters=(negative, MU)),)), root_version="6.20")


@pytest.mark.parametrize(
    ("bounds", "attributes"),
    [((0.5, 9.0), {"Low": "0.5", "High": "9.0"}), ((2.0, 9.0), {"Val": "2.0", "Low": "2.0", "High": "9.0"})],
)
def test_ranges_of_shape_factors_since_642(bounds: tuple[float, float], attributes: dict[str, str]) -> None:
    ws = some_samples()
    (channel,) = ws.channels
    free = ShapeFactor(name="f")
    samples = tuple(replace(s, modifiers=(Lumi(), *s.modifiers[1:], free)) for s in channel.samples)
    (m,) = ws.measurements
    config = ParameterConfig(name="f", inits=(3.0, 2.5), bounds=(bounds, bounds))
    m = replace(m, parameters=(*m.parameters, config))
    ws = replace(ws, channels=(replace(channel, samples=samples),), measurements=(m,), conventions=ROOT)
    translation = to_xml(ws, root_version="6.42")
    written = elements(translation, "config/SR.xml").find("Sample/ShapeFactor")
    assert dict(written.attrib) == {"Name": "f", **attributes}
    back = alone(translation).measurements[0].parameter("f")
    assert (back.inits, back.bounds) == (config.inits, config.bounds)
    assert not of_kind(translation.outcomes, "carried") or "ranges" not in {o.where for o in translation.outcomes}
    (carried,) = [o for o in to_xml(ws).outcomes if o.where == "ranges"]
    assert "ROOT sets the ranges of 'f' itself" in carried.what
