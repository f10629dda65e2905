"""An invalid Workspace cannot exist, and the error says where it is wrong."""

import copy
import pickle
from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import HealthCheck, given, settings

from hftranslate.errors import InvalidWorkspace, MissingInput
from hftranslate.workspace import (
    CONVENTIONS,
    PYHF,
    ROOT,
    Channel,
    ConstraintTerm,
    Function,
    HistoSys,
    Lumi,
    Measurement,
    NormFactor,
    NormSys,
    ParameterConfig,
    Sample,
    ShapeSys,
    StatError,
    Workspace,
)
from tests.strategies import workspaces

NAN, INF = float("nan"), float("inf")
S = Sample(name="s", nominal=(1.0, 2.0))
C = Channel(name="c", samples=(S,), observed=(1, 2))
M = Measurement(name="m")
W = Workspace(channels=(C,), measurements=(M,))


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (lambda: NormFactor(name="mu", power=0), "'mu': a power of 0"),
        (lambda: NormSys(name="a", lo=NAN, hi=1.0), "normsys 'a': entry 0 is nan; all numbers must be finite"),
        (lambda: HistoSys(name="h", lo_data=(1.0,), hi_data=(INF,)), "histosys 'h', hi_data: entry 0 is inf"),
        (lambda: HistoSys(name="h", lo_data=(NAN,), hi_data=(1.0,)), "histosys 'h', lo_data"),
        (lambda: ShapeSys(name="x", data=(1.0, NAN)), "shapesys 'x': entry 1 is nan"),
        (lambda: StatError(name="x", data=(-INF,)), "staterror 'x': entry 0 is -inf"),
        (lambda: replace(S, nominal=()), "sample 's' has no bins"),
        (lambda: replace(S, nominal=(1.0, NAN)), "sample 's', nominal yields: entry 1 is nan"),
        (lambda: replace(S, modifiers=(Lumi(), Lumi())), "sample 's': lumi 'lumi' appears more than once"),
        (
            lambda: replace(S, modifiers=(HistoSys(name="h", lo_data=(1.0,), hi_data=(1.0, 2.0)),)),
            "sample 's': histosys 'h': lo_data has 1 entries, expected 2",
        ),
        (
            lambda: replace(S, modifiers=(HistoSys(name="h", lo_data=(1.0, 2.0), hi_data=(1.0,)),)),
            "sample 's': histosys 'h': hi_data has 1 entries, expected 2",
        ),
        (lambda: replace(S, modifiers=(ShapeSys(name="x", data=(1.0,)),)), "shapesys 'x': data has 1 entries"),
        (lambda: replace(S, modifiers=(StatError(name="x", data=(1.0,) * 3),)), "staterror 'x': data has 3 entries"),
        (lambda: replace(C, samples=()), "channel 'c' has no samples"),
        (lambda: replace(C, samples=(S, S)), "channel 'c': sample 's' appears more than once"),
        (
            lambda: replace(C, samples=(S, Sample(name="t", nominal=(1.0,)))),
            "channel 'c': sample 't' has 1 bins but sample 's' has 2",
        ),
        (lambda: replace(C, observed=(1.0,)), "channel 'c': observed data has 1 entries, expected 2"),
        (lambda: replace(C, observed=(1.0, NAN)), "channel 'c', observed: entry 1 is nan"),
        (lambda: replace(C, edges=((0.0, 1.0),)), "channel 'c': edges describe 1 bins, samples have 2"),
        (lambda: replace(C, edges=((0.0, 2.0, 1.0),)), "channel 'c': bin edges must increase"),
        (lambda: replace(C, edges=((0.0, 1.0, 1.0),)), "channel 'c': bin edges must increase"),
        (lambda: replace(C, edges=((0.0,), (0.0, 1.0))), "channel 'c': bin edges must increase"),
        (lambda: replace(C, edges=((0.0, 1.0, INF),)), "channel 'c', bin edges: entry 2 is inf"),
        (lambda: ParameterConfig(name="p", inits=(NAN,)), "parameter 'p', inits: entry 0 is nan"),
        (lambda: ParameterConfig(name="p", sigmas=(INF,)), "parameter 'p', sigmas"),
        (lambda: ParameterConfig(name="p", bounds=((0.0, INF),)), "parameter 'p', bounds"),
        (lambda: ParameterConfig(name="p", bounds=((2.0, 1.0),)), "'p': lower bound 2.0 above upper bound 1.0"),
        (lambda: ParameterConfig(name="p", bounds=((1.0, 2.0, 3.0),)), r"must be \[low, high\]"),  # type: ignore[arg-type]
        (
            lambda: replace(M, parameters=(ParameterConfig(name="p"), ParameterConfig(name="p"))),
            "measurement 'm': settings of parameter 'p' appears more than once",
        ),
        (
            lambda: replace(M, constraint_terms=(ConstraintTerm(name="a", kind="none"),) * 2),
            "constraint term 'a' appears more than once",
        ),
        (lambda: replace(W, channels=()), "needs at least one channel"),
        (lambda: replace(W, measurements=()), "needs at least one measurement"),
        (lambda: replace(W, channels=(C, C)), "channel 'c' appears more than once"),
        (lambda: replace(W, measurements=(M, M)), "measurement 'm' appears more than once"),
        (
            lambda: replace(W, functions=(Function(name="f", expression="1", dependents=""),) * 2),
            "function 'f' appears more than once",
        ),
    ],
)
def test_invariants(build, match):
    with pytest.raises(InvalidWorkspace, match=match):
        build()


def test_same_name_of_different_kinds_is_legal():
    both = (NormSys(name="a", lo=0.9, hi=1.1), HistoSys(name="a", lo_data=(1.0, 2.0), hi_data=(1.0, 2.0)))
    assert replace(S, modifiers=both).modifiers == both


def test_two_dimensional_edges():
    assert replace(C, edges=((0.0, 1.0, 2.0), (0.0, 1.0))).n_bins == 2


def test_things_are_found_by_name():
    assert W.channel("c") is C
    assert W.measurement() is W.measurement("m") is M
    with pytest.raises(MissingInput, match="no channel 'd'; there are 'c'"):
        W.channel("d")
    with pytest.raises(MissingInput, match="no measurement 'n'; there are 'm'"):
        W.measurement("n")
    assert M.parameter("p") == ParameterConfig(name="p")
    set_ = ParameterConfig(name="p", fixed=True)
    assert replace(M, parameters=(set_,)).parameter("p") is set_


def test_nothing_can_be_changed():
    with pytest.raises(FrozenInstanceError):
        W.channels = ()
    with pytest.raises((AttributeError, TypeError)):
        W.comment = "new"


def test_conventions():
    assert W.conventions == PYHF
    assert CONVENTIONS == {"root": ROOT, "pyhf": PYHF}
    flags = ("clip_samples", "truncate_constraints", "root_ranges")
    assert all(getattr(ROOT, f) and not getattr(PYHF, f) for f in flags)
    assert PYHF.constrain_empty
    assert not ROOT.constrain_empty


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(workspaces())
def test_workspaces_are_values(space):
    """Equal, hashable, and unchanged by copying and pickling (process pools send them)."""
    for other in (pickle.loads(pickle.dumps(space)), copy.deepcopy(space)):
        assert other == space
        assert hash(other) == hash(space)
    assert replace(space, annotations=(*space.annotations, ("one", "more"))) != space
