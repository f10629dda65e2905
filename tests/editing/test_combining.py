"""Combining what pyhf has no word for, what is refused, and what is told; the rest see test_against_pyhf."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftranslate.editing import combine, rename, set_aside
from hftranslate.errors import InputError, InvalidWorkspace
from hftranslate.workspace import (
    ROOT,
    Channel,
    ConstraintTerm,
    Function,
    Measurement,
    ParameterConfig,
    Sample,
    Workspace,
)
from tests.strategies import permuted, workspaces


def workspace(name: str = "SR", yields: tuple[float, ...] = (1, 2), **changes: object) -> Workspace:
    channel = Channel(name=name, samples=(Sample(name="s", nominal=yields),), observed=(1, 2))
    return replace(Workspace(channels=(channel,), measurements=(Measurement(name="m"),)), **changes)  # type: ignore[arg-type]


def test_options_are_checked() -> None:
    with pytest.raises(InputError, match="'inner' is no way to join; expected one of 'none', 'outer'"):
        combine(workspace(), workspace("CR"), join="inner")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="channels are not merged with the join 'none'"):
        combine(workspace(), workspace("CR"), merge_channels=True)
    with pytest.raises(InputError, match="pyhf conventions, the second under root; translate one"):
        combine(workspace(), workspace("CR", conventions=ROOT), join="outer")


def test_the_same_in_another_order_is_the_same() -> None:
    a, b = Sample(name="a", nominal=(1,)), Sample(name="b", nominal=(2,))
    one, two = (
        Workspace(
            channels=(Channel(name="SR", samples=samples, observed=(3,)),),
            measurements=(Measurement(name="m"),),
        )
        for samples in ((a, b), (b, a))
    )
    assert combine(one, two, join="outer") == one


def test_edges_must_agree_where_both_state_them() -> None:
    edges = ((0, 1, 2),)
    one = workspace()
    other = replace(one, channels=(replace(one.channels[0], edges=edges),))
    third = replace(one, channels=(replace(one.channels[0], edges=((0, 1, 3),)),))
    assert combine(one, other, join="outer") == one
    with pytest.raises(InvalidWorkspace, match="'SR', and they differ"):
        combine(other, third, join="outer")


def test_measurements_are_joined() -> None:
    lumi, jes = ParameterConfig(name="lumi", auxdata=(1.0,)), ParameterConfig(name="JES", fixed=True)
    term = ConstraintTerm(name="JES", kind="uniform")
    one = workspace(measurements=(Measurement(name="m", pois=("mu",), parameters=(lumi,), annotations=(("a", "b"),)),))
    two = workspace("CR", measurements=(Measurement(name="m", pois=("mu",), parameters=(jes, lumi)),))
    both = combine(one, two, join="outer")
    assert both.measurements[0].parameters == (lumi, jes)
    assert both.measurements[0].annotations == (("a", "b"),)
    with_term = replace(two, measurements=(replace(two.measurements[0], constraint_terms=(term,)),))
    assert combine(one, with_term, join="outer").measurements[0].constraint_terms == (term,)
    other_poi = replace(two, measurements=(Measurement(name="m", pois=("nu",)),))
    with pytest.raises(InvalidWorkspace, match=r"the parameters of interest \['mu'\] and \['nu'\]"):
        combine(one, other_poi, join="outer")
    freed = replace(two, measurements=(Measurement(name="m", pois=("mu",), parameters=(replace(lumi, fixed=True),)),))
    with pytest.raises(InvalidWorkspace, match="measurement 'm': setting"):
        combine(one, freed, join="outer")


def test_functions_and_annotations() -> None:
    f, g = (Function(name="f", expression=e, dependents="x") for e in ("x", "2*x"))
    one = workspace(functions=(f,), annotations=(("prefix", "one"),))
    two = workspace("CR", functions=(f,), annotations=(("prefix", "two"), ("mode", "x")))
    two = rename(two, measurements={"m": "n"})
    both = combine(one, two)
    assert both.functions == (f,)
    assert dict(both.annotations) == {"prefix": "one", "mode": "x"}
    with pytest.raises(InvalidWorkspace, match="'f', and they differ"):
        combine(one, replace(two, functions=(g,)))
    assert combine(one, replace(two, functions=(g,)), join="right outer").functions == (g,)


def test_what_is_set_aside_is_told() -> None:
    one = workspace(measurements=(Measurement(name="m", pois=("mu",)),))
    settings_of_lumi = (ParameterConfig(name="lumi", fixed=True),)
    two = workspace(yields=(1, 3), measurements=(Measurement(name="m", pois=("nu",), parameters=settings_of_lumi),))
    two = replace(two, channels=(replace(two.channels[0], observed=(7, 7)),))
    left = combine(one, two, join="left outer")
    assert left == one
    assert set_aside(one, two, left) == (
        "channel 'SR': the data of the second workspace are left out",
        "channel 'SR': sample 's' of the second workspace differs and is left out",
        "measurement 'm': the parameters of interest of the second workspace are left out",
        "measurement 'm': settings of the second workspace are left out (lumi)",
    )
    extra = replace(one.channels[0], samples=(*one.channels[0].samples, Sample(name="t", nominal=(1, 1))))
    wider = replace(one, channels=(extra,))
    assert set_aside(wider, one, combine(wider, one, join="right outer")) == (
        "channel 'SR': sample 't' of the first workspace is left out",
    )
    merged = combine(one, wider, join="outer", merge_channels=True)
    assert set_aside(one, wider, merged) == ()
    assert merged == wider


@settings(deadline=None, max_examples=50)
@given(ws=workspaces())
def test_a_workspace_with_itself(ws: Workspace) -> None:
    assert combine(ws, ws, join="outer").channels == ws.channels
    with pytest.raises(InvalidWorkspace, match="both workspaces have the channel"):
        combine(ws, ws)


@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_order_does_not_matter_to_what_is_equal(data: st.DataObject) -> None:
    ws = data.draw(workspaces())
    other = data.draw(permuted(ws))
    assert combine(ws, other, join="outer") == ws
    assert set_aside(ws, other, ws) == ()
