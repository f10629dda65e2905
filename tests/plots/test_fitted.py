"""Pictures of a fit: pulls and correlations."""

from typing import Any

import numpy as np
import pytest

from hftranslate import plots
from hftranslate.errors import FormatError, InputError
from hftranslate.inference.fit import fit
from hftranslate.likelihood.compile import compile_model
from hftranslate.translation.load import read
from hftranslate.workspace import NormFactor, NormSys, ShapeSys
from tests.conftest import REPOSITORY
from tests.likelihood.builders import channel, config, workspace


@pytest.fixture(scope="module")
def fitted() -> dict[str, Any]:
    model, data = compile_model(read(REPOSITORY / "validation" / "cases" / "demo" / "demo.xml"))
    return fit(model, data).to_dict()


def test_pulls(fitted: dict[str, Any]) -> None:
    axes = plots.pulls(fitted).axes[0]
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names[0] == "JES"
    assert "staterror_CR[0]" not in names  # constant
    assert names[-6:] == ["mu", "mu_ttbar", *(f"multijet_shape[{i}]" for i in range(4))]
    drawn = np.asarray(axes.containers[0].lines[0].get_xdata())
    assert drawn[0] == pytest.approx(fitted["mle_parameters"]["JES"][0])
    assert drawn[names.index("fakes_rate[1]")] == pytest.approx(
        (fitted["mle_parameters"]["fakes_rate"][1] - 1.0) / fitted["prior_uncertainties"]["fakes_rate"][1]
    )
    written = [text.get_text() for text in axes.texts]
    assert written[0] == "0.237 ± 0.636"


def test_pulls_keeps_the_most_notable(fitted: dict[str, Any]) -> None:
    names = [text.get_text() for text in plots.pulls(fitted, most=2).axes[0].get_yticklabels()]
    assert names[:2] == ["staterror_SR[0]", "staterror_SR[1]"]


def test_pulls_refuses_other_documents(fitted: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match="no fit as 'hftranslate fit' writes it"):
        plots.pulls({key: value for key, value in fitted.items() if key != "prior_uncertainties"})


def test_pulls_say_what_they_leave_out(fitted: dict[str, Any]) -> None:
    texts = [t.get_text() for t in plots.pulls(fitted, most=2).axes[0].texts]
    assert any(t.startswith("the 2 most pulled or constrained of ") for t in texts)
    assert not any("most pulled" in t.get_text() for t in plots.pulls(fitted).axes[0].texts)


def correlated(**values: float) -> dict[str, Any]:
    """A fit with these correlations between parameters named by two letters."""
    names = sorted(set("".join(values)))
    matrix = np.eye(len(names))
    for (a, b), value in ((tuple(pair), value) for pair, value in values.items()):
        i, j = names.index(a), names.index(b)
        matrix[i, j] = matrix[j, i] = value
    return {"correlations": {"names": names, "matrix": matrix.tolist()}}


def names_of(figure: Any) -> list[str]:
    return [t.get_text() for t in figure.axes[0].get_yticklabels()]


def test_correlations_are_pruned() -> None:
    document = correlated(ab=0.5, cd=-0.9, ce=0.1, ae=-0.05)
    figure = plots.correlations(document, threshold=0.3)
    assert names_of(figure) == ["a", "b", "c", "d"]
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["a", "b", "c", "d"]
    shown = np.asarray(figure.axes[0].images[0].get_array())
    assert shown[0].tolist() == [1.0, 0.5, 0.0, 0.0]
    assert sorted(t.get_text() for t in figure.axes[0].texts) == ["0.50", "0.50", "−0.90", "−0.90"]
    assert names_of(plots.correlations(document, most=2)) == ["c", "d"]
    assert len(names_of(plots.correlations(document, threshold=0.0))) == 5


def test_correlations_of_many(fitted: dict[str, Any]) -> None:
    """In the same format as those of few, in cells that have room for it."""
    figure = plots.correlations(fitted, threshold=0.0)
    assert len(names_of(figure)) > 12
    texts = figure.axes[0].texts
    assert all(len(t.get_text().removeprefix("−")) == 4 for t in texts)
    assert max(abs(float(t.get_text().replace("−", "-"))) for t in texts) > 0.2
    assert figure.axes[1].get_ylabel() == "correlation"
    renderer: Any = figure.canvas
    renderer.draw()
    cells = figure.axes[0].get_window_extent().width / len(names_of(figure))
    assert max(t.get_window_extent().width for t in texts) < cells


def test_pulls_in_groups_and_by_name(fitted: dict[str, Any]) -> None:
    groups = (("rates of fakes", ("fakes_*",)), ("statistics", ("staterror_*", "fakes_rate[0]")))
    every = [t.get_text() for t in plots.pulls(fitted).axes[0].get_yticklabels()]
    (figure,) = plots.pull_pages(fitted, most=99, pull=plots.PullOptions(groups=groups))
    axes = figure.axes[0]
    labels = axes.get_yticklabels()
    titles = [t.get_text() for t in labels if t.get_fontweight() == "bold"]
    assert titles == ["rates of fakes", "statistics", "others"]
    names = [t.get_text() for t in labels]
    first, second, third = (names.index(t) for t in titles)
    assert set(names[first + 1 : second]) == {n for n in every if n.startswith("fakes_")}
    assert set(names[second + 1 : third]) == {n for n in every if n.startswith("staterror_")}
    assert set(names) - set(titles) == set(every)
    at = dict(zip(names, axes.get_yticks(), strict=True))
    drawn = axes.containers[0].lines[0]
    rows = np.asarray(drawn.get_ydata(), dtype=float).tolist()
    assert at["JES"] in rows
    assert not {at[t] for t in titles} & set(rows)
    (alphabetical,) = plots.pull_pages(fitted, pull=plots.PullOptions(by_name=True))
    constrained = [t.get_text() for t in alphabetical.axes[0].get_yticklabels()][: len(rows)]
    assert constrained == sorted(constrained)


def test_pulls_take_as_many_pages_as_they_need(fitted: dict[str, Any]) -> None:
    names = [
        [t.get_text() for t in page.axes[0].get_yticklabels()]
        for page in plots.pull_pages(fitted, most=4, pull=plots.PullOptions(by_name=True))
    ]
    together = [n for page in names for n in page]
    assert sorted(together) == sorted(t.get_text() for t in plots.pulls(fitted).axes[0].get_yticklabels())
    assert "mu" in names[0]
    assert all(len(page) <= 4 for page in names[1:])
    second = plots.pull_pages(fitted, most=4, pull=plots.PullOptions(by_name=True))[1]
    assert second.axes[0].texts[-1].get_text().startswith("5 to 8 of ")


def test_correlations_that_are_not_there() -> None:
    document = correlated(ab=0.1)
    with pytest.raises(InputError, match=r"no two parameters of the fit are correlated by 0\.5 or more"):
        plots.correlations(document, threshold=0.5)
    document["correlations"]["matrix"][0][1] = None  # could not be computed
    with pytest.raises(InputError, match="lower the threshold"):
        plots.correlations({"correlations": {"names": ["a", "b"], "matrix": [[1.0, None], [None, 1.0]]}})
    for wrong in ({}, {"correlations": {"names": ["a"], "matrix": [[1.0, 2.0]]}}, {"correlations": 3}):
        with pytest.raises(FormatError, match="no fit as 'hftranslate fit' writes it"):
            plots.correlations(wrong)


@pytest.mark.parametrize(
    "damaged",
    [{"uncertainties": {"a": {"x": 1}}}, {"prior_uncertainties": {"a": ["1"]}}, {"initial_values": {"a": [None]}}],
)
def test_pulls_refuse_what_is_no_number(damaged: dict[str, Any]) -> None:
    whole = {
        name: {"a": [0.5]} for name in ("mle_parameters", "uncertainties", "initial_values", "prior_uncertainties")
    }
    assert plots.pulls(whole).axes
    with pytest.raises(FormatError, match="no fit as 'hftranslate fit' writes it"):
        plots.pulls(whole | damaged)


def test_pulls_show_parameters_that_ended_at_a_bound() -> None:
    """They have no uncertainty, as constant ones, but a pull."""
    space = workspace(
        channel(
            "SR",
            [900.0],
            ("s", [1.0], NormFactor(name="mu")),
            ("b", [50.0], NormSys(name="a", lo=0.9, hi=1.1), ShapeSys(name="g", data=(5.0,)), NormFactor(name="k")),
        ),
        parameters=(config("k", fixed=True, inits=(1.0,)),),
    )
    model, data = compile_model(space)
    best = fit(model, data).to_dict()
    assert set(best["at_bound"]) >= {"mu", "a"}
    axes = plots.pulls(best).axes[0]
    assert {"mu", "a", "g"} == {t.get_text() for t in axes.get_yticklabels()}
    assert [t.get_text() for t in axes.texts] == ["10.000 at its bound"]
    older = {**best, "uncertainties": {name: [0.0] * len(v) for name, v in best["uncertainties"].items()}}
    assert [t.get_text() for t in plots.pulls(older).axes[0].texts] == ["10.000 at its bound"]
