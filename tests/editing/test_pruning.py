"""Pruning by place and by bin, and what is refused; by name see test_against_pyhf."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftranslate.editing import Places, prune
from hftranslate.errors import InvalidWorkspace, MissingInput
from hftranslate.likelihood.compile import compile_model
from hftranslate.workspace import (
    Channel,
    ConstraintTerm,
    Function,
    HistoSys,
    Measurement,
    NormFactor,
    NormSys,
    ParameterConfig,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
    Workspace,
)
from hftranslate.workspace.parameter_names import declared_parameters
from tests.editing.valid import compiled
from tests.strategies import workspaces

SR = Channel(
    name="SR",
    samples=(
        Sample(
            name="signal", nominal=(1, 2, 3), modifiers=(NormFactor(name="mu"), NormSys(name="JES", lo=0.9, hi=1.1))
        ),
        Sample(
            name="background",
            nominal=(10, 20, 30),
            modifiers=(
                HistoSys(name="JES", lo_data=(9, 19, 29), hi_data=(11, 21, 31)),
                ShapeSys(name="shape", data=(1, 2, 3)),
                StatError(name="stat", data=(0.1, 0.2, 0.3)),
            ),
        ),
    ),
    observed=(11, 22, 33),
    edges=((0, 1, 2, 4),),
)
CR = Channel(
    name="CR",
    samples=(Sample(name="background", nominal=(40, 50), modifiers=(StatError(name="stat", data=(4, 5)),)),),
    observed=(41, 52),
)
WS = Workspace(
    channels=(SR, CR),
    measurements=(
        Measurement(
            name="m",
            pois=("mu",),
            parameters=(
                ParameterConfig(name="shape", inits=(1.0, 1.1, 1.2), fixed=(False, True, False)),
                ParameterConfig(name="stat", inits=(1.0, 1.1, 1.2, 1.3, 1.4)),
                ParameterConfig(name="JES", fixed=True),
            ),
            constraint_terms=(ConstraintTerm(name="JES", kind="uniform"),),
        ),
        Measurement(name="n"),
    ),
    functions=(Function(name="mu", expression="2*x", dependents="x[1,0,10]"),),
)


def test_a_sample_of_one_channel() -> None:
    left = prune(WS, places=Places(samples_in=[("SR", "signal")]))
    assert [s.name for s in left.channel("SR").samples] == ["background"]
    assert left.channel("CR") == CR
    with pytest.raises(InvalidWorkspace, match="leaves channel 'CR' without samples; prune the channel too"):
        prune(WS, places=Places(samples_in=[("CR", "background")]))


def test_a_modifier_of_one_sample() -> None:
    left = prune(WS, places=Places(modifiers_in=[("SR", "signal", "JES")]))
    assert [m.name for m in left.channel("SR").samples[0].modifiers] == ["mu"]
    assert any(m.name == "JES" for m in left.channel("SR").samples[1].modifiers)
    assert left.measurements == WS.measurements
    gone = prune(
        WS, places=Places(modifiers_in=[("SR", "signal", "JES"), ("SR", "background", "JES"), ("SR", "signal", "mu")])
    )
    assert [p.name for p in gone.measurements[0].parameters] == ["shape", "stat"]
    assert gone.measurements[0].constraint_terms == ()
    assert gone.functions == ()


def test_a_bin() -> None:
    left = prune(WS, places=Places(bins=[("SR", 0)]))
    signal, background = left.channel("SR").samples
    assert signal.nominal == (2, 3)
    assert background.modifiers == (
        HistoSys(name="JES", lo_data=(19, 29), hi_data=(21, 31)),
        ShapeSys(name="shape", data=(2, 3)),
        StatError(name="stat", data=(0.2, 0.3)),
    )
    assert left.channel("SR").observed == (22, 33)
    assert left.channel("SR").edges == ((1, 2, 4),)
    m = left.measurements[0]
    assert m.parameter("shape") == ParameterConfig(name="shape", inits=(1.1, 1.2), fixed=(True, False))
    assert m.parameter("stat").inits == (1.0, 1.1, 1.3, 1.4)  # CR comes first
    assert left.channel("CR") == CR


def test_edges_are_kept_where_the_bins_left_are_one_range() -> None:
    assert prune(WS, places=Places(bins=[("SR", 2)])).channel("SR").edges == ((0, 1, 2),)
    assert prune(WS, places=Places(bins=[("SR", 1)])).channel("SR").edges is None
    flat = replace(SR, edges=((0, 1, 2, 3), (0, 5)))
    assert prune(replace(WS, channels=(flat, CR)), places=Places(bins=[("SR", 0)])).channel("SR").edges is None


def test_factors_of_bins_as_parameters_of_interest() -> None:
    named = replace(WS, measurements=(Measurement(name="m", pois=("shape[1]", "stat[4]")),))
    assert prune(named, places=Places(bins=[("SR", 0)])).measurements[0].pois == ("shape[0]", "stat[3]")
    with pytest.raises(InvalidWorkspace, match=r"the parameter of interest 'shape\[1\]' is the factor of a pruned bin"):
        prune(named, places=Places(bins=[("SR", 1)]))


def test_a_staterror_over_channels_keeps_the_settings_of_what_is_left() -> None:
    left = prune(WS, channels=["CR"])
    assert left.measurements[0].parameter("stat").inits == (1.2, 1.3, 1.4)
    compile_model(replace(left, functions=(), measurements=(replace(left.measurements[0], constraint_terms=()),)))


def test_shared_factors_lose_the_same_bins() -> None:
    free = ShapeFactor(name="free")
    one, two = (
        Channel(name=n, samples=(Sample(name="s", nominal=(1, 2), modifiers=(free,)),), observed=(1, 2)) for n in "ab"
    )
    ws = Workspace(channels=(one, two), measurements=(Measurement(name="m"),))
    with pytest.raises(InvalidWorkspace, match="'free' shares its bin factors between channel 'a' and channel 'b'"):
        prune(ws, places=Places(bins=[("a", 0)]))
    assert declared_parameters(prune(ws, places=Places(bins=[("a", 0), ("b", 0)])).channels)["free"].size == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": ["SRR"]}, "the workspace has no channel 'SRR'; did you mean 'SR'?"),
        ({"samples": ["signl"]}, "no sample 'signl'; did you mean 'signal'?"),
        ({"modifiers": ["JER"]}, "no modifier 'JER'; did you mean 'JES'?"),
        ({"modifier_types": ["lumi"]}, "no modifier of the type 'lumi'; there are 'histosys'"),
        ({"measurements": ["x"]}, "no measurement 'x'; there are 'm', 'n'"),
        ({"places": Places(samples_in=[("CR", "signal")])}, "channel 'CR' has no sample 'signal'"),
        ({"places": Places(samples_in=[("CT", "signal")])}, "no channel 'CT'; there are 'CR', 'SR'"),
        (
            {"places": Places(modifiers_in=[("SR", "signal", "JSE")])},
            "sample 'signal' has no modifier 'JSE'; did you mean 'JES'?",
        ),
        ({"places": Places(bins=[("SR", 3)])}, "channel 'SR' has no bin 3; its bins are 0 to 2"),
        ({"places": Places(bins=[("SR", -1)])}, "channel 'SR' has no bin -1"),
    ],
)
def test_what_is_not_there_is_named_with_the_nearest(options: dict[str, object], message: str) -> None:
    with pytest.raises(MissingInput) as caught:
        prune(WS, **options)  # type: ignore[arg-type]
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": ["SR", "CR"]}, "leaves no channel"),
        ({"measurements": ["m", "n"]}, "leaves no measurement"),
        (
            {"places": Places(bins=[("CR", 0), ("CR", 1)])},
            "leaves channel 'CR' without bins; prune the channel instead",
        ),
        ({"samples": ["background"]}, "leaves channel 'CR' without samples; prune the channel too"),
    ],
)
def test_nothing_left(options: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidWorkspace, match=message):
        prune(WS, **options)  # type: ignore[arg-type]


@settings(deadline=None, max_examples=50)
@given(ws=workspaces("pyhf-json"), data=st.data())
def test_pruning_a_bin_takes_its_rate_away_and_no_other(ws: Workspace, data: st.DataObject) -> None:
    """Without a bin the expected events of the others at the nominal point are what they were."""
    channel = data.draw(st.sampled_from(ws.channels))
    index = data.draw(st.integers(0, channel.n_bins - 1))
    shared = [d for d in declared_parameters(ws.channels).values() if len({c.name for c, _, _ in d.uses}) > 1]
    if channel.n_bins == 1 or any(d.kind == "gamma" for d in shared):
        return
    left = prune(ws, places=Places(bins=[(channel.name, index)]))
    before, _ = compiled(ws)
    after, _ = compiled(left)
    place = 0
    for name, n in before.channels:
        if name == channel.name:
            break
        place += n
    expected = np.delete(before.rates(before.parameters.init), place + index)
    # the products of a matrix with other rows are summed in another order
    np.testing.assert_allclose(after.rates(after.parameters.init), expected, rtol=1e-13, atol=1e-13)
