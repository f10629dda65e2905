"""Renaming what pyhf JSON has no word for, and what is refused; the rest see test_against_pyhf."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftranslate.editing import rename
from hftranslate.editing.names import channel_names, measurement_names, modifier_names, sample_names
from hftranslate.errors import InvalidWorkspace, MissingInput
from hftranslate.workspace import ConstraintTerm, Function, Measurement, ParameterConfig, Workspace
from tests.editing.test_pruning import WS
from tests.editing.valid import compiled
from tests.strategies import workspaces

FUNCTION = Function(
    name="mu",
    expression="1+alpha_JES*alpha_JES_2+mu_2*gamma_shape_bin_0",
    dependents="alpha_JES[0,-5,5],alpha_JES_2,mu_2",
)


def test_settings_follow() -> None:
    measurement = Measurement(
        name="m",
        pois=("mu", "shape[1]"),
        parameters=(ParameterConfig(name="JES", fixed=True),),
        constraint_terms=(ConstraintTerm(name="JES", kind="uniform"),),
    )
    ws = replace(WS, measurements=(measurement,), functions=(FUNCTION,))
    new = rename(ws, modifiers={"JES": "JER", "mu": "xsec", "shape": "form"})
    assert new.measurements == (
        Measurement(
            name="m",
            pois=("xsec", "form[1]"),
            parameters=(ParameterConfig(name="JER", fixed=True),),
            constraint_terms=(ConstraintTerm(name="JER", kind="uniform"),),
        ),
    )
    assert new.functions == (
        Function(
            name="xsec",
            expression="1+alpha_JER*alpha_JES_2+mu_2*gamma_form_bin_0",
            dependents="alpha_JER[0,-5,5],alpha_JES_2,mu_2",
        ),
    )
    assert rename(ws, channels={"SR": "signal region"}).functions == ws.functions


def test_two_exchange_their_names() -> None:
    new = rename(WS, channels={"SR": "CR", "CR": "SR"}, measurements={"m": "n", "n": "m"})
    assert [c.name for c in new.channels] == ["CR", "SR"]
    assert new.channel("SR").observed == WS.channel("CR").observed
    assert [m.name for m in new.measurements] == ["n", "m"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": {"SR": "CR"}}, "channel 'CR' appears more than once"),
        ({"samples": {"signal": "background"}}, "sample 'background' appears more than once"),
        ({"measurements": {"m": "n"}}, "measurement 'n' appears more than once"),
        ({"modifiers": {"shape": "JES"}}, "settings of parameter 'JES' appears more than once"),
    ],
)
def test_names_stay_different(options: dict[str, dict[str, str]], message: str) -> None:
    with pytest.raises(InvalidWorkspace, match=message):
        rename(WS, **options)


def test_what_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(MissingInput, match="no sample 'signall'; did you mean 'signal'"):
        rename(WS, samples={"signall": "x"})


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(ws=workspaces(), data=st.data())
def test_there_and_back(ws: Workspace, data: st.DataObject) -> None:
    """Undoing a renaming gives the workspace back, with everything in its place."""
    mapping = {
        kind: {name: f"{name}'" for name in data.draw(st.sets(st.sampled_from(found))) if name != "lumi"}
        for kind, found in {
            "channels": channel_names(ws),
            "samples": sample_names(ws),
            "modifiers": modifier_names(ws) or ["lumi"],
            "measurements": measurement_names(ws),
        }.items()
    }
    taken = {
        n for found in (channel_names(ws), sample_names(ws), modifier_names(ws), measurement_names(ws)) for n in found
    }
    if any(new in taken for names in mapping.values() for new in names.values()):
        return
    back = {kind: {new: old for old, new in names.items()} for kind, names in mapping.items()}
    assert rename(rename(ws, **mapping), **back) == ws


@settings(deadline=None, max_examples=30)
@given(ws=workspaces("pyhf-json"))
def test_names_do_not_change_the_likelihood(ws: Workspace) -> None:
    names = [n for n in modifier_names(ws) if n != "lumi"]
    new = rename(
        ws,
        channels={n: f"c{i}" for i, n in enumerate(channel_names(ws))},
        modifiers={n: f"p{i}" for i, n in enumerate(names)},
    )
    model, data = compiled(ws)
    other, other_data = compiled(new)
    value = model.nll(model.parameters.init, data)
    assert other.nll(other.parameters.init, other_data) == pytest.approx(value, rel=1e-12, nan_ok=True)
