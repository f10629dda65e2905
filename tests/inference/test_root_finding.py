"""Roots of falling curves: wherever they are, with few calls, and what is said where there is none."""

from collections.abc import Callable
from math import exp, inf, isnan, log, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftranslate.errors import FitFailed
from hftranslate.inference.root_finding import NoCrossing, crossing, foreseen

CURVES: dict[str, Callable[[float, float], float]] = {
    "line": lambda x, root: 1.0 - x / root,
    "root": lambda x, root: 1.0 - sqrt(x / root),
    "logarithm": lambda x, root: -log(x / root),
    "exponential": lambda x, root: exp(-x / root) - exp(-1.0),
    "cube": lambda x, root: 1.0 - (x / root) ** 3,
    "step": lambda x, root: 1.0 if x < root else -1.0,
    "kink": lambda x, root: (1.0 - x / root) * (10.0 if x < root else 0.1),
}


def find(function: Callable[[float], float], known: list[float], guess: float) -> tuple[float, int]:
    """The root and the number of different points that it took."""
    called: dict[float, float] = {}

    def curve(x: float) -> float:
        called[x] = function(x)
        return called[x]

    root = crossing(curve, known, guess, 1e-6)
    assert root in called
    return root, len(called)


@pytest.mark.parametrize("name", CURVES)
@given(
    exponent=st.floats(min_value=-6.0, max_value=6.0),
    known=st.lists(st.floats(min_value=0.01, max_value=100.0), max_size=3),
)
def test_roots_far_and_near(name: str, exponent: float, known: list[float]) -> None:
    """The guess is one, the root somewhere between 1e-6 and 1e6."""
    expected = 10.0**exponent
    root, calls = find(lambda x: CURVES[name](x, expected), known, 1.0)
    assert root == pytest.approx(expected, rel=2e-6)
    assert calls < 60


@pytest.mark.parametrize("name", ["line", "root", "exponential"])
def test_smooth_curves_take_few_calls(name: str) -> None:
    _, calls = find(lambda x: CURVES[name](x, 1.7), [], 1.0)
    assert calls <= 9
    _, more = find(lambda x: CURVES[name](x, 1.7), [0.5, 1.0, 2.0, 4.0], 1.0)
    assert more <= 8  # four of them known


@pytest.mark.parametrize("name", CURVES)
@given(guess=st.floats(min_value=0.05, max_value=20.0), slope=st.floats(min_value=-50.0, max_value=-0.02))
def test_a_slope_may_be_wrong(name: str, guess: float, slope: float) -> None:
    """What is thought to be known of the curve costs some calls where it is not so, and not the root."""
    called = []

    def curve(x: float) -> float:
        called.append(x)
        return CURVES[name](x, 1.7)

    assert crossing(curve, [], guess, 1e-6, slope=slope) == pytest.approx(1.7, rel=2e-6)
    assert len(called) < 70


def test_a_slope_that_is_right_saves_calls() -> None:
    called = []

    def curve(x: float) -> float:
        called.append(x)
        return 1.0 - sqrt(x / 1.7)

    root = crossing(curve, [], 1.7 * (1.0 + 1e-4), 1e-6, slope=-0.5 / 1.7)
    assert root == pytest.approx(1.7, rel=1e-8)
    assert len(called) == 2


@pytest.mark.parametrize("name", ["line", "root", "exponential", "cube"])
def test_where_a_curve_is_foreseen_to_cross(name: str) -> None:
    values = {x: CURVES[name](x, 1.7) for x in (1.4, 1.6, 1.75, 1.9, 10.0)}
    root, doubt, slope = foreseen(values)
    assert abs(root - 1.7) <= max(doubt, 1e-12) < 0.05
    assert slope == pytest.approx((values[1.75] - values[1.6]) / 0.15)
    rising = {x: -y for x, y in values.items()}
    assert isnan(foreseen(rising)[0])
    few = {x: values[x] for x in (1.6, 1.75, 1.9)}
    assert isnan(foreseen(few)[0])


def test_no_root_above() -> None:
    with pytest.raises(NoCrossing) as none:
        find(lambda x: 0.3 + 1.0 / (1.0 + x), [], 1.0)
    assert none.value.last > 1e12
    assert (none.value.first, none.value.beyond) == (inf, "")


def test_no_root_below() -> None:
    with pytest.raises(NoCrossing) as none:
        find(lambda x: -0.1 - x, [], 1.0)
    assert none.value.last == 0.0
    assert none.value.first < 1e-11


def domain(end: float, root: float) -> Callable[[float], float]:
    def curve(x: float) -> float:
        if x > end:
            raise FitFailed("out of the domain")
        return 1.0 - x / root

    return curve


def test_the_domain_may_end_beyond_the_root() -> None:
    assert find(domain(end=12.0, root=10.0), [], 1.0)[0] == pytest.approx(10.0)
    assert find(domain(end=3.0, root=2.0), [0.5, 200.0], 150.0)[0] == pytest.approx(2.0)


def test_the_domain_ends_before_the_root() -> None:
    with pytest.raises(NoCrossing) as none:
        find(domain(end=5.0, root=10.0), [], 1.0)
    assert none.value.last < 5.0
    assert "out of the domain" in none.value.beyond
    with pytest.raises(NoCrossing, match=r"no crossing between 0\.0 and inf"):
        find(domain(end=0.0, root=1.0), [], 1.0)


def test_holes_in_the_domain() -> None:
    def curve(x: float) -> float:
        if hole[0] < x < hole[1]:
            raise FitFailed("a hole")
        return 1.0 - x / 2.0

    hole = (1.5, 2.5)
    with pytest.raises(NoCrossing) as none:
        find(curve, [1.0, 3.0], 1.0)
    assert none.value.last == 1.0
    assert none.value.first == 3.0
    assert "a hole" in none.value.beyond
    hole = (0.0, 2.5)
    with pytest.raises(NoCrossing) as none:
        find(curve, [3.0], 3.0)
    assert none.value.first == 3.0
