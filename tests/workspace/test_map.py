"""Walking through workspaces: what is changed, and what stays as it is."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hftranslate.editing import Places, prune
from hftranslate.likelihood.compile import compile_model
from hftranslate.workspace import BinUncertainty, Channel, HistoSys, Measurement, Sample, ShapeSys, StatError, Workspace
from hftranslate.workspace.map import all_modifiers, all_uses, map_modifiers, map_samples, scaled, with_numbers
from tests.likelihood.test_compile import compilable
from tests.strategies import workspaces


@settings(max_examples=50, deadline=None)
@given(workspaces())
def test_a_walk_that_changes_nothing_gives_the_same_object(ws: Workspace) -> None:
    assert map_samples(ws, lambda _c, s: s) is ws
    assert map_modifiers(ws, lambda _c, _s, m: m) is ws
    assert list(all_modifiers(ws.channels)) == [m for _, _, m in all_uses(ws.channels)]


@settings(max_examples=50, deadline=None)
@given(workspaces())
def test_modifiers_are_removed_or_doubled(ws: Workspace) -> None:
    assert not any(s.modifiers for c in map_modifiers(ws, lambda _c, _s, _m: None).channels for s in c.samples)
    doubled = map_modifiers(ws, lambda _c, _s, m: (m, replace(m, name=f"{m.name} again")))
    assert [m.name for m in all_modifiers(doubled.channels)] == [
        name for m in all_modifiers(ws.channels) for name in (m.name, f"{m.name} again")
    ]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ws=workspaces("pyhf-json").map(compilable), data=st.data())
def test_a_scaled_model_expects_as_many_times_more_at_any_point(ws: Workspace, data: st.DataObject) -> None:
    """With all samples scaled by a power of two, all rates are, and the widths of all constraints stay."""
    larger = map_samples(ws, lambda _c, s: scaled(s, 4.0))
    a, data_a = compile_model(ws)
    b, data_b = compile_model(larger)
    theta = a.parameters.init + np.array([data.draw(st.floats(-0.5, 0.5)) for _ in a.parameters.init])
    np.testing.assert_allclose(b.rates(theta), 4.0 * a.rates(theta), rtol=1e-12)
    np.testing.assert_allclose(
        b.constraints.excess(theta, data_b.auxdata), a.constraints.excess(theta, data_a.auxdata), rtol=1e-9, atol=1e-12
    )


SAMPLE = Sample(
    name="s",
    nominal=(10, 20),
    modifiers=(
        HistoSys(name="h", lo_data=(9, 19), hi_data=(11, 21)),
        ShapeSys(name="events", data=(1, 2), further=(BinUncertainty(data=(3, 4), constraint="gaussian"),)),
        ShapeSys(name="fractions", data=(0.1, 0.2), relative=True),
        StatError(name="stat", data=(5, 6)),
    ),
)


def test_fractions_are_not_scaled() -> None:
    double = scaled(SAMPLE, 2.0)
    shape, events, fractions, stat = double.modifiers
    assert (double.nominal, shape) == ((20, 40), HistoSys(name="h", lo_data=(18, 38), hi_data=(22, 42)))
    assert events == ShapeSys(name="events", data=(2, 4), further=(BinUncertainty(data=(6, 8), constraint="gaussian"),))
    assert (fractions, stat) == (SAMPLE.modifiers[2], StatError(name="stat", data=(10, 12)))
    assert scaled(SAMPLE, 1.0) is SAMPLE


@pytest.mark.parametrize("kept", [0, 1])
def test_bins_are_pruned_from_all_that_has_bins(kept: int) -> None:
    channel = Channel(name="SR", samples=(SAMPLE,), observed=(12, 22))
    ws = Workspace(channels=(channel,), measurements=(Measurement(name="m"),))
    (left,) = prune(ws, places=Places(bins=[("SR", 1 - kept)])).channels
    assert left.samples == (with_numbers(SAMPLE, lambda values: (values[kept],)),)
    assert left.samples[0].modifiers[1] == ShapeSys(
        name="events", data=(1 + kept,), further=(BinUncertainty(data=(3 + kept,), constraint="gaussian"),)
    )
    compile_model(replace(ws, channels=(left,)))
