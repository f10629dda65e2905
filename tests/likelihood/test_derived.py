"""Derived parameters: at many points as at one, and what is known of them beforehand."""

import numpy as np
import pytest

from hftranslate.inference.fit import fit
from hftranslate.inference.minimize import FitOptions
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.derived import turns
from hftranslate.workspace import ConstraintTerm, Function, NormFactor, NormSys
from hftranslate.workspace.expressions import parse_expression
from tests.likelihood.builders import channel, workspace
from tests.likelihood.differences import difference


def made(expression="xx*(2-yy)", dependents="xx[1,0,10],yy[1,0,2]"):
    """A factor by a Function, and three systematics, of which two have terms of their own."""
    effects = [NormSys(name=name, lo=0.9, hi=1.2) for name in ("a", "b", "c")]
    return compile_model(
        workspace(
            channel("SR", [50.0], ("s", [5.0], NormFactor(name="mu")), ("b", [40.0], NormFactor(name="f"), *effects)),
            terms=[
                ConstraintTerm(name="a", kind="gamma", relative_uncertainty=0.3),
                ConstraintTerm(name="b", kind="lognormal", relative_uncertainty=0.2),
            ],
            functions=[Function(name="f", expression=expression, dependents=dependents)],
        )
    )[0]


@pytest.mark.parametrize(
    ("expression", "turning"),
    [
        ("x*y", False),
        ("1 + 0.2*x - 0.1*y", False),
        ("x*(1-y)/3", False),
        ("x*x", False),
        ("(x-1)*(x-1)", True),
        ("x/y", False),
        ("sqrt(x)*exp(-0.5*y)", False),
        ("x*x - x*y", True),
        ("sqrt(x-1)", True),
        ("TMath::Max(@0, @1)", True),
    ],
)
def test_which_expressions_turn(expression, turning):
    """Within 0 and 3, and not known to do so where they have no value."""
    found = turns(parse_expression(expression, ["x", "y"]), np.ones(2), np.array([[0.0, 3.0], [0.1, 3.0]]))
    assert found == turning


@pytest.mark.parametrize(
    ("expression", "start", "low", "high", "turning"),
    [
        ("x*x", 1.0, 0.0, np.inf, False),
        ("x*x", 1.0, -np.inf, np.inf, True),
        ("(x-150)*(x-150)", 120.0, 100.0, 200.0, True),
        ("(x-150)*(x-150)", 170.0, 160.0, 200.0, False),
        ("(x-3000)*(x-3000)", 1.0, 0.0, 1e4, True),
        ("(x-0.01)*(x-0.01)", 1.0, 0.0, 10.0, True),
        ("x*x*x - 0.0001*x", 0.0, -10.0, 10.0, True),
    ],
)
def test_where_an_expression_turns_depends_on_the_range(expression, start, low, high, turning):
    found = turns(parse_expression(expression.replace("x", "xx"), ["xx"]), np.array([start]), np.array([[low, high]]))
    assert found == turning


def test_a_factor_of_no_parameter():
    space = workspace(
        channel("SR", [5.0], ("b", [4.0], NormFactor(name="f"))),
        poi=None,
        functions=[Function(name="f", expression="2.0", dependents="")],
    )
    model, _ = compile_model(space)
    assert model.rates([]) == pytest.approx([8.0])
    assert not model.derived.curved


def test_the_mass_of_a_resonance():
    """A yield with its minimum inside the range of a parameter that is far from zero; data say on which side it is."""
    square = "1+0.001*(mass-150)*(mass-150)"
    model, data = compile_model(
        workspace(
            channel("SR", [190.0], ("b", [100.0], NormFactor(name="f"))),
            channel("CR", [128.0], ("c", [1.0], NormFactor(name="mass"))),
            poi="mass",
            functions=[Function(name="f", expression=square, dependents="mass[170,100,200]")],
        )
    )
    assert model.derived.curved
    best = fit(model, data)
    other = fit(model, data, start=np.array([175.0]), options=FitOptions(other_minima=False))
    assert best.value("mass") < 150.0
    assert best.nll < other.nll - 1.0


def test_no_points_at_all():
    derived, n = made().derived, len(made().parameters)
    nothing = np.zeros((0, n))
    assert derived.extend(nothing).shape == (0, n + 3)
    assert derived.jacobian(nothing).shape == (0, 3, n)
    assert derived.bends(nothing, np.zeros((0, 2, n + 3))).shape == (0, 2, n)


@pytest.mark.parametrize(("expression", "curved"), [("xx*(2-yy)", False), ("xx*yy*yy", False), ("xx*yy*(yy-1)", True)])
def test_terms_alone_make_no_model_curved(expression, curved):
    """The derived parameter of a LogNormal term bends, but has no value twice."""
    assert made(expression).derived.curved == curved


def test_jacobians_of_many_points_are_those_of_each():
    model = made()
    derived, p = model.derived, model.parameters
    thetas = p.init + np.random.default_rng(1).uniform(-0.4, 0.4, (4, len(p)))
    many = derived.jacobian(thetas)
    assert many.shape == (4, 3, len(p))
    for theta, matrix in zip(thetas, many, strict=True):
        np.testing.assert_allclose(matrix, derived.jacobian(theta), rtol=1e-13)
        for i in range(len(p)):
            expected = difference(lambda t: derived.extend(t)[len(p) :], theta, i)
            np.testing.assert_allclose(matrix[:, i], expected, rtol=1e-6, atol=1e-9)


def test_second_derivatives_along_parameters():
    """A function of the derived parameters alone with second derivatives 2, 3 and 5, and first ones of zero."""
    model = made()
    derived, p = model.derived, model.parameters
    theta = p.init[None] + 0.1
    second = np.concatenate([np.zeros(len(p)), [2.0, 3.0, 5.0]])
    expected = [2.0, 3.0, 5.0] @ derived.jacobian(theta[0]) ** 2
    np.testing.assert_allclose(derived.bends(theta, second[None, None])[0, 0], expected)
    rows, bends = derived.of_many(theta, np.zeros((1, 1, len(second))), second[None])
    np.testing.assert_allclose(bends[0], expected)
    assert not rows.any()


def test_what_is_behind_derived_parameters():
    model = made()
    names = np.array(model.parameters.names)
    assert set(names[model.systematics]) == {"beta_a", "b", "c"}
    place = len(names) + model.derived.names.index("f")
    assert set(names[model.derived.behind(np.array([place]))]) == {"xx", "yy"}
    assert not model.derived.behind(np.array([], dtype=int)).any()
