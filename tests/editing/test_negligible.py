"""What is negligible, and what leaving it out does."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from hftranslate.editing.negligible import negligible, prune_negligible, pruning_effects
from hftranslate.errors import InputError
from hftranslate.likelihood.compile import compile_model
from hftranslate.workspace import (
    Channel,
    HistoSys,
    Lumi,
    Measurement,
    Modifier,
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
from tests.strategies import workspaces


def workspace(*modifiers: Modifier, others: tuple[Modifier, ...] = (), pois: tuple[str, ...] = ("mu",)) -> Workspace:
    """A signal of 10 and a background of 990 in each of two bins."""
    return Workspace(
        channels=(
            Channel(
                name="SR",
                samples=(
                    Sample(name="signal", nominal=(10.0, 10.0), modifiers=(NormFactor(name="mu"), *modifiers)),
                    Sample(name="background", nominal=(990.0, 990.0), modifiers=others),
                ),
                observed=(1000, 1010),
            ),
        ),
        measurements=(Measurement(name="m", pois=pois),),
    )


def found(ws: Workspace, threshold: float) -> dict[tuple[str, str], float]:
    return {(n.sample, n.modifier): n.effect for n in negligible(ws, threshold)}


def test_a_scale_factor_counts_by_what_it_does_to_the_channel() -> None:
    ws = workspace(NormSys(name="JES", lo=0.9, hi=1.05))  # one event of a thousand
    assert found(ws, 0.00101) == {("signal", "JES"): pytest.approx(0.001)}
    assert found(ws, 0.00099) == {}


def test_a_shape_and_a_scale_of_one_name_are_one() -> None:
    shape = HistoSys(name="JES", lo_data=(10, 9), hi_data=(10, 10.5))
    assert found(workspace(shape), 0.0011) == {("signal", "JES"): pytest.approx(0.001)}
    both = workspace(shape, NormSys(name="JES", lo=0.9, hi=1.0))
    assert found(both, 0.0011) == {}
    assert found(both, 0.002) == {("signal", "JES"): pytest.approx(0.0019)}
    assert [n.word for n in negligible(both, 0.002)] == ["histosys", "normsys"]


def test_samples_add_up() -> None:
    """Each alone is negligible, both are not: the smaller one goes."""
    ws = workspace(NormSys(name="JES", lo=0.9, hi=1.1), others=(NormSys(name="JES", lo=1.0008, hi=1.0008),))
    assert found(ws, 0.0015) == {("background", "JES"): pytest.approx(0.000792)}
    assert len(found(ws, 0.0018)) == 2


def test_bin_factors_go_together_or_not_at_all() -> None:
    ws = workspace(StatError(name="s", data=(0.3, 0.3)), others=(StatError(name="s", data=(0.4, 0.4)),))
    assert found(ws, 0.00051) == {("signal", "s"): pytest.approx(0.0005), ("background", "s"): pytest.approx(0.0005)}
    assert found(ws, 0.00049) == {}
    absolute, relative = ShapeSys(name="a", data=(0.5, 0.1)), ShapeSys(name="b", data=(0.05, 0.01), relative=True)
    assert found(workspace(absolute, relative), 0.00051) == {
        ("signal", "a"): pytest.approx(0.0005),
        ("signal", "b"): pytest.approx(0.0005),
    }


def test_what_always_stays() -> None:
    ws = workspace(
        Lumi(),
        ShapeFactor(name="free"),
        ShapeSys(name="shared", data=(0.0, 0.0)),
        ShapeFactor(name="shared"),
        NormSys(name="JES", lo=1, hi=1),
        pois=("JES",),
    )
    assert found(ws, 0.5) == {}


def test_bins_without_yield_are_changed_by_anything() -> None:
    empty = Channel(
        name="SR",
        samples=(
            Sample(name="s", nominal=(0.0, 5.0), modifiers=(HistoSys(name="h", lo_data=(0, 5), hi_data=(1e-9, 5)),)),
        ),
        observed=(0, 5),
    )
    ws = Workspace(channels=(empty,), measurements=(Measurement(name="m"),))
    assert negligible(ws, 0.9) == ()
    same = HistoSys(name="h", lo_data=(0, 5), hi_data=(0, 5))
    ws = replace(ws, channels=(replace(empty, samples=(replace(empty.samples[0], modifiers=(same,)),)),))
    assert len(negligible(ws, 1e-9)) == 1


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.0, float("nan"), float("inf")])
def test_the_threshold_is_a_fraction(threshold: float) -> None:
    with pytest.raises(InputError, match="expected a fraction between 0 and 1"):
        negligible(workspace(), threshold)


def test_the_effect_on_the_likelihood_is_measured() -> None:
    ws = workspace(
        NormSys(name="JES", lo=0.9, hi=1.05),
        others=(NormSys(name="JES", lo=0.9, hi=1.1), NormSys(name="tiny", lo=1.0001, hi=0.9999)),
    )
    settings_of_tiny = (ParameterConfig(name="tiny", inits=(0.0,)),)
    ws = replace(ws, measurements=(replace(ws.measurements[0], parameters=settings_of_tiny),))
    pruned, gone = prune_negligible(ws, 0.002)
    assert {(n.sample, n.modifier) for n in gone} == {("signal", "JES"), ("background", "tiny")}
    assert pruned.measurements[0].parameters == ()
    (effect,) = pruning_effects(ws, pruned)
    assert effect.parameters_gone == ("tiny",)
    assert effect.nll is not None
    assert effect.cls is not None
    assert 0.0 < effect.nll < 5.0  # at a signal strength of five and JES at three sigma
    assert 0.0 < effect.cls < 1e-3
    # one point by hand: JES at +1 sigma, relative to nominal
    one, data = compile_model(ws)
    two, other = compile_model(pruned)
    shift = one.nll(one.parameters.vector(JES=1.0), data) - two.nll(two.parameters.vector(JES=1.0), other)
    base = one.nll(one.parameters.init, data) - two.nll(two.parameters.init, other)
    assert abs(shift - base) <= effect.nll


def test_nothing_pruned_changes_nothing() -> None:
    ws = workspace(NormSys(name="JES", lo=0.5, hi=1.5))
    pruned, gone = prune_negligible(ws, 1e-6)
    assert (pruned, gone) == (ws, ())
    (effect,) = pruning_effects(ws, pruned)
    assert (effect.nll, effect.cls, effect.parameters_gone) == (0.0, 0.0, ())


@settings(deadline=None, max_examples=30)
@given(ws=workspaces("pyhf-json"))
def test_no_systematic_that_matters_goes(ws: Workspace) -> None:
    """What a systematic does to a bin at one standard deviation changes by less than the threshold."""
    threshold = 0.02
    pruned, _ = prune_negligible(ws, threshold)
    for before, after in zip(ws.channels, pruned.channels, strict=True):
        total = np.sum([s.nominal for s in before.samples], axis=0)
        for name, declared in declared_parameters(ws.channels).items():
            if declared.kind == "alpha":
                for sign in (-1, 1):
                    change = shift(before, name, sign) - shift(after, name, sign)
                    assert np.all(np.abs(change)[total > 0] <= threshold * total[total > 0] * (1 + 1e-9))
                    assert np.all(change[total <= 0] == 0)


def shift(channel: Channel, name: str, sign: int) -> np.ndarray:
    """What one standard deviation of a systematic does to each bin of a channel."""
    change = np.zeros(channel.n_bins)
    for s in channel.samples:
        shifted, factor = np.array(s.nominal, dtype=float), 1.0
        for m in s.modifiers:
            if m.name == name and isinstance(m, NormSys):
                factor = m.hi if sign > 0 else m.lo
            if m.name == name and isinstance(m, HistoSys):
                shifted += np.array(m.hi_data if sign > 0 else m.lo_data, dtype=float) - np.array(s.nominal)
        change += factor * shifted - np.array(s.nominal, dtype=float)
    return change
