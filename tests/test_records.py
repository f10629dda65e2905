"""Records: named values that nobody compares, prints or changes."""

from dataclasses import fields, replace
from pickle import HIGHEST_PROTOCOL, dumps, loads

import pytest

from hftranslate.inference.problem import Problem
from hftranslate.records import record
from tests.inference.problems import problem_of
from tests.likelihood.builders import hello_world


@record
class Pair:
    """Two things."""

    one: float
    two: tuple[float, ...] = ()


def test_records_take_names_and_are_equal_to_themselves_only() -> None:
    pair = Pair(one=1.0)
    assert (pair.one, pair.two) == (1.0, ())
    assert pair != Pair(one=1.0)
    assert {pair: 1}[pair] == 1
    assert [field.name for field in fields(Pair)] == ["one", "two"]
    moved = replace(pair, two=(2.0,))
    assert (moved.one, moved.two, pair.two) == (1.0, (2.0,), ())
    with pytest.raises(TypeError, match="positional"):
        Pair(1.0)
    with pytest.raises(AttributeError):
        object.__setattr__(pair, "three", 3.0)  # there are slots


@pytest.mark.parametrize("protocol", range(HIGHEST_PROTOCOL + 1))
def test_records_go_to_other_processes(protocol: int) -> None:
    problem = problem_of(*hello_world())
    there = loads(dumps(problem, protocol))
    assert isinstance(there, Problem)
    assert there.value(problem.start) == problem.value(problem.start)
