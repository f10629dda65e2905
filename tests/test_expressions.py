"""Arithmetic of parameters: values against Python's own arithmetic, derivatives against differences, refusals."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftranslate.errors import Unsupported
from hftranslate.expressions import (
    FUNCTIONS,
    Dependent,
    parse_dependents,
    parse_expression,
    renamed_words,
)
from tests.likelihood.differences import difference

PYTHON = {name: getattr(math, name, None) for name in FUNCTIONS} | {
    "abs": abs,
    "fabs": abs,
    "sq": lambda u: u * u,
    "pow": pow,
    "min": min,
    "max": max,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x", 1.7),
        ("1+0.02*y", 1.0 - 0.02 * 0.6),
        ("x*x", 1.7**2),
        ("2-3-4", -5.0),
        ("8/4/2", 1.0),
        ("2^3^2", 512.0),
        ("-x^2", -(1.7**2)),
        ("2**-1", 0.5),
        ("2*-x", -3.4),
        ("-(x+y)*(x-y)", -(1.7 - 0.6) * (1.7 + 0.6)),
        ("@0/@1", 1.7 / -0.6),
        ("sqrt(x)", math.sqrt(1.7)),
        ("TMath::Power(x, 2) + std::exp(y)", 1.7**2 + math.exp(-0.6)),
        ("TMath::Sqrt(TMath::Abs(y))", math.sqrt(0.6)),
        ("pi*x + TMath::Pi()", math.pi * 2.7),
        ("1e-3*x+.5", 1.7e-3 + 0.5),
        ("max(x, y) - min(x, y)", 2.3),
        (" ( x ) ", 1.7),
        ("1/2*x", 0.0),  # as C++ has it, which ROOT compiles
        ("x*1/2", 0.85),
        ("x*(-3)/2", -2.55),
        ("x + (-3)/2", 0.7),
        ("(3-5)/3 + 7/(1+1)*x", 5.1),
        ("1./2*x", 0.85),
        ("2^3/3*x", 1.7 * 8.0 / 3.0),
        ("abs(-3)/2 + TMath::Max(3, 2)/2 + min(5, 3)/2 + x", 4.7),
        ("sqrt(4)/4 + sq(3)/2", 5.0),
        ("e*x", math.e * 1.7),
        ("3--x", 4.7),
    ],
)
def test_values(text, expected):
    assert parse_expression(text, ["x", "y"]).evaluate([1.7, -0.6])[0] == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_functions(name):
    value = parse_expression(f"{name}(x)", ["x"]).evaluate([0.7])[0]
    assert value == pytest.approx(PYTHON[name](0.7), rel=1e-15)


_LEAVES = st.one_of(st.sampled_from(["x", "y", "z"]), st.floats(0.1, 9.0).map(lambda v: f"{v:.3f}"))


def _grown(inner):
    pairs = st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(lambda p: f"({p[0]}{p[1]}{p[2]})")
    calls = st.tuples(st.sampled_from(sorted(FUNCTIONS)), inner).map(lambda c: f"{c[0]}({c[1]})")
    powers = st.tuples(inner, st.sampled_from(["2", "-1", "0.5", "y"])).map(lambda p: f"{p[0]}^{p[1]}")
    signed = inner.map(lambda e: f"-{e}")
    return st.one_of(pairs, calls, powers, signed)


@settings(max_examples=200, deadline=None)
@given(st.recursive(_LEAVES, _grown, max_leaves=8), st.lists(st.floats(0.3, 2.0), min_size=3, max_size=3))
def test_derivatives(text, values):
    expression = parse_expression(text, ["x", "y", "z"])
    x = np.array(values)
    value, gradient, hessian = expression.evaluate(x)
    if not (np.isfinite(value) and np.all(np.isfinite(hessian)) and np.abs(hessian).max() < 1e3 and abs(value) < 1e3):
        return
    size = 1.0 + np.abs(hessian).max() + np.abs(gradient).max() + abs(value)
    slope = np.array([difference(lambda t: expression.evaluate(t)[0], x, i) for i in range(3)])
    bend = np.array([difference(lambda t: expression.evaluate(t)[1], x, i) for i in range(3)])
    if not (np.all(np.isfinite(slope)) and np.all(np.isfinite(bend))):
        return  # the edge of where it is defined is nearer than the difference's step
    if "abs" not in text:  # whose kink may lie between the points of the difference
        np.testing.assert_allclose(gradient, slope, atol=1e-4 * size)
        np.testing.assert_allclose(hessian, bend, atol=1e-3 * size)
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-9, atol=1e-12 * size)


def test_derivatives_where_a_factor_vanishes():
    value, gradient, hessian = parse_expression("x^2*y", ["x", "y"]).evaluate([0.0, 3.0])
    assert value == 0.0
    np.testing.assert_array_equal(gradient, [0.0, 0.0])
    np.testing.assert_array_equal(hessian, [[6.0, 0.0], [0.0, 0.0]])
    assert parse_expression("abs(x)", ["x"]).evaluate([0.0])[1][0] == 1.0


def test_undefined_values_are_nan():
    value, gradient, hessian = parse_expression("sqrt(x)", ["x"]).evaluate([-1.0])
    assert np.isnan(value)
    assert np.isnan(gradient).all()
    assert np.isnan(hessian).all()
    assert np.isnan(parse_expression("1/x", ["x"]).evaluate([0.0])[0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x + yy", r"'yy' is not among its dependents; did you mean 'y'\?"),
        ("x ? 1 : 2", r"unexpected '\?'"),
        ("x > 1", "unexpected '>'"),
        ("system(x)", r"no function 'system' of 1 argument\(s\) is known"),
        ("sqrt(x, y)", r"no function 'sqrt' of 2 argument\(s\)"),
        ("__import__(x)", "no function '__import__'"),
        ("(x", r"'\)' expected, not 'the end'"),
        ("x y", "unexpected 'y'"),
        ("x +", "unexpected the end"),
        ("*x", r"unexpected '\*'"),
        ("", "unexpected the end"),
        ("@7", "no dependent @7"),
        ("(" * 500 + "x" + ")" * 500, "nested too deeply"),
        ("sqrt(x y)", r"'\)' expected, not 'y'"),
        ("x^" * 500 + "x", "nested too deeply"),
        ("x*" * 500 + "x", "nested too deeply"),
        ("x*(1/0)", "divides the integer 1 by 0"),
        ("x*100000*(100000*100000)", "the integer 10000000000 is too large; write 10000000000.0"),
    ],
)
def test_anything_else_is_refused(text, message):
    with pytest.raises(Unsupported, match=message):
        parse_expression(text, ["x", "y"])


def test_long_sums():
    text = "+".join(["x"] * 5000)
    assert parse_expression(text, ["x"]).evaluate([0.5])[:2] == (2500.0, [5000.0])


def test_expressions_of_expressions():
    inner = parse_expression("x*y", ["y", "x"])
    outer = parse_expression("exp(f) - @1*y", ["f", "z", "y"], {"f": inner})
    assert outer.names == ("y", "x", "z")
    flat = parse_expression("exp(x*y) - z*y", outer.names)
    for one, two in zip(outer.evaluate([0.3, 0.7, 1.1]), flat.evaluate([0.3, 0.7, 1.1]), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-14)


def test_renamed_words():
    names = {"x": "x2", "exp": "e", "alpha_a": "alpha_b"}
    assert renamed_words("exp(x)*TMath::exp (x)+x.y-alpha_a*1e5", names) == "exp(x2)*TMath::exp (x2)+x.y-alpha_b*1e5"
    assert renamed_words("x[1,0,10], alpha_a", names) == "x2[1,0,10], alpha_b"


def test_dependents():
    assert parse_dependents("mu[1,0,10], x[0,3],c[5] , alpha_lumi") == (
        Dependent(name="mu", value=1.0, low=0.0, high=10.0, text="1,0,10"),
        Dependent(name="x", value=1.5, low=0.0, high=3.0, text="0,3"),
        Dependent(name="c", value=5.0, constant=True, text="5"),
        Dependent(name="alpha_lumi"),
    )
    assert parse_dependents("") == ()
    assert parse_dependents("x[ 7, 0, 3 ]") == (Dependent(name="x", value=3.0, low=0.0, high=3.0, text="7,0,3"),)


@pytest.mark.parametrize("text", ["x[1", "x[a]", "x[1,2,3,4]", "x[3,1]", "1x", "expr::y('x',x)"])
def test_other_dependents_are_refused(text):
    with pytest.raises(Unsupported, match="dependents"):
        parse_dependents(text)


def test_travels_to_other_processes() -> None:
    inner = parse_expression("x * y^2", ["x", "y"])
    outer = parse_expression("f + @1 / 3.0", ["f", "z"], {"f": inner})
    again = pickle.loads(pickle.dumps(outer))
    assert again.names == outer.names == ("x", "y", "z")
    for mine, theirs in zip(again.evaluate([2.0, 3.0, 4.0]), outer.evaluate([2.0, 3.0, 4.0]), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_functions_of_functions_that_multiply() -> None:
    def doubled(n: int) -> None:
        known = {"f0": parse_expression("x + x", ["x"])}
        for i in range(n):
            known[f"f{i + 1}"] = parse_expression(f"f{i} + f{i}", [f"f{i}"], known)

    doubled(5)
    with pytest.raises(Unsupported, match="too large to be evaluated"):
        doubled(60)


@pytest.mark.parametrize("text", ["9" * 100_000, "x + " * 5000 + "x", "@" + "9" * 5000])
def test_texts_of_any_length(text: str) -> None:
    with pytest.raises(Unsupported):
        parse_expression(text, ["x"])
    with pytest.raises(Unsupported, match=r"dependents|too long"):
        parse_dependents(",".join(f"x{i}[1,0,2]" for i in range(500)))


def test_integers_of_many_digits_are_refused() -> None:
    assert parse_expression("1" * 25 + " * 1.0", ["x"]).evaluate([1.0])[0] == pytest.approx(1.1111111111e24)
    with pytest.raises(Unsupported, match="too large"):
        parse_expression("1" * 15, ["x"])
