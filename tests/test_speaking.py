"""What results, models and workspaces say of themselves: lines, tables of five kinds, JSON, pickles."""

import csv
import io
import json
import pickle
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import hftranslate as hft
from hftranslate.display.speaking import Speaking, Table, measured, tables_as
from hftranslate.errors import InputError, InvalidWorkspace, MissingInput
from hftranslate.formats.pyhf_json import to_document
from hftranslate.toys.samples import ToyOptions
from hftranslate.workspace import Channel, HistoSys, Measurement, NormFactor, NormSys, Sample, StatError, Workspace
from tests.likelihood.builders import channel, workspace

EVIL = 'evil\x1b[31m\n<b>|=1+1&"$_'
TOYS = ToyOptions(toys=60, seed=3)


def space(name: str = "JES") -> Workspace:
    return workspace(
        channel(
            "SR",
            [60.0, 58.0],
            ("signal", [5.0, 8.0], NormFactor(name="mu"), NormSys(name=name, lo=0.9, hi=1.2)),
            ("background", [50.0, 52.0], StatError(name="staterror_SR", data=(3.0, 4.0))),
        ),
    )


def everything(ws: Workspace) -> dict[str, Speaking]:
    model, data = hft.compile_model(ws)
    best = hft.fit(model, data)
    return {
        "workspace": ws,
        "model": model,
        "data": data,
        "fit": best,
        "cls": hft.hypotest(model, data, 1.0),
        "limit": hft.upper_limit(model, data),
        "significance": hft.significance(model, data),
        "gof": hft.goodness_of_fit(model, data, toys=3),
        "scan": hft.profile_scan(model, data, "mu", points=5),
        "plane": hft.profile_scan(model, data, ["mu", model.parameters.names[1]], points=(3, 3)),
        "impacts": hft.impacts(model, data),
        "yields": hft.fitted_yields(model, best),
        "channel": hft.fitted_yields(model, data=data)["SR"],
        "toys": hft.toy_test(model, data, 1.0, toy_options=TOYS),
        "toy_significance": hft.toy_significance(model, data, toy_options=TOYS),
        "diagnosis": hft.doctor(ws),
        "difference": hft.diff(ws, hft.prune(ws, samples="signal")),
        "results": hft.results(ws),
        "report": hft.crosscheck(hft.results(ws), hft.results(ws)),
        "toy_limit": hft.toy_limit(model, data, bands=False, toy_options=TOYS),
    }


@pytest.fixture(scope="module")
def spoken() -> dict[str, Speaking]:
    return everything(space())


KINDS = [
    "workspace", "model", "data", "fit", "cls", "limit", "significance", "gof", "scan", "plane", "impacts", "yields",
    "channel", "toys", "toy_significance", "toy_limit", "diagnosis", "difference", "results", "report",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_line_a_table_and_a_pickle(spoken: dict[str, Speaking], kind: str) -> None:
    thing = spoken[kind]
    line = repr(thing)
    assert line.startswith(f"<{type(thing).__name__}: ")
    assert len(line) < 200
    assert "\n" not in line
    assert 1 < len(str(thing).splitlines()) < 60
    page = ElementTree.fromstring(f"<div>{thing._repr_html_()}</div>")
    assert {len(row) for table in page.iter("table") for row in table.iter("tr")} <= set(range(2, 10))
    again = pickle.loads(pickle.dumps(thing))
    assert repr(again) == line
    assert str(again) == str(thing)
    text = json.dumps(thing.to_dict(), allow_nan=False)
    assert json.dumps(again.to_dict()) == text


@pytest.mark.parametrize(
    "call", [hft.prune, hft.rename, hft.sort, hft.doctor, hft.compile_model, lambda x: hft.combine(space(), x),
             lambda x: hft.strip(x, "signal"), lambda x: hft.diff(space(), x)],
)  # fmt: skip
def test_what_is_no_workspace_is_refused_by_its_type(call: Any) -> None:
    with pytest.raises(InputError, match="expected a Workspace, not Model"):
        call(hft.compile_model(space())[0])
    with pytest.raises(InputError, match="expected the path of a file, not Workspace"):
        hft.read(space())  # type: ignore[arg-type]


def test_a_single_parameter_of_interest_is_its_name() -> None:
    assert Measurement(name="m", pois="mu").pois == ("mu",)  # type: ignore[arg-type]
    assert hft.compile_model(workspace(channel("SR", [5.0], ("s", [5.0], NormFactor(name="mu")))))[0].parameters


def test_workspaces_models_and_data_as_plain_values(spoken: dict[str, Any]) -> None:
    """What stands there is what was built, and rates by hand."""
    ws, model, data = (spoken[kind].to_dict() for kind in ("workspace", "model", "data"))
    (sr,) = ws["channels"]
    signal, background = sr["samples"]
    assert (sr["name"], sr["observed"], signal["nominal"]) == ("SR", [60.0, 58.0], [5.0, 8.0])
    assert [m["type"] for m in signal["modifiers"]] == ["normfactor", "normsys"]
    assert (signal["modifiers"][1]["lo"], signal["modifiers"][1]["hi"]) == (0.9, 1.2)
    assert background["modifiers"][0]["data"] == [3.0, 4.0]
    assert [m["pois"] for m in ws["measurements"]] == [["mu"]]
    assert model["channels"][0]["rates"] == pytest.approx([55.0, 60.0])
    parameters = {p["name"]: p for p in model["parameters"]}
    assert parameters["JES"] == {
        "name": "JES", "root_name": "alpha_JES", "init": 0.0, "bounds": [-5.0, 5.0], "fixed": False, "width": 1.0,
    }  # fmt: skip
    assert data == {"observed": [60.0, 58.0], "auxdata": pytest.approx([0.0, 1.0, 1.0])}


def test_names_from_files_are_harmless_in_all_that_is_said() -> None:
    for thing in everything(space(EVIL)).values():
        assert "\x1b" not in repr(thing) + str(thing) + thing._repr_html_()
        assert "<b>" not in thing._repr_html_()
        ElementTree.fromstring(f"<div>{thing._repr_html_()}</div>")
        for kind in ("csv", "latex", "markdown"):
            text = tables_as(kind, thing.tables())
            assert "\x1b" not in text
            for table in thing.tables():
                rows = list(csv.reader(io.StringIO(table.csv())))
                assert {len(row) for row in rows} == {len(table.columns)}
                assert not any(cell.startswith(("=", "@")) for row in rows for cell in row)


def test_numbers_of_the_table_are_those_of_the_result(spoken: dict[str, Any]) -> None:
    best, rows = spoken["fit"], list(csv.reader(io.StringIO(spoken["fit"].tables()[0].csv())))
    assert {row[0]: (float(row[1]), float(row[2])) for row in rows[1:]} == {
        name: (best.value(name), best.uncertainty(name)) for name in best.names
    }
    limit = spoken["limit"]
    observed, *expected = map(float, list(csv.reader(io.StringIO(limit.tables()[0].csv())))[1][1:])
    assert (observed, tuple(expected)) == (limit.observed, limit.expected)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0])
def test_shifts_have_their_digits_whatever_the_scale_of_the_parameter(scale: float) -> None:
    """A signal of 1/scale times the events has impacts of scale times the size."""
    signal = ("signal", [5.0 / scale, 8.0 / scale], NormFactor(name="mu"))
    background = ("background", [50.0, 52.0], NormSys(name="JES", lo=0.9, hi=1.1))
    found = hft.impacts(*hft.compile_model(workspace(channel("SR", [60.0, 68.0], signal, background))))
    low, high = found["JES"].postfit
    (table, _) = found.tables()
    line = table.text().splitlines()[3].split()
    assert [float(word) for word in line[-2:]] == pytest.approx([high, low], rel=1e-4)
    (_, row) = csv.reader(io.StringIO(table.csv()))
    assert (float(row[-2]), float(row[-1])) == (high, low)


def test_by_name(spoken: dict[str, Any]) -> None:
    best = spoken["fit"]
    assert best["mu"] == best.value("mu") == best.values[best.names.index("mu")]
    assert best["alpha_JES"] == best["JES"]  # ROOT's name of it
    assert spoken["impacts"]["JES"].parameter.name == "JES"
    assert spoken["scan"]["mu"].tolist() == spoken["scan"].values[0].tolist()
    assert spoken["yields"]["SR"].name == "SR"
    for thing in ("fit", "impacts", "scan", "yields"):
        with pytest.raises(MissingInput):
            spoken[thing]["nothing"]


def test_a_fit_without_a_minimum_speaks() -> None:
    """Of what has no value it says so, and does not fail."""
    model, data = hft.compile_model(workspace(channel("SR", [5.0], ("s", [5.0], NormFactor(name="mu")))))
    lost = hft.fit(model, data, fixed={"mu": 0.0}, options=hft.FitOptions(raise_on_failure=False))
    assert lost.status == "outside_domain"
    assert "outside_domain" in repr(lost)
    assert "constant" in str(lost)


def test_tables_as_text() -> None:
    table = Table(caption="a", columns=("", "x"), rows=[("b|&", 1.0 / 3.0), ("µ", None), ("c", float("nan"))], note="n")
    assert table.text().splitlines() == ["a", "           x", "------------", "b|&  0.33333", "µ", "c          ?", "n"]
    assert r"b|\& & 0.33333 \\" in table.latex()
    assert "| b\\|&amp; | 0.33333 |" in table.markdown()
    assert table.csv() == ",x\nb|&,0.3333333333333333\nµ,\nc,nan\n"
    assert measured(0.0, 0.00012) == "0 ± 0.00012"


# ------------------------------------------------------------------------------------------------------------ arguments
def test_swapped_arguments_are_said_in_a_sentence() -> None:
    ws = space()
    model, data = hft.compile_model(ws)
    best = hft.fit(model, data)
    wrong: list[tuple[Any, tuple[Any, ...], str]] = [
        (hft.hypotest, (1.0, data, model), "not float and Data"),
        (hft.hypotest, (model, data, data), "cannot test the parameter of interest at <Data"),
        (hft.hypotest, (model, data, "1"), "cannot test the parameter of interest at '1'"),
        (hft.toy_test, (1.0, data, model), "not float and Data"),
        (hft.toy_test, (model, data, True), "cannot test the parameter of interest at True"),
        (hft.fit, (data, model), "not Data and Model"),
        (hft.fit, (ws, data), "not Workspace and Data"),
        (hft.fit, (model, [60.0, 58.0]), "not Model and list"),
        (hft.upper_limit, (data, model), "not Data and Model"),
        (hft.toy_limit, (data, model), "not Data and Model"),
        (hft.significance, (data, model), "not Data and Model"),
        (hft.toy_significance, (data, model), "not Data and Model"),
        (hft.goodness_of_fit, (data, model), "not Data and Model"),
        (hft.profile_scan, (data, model, "mu"), "not Data and Model"),
        (hft.impacts, (data, model), "not Data and Model"),
        (hft.asimov_data, (data, model, 1.0), "not Data and Model"),
        (hft.pulls, (model, best, data), "not Model and FitResult"),
        (hft.fitted_yields, (model, data), "data=..."),
        (hft.fitted_yields, (best, model), "not FitResult and Model"),
        (hft.compile_model, ("workspace.json",), "expected a Workspace, not str"),
        (hft.compile_model, ({},), "expected a Workspace, not dict"),
    ]
    for function, arguments, said in wrong:
        with pytest.raises(InputError) as caught:
            function(*arguments)
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)


def test_data_of_another_model() -> None:
    model, _ = hft.compile_model(space())
    _, other = hft.compile_model(hft.simplemodels.uncorrelated_background([12, 11, 4], [50, 52, 9], [3, 7, 1]))
    with pytest.raises(InputError, match="of another model: they have 3 bins"):
        hft.fit(model, other)


def test_a_single_name_where_names_are() -> None:
    ws = space("mu2")
    model, data = hft.compile_model(ws)
    one, listed = (hft.profile_scan(model, data, n, v) for n, v in (("mu", [0.5, 1.0]), (["mu"], [[0.5, 1.0]])))
    assert one.rise.tolist() == listed.rise.tolist()
    assert hft.profile_scan(model, data, "mu", [[0.5, 1.0]]).rise.tolist() == listed.rise.tolist()
    assert hft.profile_scan(model, data, "mu", points=3).rise.shape == (3,)
    assert hft.impacts(model, data, names="mu2").parameters == hft.impacts(model, data, names=["mu2"]).parameters
    by_group = hft.impacts(model, data, groups={"g": "mu?"})
    assert by_group.groups == hft.impacts(model, data, groups={"g": ["mu?"]}).groups
    best = hft.fit(model, data)
    assert hft.pulls(model, data, best, "mu2") == hft.pulls(model, data, best, ["mu2"])
    assert len(hft.pulls(model, data, best, "alpha_mu2")) == 1
    assert hft.strip(ws, "signal") == hft.strip(ws, ["signal"])
    # by letters "mu2" would hold "mu": only the one that is named goes
    for what, name in (("modifiers", "mu2"), ("samples", "signal"), ("modifier_types", "normsys")):
        assert hft.prune(ws, **{what: name}) == hft.prune(ws, **{what: [name]})  # type: ignore[arg-type]


# --------------------------------------------------------------------------------------------------------------- arrays
def histograms(values: list[float]) -> dict[str, Any]:
    boost, hist = pytest.importorskip("boost_histogram"), pytest.importorskip("hist")
    uproot = pytest.importorskip("uproot")
    filled = boost.Histogram(boost.axis.Regular(len(values), 0.0, 1.0), storage=boost.storage.Weight())
    filled.view().value = values
    return {
        "list": values,
        "tuple": tuple(values),
        "numpy": np.array(values),
        "float32": np.array(values, dtype=np.float32),
        "int": np.array(values, dtype=np.int16),
        "scalars": [np.float32(v) for v in values],
        "masked": np.ma.masked_array(values),
        "boost": filled,
        "hist": hist.Hist(filled),
        "uproot": uproot.to_writable((np.array(values), np.linspace(0.0, 1.0, len(values) + 1))),
    }


@pytest.mark.parametrize("kind", list(histograms([1.0, 2.0])))
def test_templates_and_data_in_whatever_holds_numbers(kind: str) -> None:
    def made(values: list[float]) -> Any:
        return histograms(values)[kind]

    plain, other = (
        Workspace(
            channels=[  # type: ignore[arg-type]
                Channel(
                    name="SR",
                    samples=[  # type: ignore[arg-type]
                        Sample(name="s", nominal=of([5.0, 8.0]), modifiers=[NormFactor(name="mu")]),  # type: ignore[arg-type]
                        Sample(
                            name="b",
                            nominal=of([50.0, 52.0]),
                            modifiers=(
                                HistoSys(name="h", lo_data=of([48.0, 50.0]), hi_data=of([52.0, 54.0])),
                                StatError(name="staterror_SR", data=of([3.0, 4.0])),
                            ),
                        ),
                    ],
                    observed=of([60.0, 58.0]),
                )
            ],
            measurements=[Measurement(name="m", pois=("mu",))],  # type: ignore[arg-type]
        )
        for of in (tuple, made)
    )
    assert other == plain
    assert hash(other) == hash(plain)
    written = json.dumps(to_document(other))
    assert json.loads(written) == json.loads(json.dumps(to_document(plain)))
    model, data = hft.compile_model(other)
    np.testing.assert_array_equal(model.data(made([60.0, 58.0]), data.auxdata).observed, data.observed)
    simple = hft.simplemodels.uncorrelated_background(made([12.0, 11.0]), made([50.0, 52.0]), made([3.0, 7.0]))
    assert simple == hft.simplemodels.uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0])


def test_bins_of_two_axes_run_fastest_along_the_first() -> None:
    hist = pytest.importorskip("hist")
    h = hist.Hist.new.Reg(2, 0, 1).Reg(3, 0, 1).Double()
    h.view()[...] = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    assert Sample(name="s", nominal=h).nominal == (1.0, 4.0, 2.0, 5.0, 3.0, 6.0)


def test_edges_of_one_axis_may_stand_alone() -> None:
    sample = Sample(name="s", nominal=(1.0, 2.0))
    edges: Any
    for edges in ([0.0, 1.0, 3.0], np.array([0.0, 1.0, 3.0]), [np.array([0.0, 1.0, 3.0])], ((0.0, 1.0, 3.0),)):
        assert Channel(name="SR", samples=(sample,), edges=edges).edges == ((0.0, 1.0, 3.0),)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.ones((2, 2)), r"sample 'jets', nominal yields: found an array of shape \(2, 2\)"),
        (np.array([1.0, np.nan]), "sample 'jets', nominal yields: entry 1 is nan; all numbers must be finite"),
        ([1.0, float("inf")], "sample 'jets', nominal yields: entry 1 is inf"),
        (np.array([1.0, 2.0j]), "sample 'jets', nominal yields: found an array"),
        (np.array(3.0), "sample 'jets', nominal yields: found ndarray"),
        (7.0, "sample 'jets', nominal yields: found float 7.0"),
        ("12", "sample 'jets', nominal yields: found str '12'"),
        (["1", 2.0], "sample 'jets', nominal yields: entry 0 is '1'; expected a number"),
        ([None, 2.0], "sample 'jets', nominal yields: entry 0 is None"),
        ({0: 1.0}, "sample 'jets', nominal yields: found dict"),
        (np.ma.masked_array([1.0, 2.0], mask=[False, True]), "sample 'jets', nominal yields: entry 1 is None"),
        (np.array([]), "sample 'jets' has no bins"),
    ],
)
def test_what_is_no_template_is_refused_by_name(values: Any, said: str) -> None:
    with pytest.raises(InvalidWorkspace, match=said):
        Sample(name="jets", nominal=values)


def test_data_are_refused_by_the_place_of_the_bin() -> None:
    ws = workspace(channel("A", [1.0], ("b", [1.0])), channel("B", [1.0, 2.0], ("b", [1.0, 2.0])))
    model, data = hft.compile_model(ws)
    for bad in (-1.0, np.nan, np.inf):
        with pytest.raises(InputError, match=rf"observed events are {bad} in channel 'B', bin 1"):
            model.data([1.0, 2.0, bad], data.auxdata)
    with pytest.raises(InvalidWorkspace, match="channel 'A', observed: entry 0 is nan"):
        channel("A", np.array([np.nan]), ("b", [1.0]))


def test_what_stands_in_the_wrong_place_is_said(spoken: dict[str, Any]) -> None:
    model, data, best, workspace = (spoken[name] for name in ("model", "data", "fit", "workspace"))
    wrong: dict[str, Callable[[], object]] = {
        "workspace and a path": lambda: hft.write("x.json", workspace),  # type: ignore[arg-type]
        "parameters and data": lambda: model.nll(data, best.values),
        "model and its data": lambda: hft.profile_interval(data, model, best, "mu"),
        "expected the fit": lambda: hft.profile_interval(model, data, data, "mu"),
        "two result documents": lambda: hft.crosscheck(workspace, workspace),
        "model and its parameters": lambda: hft.expected_yields(best.values, model),
        "expected a result": lambda: hft.plots.pulls(model),
        "expected a result, .* not Workspace": lambda: hft.plots.yields(workspace),
        "no yields .* FitResult": lambda: hft.plots.yields(best, model),
        "no upper limit .* FitResult": lambda: hft.plots.limit(best),
        "several panels": lambda: hft.plots.yields(model, best, ax=object()),  # type: ignore[call-arg]
        "keeps them": lambda: hft.plots.toys(spoken["toys"]),
        "expected a Workspace": lambda: hft.plots.templates(model, "SR", "signal", "JES"),
    }
    for sentence, call in wrong.items():
        with pytest.raises(InputError, match=sentence):
            call()
