"""Pictures of two engines' results, and pictures as a part of a page."""

import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from hftranslate.plots import engines
from hftranslate.plots.figures import inline_svg
from tests.cli.test_hostile_names import HOSTILE, RAW

LONG = [f"alpha_jet_energy_scale_of_{flavour}_quarks_in_the_barrel_region_only" for flavour in ("light", "heavy")]


def names(figure: Any) -> list[str]:
    return [t.get_text() for t in figure.axes[0].get_yticklabels()]


def test_pulls_keep_the_most_notable_and_say_so() -> None:
    fits = [("ROOT", [(0.0, 1.0), (1.5, 0.9), (0.0, 0.2)]), ("ours", [(9.0, 1.0), (1.5, 0.9), (0.0, 0.2)])]
    figure = engines.pulls(["a", "b", "c"], fits, most=2)
    assert names(figure) == ["b", "c"]
    assert [t.get_text() for t in figure.axes[0].texts] == ["the 2 most pulled or constrained of 3 parameters"]
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["ROOT", "ours"]
    whole = engines.pulls(["a", "b", "c"], fits)
    assert names(whole) == ["a", "b", "c"]
    assert not whole.axes[0].texts
    low, high = whole.axes[0].get_xlim()
    assert low < -9.9 < 9.9 < high  # with its error
    centred = engines.pulls(["a"], [("ROOT", [(0.5, 0.0)]), ("ours", [(1.75, 0.25)])], factors=True).axes[0]
    assert np.mean(centred.get_xlim()) == pytest.approx(1.0)
    assert [len(axes.collections) for axes in (whole.axes[0], centred)] == [4, 2]  # bars, and bands of pulls only


def test_names_are_shortened_and_differ() -> None:
    figure = engines.pulls(LONG, [("ROOT", [(0.0, 1.0)] * 2), ("ours", [(0.0, 1.0)] * 2)])
    assert len(set(names(figure))) == 2
    text = inline_svg(figure, "pulls")
    assert all(name in text for name in names(figure))


def test_cls_that_leave_the_picture() -> None:
    """The axis reaches what was observed, and not the lowest of the bands."""
    tests = [("ROOT", [[1.0, 2.0], [0.5, 1e-5]]), ("ours", [[1.0, 2.0], [0.5, 1e-5]]), ("pyhf", [[1.0], [0.4]])]
    expected = np.array([[1e-9, 1e-12], [1e-3, 1e-4], [0.01, 0.001], [0.1, 0.01], [0.2, np.nan]])
    (axes,) = engines.cls(tests, expected, level=0.05, poi_name="k$1").axes
    low, high = axes.get_ylim()
    assert 1e-6 <= low < 1e-5
    assert high > 1.0
    assert axes.get_xlabel() == r"k\$1"


def drawn(name: str) -> Any:
    tests = [(name, [[1.0, 2.0], [1.0, 4.0], [1.5, np.nan]]), ("ours", [[1.0, 2.0], [1.0, 4.0], [1.5, 5.0]])]
    return engines.statistics(tests, poi_name=name)


def test_a_picture_in_a_page() -> None:
    """The same every time; nothing from elsewhere; ids of its own; text that can be read and is nothing else."""
    first, second = inline_svg(drawn("ROOT"), "a"), inline_svg(drawn("ROOT"), "b")
    assert first == inline_svg(drawn("ROOT"), "a")
    assert "://" not in first
    root = ElementTree.fromstring(first)
    assert root.tag == "svg"
    ids, others = (set(re.findall(r'id="([^"]*)"', text)) for text in (first, second))
    assert ids
    assert not ids & others
    assert ids == set(re.findall(r'(?:href="|url\()#([^")]*)', first))
    assert {"ROOT", "ours", "test statistic"} <= {"".join(e.itertext()) for e in root.iter("text")}


@pytest.mark.parametrize("name", [HOSTILE, ' id="x" href="#y"', "url(#z)", "</text><script>", "  two  spaces "])
def test_names_are_text_in_it(name: str) -> None:
    text = inline_svg(drawn(name), "picture")
    assert not RAW.search(text)
    root = ElementTree.fromstring(text)
    tags = {"svg", "defs", "style", "g", "path", "use", "text", "tspan", "clipPath", "rect"}
    assert {e.tag for e in root.iter()} <= tags
    shown = ["".join(e.itertext()) for e in root.iter("text")]
    if len(name) < 20:
        assert shown.count(name) == 2  # at the axis and in the legend
    assert set(re.findall(r'\bid="([^"]*)"', re.sub(r">[^<]*<", "><", text))) == {
        reference
        for e in root.iter()
        for value in e.attrib.values()
        for reference in re.findall(r"^#(.*)|^url\(#(.*)\)", value)
        for reference in filter(None, reference)
    }
