"""Pictures of interpolation codes."""

import numpy as np
import pytest

from hftranslate import plots
from hftranslate.errors import InputError
from hftranslate.likelihood.interpolation import relative_yield
from hftranslate.plots.curves import pieces

CODES = ("code0", "code1", "code2", "code4", "code4p", "code6")


def test_three_panels() -> None:
    figure = plots.interpolation(["code4", "code0"], 0.7, 1.2, options=plots.PlotOptions(title="two"))
    assert [a.get_title() for a in figure.axes] == ["yield / nominal", "first derivative", "second derivative"]
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["code4", "code0"]
    assert figure.get_suptitle() == "two"
    for order, axes in enumerate(figure.axes):
        curve = axes.lines[3]  # of code4, right of one
        x = np.asarray(curve.get_xdata())
        assert (x[0], x[-1]) == (1.0, 2.2)
        np.testing.assert_allclose(curve.get_ydata(), relative_yield(x, "code4", 0.7, 1.2)[order], atol=1e-6)  # type: ignore[arg-type]
    dots = figure.axes[0].lines[-1]
    assert list(dots.get_ydata()) == [0.7, 1.0, 1.2]  # type: ignore[arg-type]
    assert plots.interpolation(["code4"]).legends == []


@pytest.mark.parametrize("code", CODES)
def test_curves_go_through_the_variations_and_do_not_jump(code: str) -> None:
    parts = pieces(code, 0.8, 1.5, 2.0)
    assert len(parts) == 4
    ends = [(values[0][0], values[0][-1]) for _, values in parts]
    np.testing.assert_allclose([e[1] for e in ends[:3]], [0.8, 1.0, 1.5], atol=1e-6)
    np.testing.assert_allclose([e[0] for e in ends[1:]], [0.8, 1.0, 1.5], atol=1e-6)


@pytest.mark.parametrize(
    ("code", "jumps"),
    [("code0", [(1, 0)]), ("code1", [(1, 0), (2, 0)]), ("code2", [(2, -1), (2, 1)]), ("code4", []), ("code4p", [])],
)
def test_jumps_of_the_derivatives_are_where_the_page_says(code: str, jumps: list[tuple[int, int]]) -> None:
    parts = pieces(code, 0.8, 1.5, 2.0)
    found = []
    for order in (1, 2):
        for k, joint in enumerate((-1, 0, 1)):
            left, right = parts[k][1][order][-1], parts[k + 1][1][order][0]
            if abs(left - right) > 1e-4:
                found.append((order, joint))
    assert found == jumps


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(InputError, match="0 interpolation codes cannot be drawn together"):
        plots.interpolation([])
    with pytest.raises(InputError, match=r"up to 0\.5 standard deviations"):
        plots.interpolation(["code4"], reach=0.5)
