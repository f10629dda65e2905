"""Pictures of profile scans."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

from hftranslate import plots
from hftranslate.errors import FormatError, InputError
from hftranslate.plots.profiles import LEVELS


def parabola(sigma: float = 0.5) -> dict[str, Any]:
    x = np.linspace(-1.0, 3.0, 9)
    rise = ((x - 1.0) / sigma) ** 2
    return {
        "parameters": ["mu"],
        "values": [x.tolist()],
        "twice_delta_nll": rise.tolist(),
        "best_fit": [1.0],
        "uncertainties": [sigma],
    }


def bowl(n: int = 9) -> dict[str, Any]:
    x, y = np.linspace(-3.0, 3.0, n), np.linspace(-4.0, 4.0, n + 1)
    rise = x[:, None] ** 2 + (y[None, :] / 1.2) ** 2
    return {
        "parameters": ["mu", "k_$"],
        "values": [x.tolist(), y.tolist()],
        "twice_delta_nll": rise.tolist(),
        "best_fit": [0.0, 0.0],
        "uncertainties": [1.0, 1.2],
    }


def test_levels_are_quantiles() -> None:
    one = chi2.cdf(1.0, 1)
    for dof, levels in LEVELS.items():
        assert levels == pytest.approx(chi2.ppf([one, 0.95], dof), abs=1e-3)


def test_curve() -> None:
    axes = plots.scan(parabola()).axes[0]
    smooth, points = axes.lines[:2]
    assert np.asarray(points.get_xdata()).tolist() == parabola()["values"][0]
    middle = np.interp(1.5, np.asarray(smooth.get_xdata()), np.asarray(smooth.get_ydata()))
    assert middle == pytest.approx(1.0, abs=0.02)
    assert axes.get_ylim() == (0.0, 12.0)
    assert axes.get_xlabel() == "mu"
    assert axes.get_ylabel() == r"$-2\,\Delta\ln L$"
    assert [t.get_text() for t in axes.texts] == ["68 %", "95 %", "best fit 1"]


def test_curve_of_little_height_and_with_gaps() -> None:
    flat = parabola(sigma=2.0)
    axes = plots.scan(flat).axes[0]
    assert [t.get_text() for t in axes.texts] == ["68 %", "best fit 1"]  # 95 % lies above
    flat["twice_delta_nll"][3:] = [None] * 6
    flat["best_fit"] = [2.9]
    gaps = plots.scan(flat).axes[0]
    assert len(np.asarray(gaps.lines[1].get_xdata())) == 3
    assert gaps.texts[-1].get_ha() == "right"  # the label stays inside
    flat["twice_delta_nll"][2] = None
    assert len(np.asarray(plots.scan(flat).axes[0].lines[1].get_xdata())) == 2


def test_contours() -> None:
    figure = plots.scan(bowl(), options=plots.PlotOptions(title="both"))
    axes = figure.axes[0]
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["68 %", "95 %", "best fit"]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("mu", r"k_\$", "both")
    for collection, level in zip(axes.collections[:2], LEVELS[2], strict=True):
        x, y = collection.get_paths()[0].vertices.T
        np.testing.assert_allclose(x**2 + (y / 1.2) ** 2, level, rtol=0.01)
    assert figure.axes[1].get_ylabel() == r"$-2\,\Delta\ln L$"


def test_contours_with_gaps_or_few_points() -> None:
    document = bowl()
    document["twice_delta_nll"][0][0] = None
    assert len(plots.scan(document).axes[0].collections) == 3  # a mesh and two contours
    coarse = plots.scan(bowl(3)).axes[0]
    assert np.ma.count(coarse.collections[0].get_array()) == 12  # type: ignore[arg-type]
    small = bowl()
    small["twice_delta_nll"] = (0.01 * np.array(small["twice_delta_nll"])).tolist()
    assert [t.get_text() for t in plots.scan(small).axes[0].get_legend().get_texts()] == ["best fit"]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {**parabola(), "values": [[0.0]]},
        {**parabola(), "parameters": ["a", "b"]},
        {**parabola(), "twice_delta_nll": "x"},
        {**parabola(), "parameters": [], "values": [], "twice_delta_nll": 1.0},
        {**parabola(), "values": [parabola()["values"][0][::-1]]},
        {**parabola(), "values": [[None, *parabola()["values"][0][1:]]]},
        {**parabola(), "best_fit": []},
    ],
)
def test_other_documents(wrong: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match="no scan as 'hftranslate scan' writes it"):
        plots.scan(wrong)


def test_nothing_succeeded() -> None:
    with pytest.raises(InputError, match="no successful fit to draw"):
        plots.scan({**parabola(), "twice_delta_nll": [None] * 9})
