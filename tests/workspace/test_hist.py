"""Workspaces from histograms, and histograms from workspaces."""

from dataclasses import replace

import boost_histogram as bh
import hist
import numpy as np
import pytest
import uproot
from hist import Hist, axis
from hist.storage import Double, Weight
from hypothesis import given, settings
from hypothesis import strategies as st

import hftranslate as hft
from hftranslate.errors import FormatError, InvalidWorkspace, MissingInput
from hftranslate.workspace import HistoSys, Lumi, Measurement, NormFactor, ParameterConfig, StatError
from hftranslate.workspace.from_hist import from_hist

EDGES = [0.0, 1.0, 2.5, 4.0]


def weighted(values, variances=None, edges=EDGES):
    h = Hist(axis.Variable(edges), storage=Weight())
    h.view()["value"] = values
    h.view()["variance"] = np.zeros(len(values)) if variances is None else variances
    return h


NOMINAL = weighted([5.0, 6.0, 7.0], [1.0, 4.0, 0.25])
UP, DOWN = weighted([6.0, 6.5, 7.0]), weighted([4.0, 5.0, 7.0])
COUNTS = Hist(axis.Variable(EDGES), storage=Double())
COUNTS.view()[...] = [12.0, 9.0, 3.0]


def test_a_workspace_from_histograms():
    ws = from_hist(
        {
            "SR": {
                "signal": weighted([1.0, 2.0, 3.0]),
                "ttbar": {"nominal": NOMINAL, "JES_up": UP, "JES_down": DOWN},
            },
            "CR": {"ttbar": NOMINAL},
        },
        data={"SR": COUNTS},
        modifiers={"signal": [NormFactor(name="mu"), Lumi()], "ttbar": [NormFactor(name="mu_ttbar")]},
        poi="mu",
    )
    sr, cr = ws.channels
    signal, ttbar = sr.samples
    assert (sr.name, cr.name, signal.name, ttbar.name) == ("SR", "CR", "signal", "ttbar")
    assert sr.edges == (tuple(EDGES),)
    assert sr.observed == (12.0, 9.0, 3.0)
    assert cr.observed is None
    assert signal.nominal == (1.0, 2.0, 3.0)
    assert signal.modifiers == (NormFactor(name="mu"), Lumi())  # no variances, no staterror
    assert ttbar.modifiers == (
        StatError(name="staterror_SR", data=(1.0, 2.0, 0.5)),
        HistoSys(name="JES", lo_data=(4.0, 5.0, 7.0), hi_data=(6.0, 6.5, 7.0)),
        NormFactor(name="mu_ttbar"),
    )
    assert cr.samples[0].modifiers[0] == StatError(name="staterror_CR", data=(1.0, 2.0, 0.5))
    assert ws.measurements == (Measurement(name="measurement", pois=("mu",)),)
    assert ws.conventions == hft.PYHF


def test_the_result_can_be_fitted():
    ws = hft.from_hist(
        {"SR": {"signal": weighted([1.0, 2.0, 3.0]), "ttbar": {"nominal": NOMINAL, "JESUp": UP, "JESDown": DOWN}}},
        data={"SR": COUNTS},
        modifiers={"signal": [NormFactor(name="mu")]},
        measurements=[Measurement(name="m", pois=("mu",), parameters=(ParameterConfig(name="mu", inits=(0.5,)),))],
    )
    model, data = hft.compile_model(replace(ws, conventions=hft.ROOT))
    assert model.parameters.names[:2] == ("JES", "mu")
    assert model.parameters.init[1] == 0.5
    assert model.conventions == hft.ROOT
    assert hft.fit(model, data).status == "converged"


def test_without_statistical_errors():
    ws = from_hist({"SR": {"b": NOMINAL}}, staterrors=False)
    assert ws.channels[0].samples[0].modifiers == ()


def test_counts_are_their_variances():
    ws = from_hist({"SR": {"b": COUNTS}})
    assert ws.channels[0].samples[0].modifiers[0].data == pytest.approx(np.sqrt([12.0, 9.0, 3.0]))


@pytest.mark.parametrize("order", ["samples first", "variations first"])
def test_one_histogram_with_categories(order):
    samples = axis.StrCategory(["signal", "ttbar"], name="samples")
    variations = axis.StrCategory(["nominal", "JES_up", "JES_down"], name="variations")
    first, second = (samples, variations) if order == "samples first" else (variations, samples)
    h = Hist(first, second, axis.Variable(EDGES, name="x"), storage=Weight())

    def put(sample, variation, values):
        place = {"samples": samples.index(sample), "variations": variations.index(variation)}
        h.view()["value"][place[first.name], place[second.name]] = values

    put("signal", "nominal", [1.0, 2.0, 3.0])
    put("ttbar", "nominal", [5.0, 6.0, 7.0])
    put("ttbar", "JES_up", [6.0, 6.5, 7.0])
    put("ttbar", "JES_down", [4.0, 5.0, 7.0])
    ws = from_hist({"SR": h})
    signal, ttbar = ws.channels[0].samples
    assert (signal.nominal, signal.modifiers) == ((1.0, 2.0, 3.0), ())  # its variations are empty
    assert ttbar.modifiers == (HistoSys(name="JES", lo_data=(4.0, 5.0, 7.0), hi_data=(6.0, 6.5, 7.0)),)
    assert ws.channels[0].edges == (tuple(EDGES),)


def test_several_axes_run_x_first():
    h = Hist(axis.Variable([0.0, 1.0, 3.0]), axis.Variable([10.0, 20.0, 50.0]), storage=Weight())
    h.view()["value"] = [[1.0, 3.0], [2.0, 4.0]]
    channel = from_hist({"SR": {"b": h}}).channels[0]
    assert channel.samples[0].nominal == (1.0, 2.0, 3.0, 4.0)
    assert channel.edges == ((0.0, 1.0, 3.0), (10.0, 20.0, 50.0))


def test_histograms_of_other_libraries(tmp_path):
    with uproot.recreate(tmp_path / "t.root") as file:
        file["h"] = NOMINAL
    plain = bh.Histogram(bh.axis.Variable(EDGES), storage=bh.storage.Weight())
    plain.view()["value"], plain.view()["variance"] = NOMINAL.values(), NOMINAL.variances()
    with uproot.open(tmp_path / "t.root") as file:
        ws = from_hist({"SR": {"uproot": file["h"], "boost": plain, "hist": NOMINAL, "bare": Bare()}})
    samples = ws.channels[0].samples
    for sample in samples[:3]:
        assert sample.nominal == (5.0, 6.0, 7.0)
        assert sample.modifiers == (StatError(name="staterror_SR", data=(1.0, 2.0, 0.5)),)
    assert samples[3].modifiers == ()


class Bare:
    """No more than the protocol asks for: an axis is a sequence of pairs."""

    axes = ([(0.0, 1.0), (1.0, 2.5), (2.5, 4.0)],)

    def values(self):
        return np.array([1.0, 2.0, 3.0])

    def variances(self):
        return None


SR = {"b": NOMINAL}


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"channels": {"SR": {}}}, InvalidWorkspace, "channel 'SR' has no samples"),
        ({"channels": {"SR": {"b": {}}}}, InvalidWorkspace, "channel 'SR', sample 'b' has no histogram 'nominal'"),
        (
            {"channels": {"SR": {"b": {"nominl": NOMINAL}}}},
            InvalidWorkspace,
            "channel 'SR', sample 'b' has no histogram 'nominal'; did you mean 'nominl'?",
        ),
        (
            {"channels": {"SR": {"b": {"nominal": NOMINAL, "JES_up": UP}}}},
            InvalidWorkspace,
            "channel 'SR', sample 'b': 'JES' has the side 'up' only; for a one-sided variation, give the nominal "
            "histogram as the other side, or its mirror image",
        ),
        (
            {"channels": {"SR": {"b": {"nominal": NOMINAL, "JES": UP}}}},
            InvalidWorkspace,
            "channel 'SR', sample 'b': the name 'JES' ends neither in 'up' nor in 'down'",
        ),
        (
            {"channels": {"SR": {"b": {"nominal": NOMINAL, "JES_up": UP, "JESUp": UP, "JES_down": DOWN}}}},
            InvalidWorkspace,
            "channel 'SR', sample 'b': there are two histograms like 'JESUp'",
        ),
        (
            {"channels": {"SR": {"b": NOMINAL, "c": weighted([1.0, 2.0], edges=[0.0, 1.0, 4.0])}}},
            InvalidWorkspace,
            "channel 'SR', sample 'c', histogram 'nominal' has other bins than channel 'SR', sample 'b', histogram "
            "'nominal': ((0.0, 1.0, 4.0),) instead of ((0.0, 1.0, 2.5, 4.0),)",
        ),
        (
            {"channels": {"SR": SR}, "data": {"SR": weighted([1.0], edges=[0.0, 4.0])}},
            InvalidWorkspace,
            "channel 'SR', data has other bins than channel 'SR', sample 'b', histogram 'nominal': ((0.0, 4.0),) "
            "instead of ((0.0, 1.0, 2.5, 4.0),)",
        ),
        (
            {"channels": {"SR": {"b": weighted([1.0, 2.0, 3.0], [1.0, -4.0, 1.0])}}},
            InvalidWorkspace,
            "channel 'SR', sample 'b' has a negative variance: -4.0",
        ),
        (
            {"channels": {"SR": SR}, "data": {"SP": COUNTS}},
            MissingInput,
            "data are given for the channel 'SP'; there are 'SR'",
        ),
        (
            {"channels": {"SR": {"ttbar": NOMINAL}}, "modifiers": {"tbar": []}},
            MissingInput,
            "modifiers are given for the sample 'tbar'; did you mean 'ttbar'?",
        ),
        (
            {"channels": {"SR": {"b": [1.0, 2.0]}}},
            FormatError,
            "channel 'SR', sample 'b', histogram 'nominal': found list, expected a histogram (with axes, values and "
            "variances)",
        ),
        (
            {"channels": {"SR": NOMINAL}},
            FormatError,
            "channel 'SR': the histogram has the axes of categories none; expected 'samples' and perhaps 'variations', "
            "or one histogram for each sample",
        ),
        (
            {"channels": {"SR": {"b": Hist(axis.StrCategory(["a"], name="samples"), axis.Regular(2, 0, 1))}}},
            FormatError,
            "channel 'SR', sample 'b', histogram 'nominal': the histogram has categories; expected one, two or three "
            "axes with bins",
        ),
        (
            {"channels": {"SR": {"b": Hist(*[axis.Regular(1, 0, 1)] * 4)}}},
            FormatError,
            "channel 'SR', sample 'b', histogram 'nominal': the histogram has 4 axes; expected one, two or three axes "
            "with bins",
        ),
        (
            {"channels": {"SR": SR}, "poi": "mu", "measurements": [Measurement(name="m")]},
            InvalidWorkspace,
            "both a poi and measurements are given; the measurements name their own",
        ),
    ],
)
def test_what_makes_no_workspace(arguments, error, message):
    channels = arguments.pop("channels")
    with pytest.raises(error) as caught:
        from_hist(channels, **arguments)
    assert str(caught.value) == message


numbers = st.floats(0.0, 1e6)


@st.composite
def channel_histograms(draw):
    """Axes, and for some samples the nominal yields with variances and some variations."""
    edges = [
        sorted(draw(st.sets(st.floats(-1e3, 1e3), min_size=2, max_size=4))) for _ in range(draw(st.integers(1, 3)))
    ]
    shape = tuple(len(e) - 1 for e in edges)

    def histogram():
        h = Hist(*[axis.Variable(e) for e in edges], storage=Weight())
        for part in ("value", "variance"):
            h.view()[part] = np.reshape([draw(numbers) for _ in range(int(np.prod(shape)))], shape)
        return h

    samples = {}
    for name in draw(st.sets(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=3)):
        samples[name] = {"nominal": histogram()}
        for systematic in draw(st.sets(st.sampled_from(["JES", "a_b", "X1"]), max_size=2)):
            samples[name] |= {f"{systematic}_up": histogram(), f"{systematic}_down": histogram()}
    return samples


@settings(max_examples=40, deadline=None)
@given(samples=channel_histograms(), with_data=st.booleans())
def test_there_and_back(samples, with_data):
    """What goes in as histograms comes out of to_hist, and in again unchanged."""
    data = next(iter(samples.values()))["nominal"]
    ws = from_hist({"SR": samples}, data={"SR": data} if with_data else None)
    assert [s.name for s in ws.channels[0].samples] == list(samples)
    assert (ws.channels[0].observed is not None) == with_data
    out = ws.to_hist("SR")
    for sample, of_sample in samples.items():
        view = out[sample, ...]
        assert view.values().tolist() == of_sample["nominal"].values().tolist()
        np.testing.assert_allclose(view.variances(), of_sample["nominal"].variances(), rtol=1e-14)
        found = ws.channels[0].samples[list(samples).index(sample)]
        shapes = {m.name: m for m in found.modifiers if isinstance(m, HistoSys)}
        assert len(shapes) == (len(of_sample) - 1) // 2
        for name, m in shapes.items():
            assert list(m.hi_data) == of_sample[f"{name}_up"].values().ravel(order="F").tolist()
            assert list(m.lo_data) == of_sample[f"{name}_down"].values().ravel(order="F").tolist()
    again = from_hist({"SR": out})
    assert again.channels[0].edges == ws.channels[0].edges
    for one, two in zip(ws.channels[0].samples, again.channels[0].samples, strict=True):
        assert one.nominal == two.nominal
        errors = [m.data for m in one.modifiers if isinstance(m, StatError)]
        np.testing.assert_allclose([m.data for m in two.modifiers], errors, rtol=1e-14)


def test_the_version_of_hist_has_what_is_used():
    assert isinstance(from_hist({"SR": SR}).to_hist("SR"), hist.Hist)
