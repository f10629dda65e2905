"""Settings of a measurement meet the declarations of the modifiers."""

from dataclasses import replace
from math import inf

import pytest

from hftranslate.errors import InvalidWorkspace
from hftranslate.workspace import (
    PYHF,
    ROOT,
    ConstraintTerm,
    Lumi,
    NormFactor,
    NormSys,
    ShapeFactor,
    ShapeSys,
    StatError,
)
from hftranslate.workspace.parameters import parameter_sets
from tests.likelihood.builders import channel, config, workspace

A = NormSys(name="a", lo=0.9, hi=1.1)


def sets(*modifiers, nominal=(10.0, 20.0), conventions=PYHF, parameters=(), terms=(), more=()):
    space = workspace(channel("SR", None, ("s", nominal, *modifiers), *more), parameters=parameters, terms=terms)
    return parameter_sets(space, space.measurements[0], conventions)


def test_defaults():
    found = sets(NormFactor(name="mu"), A, ShapeFactor(name="f"))
    assert (found["mu"].inits, found["mu"].bounds, found["mu"].constraints) == ((1.0,), ((0.0, 10.0),), (None,))
    assert (found["a"].inits, found["a"].bounds) == ((0.0,), ((-5.0, 5.0),))
    (term,) = found["a"].constraints
    assert (term.kind, term.auxdata, term.width, term.domain) == ("gaussian", 0.0, 1.0, (-10.0, 10.0))
    assert found["f"].bounds == ((0.0, 10.0), (0.0, 10.0))
    assert found["f"].constraints == (None, None)
    assert sets(ShapeFactor(name="f"), conventions=ROOT)["f"].bounds[0] == (0.0, 1000.0)


def test_luminosity():
    lumi = config("lumi", auxdata=(2.0,), sigmas=(0.1,))
    pyhf = sets(Lumi(), parameters=[lumi])["lumi"]
    assert pyhf.inits == (2.0,)
    assert pyhf.bounds == ((1.5, 2.5),)
    assert (pyhf.constraints[0].width, pyhf.constraints[0].domain) == (0.1, (0.0, 3.0))
    assert sets(Lumi(), parameters=[lumi], conventions=ROOT)["lumi"].bounds == ((0.0, 20.0),)
    constant = sets(Lumi(), parameters=[replace(lumi, sigmas=(0.0,))])["lumi"]
    assert (constant.fixed, constant.constraints) == ((True,), (None,))
    with pytest.raises(InvalidWorkspace, match="has no auxdata and sigmas"):
        sets(Lumi())


def test_staterror_widths():
    """sqrt(sum of squares) / sum over the samples that carry it; zero where nothing is expected."""
    stat = sets(
        StatError(name="st", data=(3.0, 1.0, 1.0)),
        nominal=(10.0, 20.0, 0.0),
        more=[("t", (30.0, 0.0, 0.0), StatError(name="st", data=(4.0, 0.0, 2.0))), ("u", (99.0, 99.0, 99.0))],
    )["st"]
    assert [c.width for c in stat.constraints] == pytest.approx([5.0 / 40.0, 1.0 / 20.0, 1.0])
    assert stat.fixed == (False, False, True)
    assert stat.bounds[0] == (1e-10, 10.0)
    assert all(c.kind == "gaussian" and c.auxdata == 1.0 and c.domain == (0.0, 10.0) for c in stat.constraints)


def test_staterror_under_roots_conventions():
    stat = sets(
        StatError(name="st", data=(3.0, 0.8), constraint="poisson", threshold=0.05),
        nominal=(10.0, 20.0),
        conventions=ROOT,
    )["st"]
    assert stat.fixed == (False, True)  # below the threshold: constant, with its constraint term
    assert [c.width for c in stat.constraints] == pytest.approx([1 / 0.09, 1 / 0.0016])
    assert stat.bounds[0] == pytest.approx((0.0, 1.0 + 5.0 * 0.3))
    assert stat.constraints[0].domain == (0.0, inf)
    empty = sets(StatError(name="st", data=(0.0, 1.0)), conventions=ROOT)["st"]
    assert empty.fixed == (True, False)
    assert empty.constraints[0] is None
    at = sets(StatError(name="st", data=(0.5, 1.0), threshold=0.05), conventions=ROOT)["st"]
    assert at.fixed == (False, False)  # exactly at the threshold: floating


def test_shapesys():
    absolute = sets(ShapeSys(name="sh", data=(2.0, 0.0)))["sh"]
    assert [c.width for c in absolute.constraints] == [25.0, 1.0]
    assert [c.auxdata for c in absolute.constraints] == [25.0, 1.0]
    assert absolute.fixed == (False, True)
    relative = sets(
        ShapeSys(name="sh", data=(0.2, 0.5), relative=True, constraint="gaussian"),
        nominal=(10.0, 0.0),
        conventions=ROOT,
    )["sh"]
    assert [c.width for c in relative.constraints] == [0.2, 0.5]  # an empty bin keeps a relative uncertainty
    assert relative.fixed == (False, False)


def test_flags():
    several = config("f", fixed=(True, False))
    assert sets(ShapeFactor(name="f"), parameters=[several])["f"].fixed == (True, False)
    # one flag for the set: pyhf's replaces the default, ROOT never frees a bin without uncertainty
    stat = StatError(name="st", data=(0.0, 1.0))
    freed = config("st", fixed=False)
    assert sets(stat, parameters=[freed])["st"].fixed == (False, False)
    assert sets(stat, parameters=[freed], conventions=ROOT)["st"].fixed == (True, False)
    assert sets(stat, parameters=[config("st", fixed=True)])["st"].fixed == (True, True)


def test_constraint_terms():
    assert sets(A, terms=[ConstraintTerm(name="a", kind="none")]) == {}
    uniform = sets(A, terms=[ConstraintTerm(name="a", kind="uniform")])["a"]
    assert uniform.constraints[0].width == 100.0
    assert uniform.bounds == ((-5.0, 5.0),)


def test_settings_are_taken():
    chosen = config("a", inits=(0.5,), bounds=((-2, 3),), fixed=True, auxdata=(0.25,))
    found = sets(A, parameters=[chosen])["a"]
    assert (found.inits, found.bounds, found.fixed) == ((0.5,), ((-2.0, 3.0),), (True,))
    assert found.constraints[0].auxdata == 0.25
    stat = sets(
        StatError(name="st", data=(1.0, 1.0)),
        parameters=[config("st", sigmas=(0.5, 0.25), auxdata=(1.0, 1.1))],
    )["st"]
    assert [(c.width, c.auxdata) for c in stat.constraints] == [(0.5, 1.0), (0.25, 1.1)]


def test_conflicting_staterrors():
    with pytest.raises(InvalidWorkspace, match="conflicting constraint types or thresholds"):
        sets(
            StatError(name="st", data=(1.0, 1.0)),
            more=[("t", (1.0, 1.0), StatError(name="st", data=(1.0, 1.0), threshold=0.05))],
        )


def test_luminosity_of_some_samples_is_not_cut_at_zero():
    """ROOT says it by ``L + sigma * alpha_lumi``: alpha runs over [-5, 5], its global observable over [-10, 10]."""
    lumi = config("lumi", auxdata=(2.0,), sigmas=(0.5,))
    everywhere = sets(Lumi(), conventions=ROOT, parameters=(lumi,))["lumi"]
    partial = sets(Lumi(), conventions=ROOT, parameters=(lumi,), more=(("b", (1.0, 1.0)),))["lumi"]
    assert everywhere.bounds == ((0.0, 20.0),)
    assert everywhere.constraints[0].domain == (0.0, 7.0)
    assert partial.bounds == ((-0.5, 4.5),)
    assert partial.constraints[0].domain == (-3.0, 7.0)
