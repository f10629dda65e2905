"""The ranking of impacts: bars and pulls on the same rows."""

from typing import Any

import numpy as np
import pytest

from hftranslate import plots
from hftranslate.errors import FormatError, InputError
from hftranslate.inference.impacts import impacts
from hftranslate.likelihood.compile import compile_model
from hftranslate.translation.load import read
from tests.conftest import REPOSITORY


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    model, data = compile_model(read(REPOSITORY / "validation" / "cases" / "demo" / "demo.xml"))
    return impacts(model, data).to_dict()


def bars(figure: Any) -> list[list[float]]:
    """Widths of the bars: post-fit above, pre-fit above, post-fit below, pre-fit below."""
    return [[float(p.get_width()) for p in group] for group in figure.axes[1].containers]


def test_rows(document: dict[str, Any]) -> None:
    figure = plots.impacts(document, top=6)
    pulls, impact_axes = figure.axes
    rows = document["parameters"][:6]
    names = [t.get_text() for t in pulls.get_yticklabels()]
    assert [n.split()[0] for n in names] == [r["name"] for r in rows]
    assert [int(n.split()[-1]) for n in names] == [1, 2, 3, 4, 5, 6]
    post_above, pre_above, post_below, pre_below = bars(figure)
    np.testing.assert_allclose(post_above, [r["postfit"][1] for r in rows])
    np.testing.assert_allclose(post_below, [r["postfit"][0] for r in rows])
    for k, row in enumerate(rows):
        expected = [np.nan, np.nan] if row["prefit"] is None else row["prefit"]
        np.testing.assert_allclose([pre_below[k], pre_above[k]], expected)
    drawn = pulls.containers[0].lines[0]
    constrained = [r for r in rows if r["pull"] is not None]
    np.testing.assert_allclose(np.asarray(drawn.get_xdata(), dtype=float), [r["pull"] for r in constrained])
    assert pulls.get_ylim()[0] > pulls.get_ylim()[1]  # the largest on top
    assert impact_axes.get_xlim()[1] >= max(abs(v) for r in rows for v in r["postfit"])
    assert "impact on mu" in impact_axes.get_xlabel()


def test_free_parameters_show_their_value(document: dict[str, Any]) -> None:
    texts = [t.get_text() for t in plots.impacts(document, top=99).axes[0].texts]
    free = [p for p in document["parameters"] if p["pull"] is None]
    assert len(texts) == len(free) > 0
    assert any(t.startswith(f"{free[0]['value']:.2f} ") for t in texts)


def test_numbers_stand_beside_the_bars(document: dict[str, Any]) -> None:
    figure: Any = plots.impacts(document, top=99)
    figure.canvas.draw()
    axes = figure.axes[0]
    frame, page = axes.get_window_extent(), figure.bbox
    assert axes.texts
    for text in axes.texts:
        box = text.get_window_extent()
        assert frame.x1 < box.x0 < box.x1 < page.x1


def test_pages_of_a_ranking(document: dict[str, Any]) -> None:
    figure = plots.impacts(document, top=4, first=4)
    assert [t.get_text().split()[-1] for t in figure.axes[0].get_yticklabels()] == ["5", "6", "7", "8"]
    assert any(t.get_text() == f"5 to 8 of {len(document['parameters'])}" for t in figure.texts)
    with pytest.raises(InputError, match="no impacts to draw"):
        plots.impacts(document, first=1000)


def test_what_could_not_be_computed() -> None:
    row = {
        "name": "a",
        "value": 0.5,
        "uncertainty": [0.4, 0.6],
        "pull": None,
        "constraint": None,
        "prefit": None,
        "postfit": [None, 0.2],
    }
    document = {"poi": {"name": "mu", "value": 1.0, "uncertainty": [None, 0.3]}, "parameters": [row]}
    figure = plots.impacts(document)
    assert [t.get_text() for t in figure.axes[0].texts] == ["0.50 −0.40 +0.60"]
    assert figure.get_suptitle() == "mu = 1  −?  +0.3"
    document["poi"]["uncertainty"] = [None, None]
    document["parameters"][0]["uncertainty"] = [None, None]
    figure = plots.impacts(document)
    assert figure.get_suptitle() == "mu = 1"
    assert [t.get_text() for t in figure.axes[0].texts] == ["0.50"]


@pytest.mark.parametrize("wrong", [{}, {"parameters": [{}], "poi": {}}, {"parameters": [{"name": "a"}], "poi": 3}])
def test_other_documents(wrong: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match="no impacts as 'hftranslate impacts' writes them"):
        plots.impacts(wrong)


def test_a_shift_to_one_side_only_is_no_impact(document: dict[str, Any]) -> None:
    (row, *_) = document["parameters"]
    with pytest.raises(FormatError, match="no impacts as 'hftranslate impacts' writes them"):
        plots.impacts({**document, "parameters": [{**row, "postfit": row["postfit"][:1]}]})


def test_no_empty_picture(document: dict[str, Any]) -> None:
    """Nothing moves a parameter of interest at its bound; older files may hold such a ranking of zeros."""
    idle = [{**row, "prefit": [0.0, None], "postfit": [0.0, 0.0]} for row in document["parameters"]]
    with pytest.raises(InputError, match="no impacts to draw: no parameter moves 'mu', which may lie at its bound"):
        plots.impacts({**document, "parameters": idle})
