"""Pictures take results as they are, draw where they are told, and wear the label of an experiment."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import hftranslate as hft
from hftranslate import plots
from hftranslate.errors import InputError, MissingInput
from hftranslate.inference.limits import with_points
from hftranslate.plots.templates import variation
from hftranslate.signal_grid.scan import Point, Scan
from hftranslate.toys.samples import KeptToys, ToyOptions, ToySample
from hftranslate.workspace import HistoSys, NormFactor, NormSys, ShapeSys, StatError, Workspace
from tests.likelihood.builders import channel, workspace

WS = workspace(
    channel(
        "SR",
        [60.0, 58.0],
        (
            "signal",
            [5.0, 8.0],
            NormFactor(name="mu"),
            NormSys(name="JES", lo=0.9, hi=1.2),
            HistoSys(name="JES", lo_data=(4.0, 8.0), hi_data=(6.0, 9.0)),
        ),
        (
            "background",
            [50.0, 52.0],
            StatError(name="staterror_SR", data=(3.0, 4.0)),
            ShapeSys(name="b", data=(5.0, 0.0)),
        ),
        ("relative", [4.0, 2.0], ShapeSys(name="r", data=(0.5, 0.1), relative=True)),
    ),
    channel("CR", [130.0], ("background", [120.0], NormFactor(name="k"), NormSys(name="JES", lo=0.95, hi=1.04))),
)
TOYS = ToyOptions(toys=60, seed=3)


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    model, data = hft.compile_model(WS)
    best = hft.fit(model, data)
    rng = np.random.default_rng(1)
    sample = ToySample(signal=rng.chisquare(1, 100), background=rng.chisquare(3, 100))
    points = tuple(
        Point(name=f"{x}_{y}", values=(x, y), result={"CLs_obs": 0.02 * (x + y), "CLs_exp": [0.015 * (x + y)] * 5})
        for x in (1, 2, 3)
        for y in (1, 2)
    )
    return {
        "pulls": best,
        "correlations": best,
        "impacts": hft.impacts(model, data),
        "yields": hft.fitted_yields(model, best),
        "scan": hft.profile_scan(model, data, "mu", points=5),
        "limit": hft.upper_limit(model, data),
        "brazil": hft.toy_limit(model, data, toy_options=TOYS),
        "toys": KeptToys(poi_test=1.0, observed={"q": 2.0}, sample=sample, seeds=(1,)),
        "contour": Scan(labels=("m", "n"), task={"what": "cls", "level": 0.05}, points=points),
    }


def texts(figure: Any) -> list[str]:
    found = [t.get_text() for axes in figure.axes for t in (*axes.texts, axes.xaxis.label, axes.yaxis.label)]
    titles = [axes.get_title(side) for axes in figure.axes for side in ("left", "center", "right")]
    return [*found, *titles, *(t.get_text() for t in figure.texts)]


def pixels(figure: Any) -> Any:
    if not hasattr(figure.canvas, "buffer_rgba"):
        FigureCanvasAgg(figure)
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())


NAMES = ["pulls", "correlations", "impacts", "yields", "scan", "limit", "brazil", "toys", "contour"]


@pytest.mark.parametrize("name", NAMES)
def test_an_object_and_its_document_make_one_picture(results: dict[str, Any], name: str) -> None:
    draw: Callable[..., Any] = getattr(plots, name)
    how: dict[str, Any] = {"threshold": 0.01} if name == "correlations" else {}
    figure = draw(results[name], **how)
    assert isinstance(figure, Figure)
    if hasattr(results[name], "to_dict"):
        document = json.loads(json.dumps(results[name].to_dict()))
        np.testing.assert_array_equal(pixels(draw(document, **how)), pixels(figure))


@pytest.mark.parametrize("name", NAMES)
def test_where_and_with_whose_label_they_draw(results: dict[str, Any], name: str) -> None:
    whole = name in ("impacts", "yields")
    mine = Figure(figsize=(10.0, 5.0), layout="constrained")
    where: Any = mine.subfigures(1, 2)[1] if whole else mine.subplots(1, 2)[1]
    options = plots.PlotOptions(style="CMS", experiment="CMS", status="Preliminary", lumi=138, energy=13.6)
    how: dict[str, Any] = {"threshold": 0.01} if name == "correlations" else {}
    returned = getattr(plots, name)(results[name], options=options, **how, **{"fig" if whole else "ax": where})
    assert returned is (where if whole else mine)
    assert (where.axes if whole else [where])[0].has_data()
    if not whole:
        assert not mine.axes[0].has_data()  # the one beside it
    said = "\n".join(texts(returned))
    assert r"$\mathbf{CMS}$  $\mathit{Preliminary}$" in said
    assert "√$s$ = 13.6 TeV, 138 fb$^{-1}$" in said
    assert pixels(mine).shape[:2] == (500, 1000)


@pytest.mark.parametrize("name", ["pulls", "correlations", "scan", "limit", "contour"])
def test_pictures_of_one_panel_take_a_figure_too(results: dict[str, Any], name: str) -> None:
    figure = Figure()
    left, right = figure.subfigures(1, 2)
    for part in (left, right):
        getattr(plots, name)(results[name], fig=part)
    assert [len(part.axes) for part in (left, right)] == [2 if name == "correlations" else 1] * 2


def test_a_plane_of_a_profile_scan_is_a_contour() -> None:
    model, data = hft.compile_model(WS)
    plane = hft.profile_scan(model, data, ["mu", "k"], points=(4, 4))
    axes = plots.contour(plane).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("mu", "k")


def test_labels_above_a_narrow_panel_stand_below_each_other(results: dict[str, Any]) -> None:
    options = plots.PlotOptions(experiment="ATLAS", status="Internal", lumi=139, energy=13, title="pairs")
    narrow = plots.correlations(results["correlations"], threshold=0.01, most=2, options=options)
    [label] = [t for t in texts(narrow) if "fb" in t]
    assert [line[:3] for line in label.split("\n")] == ["$\\m", "√$s"]
    [wide] = [t for t in texts(plots.scan(results["scan"], options=options)) if "fb" in t]
    assert "\n" not in wide


def test_labels_that_are_no_words() -> None:
    options = plots.PlotOptions(experiment="A $5 B", status="work in progress", lumi="3-139", title="all")
    assert options.corners == (r"A \$5 B  work in progress", "3-139 fb$^{-1}$")
    assert plots.PlotOptions().corners == ("", "")
    model, data = hft.compile_model(WS)
    figure = plots.pulls(hft.fit(model, data), options=options)
    assert figure.get_suptitle() == "all"
    pixels(figure)


def test_yields_of_a_model_with_and_without_data() -> None:
    model, data = hft.compile_model(WS)
    best = hft.fit(model, data)
    after = plots.yields(hft.fitted_yields(model, best))
    np.testing.assert_array_equal(pixels(plots.yields(model, best)), pixels(after))

    def points(figure: Any) -> list[int]:
        found = [line for axes in figure.axes for line in axes.lines if line.get_marker() == "o"]
        return [int(np.isfinite(np.asarray(line.get_ydata(), dtype=float)).sum()) for line in found]

    assert points(after) == [2, 2, 1, 1]
    assert sum(points(plots.yields(model))) == 0  # nobody gave data
    assert len(plots.yields(model, best, channels="SR").axes) == 2
    assert plots.pages(hft.fitted_yields(model)) == plots.pages(hft.fitted_yields(model, best))


def test_pulls_without_some_and_ranked() -> None:
    model, data = hft.compile_model(WS)
    best = hft.fit(model, data)

    def names(**how: Any) -> list[str]:
        return [t.get_text() for t in plots.pulls(best, **how).axes[0].get_yticklabels()]

    assert {"b[0]", "k", "JES"} <= set(names())
    assert names(exclude="b[0]") == [n for n in names() if n != "b[0]"]
    assert not any(n.startswith("staterror") for n in names(exclude=["staterror_*", "k"]))
    assert "k" not in names(exclude=["staterror_*", "k"])
    pulls = {p.name: abs(p.pull or 0.0) + abs(1.0 - (p.constraint or 0.0)) for p in hft.pulls(model, data, best)}
    ranked = [n for n in names(ranked=True) if n not in ("mu", "k")]
    assert ranked == sorted(ranked, key=lambda n: -pulls[n])
    assert names(ranked=True, most=1)[0] == ranked[0]
    assert [n for k in range(len(ranked)) for n in names(most=1, first=k, ranked=True)[:1]] == ranked
    assert "2 to 3 of the most pulled" in texts(plots.pulls(best, most=2, first=1))[0]
    with pytest.raises(InputError, match="no more than"):
        plots.pulls(best, first=99)


def test_more_points_of_cls_and_a_logarithmic_axis(results: dict[str, Any]) -> None:
    model, data = hft.compile_model(WS)
    limit = results["limit"]
    dense = with_points(limit, model, data, 30)
    assert (dense.observed, dense.expected) == (limit.observed, limit.expected)
    assert set(limit.scan) <= set(dense.scan)
    assert len(dense.scan) >= 30
    at = [mu for mu, _, _ in dense.scan]
    assert at == sorted(at)
    assert at[-1] >= 1.09 * max(limit.expected)
    mu, cls, bands = dense.scan[len(at) // 2]
    again = hft.hypotest(model, data, mu)
    assert (again.cls_obs, *again.cls_exp) == pytest.approx((cls, *bands))
    # between tested values the curve goes where CLs is: nearly with few of them, and with many
    few, many = (plots.brazil(one, log=True).axes[0] for one in (limit, dense))
    assert few.get_yscale() == "log"
    curves = []
    for axes in (few, many):
        (line,) = (line for line in axes.lines if str(line.get_label()).startswith("observed"))
        curves.append((np.asarray(line.get_xdata(), dtype=float), np.asarray(line.get_ydata(), dtype=float)))
    x = np.linspace(0.11, 0.97, 12) * limit.observed
    exact = [hft.hypotest(model, data, mu).cls_obs for mu in x]
    np.testing.assert_allclose(np.interp(x, *curves[0]), exact, atol=0.05)
    np.testing.assert_allclose(np.interp(x, *curves[1]), exact, atol=0.003)
    with pytest.raises(InputError, match="take two at least"):
        with_points(limit, model, data, 1)


def test_blinded_channels_and_the_signal_as_a_line() -> None:
    model, data = hft.compile_model(WS)
    best = hft.fit(model, data)

    def points(figure: Any) -> list[int]:
        found = [line for axes in figure.axes for line in axes.lines if line.get_marker() == "o"]
        return [int(np.isfinite(np.asarray(line.get_ydata(), dtype=float)).sum()) for line in found]

    assert points(plots.yields(model, best, stack=plots.StackOptions(blind=("S*",)))) == [0, 0, 1, 1]
    assert points(plots.yields(model, best, stack=plots.StackOptions(blind=("*",)))) == [0, 0, 0, 0]
    figure = plots.yields(model, best, stack=plots.StackOptions(overlay=20.0))
    signal = hft.fitted_yields(model, best)["SR"].rates[0]
    lines = [p.get_data().values.tolist() for p in figure.axes[0].patches if p.get_linestyle() == "--"]
    assert lines == [pytest.approx((20.0 * signal).tolist())]
    assert figure.axes[0].get_ylim()[1] > 20.0 * signal.max()
    assert "signal × 20" in [t.get_text() for t in figure.legends[0].get_texts()]


def test_toys_need_both_hypotheses_and_the_data() -> None:
    sample = ToySample(signal=np.ones(3), background=np.ones(3))
    with pytest.raises(InputError, match="the statistic that was observed"):
        plots.toys(sample)
    with pytest.raises(InputError, match="of both hypotheses"):
        plots.toys([1.0, 2.0], observed=1.0)


@pytest.mark.parametrize(
    ("sample", "systematic", "down", "up"),
    [
        ("signal", "JES", [4.0 * 0.9, 8.0 * 0.9], [6.0 * 1.2, 9.0 * 1.2]),
        ("background", "b", [45.0, 52.0], [55.0, 52.0]),
        ("background", "staterror_SR", [47.0, 48.0], [53.0, 56.0]),
        ("relative", "r", [2.0, 1.8], [6.0, 2.2]),
    ],
)
def test_templates(sample: str, systematic: str, down: list[float], up: list[float]) -> None:
    found = variation(next(s for s in WS.channel("SR").samples if s.name == sample), systematic)
    np.testing.assert_allclose(found, [down, up])
    figure = plots.templates(WS, "SR", sample, systematic)
    drawn = [patch.get_data().values.tolist() for patch in figure.axes[0].patches if hasattr(patch, "get_data")]
    assert pytest.approx(up) in drawn
    assert pytest.approx(down) in drawn


def test_pages_of_templates() -> None:
    def titles(figure: Any) -> list[str]:
        return [axes.get_legend().get_title().get_text() for axes in figure.axes if axes.get_legend() is not None]

    (one,) = plots.template_pages(WS, "SR", "signal", "J*")
    assert titles(one) == ["SR, signal: JES\nnot normalised"]
    (page,) = plots.template_pages(WS, options=plots.PlotOptions(title="all of them"))
    assert [t.splitlines()[0] for t in titles(page)] == [
        "SR, signal: JES",
        "SR, background: staterror_SR",
        "SR, background: b",
        "SR, relative: r",
        "CR, background: JES",
    ]
    assert page.get_suptitle() == "all of them"
    many = plots.template_pages(workspace(*[replace(WS.channels[0], name=f"SR{i}") for i in range(3)]))
    assert [len(titles(figure)) for figure in many] == [6, 6]
    with pytest.raises(MissingInput, match="no systematic fits channel 'X'"):
        plots.template_pages(WS, "X")


def test_templates_say_what_is_suspicious() -> None:
    both_up = HistoSys(name="up", lo_data=(60.0, 52.0), hi_data=(61.0, 52.0))
    ws = workspace(channel("SR", [50.0, 50.0], ("background", [50.0, 52.0], both_up, NormFactor(name="mu"))))
    title = plots.templates(ws, "SR", "background", "up").axes[0].get_legend().get_title().get_text()
    assert title == "SR, background: up\nsame side"


def test_templates_of_what_is_not_there() -> None:
    for place, said in (
        (("SP", "signal", "JES"), "no channel 'SP'"),
        (("SR", "signl", "JES"), "did you mean 'signal'"),
        (("SR", "signal", "JER"), "no systematic 'JER' varies sample 'signal'; did you mean 'JES'"),
        (("SR", "signal", "mu"), "no systematic 'mu'"),
    ):
        with pytest.raises(MissingInput, match=said):
            plots.templates(WS, *place)


def test_templates_agree_with_the_compiled_model() -> None:
    """At one standard deviation the interpolation goes through the variations."""
    one = Workspace(channels=(WS.channels[0],), measurements=WS.measurements)
    model, _ = hft.compile_model(one)
    for value, side in ((-1.0, 0), (1.0, 1)):
        expected = model.sample_rates(model.parameters.vector(JES=value)).to_list()[0][0]
        np.testing.assert_allclose(variation(WS.channels[0].samples[0], "JES")[side], expected)


def test_the_room_is_there_after_the_import_of_the_package() -> None:
    code = "import hftranslate as hft; print(hft.plots.brazil.__name__, hft.plots.limit is hft.plots.brazil)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["brazil", "True"]
