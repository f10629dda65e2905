"""Functions as ROOT's factory settles them: who defines a parameter, what is dropped. ROOT itself: tests/validation."""

from typing import Any

import pytest

from hftranslate.errors import InvalidWorkspace, Unsupported
from hftranslate.workspace import ROOT, Channel, Function, Measurement, NormFactor, Sample, Workspace
from hftranslate.workspace.functions import redefined, renamed_function, settle_functions, used_functions
from hftranslate.workspace.parameters import parameter_sets


def function(name: str, expression: str, dependents: str) -> Function:
    return Function(name=name, expression=expression, dependents=dependents)


def model(*functions: Function, factors: tuple[str, ...] = ("f",), **settings: Any) -> Workspace:
    sample = Sample(name="s", nominal=(5.0,), modifiers=tuple(NormFactor(name=n) for n in factors))
    return Workspace(
        channels=(Channel(name="SR", samples=(sample,), observed=(5.0,)),),
        measurements=(Measurement(name="meas", **settings),),
        functions=functions,
        conventions=ROOT,
    )


def test_the_first_definition_of_a_parameter_holds() -> None:
    settled = settle_functions((function("f", "x*2", "x[1,0,10]"), function("g", "x*3", "x[ 1,0,10 ],y[0,3]")))
    assert set(settled.made) == {"f", "g"}
    assert settled.definitions["x"].high == 10.0
    assert settled.definitions["y"].value == 1.5
    assert settled.leaves(["f", "g"]) == ("x", "y")


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (("g", "x*3", "x[2,0,10]"), r"x\[2,0,10\] is x\[1,0,10\] already"),
        (("g", "x*3", "x[1.0,0,10]"), r"x\[1.0,0,10\] is x\[1,0,10\] already"),
        (("g", "x*y", "x,y"), "'y' does not exist when ROOT creates the Function"),
        (("x", "3*y", "y[1,0,2]"), r"its name is that of the parameter x\[1,0,10\]"),
        (("g", "3*f", "f[1,0,2]"), r"f\[1,0,2\] has the name of a Function"),
    ],
)
def test_what_root_drops(second: tuple[str, str, str], reason: str) -> None:
    """Nothing that a dropped Function would define remains."""
    settled = settle_functions((function("f", "x*2", "x[1,0,10]"), function(*second)))
    assert set(settled.made) == {"f"}
    assert set(settled.definitions) == {"x"}
    assert set(settled.dropped) == {second[0]}
    with pytest.raises(InvalidWorkspace, match=reason):
        used_functions(model(function("f", "x*2", "x[1,0,10]"), function(*second), factors=("f", second[0])))


def test_functions_of_functions() -> None:
    settled = settle_functions((function("f", "x*x", "x[1,0,10]"), function("g", "y/f", "f,y[1,0,3]")))
    assert settled.made["g"].names == ("x", "y")
    assert settled.made["g"].evaluate([2.0, 3.0])[0] == 0.75
    backwards = settle_functions((function("g", "3*f", "f"), function("f", "x*x", "x[1,0,10]")))
    assert set(backwards.made) == {"f"}


def test_what_cannot_be_evaluated_is_named_where_it_is_used() -> None:
    odd = function("f", "x > 1 ? 2 : rand(3)", "x[1,0,10]")
    with pytest.raises(
        Unsupported, match=r"channel 'SR', sample 's': function 'f': the expression .* no function 'rand'"
    ):
        used_functions(model(odd))
    assert used_functions(model(odd, factors=("k",))) == {}
    nested = function("f", "x", "expr::x('y*y',y[1,0,2])")
    with pytest.raises(Unsupported, match=r"function 'f': the dependents .* are no list of parameters"):
        used_functions(model(nested))


def test_a_definition_counts_where_the_function_is_not_used() -> None:
    space = model(function("g", "2*k", "k[2,1,3],z[0,1]"), factors=("k",))
    sets = parameter_sets(space, space.measurements[0], ROOT)
    assert list(sets) == ["k"]
    assert (sets["k"].inits, sets["k"].bounds) == ((2.0,), ((1.0, 3.0),))


def test_a_constant_dependent() -> None:
    space = model(function("f", "c*x", "c[2],x[0,3]"))
    sets = parameter_sets(space, space.measurements[0], ROOT)
    assert (sets["c"].inits, sets["c"].fixed) == ((2.0,), (True,))
    assert (sets["x"].inits, sets["x"].fixed) == ((1.5,), (False,))


def test_renaming_and_redefining() -> None:
    f = function("f", "sqrt(x)*f2", "x[1,0,10],f2")
    renamed = renamed_function(f, {"f": "g", "x": "y"})
    assert renamed == function("g", "sqrt(y)*f2", "y[1,0,10],f2")
    assert redefined((f,), "x", "2,0,5")[0].dependents == "x[2,0,5],f2"
    assert redefined((function("f", "1", "xx[1,0,2],x.x[1,0,2]"),), "x", "2")[0].dependents == "xx[1,0,2],x.x[1,0,2]"
