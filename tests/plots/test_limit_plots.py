"""Brazil bands: CLs against the parameter of interest, and limits against a mass."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hftranslate import plots
from hftranslate.errors import FormatError, InputError
from hftranslate.inference.hypotest import UpperLimitResult, upper_limit
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.translation.load import read
from tests.conftest import REPOSITORY
from tests.likelihood.builders import counting


@pytest.fixture(scope="module")
def compiled() -> tuple[Model, Data]:
    return compile_model(read(REPOSITORY / "validation" / "cases" / "demo" / "demo.xml"))


@pytest.fixture(scope="module")
def limit(compiled: tuple[Model, Data]) -> UpperLimitResult:
    return upper_limit(*compiled)


def labels(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_brazil_goes_through_the_tested_values(limit: UpperLimitResult) -> None:
    figure = plots.brazil(limit, poi_name="mu")
    axes = figure.axes[0]
    assert labels(figure)[:2] == ["observed, limit 1.59", "expected, limit 1.40"]
    assert axes.get_xlabel() == "mu"
    curve = next(line for line in axes.lines if str(line.get_label()).startswith("observed"))
    x, y = np.asarray(curve.get_xdata()), np.asarray(curve.get_ydata())
    assert (x[0], y[0]) == (0.0, 1.0)
    assert np.all(np.diff(y) < 0.0)
    for poi, observed, _ in limit.scan:
        if poi <= x[-1]:
            assert np.interp(poi, x, y) == pytest.approx(observed, abs=2e-3)
    assert len(axes.collections) == 2


def test_brazil_from_the_document(compiled: tuple[Model, Data], limit: UpperLimitResult) -> None:
    assert labels(plots.brazil(limit.to_dict())) == labels(plots.brazil(limit))


@pytest.mark.parametrize("document", [{}, {"scan": [1], "level": 0.05}, {"scan": None}])
def test_brazil_refuses_other_documents(document: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match="no upper limit as 'hftranslate limit' writes it"):
        plots.brazil(document)
    with pytest.raises(InputError, match="no tested values"):
        plots.brazil({"scan": [], "level": 0.05, "observed": 1.0, "expected": [1.0] * 5})


ROW = {"poi": 1.0, "CLs_obs": 0.2, "CLs_exp": [0.1] * 5}


@pytest.mark.parametrize(
    "change",
    [
        {"scan": [ROW, ROW]},
        {"scan": [ROW | {"CLs_exp": [0.1] * 4}]},
        {"scan": [ROW | {"CLs_obs": "0.2"}]},
        {"scan": [ROW | {"CLs_obs": None}]},
        {"scan": [ROW | {"poi": [1.0]}]},
        {"level": None},
        {"expected": [1.0]},
        {"expected": ["x"] * 5},
        {"observed": {}},
        {"toys": {}},
    ],
)
def test_brazil_refuses_documents_that_are_damaged(change: dict[str, Any]) -> None:
    whole = {"scan": [ROW], "level": 0.05, "observed": 1.0, "expected": [1.0] * 5}
    assert plots.brazil(whole).axes
    with pytest.raises(FormatError, match=r"no upper limit as 'hftranslate limit' writes it: .* is missing or of an"):
        plots.brazil(whole | change)


def band(*limits: float) -> list[dict[str, Any]]:
    """Limits as documents, each with an expectation around it."""
    scan = [{"poi": 1.0, "CLs_obs": 0.5, "CLs_exp": [0.1, 0.2, 0.3, 0.4, 0.5]}]
    return [
        {"scan": scan, "level": 0.05, "observed": x, "expected": [x * f for f in (0.5, 0.7, 0.9, 1.3, 1.8)]}
        for x in limits
    ]


def test_limits_against_a_mass() -> None:
    figure = plots.limit_band([300.0, 100.0, 200.0], band(3.0, 1.0, 2.0), x_name="mass [GeV]", poi_name="mu")
    axes = figure.axes[0]
    assert labels(figure) == ["observed", "expected", r"expected $\pm 1\sigma$", r"expected $\pm 2\sigma$"]
    curve = next(line for line in axes.lines if line.get_label() == "observed")
    assert np.asarray(curve.get_xdata()).tolist() == [100.0, 200.0, 300.0]
    assert np.asarray(curve.get_ydata()).tolist() == [1.0, 2.0, 3.0]
    assert axes.get_ylabel() == "95 % CL upper limit on mu"
    assert axes.get_xlabel() == "mass [GeV]"
    assert axes.get_yscale() == "linear"
    assert [t.get_text() for t in axes.texts] == ["predicted"]
    wide = plots.limit_band([1.0, 2.0], band(0.01, 3.0), theory=None)
    assert wide.axes[0].get_yscale() == "log"
    assert len(wide.axes[0].texts) == 0
    assert plots.limit_band([1.0, 2.0], band(0.01, 3.0), log=False).axes[0].get_ylim()[0] == 0.0


def test_limits_that_make_no_band() -> None:
    with pytest.raises(InputError, match="2 upper limits at 1 values"):
        plots.limit_band([1.0], band(1.0, 2.0))
    with pytest.raises(InputError, match="a band takes two at least"):
        plots.limit_band([1.0], band(1.0))
    other = {**band(1.0)[0], "level": 0.1}
    with pytest.raises(InputError, match=r"different levels: \[0.05, 0.1\]"):
        plots.limit_band([1.0, 2.0], [*band(1.0), other])


def test_a_limit_from_one_value_only() -> None:
    """One tested value and the certainty at zero: a curve nevertheless."""
    figure = plots.brazil({**band(1.0)[0], "scan": band(1.0)[0]["scan"][:1]})
    assert len(figure.axes[0].lines) >= 2


def test_missing_limits_are_told(limit: UpperLimitResult) -> None:
    """Where a limit does not exist, or bands were not asked for, the rest is drawn."""
    partial = replace(limit, observed=np.nan, expected=(*limit.expected[:3], np.nan, np.nan))
    (axes,) = plots.brazil(partial).axes
    told = axes.get_legend_handles_labels()[1]
    assert "observed, no limit" in told
    assert f"expected, limit {limit.expected[2]:#.3g}" in told
    assert axes.get_xlim()[1] == pytest.approx(1.1 * limit.expected[2])
    (axes,) = plots.brazil(replace(limit, expected=())).axes
    assert "expected" in axes.get_legend_handles_labels()[1]  # nobody looked for one
    (axes,) = plots.brazil(replace(limit, expected=(float("nan"),) * 5)).axes
    assert "expected, no limit" in axes.get_legend_handles_labels()[1]
    with pytest.raises(InputError, match="holds no limit to draw"):
        plots.brazil(replace(limit, observed=float("nan"), expected=()))
    document: dict[str, Any] = {"observed": None, "expected": list(limit.expected), "level": 0.05, "scan": []}
    document["scan"] = [{"poi": mu, "CLs_obs": o, "CLs_exp": list(e)} for mu, o, e in limit.scan]
    assert "observed, no limit" in plots.brazil(document).axes[0].get_legend_handles_labels()[1]
    (axes,) = plots.limit_band([1.0, 2.0, 3.0], [limit, partial, document]).axes
    assert axes.get_ylim()[1] > limit.expected[4]


def test_toys_are_drawn_with_their_errors(limit: UpperLimitResult, compiled: tuple[Model, Data]) -> None:
    """Straight lines between values that scatter, some of them zero; and bars."""
    document = limit.to_dict()
    for i, row in enumerate(document["scan"]):
        row["CLs_obs"] = 0.0 if i % 2 else row["CLs_obs"]
        row["errors"] = {"CLs_obs": 0.01}
    (axes,) = plots.brazil({**document, "toys": {}}).axes
    curve = next(line for line in axes.lines if str(line.get_label()).startswith("observed"))
    y = np.asarray(curve.get_ydata(), dtype=np.float64)
    assert np.all((y >= 0.0) & (y <= 1.0))
    tested = [row["poi"] for row in document["scan"]]
    inside = np.interp(curve.get_xdata(), [0.0, *tested], [1.0, *(r["CLs_obs"] for r in document["scan"])])  # type: ignore[arg-type]
    np.testing.assert_allclose(y, inside, atol=1e-12)
    (bars,) = axes.collections[-1:]
    assert len(bars.get_segments()) == 1 + sum(poi <= axes.get_xlim()[1] for poi in tested)


def test_values_tested_far_away_leave_the_curve_smooth(limit: UpperLimitResult) -> None:
    far = (1e12, 0.02, (0.01,) * 5)
    (axes,) = plots.brazil(replace(limit, scan=(*limit.scan, far))).axes
    (near,) = plots.brazil(limit).axes
    for a, b in zip(axes.lines[:2], near.lines[:2], strict=True):
        x = np.asarray(b.get_xdata(), dtype=np.float64)
        shown = np.interp(x, np.asarray(a.get_xdata(), dtype=np.float64), np.asarray(a.get_ydata(), dtype=np.float64))
        np.testing.assert_allclose(shown, np.asarray(b.get_ydata(), dtype=np.float64), atol=0.03)


@pytest.mark.parametrize("at", [(1.0, 1.0), (float("nan"), 2.0), (1.0, float("inf"))])
def test_a_band_takes_different_values(at: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="a band takes different finite values"):
        plots.limit_band(at, band(1.0, 2.0))


def test_brazil_does_not_swing_between_the_tested_values() -> None:
    """A clear signal: CLs is one half below the best fit, and falls steeply beyond it."""
    model, data = counting(1400.0, 1000.0, 400.0, bounds=((0.0, 10.0),))
    found = upper_limit(model, data)
    (axes,) = plots.brazil(found).axes
    curve = next(line for line in axes.lines if str(line.get_label()).startswith("observed"))
    assert np.all(np.diff(np.asarray(curve.get_ydata())) <= 1e-12)


def test_the_axis_has_the_name_of_the_parameter(compiled: tuple[Model, Data], limit: UpperLimitResult) -> None:
    document = limit.to_dict()
    for given in (limit, document):
        assert plots.brazil(given).axes[0].get_xlabel() == "mu"
        assert plots.brazil(given, poi_name=r"$\mu$").axes[0].get_xlabel() == r"$\mu$"
    band = plots.limit_band([1.0, 2.0], [document, limit])
    assert band.axes[0].get_ylabel().endswith("limit on mu")
    other = {**document, "poi": {"name": "k$1", "range": [0.0, None]}}
    assert plots.brazil(other).axes[0].get_xlabel() == r"k\$1"
    assert plots.limit_band([1.0, 2.0], [document, other]).axes[0].get_ylabel().endswith("on parameter of interest")
    without = {key: value for key, value in document.items() if key != "poi"}  # as older files have it
    assert plots.brazil(without).axes[0].get_xlabel() == "parameter of interest"
    with pytest.raises(FormatError, match="no upper limit as 'hftranslate limit' writes it"):
        plots.brazil({**document, "poi": "mu"})


def test_a_prediction_with_its_band() -> None:
    rows = [[300.0, 0.5, 0.4, 0.6], [100.0, 4.0, 3.0, 5.0], [200.0, 1.5, 1.2, 1.8]]
    figure = plots.limit_band([300.0, 100.0, 200.0], band(3.0, 1.0, 2.0), theory=rows)
    axes = figure.axes[0]
    (line,) = (line for line in axes.lines if np.asarray(line.get_ydata()).tolist() == [4.0, 1.5, 0.5])
    assert np.asarray(line.get_xdata()).tolist() == [100.0, 200.0, 300.0]
    box = axes.collections[-1].get_paths()[0].get_extents()
    assert (box.y0, box.y1) == (0.4, 5.0)
    assert axes.get_ylim()[1] > 5.0
    with pytest.raises(InputError, match="rows of four numbers"):
        plots.limit_band([1.0, 2.0], band(1.0, 2.0), theory=[[1.0, 2.0]])
